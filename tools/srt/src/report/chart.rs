//! Charts on the page: the drawing in the page's colours, and its key.

use std::fmt::Write;

use srt::Result;
use srt_pictures::Rgb;
use srt_pictures::chart::{COLORS, Chart, GRID, INK, SOFT, Style};

use crate::report::page::escape;

/// The colours of series where the page is dark.
const DARK: [&str; COLORS.len()] = [
    "#7ea2ff", "#ff8a70", "#5fd0a0", "#c79bff", "#e6b54a", "#5cc8e0", "#ff86c0", "#a9afbd",
    "#c99a6e", "#a9d14a",
];

/// A chart and its key; says so where there is nothing to draw.
///
/// # Errors
/// Those of drawing.
pub(super) fn figure(chart: &Chart) -> Result<String> {
    let Some(svg) = chart.svg()? else {
        return Ok("<p class=\"none\">Nothing to draw.</p>".into());
    };
    // Inside a page an SVG element needs no namespace.
    let mut out = svg
        .replacen("<svg ", "<svg class=\"chart\" role=\"img\" ", 1)
        .replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
    if chart.series.len() < 2 {
        return Ok(out);
    }
    out.push_str("<div class=\"key\">");
    for (number, series) in chart.series.iter().enumerate() {
        // As the lines are drawn: every second one dashed, the reference dotted.
        let (line, variable) = match series.style {
            Style::Reference => ("dotted", "ink".to_owned()),
            _ => (
                if number % 2 == 1 { "dashed" } else { "solid" },
                format!("c{}", number % COLORS.len()),
            ),
        };
        let _ = write!(
            out,
            "<span><i class=\"line\" style=\"border-top:3px {line} var(--{variable})\"></i>{}</span>",
            escape(&series.name)
        );
    }
    out.push_str("</div>");
    Ok(out)
}

/// The part of the page's style that gives charts its colours, light and dark.
pub(super) fn style() -> String {
    let mut light = String::new();
    let mut dark = String::new();
    let mut rules = String::new();
    // The drawing names colours as such; the page puts its own in their place.
    let mut rule = |color: Rgb, variable: &str| {
        let color = hex(color);
        for what in ["stroke", "fill"] {
            let _ = write!(
                rules,
                ".chart [{what}=\"{color}\" i]{{{what}:var(--{variable})}}"
            );
        }
    };
    for (color, variable) in [(INK, "ink"), (SOFT, "soft"), (GRID, "line")] {
        rule(color, variable);
    }
    for (number, color) in COLORS.into_iter().enumerate() {
        rule(color, &format!("c{number}"));
        let _ = write!(light, "--c{number}:{};", hex(color));
        let _ = write!(dark, "--c{number}:{};", DARK[number]);
    }
    format!(":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}{rules}")
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use srt_pictures::chart::{Axis, Series};

    use super::*;

    fn chart(names: &[&str]) -> Chart {
        let axis = Axis {
            label: "x",
            logarithmic: false,
        };
        let series = |name: &&str| Series {
            name: (*name).into(),
            points: vec![(0.0, 1.0), (1.0, 2.0)],
            style: Style::Line,
        };
        Chart {
            x: axis,
            y: axis,
            series: names.iter().map(series).collect(),
            marks: Vec::new(),
        }
    }

    #[test]
    fn several_series_have_a_key_and_every_colour_is_of_the_page() {
        let one = figure(&chart(&["a"])).unwrap();
        assert!(one.starts_with("<svg class=\"chart\"") && !one.contains("class=\"key\""));
        assert!(!one.contains("http://"));
        let two = figure(&chart(&["a", "<b>"])).unwrap();
        assert!(two.contains("&lt;b&gt;") && two.contains("dashed var(--c1)"));
        let style = style();
        for attribute in ["stroke=\"", "fill=\""] {
            for rest in two.split(attribute).skip(1) {
                let color = rest.split('"').next().unwrap().to_lowercase();
                assert!(
                    color == "none" || style.contains(&format!("\"{color}\"")),
                    "{color} has no rule"
                );
            }
        }
        assert!(figure(&chart(&[])).unwrap().contains("Nothing to draw"));
    }
}
