//! Charts as SVG: lines, points and areas over linear or logarithmic axes.

mod ruler;

use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use srt::{Error, Result};

use crate::canvas::{Rgb, font};
use ruler::Ruler;

/// Size of a chart in units of its own; a page stretches it.
const SIZE: (u32, u32) = (480, 300);
/// Height of letters.
const LETTERS: usize = 14;
/// Colours of series, one after the other.
pub const COLORS: [Rgb; 10] = [
    [43, 95, 217],
    [209, 71, 44],
    [29, 138, 95],
    [138, 79, 199],
    [176, 122, 0],
    [15, 139, 168],
    [194, 49, 127],
    [107, 111, 123],
    [125, 74, 30],
    [106, 154, 0],
];
/// Colour of numbers, and of what is compared with.
pub const INK: Rgb = [34, 36, 43];
/// Colour of axes and of what they are of.
pub const SOFT: Rgb = [101, 106, 120];
/// Colour of the grid.
pub const GRID: Rgb = [217, 220, 228];

/// An axis and what is written at it.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// What the numbers are of, with their unit.
    pub label: &'static str,
    /// Equal ratios take equal lengths.
    pub logarithmic: bool,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A line.
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
pub struct Series {
    /// What the key calls it.
    pub name: String,
    /// Places along the x axis and the y axis, in the order of the line.
    pub points: Vec<(f64, f64)>,
    /// How it is drawn.
    pub style: Style,
}

