//! `map`: where a frame keeps detail, as a picture of octree levels and bits per voxel.

use srt::codec::ctx::BLOCK;
use srt::codec::mask::Mask;
use srt::container::Form;
use srt::{Error, Limits, Result, Shape};
use srt_pictures::{Canvas, Colormap, Rgb};

use crate::file::File;
use crate::layers::Layers;

const BACKGROUND: Rgb = [255, 255, 255];
const INK: Rgb = [40, 40, 46];
const FAINT: Rgb = [120, 120, 128];
/// Voxels outside the numbers.
const MASKED: Rgb = [200, 200, 200];
/// Height of the letters' line in pixels, and from one line to the next.
const TEXT: usize = 17;
const LINE: usize = 20;
const MARGIN: usize = 24;
const GAP: usize = 28;
/// Pixels along the longest axis of a 3-D field, which is shown three times.
const SIDE: usize = 384;
/// Pixels along the longest axis of a 2-D field.
const PLANAR_SIDE: usize = 640;
/// Pixels an axis gets at least, so that thin fields can be seen.
const LEAST_SIDE: usize = 16;
const BAR: usize = 24;

/// Detail kept at every voxel of a frame.
struct Detail {
    shape: Shape,
    layers: Layers,
    /// Bits of nodes by level, low-pass last.
    bits: Vec<Vec<f32>>,
    /// Splits of each axis from level 0 up to and including level `l`.
    shifts: Vec<[u32; 3]>,
    masked: Option<Vec<u8>>,
}

/// What is kept at one voxel.
struct VoxelDetail {
    level: usize,
    /// Block of the leaf: voxels with the same one lie in the same leaf.
    leaf: [usize; 3],
    bits: f64,
}

impl Detail {
    fn new(file: &File<'_>, frame: usize, limits: &Limits) -> Result<Self> {
        let chunks = file.frames.get(frame).ok_or_else(|| {
            Error::invalid(format!(
                "frame {frame} asked for, the file has {}",
                file.frames.len()
            ))
        })?;
        let record = chunks
            .frame
            .as_ref()
            .ok_or_else(|| Error::corrupt("the record of the frame cannot be read"))?;
        let Form::Wavelet(form) = &record.form else {
            return Err(Error::invalid(
                "maps are of frames with wavelet details; this one has none",
            ));
        };
        let shape = file
            .shape(record)
            .ok_or_else(|| Error::corrupt("the dataset record is lost"))?;
        let layers = Layers::new(file, chunks, form, shape, limits)?;
        let bits = layers.node_bits(file, chunks)?;
        let mut shifts = Vec::new();
        let mut shift = [0; 3];
        for level in layers.layout.plan().levels() {
            for (axis, shift) in shift.iter_mut().enumerate() {
                *shift += u32::from(level.split.contains(axis));
            }
            shifts.push(shift);
        }
        let dtype = file.field(record.field).map(|f| f.dtype);
        let mask = chunks.mask.as_ref().filter(|c| c.is_whole());
        let masked = mask.zip(dtype).and_then(|(c, dtype)| {
            Mask::decode(shape, dtype, file.scan.payload(c), limits)
                .ok()
                .map(|m| m.classes)
        });
        Ok(Self {
            shape,
            layers,
            bits,
            shifts,
            masked,
        })
    }

    fn is_masked(&self, [z, y, x]: [usize; 3]) -> bool {
        let [_, ny, nx] = self.shape.dims();
        let class = self
            .masked
            .as_ref()
            .and_then(|m| m.get((z * ny + y) * nx + x));
        class.is_some_and(|&class| class != 0)
    }

    fn at(&self, voxel: [usize; 3]) -> VoxelDetail {
        let block_of = |shift: [u32; 3]| {
            std::array::from_fn::<usize, 3, _>(|axis| voxel[axis] >> shift[axis] as usize)
                .map(|c| c / BLOCK)
        };
        let low = self.shifts.last().copied().unwrap_or([0; 3]);
        let leaf = block_of(low);
        let dims = self.layers.low_blocks();
        let mut found = VoxelDetail {
            level: self.shifts.len(),
            leaf,
            bits: self.density(self.shifts.len(), dims, leaf, low),
        };
        for (level, grid) in self.layers.layout.tree().grids().iter().enumerate().rev() {
            let shift = self.shifts.get(level).copied().unwrap_or([0; 3]);
            let block = block_of(shift);
            let at = (block[0] * grid.dims[1] + block[1]) * grid.dims[2] + block[2];
            found.leaf = block;
            if !grid.stored.get(at).copied().unwrap_or(false) {
                break;
            }
            found.level = level;
            found.bits += self.density(level, grid.dims, block, shift);
        }
        found
    }

    /// Bits per voxel that a node adds.
    fn density(&self, level: usize, dims: [usize; 3], block: [usize; 3], shift: [u32; 3]) -> f64 {
        let at = (block[0] * dims[1] + block[1]) * dims[2] + block[2];
        let bits = self.bits.get(level).and_then(|nodes| nodes.get(at));
        let extents: [usize; 3] = std::array::from_fn(|axis| {
            let edge = BLOCK << shift[axis];
            let start = block[axis] * edge;
            edge.min(self.shape.dims()[axis].saturating_sub(start))
                .max(1)
        });
        f64::from(bits.copied().unwrap_or(0.0)) / extents.iter().product::<usize>() as f64
    }
}

