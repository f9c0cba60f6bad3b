//! One slice of a field three times: original, decoded and their difference.

use crate::canvas::{Canvas, Rgb};
use crate::colormap::Colormap;
use crate::scale::Scale;
use srt::{Element, Error, Result, Shape};

const BACKGROUND: Rgb = [255, 255, 255];
const INK: Rgb = [40, 40, 46];
/// Voxels that are NaN or infinite.
pub(super) const NOT_FINITE: Rgb = [150, 150, 150];
/// Height of a line of text in pixels.
const LINE: usize = 18;
const MARGIN: usize = 20;
const GAP: usize = 12;
const BAR: usize = 24;
const TICK: usize = 6;
/// Pixels an axis gets at least, so that thin fields can be seen.
const LEAST_SIDE: usize = 128;

/// What a panel shows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PanelOptions {
    /// Axis the slice is perpendicular to: 0 = z, 1 = y, 2 = x. Default 0; a 2-D field is shown whole.
    pub axis: usize,
    /// Index of the slice along `axis`. Default: the middle.
    pub index: Option<usize>,
    /// A line of text above the panel. Default: none.
    pub caption: String,
    /// Pixels along the longer side of each slice, about. Default 400.
    pub side: usize,
}

impl Default for PanelOptions {
    fn default() -> Self {
        Self {
            axis: 0,
            index: None,
            caption: String::new(),
            side: 400,
        }
    }
}

impl PanelOptions {
    /// Sets the axis the slice is perpendicular to.
    #[must_use]
    pub fn with_axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }

    /// Sets the index of the slice.
    #[must_use]
    pub fn with_index(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    /// Sets the line of text above the panel.
    #[must_use]
    pub fn with_caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Sets the pixels along the longer side of each slice.
    #[must_use]
    pub fn with_side(mut self, side: usize) -> Self {
        self.side = side;
        self
    }
}

/// A PNG file that shows a slice of `original`, the same slice of `decoded` on the same colour scale,
/// and decoded less original on a scale around zero, each scale with its numbers.
///
/// The first row of the slice is at the top. Small slices are enlarged by a whole factor; of large
/// ones the average of each block is shown, and of the difference the value farthest from zero.
/// Voxels that are not finite are grey.
///
/// # Errors
/// `InvalidArgument` when lengths differ from the shape's, or the options name no slice of it.
pub fn slice_panel<A: Element, B: Element>(
    shape: Shape,
    original: &[A],
    decoded: &[B],
    options: &PanelOptions,
) -> Result<Vec<u8>> {
    if original.len() != shape.len() || decoded.len() != shape.len() {
        return Err(Error::invalid(format!(
            "{} values expected for a grid of {shape}, {} and {} found",
            shape.len(),
            original.len(),
            decoded.len()
        )));
    }
    let slice = Slice::new(shape, options)?;
    let blocks = Blocks::new(slice.size, options.side);
    let original = slice.values(|i| original[i].to_f64());
    let decoded = slice.values(|i| decoded[i].to_f64());
    let difference: Vec<f64> = original.iter().zip(&decoded).map(|(a, b)| b - a).collect();
    let scale = Scale::of(original.iter().copied());
    let error_scale = Scale::around_zero(difference.iter().copied());
    let [original, decoded] = [original, decoded].map(|v| blocks.reduce(&v, average));
    let difference = blocks.reduce(&difference, farthest);

    let (map, error_map) = (Colormap::sequential(), Colormap::diverging());
    draw_panel(
        &blocks,
        &options.caption,
        &[
            Group {
                slices: vec![("original", original), ("decoded", decoded)],
                scale,
                map,
            },
            Group {
                slices: vec![("decoded - original", difference)],
                scale: error_scale,
                map: error_map,
            },
        ],
    )
}

