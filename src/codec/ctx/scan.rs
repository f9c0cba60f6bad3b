//! The order of coefficients in a brick and the context of each: shared by quantiser, encoder and
//! decoder, so that they cannot disagree.

use crate::codec::ctx::contexts::{BIN, MAX_ENERGY};
use crate::transform::SubbandCode;

/// Edge of a block in coefficients: the unit that the octree can leave out.
pub const BLOCK: usize = 8;

/// One subband's part of a brick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BandLayout {
    /// Which subband; the low-pass has no high-pass axis.
    pub code: SubbandCode,
    /// Extents in coefficients; zero where the subband has none in this brick.
    pub dims: [usize; 3],
}

impl BandLayout {
    /// Number of coefficients.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }
}

/// The subbands of one level inside one brick, in coding order. They share a grid of blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GridLayout {
    /// The bands.
    pub bands: Vec<BandLayout>,
    /// Blocks along each axis.
    pub blocks: [usize; 3],
    /// Whether neighbours lie in one plane only (2-D): energies are then doubled.
    pub planar: bool,
}

impl GridLayout {
    /// Number of coefficients.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.bands.iter().map(BandLayout::len).sum()
    }

    /// Sets the coefficients of all blocks that are not active to zero.
    pub fn clear_blocks(&self, active: &[bool], coefficients: &mut [i32]) {
        let [_, by, bx] = self.blocks;
        let mut first = 0;
        for band in &self.bands {
            let [_, ny, nx] = band.dims;
            let rows = coefficients[first..first + band.len()].chunks_exact_mut(nx.max(1));
            for (i, row) in rows.enumerate() {
                let block_row = (i / ny / BLOCK * by + i % ny / BLOCK) * bx;
                for (run, &active) in row.chunks_mut(BLOCK).zip(&active[block_row..]) {
                    if !active {
                        run.fill(0);
                    }
                }
            }
            first += band.len();
        }
    }

    /// Number of blocks.
    #[must_use]
    pub fn block_count(&self) -> usize {
        self.blocks.iter().product()
    }
}

/// What is done at each coefficient.
pub(super) trait Symbols {
    /// A run of coefficients of block `block` of the grid begins.
    fn enter_block(&mut self, block: usize);

    /// The coefficient at place `at` of the grid: its energy bin; the sign context is asked for
    /// only when it is needed. `current` is what the coefficient buffer holds.
    fn code(
        &mut self,
        at: usize,
        bin: usize,
        current: i32,
        sign: impl FnOnce() -> SignContext,
    ) -> i32;
}

/// Subband and neighbour signs.
#[derive(Clone, Copy)]
pub(super) struct SignContext {
    pub(super) band: usize,
    pub(super) context: usize,
}

/// Magnitudes of the two previous planes and the current one, clamped to bytes, with a margin of
/// zeros: two rows before, one after, two columns before, one after.
struct Magnitudes {
    width: usize,
    height: usize,
    planes: [Vec<u8>; 3],
}

impl Magnitudes {
    fn new(dims: [usize; 3]) -> Self {
        let (height, width) = (dims[1] + 3, dims[2] + 3);
        Self {
            width,
            height,
            planes: std::array::from_fn(|_| vec![0; width * height]),
        }
    }

    /// Makes room for the next plane.
    fn advance(&mut self) {
        self.planes.rotate_right(1);
        let [current, ..] = &mut self.planes;
        current.fill(0);
    }

    /// Row `y + dy` of the plane `back` planes ago, margin included.
    fn row(&self, back: usize, y: usize, dy: isize) -> &[u8] {
        let row = (y + 2).wrapping_add_signed(dy);
        debug_assert!(row < self.height);
        &self.planes[back][row * self.width..][..self.width]
    }

