//! Charts as SVG: lines, points and bars over linear or logarithmic axes.

use std::fmt::Write;

use crate::report::page::escape;
use srt_pictures::Scale;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 44.0;
/// Height of a line of the legend.
const LINE: f64 = 16.0;
/// Colours of series, in the page's style.
pub(super) const COLORS: usize = 10;

/// An axis and what is written at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) logarithmic: bool,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Line,
    /// A line with a dot, square or triangle at every point.
    Points,
    /// A dotted line in the colour of the text: what the others are compared with.
    Reference,
    /// An area down to the lower end of the axis.
    Area,
}

/// Points that belong together.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) style: Style,
}

/// A dashed line across the chart.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    /// At a place of the x axis.
    X(f64, &'static str),
    /// At a place of the y axis.
    Y(f64, &'static str),
}

/// A chart.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
    pub(super) marks: Vec<Mark>,
}

/// An axis with its range in what is drawn: values, or their logarithms.
struct Ruler {
    scale: Scale,
    logarithmic: bool,
}

impl Ruler {
    fn new(axis: Axis, values: impl Iterator<Item = f64>) -> Self {
        let drawn = values.map(|v| if axis.logarithmic { v.log10() } else { v });
        let Scale { mut low, mut high } = Scale::of(drawn);
        // Room around a single value, and a little above and below others.
        let margin = if high > low {
            (high - low) * 0.04
        } else {
            0.5f64.max(low.abs() * 0.05)
        };
        low -= margin;
        high += margin;
        Self {
            scale: Scale { low, high },
            logarithmic: axis.logarithmic,
        }
    }