/// A slice through the middle: which axis it is perpendicular to, and its size in pixels.
struct Slice {
    axis: usize,
    index: usize,
    /// Axes down and to the right.
    axes: [usize; 2],
    /// Height and width in pixels.
    size: [usize; 2],
}

impl Slice {
    /// The slices of a field: three of a 3-D field, the whole of a 2-D one.
    fn all(shape: Shape) -> Vec<Self> {
        let dims = shape.dims();
        let longest = dims.into_iter().max().unwrap_or(1);
        // Whole pixels per voxel where the field is small.
        let side = match shape.grid_rank() {
            2 => PLANAR_SIDE,
            _ => SIDE,
        };
        let scale = match side / longest {
            0 => side as f64 / longest as f64,
            whole => whole as f64,
        };
        let size = |axis: usize| ((dims[axis] as f64 * scale) as usize).max(LEAST_SIDE);
        let slice = |axis: usize, axes: [usize; 2]| Self {
            axis,
            index: dims[axis] / 2,
            axes,
            size: axes.map(size),
        };
        match shape.grid_rank() {
            2 => vec![slice(0, [1, 2])],
            _ => vec![slice(0, [1, 2]), slice(1, [0, 2]), slice(2, [0, 1])],
        }
    }

    /// The voxel under a pixel.
    fn voxel(&self, dims: [usize; 3], row: usize, column: usize) -> [usize; 3] {
        let mut voxel = [0; 3];
        voxel[self.axis] = self.index;
        for (pixel, (axis, size)) in [row, column]
            .into_iter()
            .zip(self.axes.into_iter().zip(self.size))
        {
            voxel[axis] = (pixel * dims[axis] / size).min(dims[axis] - 1);
        }
        voxel
    }

    fn title(&self, rank: usize) -> String {
        let name = |axis: usize| ["z", "y", "x"].get(axis).copied().unwrap_or("");
        let [down, right] = self.axes;
        match rank {
            2 => format!("{} down, {} right", name(down), name(right)),
            _ => format!(
                "{} = {}: {} down, {} right",
                name(self.axis),
                self.index,
                name(down),
                name(right)
            ),
        }
    }

    /// Width of the column: picture or title, whichever is wider.
    fn column(&self, rank: usize) -> usize {
        self.size[1].max(Canvas::text_width(TEXT, &self.title(rank)))
    }
}

/// The picture as a PNG file.
///
/// # Errors
/// `InvalidArgument` for a frame without an octree, `Corrupt` when octree or bricks are damaged.
pub fn png(file: &File<'_>, frame: usize, limits: &Limits) -> Result<Vec<u8>> {
    let detail = Detail::new(file, frame, limits)?;
    let rank = detail.shape.grid_rank();
    let dims = detail.shape.dims();
    let slices = Slice::all(detail.shape);
    let colors = Colormap::sequential();
    let levels = detail.shifts.len();
    // Level 0, where everything is kept, is the lightest.
    let level_color = |level: usize| colors.color(1.0 - level as f64 / levels.max(1) as f64);
    let samples: Vec<Vec<VoxelDetail>> = slices.iter().map(|s| sample(&detail, s, dims)).collect();
    let (low, high) = bits_range(&samples);
    let tall = slices.iter().map(|s| s.size[0]).max().unwrap_or(0);
    let wide: usize = slices.iter().map(|s| s.column(rank) + GAP).sum();
    let legend = BAR + 12 + Canvas::text_width(TEXT, "00: low-pass only");
    let band = LINE + GAP / 2 + LINE + tall.max((levels + 3) * LINE);
    let heading = heading(file, frame, detail.shape);
    let texts = [heading.as_str(), Kind::Level.title()];
    let text = texts.map(|t| Canvas::text_width(TEXT, t)).into_iter().max();
    let mut canvas = Canvas::new(
        2 * MARGIN + text.unwrap_or(0).max(wide + legend),
        2 * MARGIN + 2 * LINE + 2 * band + GAP,
        BACKGROUND,
    );
    canvas.text([MARGIN, MARGIN], TEXT, INK, &heading)?;
    let mut top = MARGIN + 2 * LINE;
    for kind in [Kind::Level, Kind::Bits] {
        canvas.text([MARGIN, top], TEXT, INK, kind.title())?;
        let mut left = MARGIN;
        let picture = top + LINE + GAP / 2 + LINE;
        for (slice, samples) in slices.iter().zip(&samples) {
            canvas.text([left, picture - LINE], TEXT, FAINT, &slice.title(rank))?;
            let [height, width] = slice.size;
            canvas.frame([left, picture], [width, height], FAINT);
            for (i, sample) in samples.iter().enumerate() {
                let (row, column) = (i / width, i % width);
                let voxel = slice.voxel(dims, row, column);
                let beside = |back: usize, there: bool| {
                    let other = samples.get(i.wrapping_sub(back)).filter(|_| there);
                    other.is_some_and(|o| (o.level, o.leaf) != (sample.level, sample.leaf))
                };
                let edge = beside(1, column > 0) || beside(width, row > 0);
                let color = match kind {
                    _ if detail.is_masked(voxel) => MASKED,
                    Kind::Level if edge => level_color(sample.level).map(|c| c / 4 * 3),
                    Kind::Level => level_color(sample.level),
                    Kind::Bits => colors.color(position(sample.bits, low, high)),
                };
                canvas.set(left + column, picture + row, color);
            }
            left += slice.column(rank) + GAP;
        }
        match kind {
            Kind::Level => level_legend(&mut canvas, [left, picture], levels, level_color)?,
            Kind::Bits => bits_legend(&mut canvas, [left, picture], tall, &colors, (low, high))?,
        }
        top += band + GAP;
    }
    canvas.to_png()
}

