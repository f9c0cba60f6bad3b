//! Codec `corrections`: what is added to single voxels so that a bound on the largest error holds
//! for every one of them. Format: `spec/codecs/corrections.md`.

mod apply;

use crate::base::dtype::Dtype;
use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::base::limits::Limits;
use crate::codec::bits::BitCoder;
use crate::codec::ctx::{Bit, RangeDecoder, RangeEncoder};

/// Edge of a block of a 3-D grid.
const EDGE: usize = 8;
/// Edge of a block of a 2-D grid.
const PLANAR_EDGE: usize = 32;
/// Magnitudes up to this are unary; the rest is an escape.
const UNARY: u32 = 12;
/// Escape exponents: magnitudes stay within 31 bits.
const EXPONENTS: usize = 31;
/// Parts of a block in scan order that have their own chance of holding its first correction.
const PARTS: usize = 8;

/// What is done to one voxel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    /// This many correction steps are added; never 0, at most `i32::MAX` either way.
    Steps(i32),
    /// The value is replaced by the one with this bit pattern.
    Exact(u64),
}

/// The corrections of one frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corrections {
    /// Voxel (index in the grid, `x` fastest, ascending) and what is done to it.
    pub entries: Vec<(u64, Correction)>,
}

impl Corrections {
    /// Serialises the corrections of a field of type `dtype` on a grid of `shape`.
    #[must_use]
    pub fn encode(&self, shape: Shape, dtype: Dtype) -> Vec<u8> {
        let mut coder = RangeEncoder::default();
        let mut sorted = self.entries.clone();
        let blocks = Blocks::new(shape);
        sorted.sort_by_cached_key(|&(voxel, _)| blocks.order(voxel));
        let mut walk = Walk::new(shape, dtype, &sorted);
        walk.blocks(&mut coder, u64::MAX);
        debug_assert_eq!(walk.found, sorted);
        coder.finish()
    }

    /// Reads corrections of a field of type `dtype` on a grid of `shape`.
    ///
    /// # Errors
    /// `Corrupt` when the payload does not hold corrections of that grid, `LimitExceeded` when they
    /// pass `limits`.
    pub fn decode(shape: Shape, dtype: Dtype, payload: &[u8], limits: &Limits) -> Result<Self> {
        let most = limits.decoded_bytes / size_of::<(u64, Correction)>() as u64;
        let mut coder = RangeDecoder::new(payload);
        let mut walk = Walk::new(shape, dtype, &[]);
        walk.check_memory(limits)?;
        walk.blocks(&mut coder, most);
        if walk.found.len() as u64 > most {
            return Err(Error::limit(format!("more than {most} corrections")));
        }
        if walk.overflow {
            return Err(Error::corrupt(
                "corrections up to 2^31 - 1 steps expected, a larger one found",
            ));
        }
        if walk.misplaced {
            return Err(Error::corrupt("correction found outside its block"));
        }
        coder.check_end("corrections")?;
        let mut entries = walk.found;
        entries.sort_unstable_by_key(|&(voxel, _)| voxel);
        Ok(Self { entries })
    }
}

/// The blocks of a grid in coding order.
struct Blocks {
    dims: [usize; 3],
    edge: [usize; 3],
    counts: [usize; 3],
}

impl Blocks {
    fn new(shape: Shape) -> Self {
        let edge = match shape.rank() {
            2 => [1, PLANAR_EDGE, PLANAR_EDGE],
            _ => [EDGE; 3],
        };
        let dims = shape.dims();
        Self {
            dims,
            edge,
            counts: std::array::from_fn(|axis| dims[axis].div_ceil(edge[axis])),
        }
    }

    /// Block of a voxel and the voxel: sorts as the voxels are coded.
    fn order(&self, voxel: u64) -> (usize, u64) {
        let [_, ny, nx] = self.dims;
        let at = usize::try_from(voxel).unwrap_or(usize::MAX);
        let [z, y, x] = [at / nx / ny, at / nx % ny, at % nx];
        let [ez, ey, ex] = self.edge;
        let [_, by, bx] = self.counts;
        (((z / ez) * by + y / ey) * bx + x / ex, voxel)
    }