/// Slices that share a colour bar, which stands to their right.
struct Group {
    /// Titles, and the values of the blocks.
    slices: Vec<(&'static str, Vec<f64>)>,
    scale: Scale,
    map: Colormap,
}

fn draw_panel(blocks: &Blocks, caption: &str, groups: &[Group]) -> Result<Vec<u8>> {
    let size = blocks.pixels();
    let most = (size[1] / 48).clamp(2, 8);
    let legends: Vec<Legend> = groups
        .iter()
        .map(|group| Legend::new(group.scale, most))
        .collect();
    let titles = groups.iter().flat_map(|group| &group.slices);
    let column = titles
        .map(|(title, _)| text_width(title))
        .fold(size[0], usize::max);
    let columns: usize = groups
        .iter()
        .zip(&legends)
        .map(|(group, legend)| group.slices.len() * (column + GAP) + legend.width() + 2 * GAP)
        .sum();
    let captioned = if caption.is_empty() { 0 } else { LINE + GAP };
    let top = MARGIN + captioned + LINE + GAP;
    let width = (columns - 2 * GAP).max(text_width(caption)) + 2 * MARGIN;
    // Below there is room for the letters of a number at the lower end of a scale.
    let mut canvas = Canvas::new(width, top + size[1] + MARGIN, BACKGROUND);
    canvas.text([MARGIN, MARGIN], LINE, INK, caption)?;
    let mut left = MARGIN;
    for (group, legend) in groups.iter().zip(&legends) {
        for (title, values) in &group.slices {
            canvas.text([left, top - GAP - LINE + 4], LINE, INK, title)?;
            canvas.frame([left, top], size, INK);
            blocks.draw(&mut canvas, [left, top], values, |v| {
                if v.is_finite() {
                    group.map.color(group.scale.place(v))
                } else {
                    NOT_FINITE
                }
            });
            left += column + GAP;
        }
        legend.draw(&mut canvas, [left, top], size[1], &group.map)?;
        left += legend.width() + 2 * GAP;
    }
    canvas.to_png()
}

/// A plane of the grid: rows and columns as seen.
pub(super) struct Slice {
    /// Columns and rows.
    pub(super) size: [usize; 2],
    first: usize,
    /// Distance in the data of neighbours along a row and along a column.
    strides: [usize; 2],
}

impl Slice {
    pub(super) fn new(shape: Shape, options: &PanelOptions) -> Result<Self> {
        let [nz, ny, nx] = shape.dims();
        let (size, strides, along) = match options.axis {
            0 => ([nx, ny], [1, nx], (nz, ny * nx)),
            1 if shape.rank() == 3 => ([nx, nz], [1, ny * nx], (ny, nx)),
            2 if shape.rank() == 3 => ([ny, nz], [nx, ny * nx], (nx, 1)),
            axis => {
                return Err(Error::invalid(format!(
                    "slice axis of a field of rank {} expected, {axis} found",
                    shape.rank()
                )));
            }
        };
        let (count, stride) = along;
        let index = options.index.unwrap_or(count / 2);
        if index >= count {
            return Err(Error::invalid(format!(
                "slice index below {count} expected, {index} found"
            )));
        }
        Ok(Self {
            size,
            first: index * stride,
            strides,
        })
    }

    pub(super) fn values(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let [columns, rows] = self.size;
        let row = |y: usize| self.first + y * self.strides[1];
        (0..rows)
            .flat_map(|y| (0..columns).map(move |x| row(y) + x * self.strides[0]))
            .map(value)
            .collect()
    }
}

/// How voxels of a slice become blocks of equal colour.
pub(super) struct Blocks {
    /// Columns and rows of voxels.
    voxels: [usize; 2],
    /// Voxels per block, along both axes.
    step: usize,
    /// Columns and rows of blocks.
    count: [usize; 2],
    /// Pixels per block along each axis.
    zoom: [usize; 2],
}

impl Blocks {
    pub(super) fn new(voxels: [usize; 2], side: usize) -> Self {
        let side = side.clamp(LEAST_SIDE, 8192);
        let longest = voxels[0].max(voxels[1]);
        let step = longest.div_ceil(side);
        let count = voxels.map(|n| n.div_ceil(step));
        let zoom = (side / longest).max(1);
        Self {
            voxels,
            step,
            count,
            zoom: count.map(|n| zoom.max(LEAST_SIDE.div_ceil(n))),
        }
    }

    pub(super) fn pixels(&self) -> [usize; 2] {
        [0, 1].map(|i| self.count[i] * self.zoom[i])
    }

    pub(super) fn reduce(&self, values: &[f64], reduce: fn(&[f64]) -> f64) -> Vec<f64> {
        let [columns, rows] = self.voxels;
        let mut block = Vec::with_capacity(self.step * self.step);
        let mut out = Vec::with_capacity(self.count[0] * self.count[1]);
        for top in (0..rows).step_by(self.step) {
            for left in (0..columns).step_by(self.step) {
                block.clear();
                for y in top..(top + self.step).min(rows) {
                    let row = &values[y * columns..(y + 1) * columns];
                    block.extend_from_slice(&row[left..(left + self.step).min(columns)]);
                }
                out.push(reduce(&block));
            }
        }
        out
    }