    /// Place of a value from 0 to 1; `None` for one that cannot be drawn.
    fn place(&self, value: f64) -> Option<f64> {
        let drawn = if self.logarithmic {
            value.log10()
        } else {
            value
        };
        let place = self.scale.place(drawn);
        (drawn.is_finite() && (-0.001..=1.001).contains(&place)).then_some(place)
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        if !self.logarithmic {
            let (ticks, power) = self.scale.ticks(6);
            let power = power.replace("x 1", "");
            return ticks
                .into_iter()
                .map(|t| (t.at, format!("{}{power}", t.label)))
                .collect();
        }
        let (low, high) = (self.scale.low, self.scale.high);
        if high - low < 0.5 {
            // Too little of a decade for its round parts.
            let (low, high) = (10f64.powf(low), 10f64.powf(high));
            let (ticks, power) = Scale { low, high }.ticks(6);
            let power = power.replace("x 1", "");
            let at = |place: f64| self.scale.place((low + place * (high - low)).log10());
            return ticks
                .into_iter()
                .map(|t| (at(t.at), format!("{}{power}", t.label)))
                .collect();
        }
        let within = |exponent: f64| {
            let at = self.scale.place(exponent);
            (0.0..=1.0).contains(&at).then_some(at)
        };
        let decades = (low.floor() as i32)..=(high.ceil() as i32);
        let step = ((high - low) / 7.0).ceil().max(1.0) as i32;
        let digits: &[f64] = match high - low {
            span if span < 1.2 => &[1.0, 2.0, 3.0, 5.0, 7.0],
            span if span < 3.0 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        decades
            .filter(|d| d % step == 0)
            .flat_map(|d| digits.iter().map(move |&m| (m, d)))
            .filter_map(|(m, d)| {
                let at = within(f64::from(d) + m.log10())?;
                let label = match d {
                    -3..=5 => format!("{}", m * 10f64.powi(d)),
                    _ => format!("{m}e{d}"),
                };
                // Ten to a power below one has digits to spare.
                let short = label.len() <= 7;
                Some((at, if short { label } else { format!("{m}e{d}") }))
            })
            .collect()
    }
}

impl Chart {
    /// The chart as an SVG element; says so where there is nothing to draw.
    pub(super) fn svg(&self) -> String {
        let points = || self.series.iter().flat_map(|s| s.points.iter());
        let along = |y: bool| {
            self.marks.iter().filter_map(move |mark| match *mark {
                Mark::X(at, _) if !y => Some(at),
                Mark::Y(at, _) if y => Some(at),
                _ => None,
            })
        };
        let positive = |axis: Axis, v: f64| v.is_finite() && (!axis.logarithmic || v > 0.0);
        let xs = points().map(|p| p.0).chain(along(false));
        let ys = points().map(|p| p.1).chain(along(true));
        let xs: Vec<f64> = xs.filter(|&v| positive(self.x, v)).collect();
        let ys: Vec<f64> = ys.filter(|&v| positive(self.y, v)).collect();
        if xs.is_empty() || ys.is_empty() {
            return "<p class=\"none\">Nothing to draw.</p>".into();
        }
        let rulers = [
            Ruler::new(self.x, xs.into_iter()),
            Ruler::new(self.y, ys.into_iter()),
        ];
        let legend = if self.series.len() > 1 {
            self.series.len()
        } else {
            0
        };
        let height = HEIGHT + legend as f64 * LINE;
        let mut out =
            format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" class=\"chart\">");
        self.axes(&rulers, &mut out);
        for (number, series) in self.series.iter().enumerate() {
            draw(series, number, &rulers, &mut out);
        }
        self.marks(&rulers, &mut out);
        for (number, series) in self.series.iter().enumerate().take(legend) {
            let y = HEIGHT + (number as f64 + 0.6) * LINE;
            let line = line_class(series.style, number);
            let _ = write!(out, "<path class=\"{line}\" d=\"M{LEFT} {y:.1}h22\"/>");
            if series.style == Style::Points {
                dot(number, (LEFT + 11.0, y), &mut out);
            }
            let _ = write!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                LEFT + 30.0,
                y + 4.0,
                escape(&series.name)
            );
        }
        out.push_str("</svg>");
        out
    }

    fn axes(&self, [x, y]: &[Ruler; 2], out: &mut String) {
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for (at, label) in x.ticks() {
            let at = to_x(at);
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/><text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
                bottom + 16.0
            );
        }
        for (at, label) in y.ticks() {
            let at = to_y(at);
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                LEFT - 6.0,
                at + 4.0
            );
        }
        let _ = write!(
            out,
            "<path class=\"axis\" d=\"M{LEFT} {TOP}V{bottom}H{right}\"/>\
             <text class=\"label\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
             <text class=\"label\" transform=\"translate(13 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            (LEFT + right) / 2.0,
            HEIGHT - 8.0,
            escape(self.x.label),
            (TOP + bottom) / 2.0,
            escape(self.y.label)
        );
    }

    fn marks(&self, [x, y]: &[Ruler; 2], out: &mut String) {
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for mark in &self.marks {
            let _ = match *mark {
                Mark::X(at, name) => match x.place(at) {
                    Some(at) => {
                        let at = to_x(at);
                        // The name stands on the side that has room.
                        let (dx, anchor) = if at > WIDTH / 2.0 {
                            (-4.0, "end")
                        } else {
                            (4.0, "start")
                        };
                        write!(
                            out,
                            "<path class=\"mark\" d=\"M{at:.1} {TOP}V{bottom}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
                            at + dx,
                            TOP + 11.0,
                            escape(name)
                        )
                    }
                    None => Ok(()),
                },
                Mark::Y(at, name) => match y.place(at) {
                    Some(at) => {
                        let at = to_y(at);
                        write!(
                            out,
                            "<path class=\"mark\" d=\"M{LEFT} {at:.1}H{right}\"/><text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                            LEFT + 6.0,
                            at - 5.0,
                            escape(name)
                        )
                    }
                    None => Ok(()),
                },
            };
        }
    }
}

fn to_x(place: f64) -> f64 {
    LEFT + place * (WIDTH - LEFT - RIGHT)
}

fn to_y(place: f64) -> f64 {
    let bottom = HEIGHT - BOTTOM;
    bottom - place * (bottom - TOP)
}

fn line_class(style: Style, number: usize) -> String {
    match style {
        Style::Reference => "ref".into(),
        Style::Area => format!("s{}", number % COLORS),
        // Every second line is dashed, so that it does not hide one that it runs along.
        Style::Line | Style::Points if number % 2 == 1 => format!("s{} dash", number % COLORS),
        Style::Line | Style::Points => format!("s{}", number % COLORS),
    }
}

