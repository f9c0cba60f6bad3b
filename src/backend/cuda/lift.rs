//! The launches of the wavelet: subbands to a grid and back (`kernels/lift.cu`).

use crate::backend::cuda::machine::{Address, Kernel, Machine};
use crate::backend::cuda::params::{LiftParams, Strides};
use crate::backend::cuda::run::launch_each;
use crate::base::error::Result;
use crate::base::grid::Axes;
use crate::transform::{LevelPlan, SubbandCode, Wavelet};

/// Values in device memory: a grid, a box of one, or a subband.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub(super) at: Address,
    pub(super) strides: Strides,
}

/// What the kernels compute in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    F32,
    F64,
}

impl Precision {
    /// Bytes of a value.
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

impl View {
    /// A dense box of `dims` values.
    pub(super) fn dense(at: Address, [_, ny, nx]: [usize; 3]) -> Self {
        let strides = Strides {
            block: 0,
            slice: (ny * nx) as i64,
            row: nx as i64,
            voxel: 1,
        };
        Self { at, strides }
    }

    /// The part from `first` on; values have `bytes` bytes.
    pub(super) fn from(self, first: [usize; 3], bytes: u64) -> Self {
        let [z, y, x] = first.map(|v| v as i64);
        let s = self.strides;
        let values = z * s.slice + y * s.row + x * s.voxel;
        Self {
            at: self.at + values as u64 * bytes,
            strides: s,
        }
    }

    /// Undoes [`View::from`].
    pub(super) fn back(self, first: [usize; 3], bytes: u64) -> Self {
        let forth = self.from(first, bytes);
        Self {
            at: self.at - (forth.at - self.at),
            strides: self.strides,
        }
    }

    /// Every second value along the axes of `which`.
    fn every_second(self, which: [bool; 3]) -> Self {
        let mut out = self;
        let all = [
            &mut out.strides.slice,
            &mut out.strides.row,
            &mut out.strides.voxel,
        ];
        for (stride, double) in all.into_iter().zip(which) {
            *stride *= if double { 2 } else { 1 };
        }
        out
    }
}

/// The wavelet on one box of a level.
pub(super) struct Lifting<'a> {
    pub(super) machine: &'a dyn Machine,
    pub(super) precision: Precision,
    pub(super) level: &'a LevelPlan,
    pub(super) wavelet: Wavelet,
}

/// The subband that is high-pass along these axes.
fn code(high: [bool; 3]) -> SubbandCode {
    let axes = (0..3).filter(|&axis| high[axis]);
    SubbandCode::of(axes.fold(Axes::NONE, Axes::with))
}

/// The two ways.
#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Join,
    Split,
}