    pub(super) fn draw(
        &self,
        canvas: &mut Canvas,
        [left, top]: [usize; 2],
        values: &[f64],
        color: impl Fn(f64) -> Rgb,
    ) {
        let [zoom_x, zoom_y] = self.zoom;
        for (y, row) in values.chunks_exact(self.count[0]).enumerate() {
            for (x, &value) in row.iter().enumerate() {
                let corner = [left + x * zoom_x, top + y * zoom_y];
                canvas.fill(corner, self.zoom, color(value));
            }
        }
    }
}

/// NaN where any value is not finite, so that it shows.
pub(super) fn average(block: &[f64]) -> f64 {
    let share = 1.0 / block.len() as f64;
    block.iter().map(|v| v * share).sum()
}

pub(super) fn farthest(block: &[f64]) -> f64 {
    block
        .iter()
        .copied()
        .reduce(|a, b| {
            if a.is_nan() || a.abs() >= b.abs() {
                a
            } else {
                b
            }
        })
        .unwrap_or(f64::NAN)
}

fn text_width(text: &str) -> usize {
    Canvas::text_width(LINE, text)
}

/// A colour bar with numbers.
struct Legend {
    ticks: Vec<crate::scale::Tick>,
    power: String,
}

impl Legend {
    fn new(scale: Scale, most: usize) -> Self {
        let (ticks, power) = scale.ticks(most);
        Self { ticks, power }
    }

    fn width(&self) -> usize {
        let widest = self.ticks.iter().map(|t| text_width(&t.label)).max();
        (BAR + 2 * TICK + widest.unwrap_or(0)).max(text_width(&self.power))
    }

    fn draw(
        &self,
        canvas: &mut Canvas,
        [x, y]: [usize; 2],
        height: usize,
        map: &Colormap,
    ) -> Result<()> {
        let last = (height - 1).max(1) as f64;
        canvas.frame([x, y], [BAR, height], INK);
        for row in 0..height {
            let color = map.color(1.0 - row as f64 / last);
            canvas.fill([x, y + row], [BAR, 1], color);
        }
        canvas.text([x, y - GAP - LINE + 4], LINE, INK, &self.power)?;
        for tick in &self.ticks {
            let at = y + ((1.0 - tick.at) * last).round() as usize;
            canvas.fill([x + BAR, at], [TICK, 1], INK);
            let corner = [x + BAR + 2 * TICK, at - LINE / 2];
            canvas.text(corner, LINE, INK, &tick.label)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(png: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.width, info.height, pixels)
    }

    #[test]
    fn every_shape_and_slice_gives_a_picture() {
        for extents in [&[1, 1][..], &[5, 300], &[1000, 2], &[1, 1, 1], &[3, 40, 7]] {
            let shape = Shape::new(extents).unwrap();
            let field: Vec<f32> = (0..shape.len()).map(|i| (i % 13) as f32).collect();
            for axis in 0..if shape.rank() == 3 { 3 } else { 1 } {
                let options = PanelOptions::default().with_axis(axis).with_caption("a");
                let (w, h, _) = decode(&slice_panel(shape, &field, &field, &options).unwrap());
                assert!(
                    (100..2000).contains(&w) && (100..700).contains(&h),
                    "{w} {h}"
                );
            }
            let nowhere = PanelOptions::default().with_axis(0).with_index(3);
            assert!(slice_panel(shape, &field, &field, &nowhere).is_err());
        }
    }

    #[test]
    fn odd_values_are_drawn_and_nan_is_grey() {
        let shape = Shape::new(&[4, 4]).unwrap();
        let mut field = [f64::MAX; 16];
        field[3] = f64::MIN;
        let mut other = [f64::MIN; 16];
        let options = PanelOptions::default();
        let has_grey = |png: &[u8]| decode(png).2.chunks_exact(3).any(|p| p == NOT_FINITE);
        slice_panel(shape, &field, &other, &options).unwrap();
        assert!(!has_grey(
            &slice_panel(shape, &[1.0f32; 16], &[1.0f32; 16], &options).unwrap()
        ));
        field[0] = f64::NAN;
        other.fill(f64::INFINITY);
        assert!(has_grey(
            &slice_panel(shape, &field, &other, &options).unwrap()
        ));
        assert!(has_grey(
            &slice_panel(shape, &[f32::NAN; 16], &[1.0f32; 16], &options).unwrap()
        ));
        assert!(slice_panel(shape, &field, &other[1..], &options).is_err());
    }
}