    fn region(&self, coord: [usize; 3]) -> Region {
        let start = std::array::from_fn(|axis| coord[axis] * self.edge[axis]);
        Region {
            start,
            size: self.edge,
        }
        .clipped(self.dims)
    }
}

/// The adaptive state of one payload.
struct CorrectionModel {
    /// By coded neighbour blocks with corrections.
    block: [Bit; 4],
    /// Whether the block holds exactly one, by the same.
    single: [Bit; 4],
    /// No correction in the block yet: by its part and coded neighbours (0, 1, more).
    first: [[Bit; 3]; PARTS],
    /// After the first one: by coded neighbours (0 to 3, more).
    more: [Bit; 5],
    exact: Bit,
    /// By the sum of the neighbours' signs: negative, zero, positive.
    sign: [Bit; 3],
    magnitude: [Bit; UNARY as usize],
    exponent: [Bit; EXPONENTS],
}

/// States of a voxel beside one that is coded.
const PLUS: u8 = 1;
const MINUS: u8 = 2;
const EXACT: u8 = 3;

/// One pass over all blocks, to write the corrections or to find them.
struct Walk<'a> {
    blocks: Blocks,
    value_bits: u32,
    model: CorrectionModel,
    /// What is left to write, in coding order.
    rest: std::slice::Iter<'a, (u64, Correction)>,
    /// What was coded, in coding order.
    found: Vec<(u64, Correction)>,
    overflow: bool,
    misplaced: bool,
    /// States of the voxels of the blocks at one `z` and of the plane before them, with a margin of
    /// one voxel in each plane.
    near: Vec<u8>,
}

impl<'a> Walk<'a> {
    fn new(shape: Shape, dtype: Dtype, entries: &'a [(u64, Correction)]) -> Self {
        Self {
            blocks: Blocks::new(shape),
            value_bits: 8 * u32::from(dtype.size_byte()),
            model: CorrectionModel {
                block: [Bit::EVEN; 4],
                single: [Bit::EVEN; 4],
                first: [[Bit::EVEN; 3]; PARTS],
                more: [Bit::EVEN; 5],
                exact: Bit::EVEN,
                sign: [Bit::EVEN; 3],
                magnitude: [Bit::EVEN; UNARY as usize],
                exponent: [Bit::EVEN; EXPONENTS],
            },
            rest: entries.iter(),
            found: Vec::new(),
            overflow: false,
            misplaced: false,
            near: Vec::new(),
        }
    }

