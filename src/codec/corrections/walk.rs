//! One walk over all blocks, to write the corrections or to find them.

use std::ops::Range;

use super::Correction;
use super::blocks::Blocks;
use crate::base::dtype::Dtype;
use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::base::limits::Limits;
use crate::codec::bits::BitCoder;
use crate::codec::ctx::Bit;

/// Magnitudes up to this are unary; the rest is an escape.
const UNARY: u32 = 12;
/// Escape exponents: magnitudes stay within 31 bits.
const EXPONENTS: usize = 31;
/// Parts of a block in scan order that have their own chance of holding its first correction.
const PARTS: usize = 8;
/// Longest row of a block with the voxels at both ends.
const ROW: usize = 34;

/// What a writer has for the voxels of one layer of blocks, by place in the layer.
pub(super) trait Wanted {
    /// The correction of a voxel.
    fn at(&self, place: usize) -> Option<Correction>;

    /// How many corrections some voxels have.
    fn count(&self, places: Range<usize>) -> usize;
}

/// What a reader has.
pub(super) struct Unknown;

impl Wanted for Unknown {
    fn at(&self, _: usize) -> Option<Correction> {
        None
    }

    fn count(&self, _: Range<usize>) -> usize {
        0
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

/// A coded voxel beside others: 1, and its sign above eight bits, so that the sum of up to 26 of them holds their number and the
/// sum of their signs.
type NeighbourMark = i16;

fn mark(correction: Correction) -> NeighbourMark {
    match correction {
        Correction::Steps(steps) => 1 + 256 * steps.signum() as NeighbourMark,
        Correction::Exact(_) => 1,
    }
}

/// Number and sum of the signs of the voxels whose marks add up to `sum`.
fn counted(sum: NeighbourMark) -> (usize, NeighbourMark) {
    ((sum & 0xFF) as usize, sum >> 8)
}

/// The state of a walk from layer to layer.
pub(super) struct Walk {
    pub(super) blocks: Blocks,
    value_bits: u32,
    model: CorrectionModel,
    /// The layer to be coded is the one before this.
    next: usize,
    /// Corrections of this layer.
    coded: u64,
    overflow: bool,
    misplaced: bool,
    /// Which blocks of the layer, or of the one before it, hold any.
    flags: Vec<bool>,
    /// Marks of the voxels of the layer and of the plane before it, with a margin of one voxel in each plane.
    near: Vec<NeighbourMark>,
}

impl Walk {
    pub(super) fn new(shape: Shape, dtype: Dtype) -> Self {
        Self {
            blocks: Blocks::new(shape),
            value_bits: 8 * dtype.size() as u32,
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
            next: 0,
            coded: 0,
            overflow: false,
            misplaced: false,
            flags: Vec::new(),
            near: Vec::new(),
        }
    }

    /// Whether there is memory for a walk, which grows with the area of the grid: the extents of a
    /// hostile file may ask for more than there is. Nothing is kept, for `near` is cheapest taken in
    /// pages of zeros that are not touched before they are needed.
    pub(super) fn check_memory(&self, limits: &Limits) -> Result<()> {
        let [ny, nx] = self.near_plane();
        let [_, by, bx] = self.blocks.counts;
        let bytes = ny
            .checked_mul(nx)
            .and_then(|plane| {
                plane.checked_mul((self.blocks.planes() + 1) * size_of::<NeighbourMark>())
            })
            .and_then(|near| near.checked_add(by * bx))
            .unwrap_or(usize::MAX);
        limits.check_decoded(bytes as u64)?;
        Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| {
            Error::limit(format!(
                "no memory for corrections of planes of {ny} x {nx} voxels"
            ))
        })
    }

    /// What was found wrong in a reader's bytes.
    pub(super) fn check(&self) -> Result<()> {
        if self.overflow {
            return Err(Error::corrupt(
                "corrections up to 2^31 - 1 steps expected, a larger one found",
            ));
        }
        if self.misplaced {
            return Err(Error::corrupt("correction found outside its block"));
        }
        Ok(())
    }

    /// Corrections coded in this layer.
    pub(super) fn coded(&self) -> u64 {
        self.coded
    }

    /// Extents of a plane of `near`.
    fn near_plane(&self) -> [usize; 2] {
        let [_, ny, nx] = self.blocks.dims;
        [ny + 2, nx + 2]
    }

    /// Goes on to the next layer and makes room for it, keeping the last plane of the one before. The layer's voxels, by index in the
    /// grid; `None` after the last.
    pub(super) fn next_layer(&mut self) -> Option<Range<usize>> {
        let [bz, by, bx] = self.blocks.counts;
        if self.next == bz {
            return None;
        }
        let [ny, nx] = self.near_plane();
        let planes = self.blocks.planes() + 1;
        if self.next == 0 {
            self.near = vec![0; planes * ny * nx];
            self.flags = vec![false; by * bx];
        } else {
            self.near.copy_within((planes - 1) * ny * nx.., 0);
            self.near[ny * nx..].fill(0);
        }
        self.coded = 0;
        self.next += 1;
        Some(self.blocks.voxels(self.next - 1))
    }

    /// Codes the blocks of the layer, or up to more than `most` corrections, or to the end of a reader's bytes. `take` is told the place
    /// in the layer of each correction, and the correction.
    pub(super) fn layer<C: BitCoder, W: Wanted>(
        &mut self,
        coder: &mut C,
        wanted: &W,
        most: u64,
        mut take: impl FnMut(usize, Correction),
    ) {
        let [_, by, bx] = self.blocks.counts;
        let z = self.next - 1;
        for y in 0..by {
            for x in 0..bx {
                let failed = coder.overran() || self.overflow || self.misplaced;
                if failed || self.coded > most {
                    return;
                }
                let at = y * bx + x;
                let beside = [
                    x > 0 && self.flags[at.wrapping_sub(1)],
                    y > 0 && self.flags[at.wrapping_sub(bx)],
                    z > 0 && self.flags[at],
                ];
                let context = beside.into_iter().filter(|&b| b).count();
                let region = self.blocks.within_layer([z, y, x]);
                let count = if C::WRITES {
                    self.count(region, wanted)
                } else {
                    0
                };
                self.flags[at] = coder.bit(&mut self.model.block[context], count > 0);
                if !self.flags[at] {
                    continue;
                }
                if coder.bit(&mut self.model.single[context], count == 1) {
                    self.single(region, coder, wanted, &mut take);
                } else {
                    self.block(region, coder, wanted, &mut take);
                }
            }
        }
    }

    /// How many corrections a writer has for a block.
    fn count<W: Wanted>(&self, region: Region, wanted: &W) -> usize {
        let mut count = 0;
        for z in 0..region.size[0] {
            for y in 0..region.size[1] {
                let row = self.row(region, z, y);
                count += wanted.count(row..row + region.size[2]);
            }
        }
        count
    }

    /// Place in the layer of the first voxel of a row of a block.
    fn row(&self, region: Region, z: usize, y: usize) -> usize {
        let [_, ny, nx] = self.blocks.dims;
        (z * ny + region.start[1] + y) * nx + region.start[2]
    }

    /// Codes the one correction of a block: its place at even odds.
    fn single<C: BitCoder, W: Wanted>(
        &mut self,
        region: Region,
        coder: &mut C,
        wanted: &W,
        take: &mut impl FnMut(usize, Correction),
    ) {
        let count = region.len();
        let bits = usize::BITS - (count - 1).leading_zeros();
        let [_, sy, sx] = region.size;
        let voxel = |i: usize| self.row(region, i / sx / sy, i / sx % sy) + i % sx;
        let place = if C::WRITES {
            (0..count).find(|&i| wanted.at(voxel(i)).is_some())
        } else {
            None
        };
        let place = coder.raw(place.unwrap_or(0) as u32, bits) as usize;
        if place >= count {
            self.misplaced = true;
            return;
        }
        let voxel = voxel(place);
        let [z, y, x] = [place / sx / sy, place / sx % sy, place % sx];
        let columns = self.columns(region, z, y);
        let (_, signs) = counted(columns[x] + columns[x + 1] + columns[x + 2]);
        let correction = self.correction(wanted.at(voxel), signs, coder);
        self.keep([z, region.start[1] + y, region.start[2] + x], correction);
        take(voxel, correction);
    }

    /// Codes the voxels of a block that holds at least two corrections.
    fn block<C: BitCoder, W: Wanted>(
        &mut self,
        region: Region,
        coder: &mut C,
        wanted: &W,
        take: &mut impl FnMut(usize, Correction),
    ) {
        let [sz, sy, sx] = region.size;
        let count = region.len();
        let (mut any, mut place) = (false, 0);
        for (z, y) in (0..sz).flat_map(|z| (0..sy).map(move |y| (z, y))) {
            let row = self.row(region, z, y);
            let mut columns = self.columns(region, z, y);
            for x in 0..sx {
                let (neighbours, signs) = counted(columns[x] + columns[x + 1] + columns[x + 2]);
                let wanted = wanted.at(row + x);
                let state = if any {
                    &mut self.model.more[neighbours.min(4)]
                } else {
                    &mut self.model.first[place * PARTS / count][neighbours.min(2)]
                };
                place += 1;
                if coder.bit(state, wanted.is_some()) {
                    any = true;
                    let correction = self.correction(wanted, signs, coder);
                    columns[x + 1] += mark(correction);
                    self.keep([z, region.start[1] + y, region.start[2] + x], correction);
                    take(row + x, correction);
                }
            }
        }
    }

    /// Marks a voxel of the layer.
    fn keep(&mut self, [z, y, x]: [usize; 3], correction: Correction) {
        let [ny, nx] = self.near_plane();
        self.near[((z + 1) * ny + y + 1) * nx + x + 1] = mark(correction);
    }

    /// For the voxels of a row of a block, and one before and one after them: the sum of the marks in the planes and rows around.
    /// Those of other rows do not change while the row is coded.
    fn columns(&self, region: Region, z: usize, y: usize) -> [NeighbourMark; ROW] {
        let [ny, nx] = self.near_plane();
        let (y, x) = (region.start[1] + y, region.start[2]);
        let width = region.size[2] + 2;
        let mut sums = [0; ROW];
        for z in z..(z + 3).min(self.blocks.planes() + 1) {
            for y in y..y + 3 {
                let row = &self.near[(z * ny + y) * nx + x..][..width];
                for (sum, mark) in sums.iter_mut().zip(row) {
                    *sum += mark;
                }
            }
        }
        sums
    }

    fn correction<C: BitCoder>(
        &mut self,
        wanted: Option<Correction>,
        signs: NeighbourMark,
        coder: &mut C,
    ) -> Correction {
        self.coded += 1;
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

/// Codes the `count` low bits of a value's pattern at even odds, 16 at a time, highest first.
fn pattern_bits<C: BitCoder>(bits: u64, count: u32, coder: &mut C) -> u64 {
    let mut out = 0;
    for shift in (0..count).step_by(16).rev() {
        let part = (bits >> shift & 0xFFFF) as u32;
        out = out << 16 | u64::from(coder.raw(part, 16));
    }
    out
}