/// A dashed line across the chart.
#[derive(Clone, Debug)]
pub enum Mark {
    /// At a place of the x axis.
    X(f64, &'static str),
    /// At a place of the y axis.
    Y(f64, &'static str),
}

/// A chart; what is not finite, or not positive on a logarithmic axis, is left out.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The axis to the right.
    pub x: Axis,
    /// The axis upward.
    pub y: Axis,
    /// What is drawn, the last above all others.
    pub series: Vec<Series>,
    /// Lines above them.
    pub marks: Vec<Mark>,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Coordinates = Cartesian2d<Ruler, Ruler>;
type Context<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Coordinates>;
type Drawn<T> = std::result::Result<T, DrawingAreaErrorKind<std::io::Error>>;

impl Chart {
    /// The chart as an SVG element; `None` where there is nothing to draw.
    ///
    /// # Errors
    /// `InvalidArgument` when the drawing library refuses.
    pub fn svg(&self) -> Result<Option<String>> {
        let points = || self.series.iter().flat_map(|s| s.points.iter());
        let across = self.marks.iter().filter_map(|mark| match *mark {
            Mark::X(at, _) => Some(at),
            Mark::Y(..) => None,
        });
        let up = self.marks.iter().filter_map(|mark| match *mark {
            Mark::Y(at, _) => Some(at),
            Mark::X(..) => None,
        });
        let x = Ruler::new(self.x.logarithmic, points().map(|p| p.0).chain(across));
        let y = Ruler::new(self.y.logarithmic, points().map(|p| p.1).chain(up));
        let (Some(x), Some(y)) = (x, y) else {
            return Ok(None);
        };
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        self.draw(&area, &x, &y)
            .map_err(|e| Error::invalid(format!("chart cannot be drawn: {e}")))?;
        drop(area);
        Ok(Some(svg))
    }

    fn draw(&self, area: &Area<'_>, x: &Ruler, y: &Ruler) -> Drawn<()> {
        let mut chart = ChartBuilder::on(area)
            .margin(14)
            .x_label_area_size(42)
            .y_label_area_size(66)
            .build_cartesian_2d(x.clone(), y.clone())?;
        let numbers = font(LETTERS).color(&color(INK));
        chart
            .configure_mesh()
            .x_desc(self.x.label)
            .y_desc(self.y.label)
            .axis_desc_style(font(LETTERS).color(&color(SOFT)))
            .label_style(numbers)
            .axis_style(color(SOFT))
            .bold_line_style(color(GRID))
            .light_line_style(TRANSPARENT)
            .draw()?;
        for (number, series) in self.series.iter().enumerate() {
            let places = series.points.iter();
            let places = places.filter_map(|&(px, py)| Some((x.drawn(px)?, y.drawn(py)?)));
            draw_series(&mut chart, series.style, number, places.collect(), y.low)?;
        }
        for mark in &self.marks {
            draw_mark(&mut chart, mark, x, y)?;
        }
        area.present()
    }
}

fn color([r, g, b]: Rgb) -> RGBColor {
    RGBColor(r, g, b)
}

fn draw_series(
    chart: &mut Context<'_, '_>,
    style: Style,
    number: usize,
    places: Vec<(f64, f64)>,
    low: f64,
) -> Drawn<()> {
    let own = color(COLORS[number % COLORS.len()]);
    let line = own.stroke_width(2);
    if style == Style::Area {
        let area = AreaSeries::new(places.iter().copied(), low, own.mix(0.2));
        chart.draw_series(area.border_style(line))?;
        return Ok(());
    }
    // Every second line is dashed, so that it does not hide one that it runs along.
    let (length, gap, line) = match style {
        Style::Reference => (2, 3, color(INK).stroke_width(2)),
        _ if number % 2 == 1 => (8, 4, line),
        _ => (1, 0, line),
    };
    if gap == 0 {
        chart.draw_series(LineSeries::new(places.iter().copied(), line))?;
    } else {
        let dashed = DashedLineSeries::new(places.clone(), length, gap, line);
        chart.draw_series(dashed)?;
    }
    if style == Style::Points {
        draw_points(chart, number, places, own.filled())?;
    }
    Ok(())
}

/// The points of a series; form and colour tell series apart.
fn draw_points(
    chart: &mut Context<'_, '_>,
    number: usize,
    places: Vec<(f64, f64)>,
    fill: ShapeStyle,
) -> Drawn<()> {
    let places = places.into_iter();
    match number % 3 {
        0 => chart.draw_series(places.map(|at| Circle::new(at, 4, fill)))?,
        1 => {
            let square = [(-3, -3), (3, 3)];
            chart
                .draw_series(places.map(|at| EmptyElement::at(at) + Rectangle::new(square, fill)))?
        }
        _ => chart.draw_series(places.map(|at| TriangleMarker::new(at, 5, fill)))?,
    };
    Ok(())
}

/// A dashed line across, and its name on the side that has room.
fn draw_mark(chart: &mut Context<'_, '_>, mark: &Mark, x: &Ruler, y: &Ruler) -> Drawn<()> {
    let (ends, name, shift, anchor) = match *mark {
        Mark::X(at, name) => {
            let Some(at) = x.drawn(at) else { return Ok(()) };
            let (shift, side) = if at > (x.low + x.high) / 2.0 {
                ((-4, 2), HPos::Right)
            } else {
                ((4, 2), HPos::Left)
            };
            (
                [(at, y.high), (at, y.low)],
                name,
                shift,
                Pos::new(side, VPos::Top),
            )
        }
        Mark::Y(at, name) => {
            let Some(at) = y.drawn(at) else { return Ok(()) };
            let anchor = Pos::new(HPos::Left, VPos::Bottom);
            ([(x.low, at), (x.high, at)], name, (6, -3), anchor)
        }
    };
    let line = color(SOFT).stroke_width(1);
    chart.draw_series(DashedLineSeries::new(ends, 5, 4, line))?;
    let text = font(LETTERS).color(&color(INK)).pos(anchor);
    let label = EmptyElement::at(ends[0]) + Text::new(name, shift, text);
    chart.draw_series(std::iter::once(label))?;
    Ok(())
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

    fn drawn(chart: &Chart) -> String {
        chart.svg().unwrap().unwrap()
    }

    #[test]
    fn points_keep_their_order_and_stay_inside() {
        let svg = drawn(&chart(vec![(1.0, 5.0), (10.0, 7.0), (100.0, 6.0)], true));
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains("a &lt; b") && svg.contains("here") && svg.contains("\n10\n"));
        let xs: Vec<u32> = svg
            .split("cx=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
            .collect();
        assert!(xs.windows(2).all(|w| w[0] < w[1]));
        assert!(xs.iter().all(|&x| x > 70 && x < SIZE.0));
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
        let svg = drawn(&chart(points, true));
        assert_eq!(svg.matches("<circle").count(), 1, "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        let mut empty = chart(vec![(1.0, f64::NAN)], false);
        empty.marks.clear();
        assert!(empty.svg().unwrap().is_none());
        // Constant data have an axis all the same.
        assert!(drawn(&chart(vec![(3.0, 0.0), (3.0, 0.0)], false)).contains("<circle"));
    }

    #[test]
    fn every_style_is_drawn_at_any_size_of_numbers() {
        for scale in [1e-300, 1e-20, 1.0, 1e300] {
            for style in [Style::Line, Style::Points, Style::Reference, Style::Area] {
                for logarithmic in [false, true] {
                    let series = Series {
                        name: "s".into(),
                        points: vec![(1.0, scale), (2.0, 3.0 * scale), (3.0, 2.0 * scale)],
                        style,
                    };
                    let chart = Chart {
                        x: axis(false),
                        y: axis(logarithmic),
                        series: vec![series; 4],
                        marks: vec![Mark::Y(2.0 * scale, "half")],
                    };
                    assert!(drawn(&chart).contains("half"), "{style:?} {scale}");
                }
            }
        }
    }
}