#[derive(Clone, Copy)]
enum Kind {
    Level,
    Bits,
}

impl Kind {
    fn title(self) -> &'static str {
        match self {
            Self::Level => "octree level of the leaf (finer detail is predicted, not stored)",
            Self::Bits => "bits per voxel",
        }
    }
}

fn heading(file: &File<'_>, frame: usize, shape: Shape) -> String {
    let bound = file.frames.get(frame).and_then(|f| f.frame.as_ref());
    let bound = bound.map_or(String::new(), |f| format!(", {}", f.bound));
    let stored = file.frames.get(frame).map_or(0, |f| f.stored_bytes());
    let bits = 8.0 * stored as f64 / shape.len() as f64;
    format!("{shape}{bound}: {stored} bytes, {bits:.3} bits per voxel")
}

fn sample(detail: &Detail, slice: &Slice, dims: [usize; 3]) -> Vec<VoxelDetail> {
    let [height, width] = slice.size;
    let pixels = (0..height * width).map(|i| slice.voxel(dims, i / width, i % width));
    pixels.map(|voxel| detail.at(voxel)).collect()
}

/// Logarithms of the smallest and largest density shown, at least a factor of four apart and at
/// most four decades.
fn bits_range(samples: &[Vec<VoxelDetail>]) -> (f64, f64) {
    let all = samples.iter().flatten().map(|p| p.bits);
    let high = all.clone().fold(0.0, f64::max).max(1e-6);
    let low = all.filter(|&b| b > 0.0).fold(high, f64::min);
    let (low, high) = (low.log10(), high.log10());
    let widen = (4f64.log10() - (high - low)).max(0.0) / 2.0;
    ((low - widen).max(high + widen - 4.0), high + widen)
}

/// Place of a density on the logarithmic colour scale.
fn position(bits: f64, low: f64, high: f64) -> f64 {
    if bits > 0.0 {
        (bits.log10() - low) / (high - low)
    } else {
        0.0
    }
}

fn level_legend(
    canvas: &mut Canvas,
    [left, top]: [usize; 2],
    levels: usize,
    color: impl Fn(usize) -> Rgb,
) -> Result<()> {
    for level in 0..=levels {
        let y = top + level * LINE;
        canvas.fill([left, y], [BAR, LINE - 4], color(level));
        canvas.frame([left, y], [BAR, LINE - 4], FAINT);
        let text = match level {
            0 => "0: all detail".to_owned(),
            level if level == levels => format!("{level}: low-pass only"),
            level => format!("{level}"),
        };
        canvas.text([left + BAR + 8, y], TEXT, INK, &text)?;
    }
    Ok(())
}

fn bits_legend(
    canvas: &mut Canvas,
    [left, top]: [usize; 2],
    height: usize,
    colors: &Colormap,
    (low, high): (f64, f64),
) -> Result<()> {
    let height = height.clamp(6 * LINE, 16 * LINE);
    for row in 0..height {
        let t = 1.0 - row as f64 / (height - 1) as f64;
        canvas.fill([left, top + row], [BAR, 1], colors.color(t));
    }
    canvas.frame([left, top], [BAR, height], FAINT);
    let decades = low.floor() as i32..=high.ceil() as i32;
    let ticks = decades.flat_map(|d| [1, 2, 5].map(|digit| (digit, d)));
    for (digit, decade) in ticks {
        let log = f64::from(digit).log10() + f64::from(decade);
        if log < low || log > high {
            continue;
        }
        let y = top + ((high - log) / (high - low) * (height - 1) as f64) as usize;
        canvas.fill([left + BAR, y], [6, 1], INK);
        let text_top = (y + 1).saturating_sub(TEXT / 2);
        canvas.text([left + BAR + 12, text_top], TEXT, INK, &tick(digit, decade))?;
    }
    Ok(())
}

/// `digit * 10^decade` without rounding noise.
fn tick(digit: u32, decade: i32) -> String {
    match decade {
        0.. => format!("{digit}{}", "0".repeat(decade as usize)),
        _ => format!("0.{}{digit}", "0".repeat((-decade - 1) as usize)),
    }
}