/// A point of a series; colour and form tell series apart.
fn dot(number: usize, (x, y): (f64, f64), out: &mut String) {
    let color = number % COLORS;
    let _ = match number % 3 {
        0 => write!(
            out,
            "<circle class=\"d{color}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>"
        ),
        1 => write!(
            out,
            "<path class=\"d{color}\" d=\"M{:.1} {:.1}h6.4v6.4h-6.4z\"/>",
            x - 3.2,
            y - 3.2
        ),
        _ => write!(
            out,
            "<path class=\"d{color}\" d=\"M{x:.1} {:.1}l4.2 7.2h-8.4z\"/>",
            y - 4.6
        ),
    };
}

fn draw(series: &Series, number: usize, [x, y]: &[Ruler; 2], out: &mut String) {
    let mut path = String::new();
    let mut dots = String::new();
    let mut ends: Option<(f64, f64)> = None;
    for &(px, py) in &series.points {
        let (Some(px), Some(py)) = (x.place(px), y.place(py)) else {
            continue;
        };
        let (px, py) = (to_x(px), to_y(py));
        let letter = if ends.is_none() { 'M' } else { 'L' };
        let _ = write!(path, "{letter}{px:.1} {py:.1}");
        ends = Some((ends.map_or(px, |e| e.0), px));
        if series.style == Style::Points {
            dot(number, (px, py), &mut dots);
        }
    }
    let Some((first, last)) = ends else { return };
    let bottom = HEIGHT - BOTTOM;
    if series.style == Style::Area {
        let _ = write!(
            out,
            "<path class=\"a{}\" d=\"{path}L{last:.1} {bottom}L{first:.1} {bottom}Z\"/>",
            number % COLORS
        );
    }
    let line = line_class(series.style, number);
    let _ = write!(out, "<path class=\"{line}\" d=\"{path}\"/>{dots}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(logarithmic: bool) -> Axis {
        Axis {
            label: "a < b",
            logarithmic,
        }
    }

    fn chart(points: Vec<(f64, f64)>, logarithmic: bool) -> Chart {
        Chart {
            x: axis(logarithmic),
            y: axis(false),
            series: vec![Series {
                name: "s".into(),
                points,
                style: Style::Points,
            }],
            marks: vec![Mark::X(3.0, "here")],
        }
    }

    #[test]
    fn points_keep_their_order_and_stay_inside() {
        let svg = chart(vec![(1.0, 5.0), (10.0, 7.0), (100.0, 6.0)], true).svg();
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains("a &lt; b") && svg.contains("here") && svg.contains(">10<"));
        let xs: Vec<f64> = svg
            .split("cx=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
            .collect();
        assert!(xs.windows(2).all(|w| w[0] < w[1]));
        assert!(xs.iter().all(|x| (LEFT..=WIDTH - RIGHT).contains(x)));
    }

    #[test]
    fn a_part_of_a_decade_has_ticks_too() {
        for (low, high) in [(119.0, 186.0), (3.0, 3.3), (0.012, 0.02)] {
            let ruler = Ruler::new(axis(true), [low, high].into_iter());
            let ticks = ruler.ticks();
            assert!(ticks.len() >= 2, "{low} {high}: {ticks:?}");
            for (at, label) in ticks {
                let value: f64 = label.parse().unwrap();
                assert!(
                    (ruler.place(value).unwrap() - at).abs() < 1e-9,
                    "{label} at {at}"
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        let points = vec![
            (0.0, 1.0),
            (-5.0, 1.0),
            (4.0, f64::NAN),
            (5.0, f64::INFINITY),
            (2.0, 3.0),
        ];
        let svg = chart(points, true).svg();
        assert_eq!(svg.matches("<circle").count(), 1, "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        let mut empty = chart(vec![(1.0, f64::NAN)], false);
        empty.marks.clear();
        assert!(empty.svg().contains("Nothing to draw"));
        // Constant data have an axis all the same.
        assert!(
            chart(vec![(3.0, 0.0), (3.0, 0.0)], false)
                .svg()
                .contains("<circle")
        );
    }
}