    /// Weighted sums of all neighbours outside the row itself.
    fn sums(&self, y: usize, out: &mut [u16]) {
        let n = out.len();
        let [a, b] = [self.row(0, y, -1), self.row(1, y, 0)];
        let [c, d] = [self.row(1, y, -1), self.row(1, y, 1)];
        let [e, f] = [self.row(0, y, -2), self.row(2, y, 0)];
        let w = |v: u8| u16::from(v);
        let (a0, a1, a2) = (&a[1..][..n], &a[2..][..n], &a[3..][..n]);
        let (b0, b1, b2) = (&b[1..][..n], &b[2..][..n], &b[3..][..n]);
        let (c, d, e, f) = (&c[2..][..n], &d[2..][..n], &e[2..][..n], &f[2..][..n]);
        for x in 0..n {
            let near = w(a1[x]) + w(b1[x]);
            let diagonal = w(a0[x]) + w(a2[x]) + w(b0[x]) + w(b2[x]) + w(c[x]) + w(d[x]);
            out[x] = 4 * near + 2 * diagonal + w(e[x]) + w(f[x]);
        }
    }

    fn current_row(&mut self, y: usize) -> &mut [u8] {
        &mut self.planes[0][(y + 2) * self.width + 2..][..self.width - 3]
    }
}

/// Visits every coefficient of every active block of the grid. `coefficients` holds the bands one
/// after the other; those of inactive blocks must be zero, and stay so.
pub(super) fn scan(
    layout: &GridLayout,
    active: &[bool],
    coefficients: &mut [i32],
    symbols: &mut impl Symbols,
) {
    debug_assert_eq!(active.len(), layout.block_count());
    if !active.contains(&true) {
        return;
    }
    let mut first = 0;
    for band in &layout.bands {
        let len = band.len();
        if len > 0 {
            scan_band(
                layout,
                band,
                active,
                first,
                &mut coefficients[first..][..len],
                symbols,
            );
        }
        first += len;
    }
}

fn scan_band(
    layout: &GridLayout,
    band: &BandLayout,
    active: &[bool],
    first: usize,
    coefficients: &mut [i32],
    symbols: &mut impl Symbols,
) {
    let [_, by, bx] = layout.blocks;
    let [nz, ny, nx] = band.dims;
    let mut magnitudes = Magnitudes::new(band.dims);
    let mut sums = vec![0u16; nx];
    let mut line = vec![0u8; nx];
    let shift = u32::from(layout.planar);
    for z in 0..nz {
        magnitudes.advance();
        for y in 0..ny {
            let block_row = (z / BLOCK * by + y / BLOCK) * bx;
            let active = &active[block_row..][..bx];
            if !active.iter().any(|&a| a) {
                continue;
            }
            magnitudes.sums(y, &mut sums);
            line.fill(0);
            let row = (z * ny + y) * nx;
            let (mut near, mut far) = (0u32, 0u32);
            for (b, _) in active.iter().enumerate().filter(|(_, a)| **a) {
                let start = b * BLOCK;
                if start >= nx {
                    continue;
                }
                if b > 0 && !active[b - 1] {
                    (near, far) = (0, 0);
                }
                symbols.enter_block(block_row + b);
                for x in start..nx.min(start + BLOCK) {
                    let energy = (u32::from(sums[x]) + 4 * near + far) << shift;
                    let bin = usize::from(BIN[(energy as usize).min(MAX_ENERGY)]);
                    let at = row + x;
                    let value = symbols.code(first + at, bin, coefficients[at], || {
                        let sign = |present: bool, back: usize| {
                            if present {
                                (1 + coefficients[at - back].signum()) as usize
                            } else {
                                1
                            }
                        };
                        let context =
                            sign(x > 0, 1) * 9 + sign(y > 0, nx) * 3 + sign(z > 0, nx * ny);
                        SignContext {
                            band: band.code.index(),
                            context,
                        }
                    });
                    coefficients[at] = value;
                    far = near;
                    near = value.unsigned_abs().min(255);
                    line[x] = near as u8;
                }
            }
            magnitudes.current_row(y).copy_from_slice(&line);
        }
    }
}