impl Lifting<'_> {
    /// Joins subbands (`band` knows where they are) to the fine grid at `out`: the inverse wavelet, `x` first, then
    /// `y`, then `z`. `other` is as large as `out`.
    pub(super) fn join(
        &self,
        band: &dyn Fn(SubbandCode) -> View,
        out: Address,
        other: Address,
    ) -> Result<()> {
        let axes: Vec<usize> = [1, 0]
            .into_iter()
            .filter(|&a| self.level.split.contains(a))
            .collect();
        // The last step ends in `out`.
        let [mut from, mut to] = match axes.len() % 2 {
            0 => [out, other],
            _ => [other, out],
        };
        self.rows(
            Direction::Join,
            band,
            View::dense(from, self.level.fine.dims()),
        )?;
        for axis in axes {
            let [from_view, to_view] = [from, to].map(|at| View::dense(at, self.level.fine.dims()));
            self.along(Direction::Join, axis, from_view, to_view)?;
            [from, to] = [to, from];
        }
        Ok(())
    }

    /// Splits the fine grid `from` into subbands (`band` knows where they go): the forward wavelet, `z` first, then
    /// `y`, then `x`. The two others are as large as the grid.
    pub(super) fn split(
        &self,
        from: View,
        band: &dyn Fn(SubbandCode) -> View,
        others: [Address; 2],
    ) -> Result<()> {
        let mut others = others.into_iter().cycle();
        let mut from = from;
        for axis in [0, 1] {
            if self.level.split.contains(axis)
                && let Some(at) = others.next()
            {
                let to = View::dense(at, self.level.fine.dims());
                self.along(Direction::Split, axis, from, to)?;
                from = to;
            }
        }
        self.rows(Direction::Split, band, from)
    }

    /// Rows of the fine grid and the subbands they are made of, scales included.
    fn rows(
        &self,
        direction: Direction,
        band: &dyn Fn(SubbandCode) -> View,
        grid: View,
    ) -> Result<()> {
        let level = self.level;
        let bytes = self.precision.bytes();
        let axes = level.split.count();
        let scales = match direction {
            Direction::Join => self.wavelet.synthesis_scales(axes),
            Direction::Split => self.wavelet.analysis_scales(axes),
        };
        let split = [0, 1, 2].map(|axis| level.split.contains(axis));
        for (z, y) in [(false, false), (false, true), (true, false), (true, true)] {
            let low = code([z, y, false]);
            let dims = level.band_dims(low);
            if z && !split[0] || y && !split[1] || dims.contains(&0) {
                continue;
            }
            let first = [usize::from(z), usize::from(y), 0];
            let rows = grid.from(first, bytes).every_second(split);
            let pairs = [rows, rows].map(|rows| (rows.at, rows.strides));
            let bands = [band(low), band(code([z, y, split[2]]))].map(|b| (b.at, b.strides));
            let [mut from, mut to] = [bands, pairs];
            // The odd samples of a row lie after the even ones.
            to[1].0 += bytes;
            if direction == Direction::Split {
                [from, to] = [to, from];
            }
            let high_axes = usize::from(z) + usize::from(y);
            self.launch(
                direction,
                2,
                dims,
                [from, to],
                [scales[high_axes], scales[high_axes + 1]],
            )?;
        }
        Ok(())
    }

    /// Alternating low and high samples along `axis`, both ways.
    fn along(&self, direction: Direction, axis: usize, from: View, to: View) -> Result<()> {
        let mut size = self.level.fine.dims();
        size[axis] = size[axis].div_ceil(2);
        let (mut first, mut which) = ([0; 3], [false; 3]);
        first[axis] = 1;
        which[axis] = true;
        let pairs = |view: View| {
            let both = [view, view.from(first, self.precision.bytes())];
            both.map(|view| (view.at, view.every_second(which).strides))
        };
        self.launch(direction, axis, size, [pairs(from), pairs(to)], [1.0; 2])
    }

    /// One launch; low and high samples of source and target.
    fn launch(
        &self,
        direction: Direction,
        axis: usize,
        size: [usize; 3],
        [from, to]: [[(Address, Strides); 2]; 2],
        [low_scale, high_scale]: [f64; 2],
    ) -> Result<()> {
        let [lift0, lift1, lift2, lift3] = self.wavelet.lifting().unwrap_or_default();
        let n = self.level.fine.dims()[axis];
        let split = self.level.split.contains(axis);
        let params = LiftParams {
            low: from[0].0,
            high: from[1].0,
            to_low: to[0].0,
            to_high: to[1].0,
            low_from: from[0].1,
            high_from: from[1].1,
            low_to: to[0].1,
            high_to: to[1].1,
            low_scale,
            high_scale,
            lift0,
            lift1,
            lift2,
            lift3,
            size: size.into(),
            axis: axis as i32,
            lows: if split { n.div_ceil(2) } else { n } as i32,
            highs: if split { n / 2 } else { 0 } as i32,
            periodic: i32::from(self.level.periodic.contains(axis)),
            unused: 0,
        };
        launch_each(self.machine, self.kernel(direction), size, &params)
    }

    fn kernel(&self, direction: Direction) -> Kernel {
        use Kernel as K;
        use Precision::{F32, F64};
        match (direction, self.wavelet.lifting().is_some(), self.precision) {
            (Direction::Join, true, F32) => K::JoinCdf97F32,
            (Direction::Join, true, F64) => K::JoinCdf97F64,
            (Direction::Join, false, F32) => K::JoinHaarF32,
            (Direction::Join, false, F64) => K::JoinHaarF64,
            (Direction::Split, true, F32) => K::SplitCdf97F32,
            (Direction::Split, true, F64) => K::SplitCdf97F64,
            (Direction::Split, false, F32) => K::SplitHaarF32,
            (Direction::Split, false, F64) => K::SplitHaarF64,
        }
    }
}