    /// Whether there is memory for a walk, which grows with the area of the grid: the extents of a
    /// hostile file may ask for more than there is. Nothing is kept, for `near` is cheapest taken in
    /// pages of zeros that are not touched before they are needed.
    fn check_memory(&self, limits: &Limits) -> Result<()> {
        let [ny, nx] = self.near_plane();
        let [_, by, bx] = self.blocks.counts;
        let bytes = ny
            .checked_mul(nx)
            .and_then(|plane| plane.checked_mul(self.blocks.edge[0] + 1))
            .and_then(|near| near.checked_add(by * bx))
            .unwrap_or(usize::MAX);
        limits.check_decoded(bytes as u64)?;
        Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| {
            Error::limit(format!(
                "no memory for corrections of planes of {ny} x {nx} voxels"
            ))
        })
    }

    /// Extents of a plane of `near`.
    fn near_plane(&self) -> [usize; 2] {
        let [_, ny, nx] = self.blocks.dims;
        [ny + 2, nx + 2]
    }

    /// The next correction to write, if it lies in block `block`.
    fn next_in(&self, block: usize) -> Option<&'a (u64, Correction)> {
        let next = self.rest.as_slice().first()?;
        (self.blocks.order(next.0).0 == block).then_some(next)
    }

    /// Whether the next correction to write is the only one of block `block`.
    fn holds_one(&self, block: usize) -> bool {
        let mut rest = self.rest.as_slice().iter();
        let mut here = || {
            rest.next()
                .is_some_and(|e| self.blocks.order(e.0).0 == block)
        };
        here() && !here()
    }

    /// Codes all blocks, or up to more than `most` corrections, or to the end of a reader's bytes.
    fn blocks<C: BitCoder>(&mut self, coder: &mut C, most: u64) {
        let [bz, by, bx] = self.blocks.counts;
        let mut flags = vec![false; by * bx];
        for z in 0..bz {
            self.next_layer();
            for y in 0..by {
                for x in 0..bx {
                    let failed = coder.overran() || self.overflow || self.misplaced;
                    if failed || self.found.len() as u64 > most {
                        return;
                    }
                    let at = y * bx + x;
                    let beside = [
                        x > 0 && flags[at.wrapping_sub(1)],
                        y > 0 && flags[at.wrapping_sub(bx)],
                        z > 0 && flags[at],
                    ];
                    let context = beside.into_iter().filter(|&b| b).count();
                    let block = z * by * bx + at;
                    let wanted = C::WRITES && self.next_in(block).is_some();
                    flags[at] = coder.bit(&mut self.model.block[context], wanted);
                    if !flags[at] {
                        continue;
                    }
                    let region = self.blocks.region([z, y, x]);
                    let wanted = C::WRITES && self.holds_one(block);
                    if coder.bit(&mut self.model.single[context], wanted) {
                        self.single(region, coder);
                    } else {
                        self.block(block, region, coder);
                    }
                }
            }
        }
    }

    /// Makes room for the voxels of the next layer of blocks; keeps the last plane of this one.
    fn next_layer(&mut self) {
        let [ny, nx] = self.near_plane();
        let planes = self.blocks.edge[0] + 1;
        if self.near.is_empty() {
            self.near = vec![0; planes * ny * nx];
            return;
        }
        self.near.copy_within((planes - 1) * ny * nx.., 0);
        self.near[ny * nx..].fill(0);
    }

    /// Codes the one correction of a block: its place at even odds.
    fn single<C: BitCoder>(&mut self, region: Region, coder: &mut C) {
        let count = region.len();
        let bits = usize::BITS - (count - 1).leading_zeros();
        let wanted = self.rest.as_slice().first();
        let place = wanted.map_or(0, |&(voxel, _)| self.place(region, voxel));
        let place = coder.raw(place as u32, bits) as usize;
        if place >= count {
            self.misplaced = true;
            return;
        }
        self.voxel(region, place, wanted.map(|&(_, c)| c), coder);
    }

    /// Codes the voxels of a block that holds at least two corrections.
    fn block<C: BitCoder>(&mut self, block: usize, region: Region, coder: &mut C) {
        let count = region.len();
        let mut any = false;
        for i in 0..count {
            let (neighbours, _) = self.neighbours(region, i);
            let wanted = if C::WRITES {
                self.next_in(block)
                    .filter(|(v, _)| self.place(region, *v) == i)
            } else {
                None
            };
            let state = if any {
                &mut self.model.more[neighbours.min(4)]
            } else {
                &mut self.model.first[i * PARTS / count][neighbours.min(2)]
            };
            if coder.bit(state, wanted.is_some()) {
                any = true;
                self.voxel(region, i, wanted.map(|&(_, c)| c), coder);
            }
        }
    }

    /// Codes the correction at place `i` of a block.
    fn voxel<C: BitCoder>(
        &mut self,
        region: Region,
        i: usize,
        wanted: Option<Correction>,
        coder: &mut C,
    ) {
        let (_, signs) = self.neighbours(region, i);
        let correction = self.correction(wanted, signs, coder);
        if C::WRITES {
            self.rest.next();
        }
        let [z, y, x] = within(region, i);
        let at = self.near_index(z + 1, region.start[1] + y + 1, region.start[2] + x + 1);
        self.near[at] = match correction {
            Correction::Steps(steps) if steps > 0 => PLUS,
            Correction::Steps(_) => MINUS,
            Correction::Exact(_) => EXACT,
        };
        let [_, ny, nx] = self.blocks.dims;
        let [rz, ry, rx] = region.start;
        let voxel = ((rz + z) * ny + ry + y) * nx + rx + x;
        self.found.push((voxel as u64, correction));
    }

    /// Place of a voxel in the scan of the block it lies in.
    fn place(&self, region: Region, voxel: u64) -> usize {
        let [_, ny, nx] = self.blocks.dims;
        let at = usize::try_from(voxel).unwrap_or(usize::MAX);
        let [rz, ry, rx] = region.start;
        let [_, sy, sx] = region.size;
        ((at / nx / ny - rz) * sy + at / nx % ny - ry) * sx + at % nx - rx
    }

    fn near_index(&self, z: usize, y: usize, x: usize) -> usize {
        let [ny, nx] = self.near_plane();
        (z * ny + y) * nx + x
    }

    /// How many of the coded voxels around place `i` of a block are corrected, and the sum of their
    /// signs.
    fn neighbours(&self, region: Region, i: usize) -> (usize, i32) {
        let [z, y, x] = within(region, i);
        let (y, x) = (region.start[1] + y, region.start[2] + x);
        let (mut count, mut signs) = (0, 0);
        for z in z..(z + 3).min(self.blocks.edge[0] + 1) {
            for y in y..y + 3 {
                let row = self.near_index(z, y, x);
                for &state in &self.near[row..row + 3] {
                    count += usize::from(state != 0);
                    signs += i32::from(state == PLUS) - i32::from(state == MINUS);
                }
            }
        }
        (count, signs)
    }

    fn correction<C: BitCoder>(
        &mut self,
        wanted: Option<Correction>,
        signs: i32,
        coder: &mut C,
    ) -> Correction {
        let (steps, pattern) = match wanted {
            Some(Correction::Steps(steps)) => (steps, None),
            Some(Correction::Exact(bits)) => (1, Some(bits)),
            None => (1, None),
        };
        if coder.bit(&mut self.model.exact, pattern.is_some()) {
            return Correction::Exact(pattern_bits(pattern.unwrap_or(0), self.value_bits, coder));
        }
        let context = (signs.signum() + 1) as usize;
        let negative = coder.bit(&mut self.model.sign[context], steps < 0);
        let wanted = steps.unsigned_abs();
        let mut magnitude = 1;
        for state in &mut self.model.magnitude {
            if !coder.bit(state, wanted > magnitude) {
                break;
            }
            magnitude += 1;
        }
        if magnitude > UNARY {
            magnitude = self
                .escape(wanted.wrapping_sub(UNARY), coder)
                .saturating_add(UNARY);
        }
        let Ok(magnitude) = i32::try_from(magnitude) else {
            self.overflow = true;
            return Correction::Steps(1);
        };
        Correction::Steps(if negative { -magnitude } else { magnitude })
    }

    /// Elias-gamma with an adaptive exponent: `rest >= 1`.
    fn escape<C: BitCoder>(&mut self, rest: u32, coder: &mut C) -> u32 {
        let wanted = rest.max(1).ilog2();
        let mut exponent = 0;
        for state in &mut self.model.exponent {
            if !coder.bit(state, wanted > exponent) {
                break;
            }
            exponent += 1;
        }
        if exponent as usize == EXPONENTS {
            self.overflow = true;
            return 1;
        }
        let low = coder.raw(rest, exponent);
        1 << exponent | low & ((1 << exponent) - 1)
    }
}

/// Coordinates inside a block of its place `i`.
fn within(region: Region, i: usize) -> [usize; 3] {
    let [_, sy, sx] = region.size;
    [i / sx / sy, i / sx % sy, i % sx]
}

/// Codes the `count` low bits of a value's pattern at even odds, 16 at a time, highest first.
fn pattern_bits<C: BitCoder>(bits: u64, count: u32, coder: &mut C) -> u64 {
    let mut out = 0;
    for shift in (0..count).step_by(16).rev() {
        let part = (bits >> shift & 0xFFFF) as u32;
        out = out << 16 | u64::from(coder.raw(part, 16));
    }
    out
}

#[cfg(test)]
mod tests;
