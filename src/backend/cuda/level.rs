//! A whole level on the device (spec section 6): quantise the low-pass, predict, add what is stored, join. Entropy decoding
//! happens on the host while the network runs.

use std::sync::Arc;

use crate::backend::cuda::grid::CudaGrid;
use crate::backend::cuda::lift::{Lifting, Precision, View};
use crate::backend::cuda::machine::{Kernel, Machine};
use crate::backend::cuda::params::{QuantiseParams, WidenParams, bytes_of};
use crate::backend::cuda::pieces::PieceUploads;
use crate::backend::cuda::run::{CallData, NetworkRun, launch_each, scaled};
use crate::backend::cuda::stage::Uploads;
use crate::backend::cuda::{Buffers, Cuda, DeviceNetwork, lock, room, too_little};
use crate::backend::device::{
    DeviceGrid, LevelDevice, LevelJob, LevelPrediction, LowPass, LowPassLocation, Pieces,
};
use crate::backend::request::values_per_cell;
use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::base::real::RealSlice;
use crate::network::{Head, InputChannels};
use crate::transform::{LevelPlan, SubbandCode};

/// Most voxels along an axis: kernels count them in 32 bits.
const MOST_EXTENT: usize = 1 << 28;

/// Invalid cells per axis at the two cut faces of an earlier level's grid: 5 each.
const MARGIN: usize = 10;

/// Bytes of device memory of a level, activations left out.
struct Sizes {
    low: u64,
    result: u64,
    field: u64,
    planes: u64,
    bands: u64,
    grids: [u64; 2],
}

impl Sizes {
    fn new(job: &LevelJob<'_>, precision: Precision, low: Region) -> Self {
        let bytes = precision.bytes();
        let voxels = |dims: [usize; 3]| dims.iter().product::<usize>() as u64;
        let fine = voxels(job.level.fine.dims()) * bytes;
        // A grid may have a margin.
        let low = voxels(low.size.map(|n| n + MARGIN));
        let mut sizes = Self {
            low: low * bytes,
            result: fine,
            field: 0,
            planes: 0,
            bands: fine,
            grids: [fine, 0],
        };
        if let Some(p) = &job.prediction {
            sizes.field = low * size_of::<i16>() as u64;
            let per_cell = values_per_cell(p.network);
            sizes.planes = p.cells.len() as u64 * per_cell as u64 * size_of::<f32>() as u64;
            let wide = voxels(p.level.fine.dims()) * bytes;
            match (p.network.arch().head, precision) {
                (Head::VoxelShuffle, _) => {
                    sizes.bands = wide;
                    sizes.grids = [wide.max(fine), wide];
                }
                // Subbands are joined where they were predicted.
                (Head::Subbands, Precision::F32) => sizes.bands = 0,
                (Head::Subbands, Precision::F64) => {}
            }
        }
        sizes
    }

    /// All but the low-pass.
    fn beside_low(&self) -> u64 {
        let all = [self.result, self.field, self.planes, self.bands];
        all.iter().chain(&self.grids).sum::<u64>() + Uploads::DEVICE_BYTES
    }
}

/// The box of the finer grid over the cells of a job.
fn fine_box(cells: Region, level: &LevelPlan) -> Region {
    Region {
        start: [0, 1, 2].map(|axis| cells.start[axis] << usize::from(level.split.contains(axis))),
        size: level.fine.dims(),
    }
}

fn contradiction(what: &str) -> Error {
    Error::invalid(format!("a level whose parts fit expected, {what} found"))
}

/// Whether the parts of a level fit each other and the kernels.
fn is_level(level: &LevelPlan) -> bool {
    let (fine, coarse) = (level.fine.dims(), level.coarse.dims());
    (0..3).all(|axis| {
        let (is_split, repeats) = (level.split.contains(axis), level.periodic.contains(axis));
        let halved = if is_split {
            fine[axis].div_ceil(2)
        } else {
            fine[axis]
        };
        let may_repeat = is_split && fine[axis].is_multiple_of(2);
        coarse[axis] == halved && (!repeats || may_repeat)
    })
}

fn is_small(dims: [usize; 3]) -> bool {
    dims.iter().all(|&n| n <= MOST_EXTENT)
}

/// Checks that the parts of a job fit each other, and that `low` holds what it needs.
fn check(job: &LevelJob<'_>, low: Region) -> Result<()> {
    let level = &job.level;
    if job.cells.is_empty() || job.cells.size != level.coarse.dims() || !low.contains(&job.cells) {
        return Err(contradiction("cells of another shape, or without low-pass"));
    }
    if !is_level(level) || !is_small(level.fine.dims()) || !is_small(low.size) {
        return Err(contradiction("extents that no level has"));
    }
    if !fine_box(job.cells, level).contains(&job.fine) || job.fine.is_empty() {
        return Err(contradiction("a finer box outside its cells"));
    }
    let is_band = |code: &SubbandCode| {
        let others = level.details.iter().filter(|&other| other == code);
        (0..3).all(|axis| level.split.contains(axis) || !code.is_high(axis))
            && *code != SubbandCode::LOW
            && others.count() == 1
    };
    if level.details.len() + 1 != 1 << level.split.count() || !level.details.iter().all(is_band) {
        return Err(contradiction("other subbands"));
    }
    match &job.prediction {
        Some(prediction) => check_prediction(job, prediction, low),
        None => Ok(()),
    }
}

/// [`check`] for what is predicted.
fn check_prediction(job: &LevelJob<'_>, p: &LevelPrediction<'_>, low: Region) -> Result<()> {
    let (arch, level) = (p.network.arch(), &job.level);
    let whole = Region {
        start: [0; 3],
        size: p.domain,
    };
    let conditioned = arch.channels.contains(InputChannels::CONDITION);
    if usize::from(arch.rank) != level.split.count()
        || !whole.contains(&p.cells)
        || !low.contains(&p.needed())
        || conditioned != p.condition.is_some()
        || p.condition == Some(i16::MIN)
        || !is_small(p.domain)
    {
        return Err(contradiction("a network or low-pass for another level"));
    }
    let holds = |code: &SubbandCode| {
        let own = p.level.band_dims(*code);
        let has = Region {
            start: p.cells.start,
            size: own,
        };
        has.contains(&Region {
            start: job.cells.start,
            size: level.band_dims(*code),
        })
    };
    let fits = match arch.head {
        Head::Subbands => p.cells == job.cells && arch.outputs() == level.details.len(),
        Head::VoxelShuffle => {
            p.level.split == level.split
                && p.cells.size == p.level.coarse.dims()
                && is_level(&p.level)
                && level.details.iter().all(holds)
        }
    };
    fits.then_some(())
        .ok_or_else(|| contradiction("a prediction of other cells"))
}

/// One level on its way.
struct Level<'a> {
    cuda: &'a Cuda,
    job: &'a LevelJob<'a>,
    precision: Precision,
    sizes: Sizes,
    /// The prediction's network in the form of the device.
    device_network: Option<Arc<DeviceNetwork>>,
}

impl<'a> Level<'a> {
    fn new(
        cuda: &'a Cuda,
        job: &'a LevelJob<'a>,
        precision: Precision,
        low: Region,
    ) -> Result<Self> {
        check(job, low)?;
        let prediction = job.prediction.as_ref();
        let device_network = prediction
            .map(|p| cuda.device_network(p.network))
            .transpose()?;
        Ok(Self {
            cuda,
            job,
            precision,
            sizes: Sizes::new(job, precision, low),
            device_network,
        })
    }

    fn machine(&self) -> &'a Arc<dyn Machine> {
        &self.cuda.machine
    }

    /// Tiles and bytes of the activations, when at most `most` bytes may be taken for them.
    fn activations(&self, low: Region, most: u64) -> (Vec<Region>, u64) {
        match (&self.job.prediction, &self.device_network) {
            (Some(p), Some(device_network)) => {
                let request = p.request(low, &[]);
                let layout = self.cuda.layout(device_network, &request, most);
                self.cuda.tiles(&layout, p.cells, most)
            }
            _ => (Vec::new(), 0),
        }
    }

    /// Dense subbands of a box of cells that starts at `first`, one after the other from `at`: what lies from the job's
    /// cells on.
    fn subbands(&self, at: u64, first: Region, level: &LevelPlan) -> Vec<(SubbandCode, View)> {
        let bytes = self.precision.bytes();
        let offset = [0, 1, 2].map(|axis| self.job.cells.start[axis] - first.start[axis]);
        let mut next = at;
        let band = |&code: &SubbandCode| {
            let dims = level.band_dims(code);
            let whole = View::dense(next, dims);
            next += dims.iter().product::<usize>() as u64 * bytes;
            (code, whole.from(offset, bytes))
        };
        self.job.level.details.iter().map(band).collect()
    }

    /// Predicts the details; returns where they are.
    fn predict(
        &self,
        buffers: &mut Buffers,
        low: &CudaGrid,
        most: u64,
    ) -> Result<Vec<(SubbandCode, View)>> {
        let machine = self.machine();
        let sizes = &self.sizes;
        let (Some(p), Some(device_network)) = (&self.job.prediction, &self.device_network) else {
            let bands = room(&mut buffers.bands, machine, sizes.bands)?;
            bands.clear(0, sizes.bands)?;
            return Ok(self.subbands(bands.at(), self.job.cells, &self.job.level));
        };
        let request = p.request(low.outer, &[]);
        let layout = self.cuda.layout(device_network, &request, most);
        let (tiles, bytes) = self.cuda.tiles(&layout, p.cells, most);
        let field = room(&mut buffers.call, machine, sizes.field)?.at();
        let planes = room(&mut buffers.planes, machine, sizes.planes)?.at();
        let arena = room(&mut buffers.arena, machine, bytes)?;
        let head = scaled(Some(&device_network.program.head), p.scaling.gain);
        let shortcut = scaled(device_network.program.shortcut.as_ref(), p.scaling.unit);
        let scales = [
            buffers.uploads.add_bytes(machine, bytes_of(&head))?,
            buffers.uploads.add_bytes(machine, bytes_of(&shortcut))?,
        ];
        buffers.uploads.send(|| {
            self.quantise(low, field, p.multiplier)?;
            let run = NetworkRun {
                machine: machine.as_ref(),
                layout: &layout,
                constants: &device_network.constants,
                arena,
                call: CallData {
                    field,
                    extent: low.outer,
                    scales,
                    planes,
                },
                region: p.cells,
            };
            tiles.into_iter().try_for_each(|tile| run.tile(tile))
        })?;
        match p.network.arch().head {
            Head::Subbands => self.predicted_bands(buffers, planes),
            Head::VoxelShuffle => self.split(buffers, planes, p),
        }
    }

    /// Network input from a whole grid.
    fn quantise(&self, low: &CudaGrid, to: u64, multiplier: f32) -> Result<()> {
        let kernel = match self.precision {
            Precision::F32 => Kernel::QuantiseF32,
            Precision::F64 => Kernel::QuantiseF64,
        };
        let params = QuantiseParams {
            from: low.memory()?.at(),
            to,
            count: low.outer.len() as i64,
            multiplier,
            unused: 0,
        };
        launch_each(self.machine().as_ref(), kernel, low.outer.size, &params)
    }

    fn predicted_bands(
        &self,
        buffers: &mut Buffers,
        planes: u64,
    ) -> Result<Vec<(SubbandCode, View)>> {
        let cells = self.job.cells;
        let plane = |number: usize| {
            let bytes = (number * cells.len() * size_of::<f32>()) as u64;
            View::dense(planes + bytes, cells.size)
        };
        let details = self.job.level.details.iter().enumerate();
        if self.precision == Precision::F32 {
            return Ok(details
                .map(|(number, &code)| (code, plane(number)))
                .collect());
        }
        let bands = room(&mut buffers.bands, self.machine(), self.sizes.bands)?;
        let views = self.subbands(bands.at(), cells, &self.job.level);
        for (number, &(code, view)) in views.iter().enumerate() {
            self.widen(plane(number), view, self.job.level.band_dims(code))?;
        }
        Ok(views)
    }

    fn widen(&self, from: View, to: View, size: [usize; 3]) -> Result<()> {
        let params = WidenParams {
            from: from.at,
            to: to.at,
            from_strides: from.strides,
            to_strides: to.strides,
            size: size.into(),
            unused: 0,
        };
        launch_each(self.machine().as_ref(), Kernel::WidenF64, size, &params)
    }

    /// The details of predicted voxels.
    fn split(
        &self,
        buffers: &mut Buffers,
        planes: u64,
        p: &LevelPrediction<'_>,
    ) -> Result<Vec<(SubbandCode, View)>> {
        let machine = self.machine();
        let [first, second] = &mut buffers.grids;
        let first = room(first, machine, self.sizes.grids[0])?.at();
        let second = room(second, machine, self.sizes.grids[1])?.at();
        let bands = room(&mut buffers.bands, machine, self.sizes.bands)?;
        // An odd fine axis drops the last plane.
        let double =
            [0, 1, 2].map(|axis| p.cells.size[axis] << usize::from(p.level.split.contains(axis)));
        let mut from = View::dense(planes, double);
        if self.precision == Precision::F64 {
            let wide = View::dense(second, p.level.fine.dims());
            self.widen(from, wide, p.level.fine.dims())?;
            from = wide;
        }
        // The low-pass is of no use; it lies in front.
        let low_len = p.level.coarse.len();
        let details = bands.at() + low_len as u64 * self.precision.bytes();
        let views = self.subbands(details, p.cells, &p.level);
        let offset = [0, 1, 2].map(|axis| self.job.cells.start[axis] - p.cells.start[axis]);
        let place = |code: SubbandCode| {
            let found = views.iter().find(|(other, _)| *other == code);
            found.map_or(View::dense(bands.at(), p.cells.size), |(_, view)| {
                view.back(offset, self.precision.bytes())
            })
        };
        self.lifting(&p.level)
            .split(from, &place, [first, second])?;
        Ok(views)
    }

    fn lifting<'b>(&'b self, level: &'b LevelPlan) -> Lifting<'b> {
        Lifting {
            machine: self.machine().as_ref(),
            precision: self.precision,
            level,
            wavelet: self.job.wavelet,
        }
    }

    fn run(
        &self,
        buffers: &mut Buffers,
        low: &CudaGrid,
        pieces: &mut Pieces<'_>,
    ) -> Result<CudaGrid> {
        let machine = self.machine();
        let all = self.cuda.memory(buffers)?;
        let most = all.saturating_sub(self.sizes.beside_low());
        let (_, bytes) = self.activations(low.outer, most);
        if bytes > most || self.sizes.beside_low() > all {
            return Err(too_little(bytes + self.sizes.beside_low(), all));
        }
        let fine = fine_box(self.job.cells, &self.job.level);
        let boxes = [fine, self.job.fine];
        let mut result = CudaGrid::new(machine, &self.cuda.shared, self.precision, boxes)?;
        let bands = self.predict(buffers, low, most)?;
        let mut piece_uploads = PieceUploads::new(machine, self.precision, self.job, &bands);
        pieces(&mut |piece| piece_uploads.take(&mut buffers.uploads, piece))?;
        piece_uploads.flush(&mut buffers.uploads)?;
        let low_view = low.view(self.job.cells.start)?;
        let place = |code: SubbandCode| {
            let found = bands.iter().find(|(other, _)| *other == code);
            found.map_or(low_view, |(_, view)| *view)
        };
        let other = room(&mut buffers.grids[0], machine, self.sizes.grids[0])?.at();
        let to = result.memory()?.at();
        self.lifting(&self.job.level).join(&place, to, other)?;
        result.finish()?;
        Ok(result)
    }
}

impl Cuda {
    /// A box of host memory as a grid.
    fn bring(&self, region: Region, values: RealSlice<'_>) -> Result<CudaGrid> {
        let (precision, len, bytes) = match values {
            RealSlice::F32(values) => (Precision::F32, values.len(), bytes_of(values)),
            RealSlice::F64(values) => (Precision::F64, values.len(), bytes_of(values)),
        };
        if len != region.len() {
            return Err(contradiction("a low-pass of another length"));
        }
        let mut grid = CudaGrid::new(&self.machine, &self.shared, precision, [region; 2])?;
        grid.memory()?.upload(bytes)?;
        grid.finish()?;
        Ok(grid)
    }
}

impl LevelDevice for Cuda {
    fn fits(&self, job: &LevelJob<'_>, value_bytes: usize, low: LowPassLocation) -> Result<bool> {
        let precision = match value_bytes {
            4 => Precision::F32,
            _ => Precision::F64,
        };
        let (LowPassLocation::Host(region) | LowPassLocation::Device(region)) = low;
        let level = Level::new(self, job, precision, region)?;
        let buffers = lock(&self.shared.buffers);
        let all = self.memory(&buffers)?;
        drop(buffers);
        let mut fixed = level.sizes.beside_low();
        if low == LowPassLocation::Host(region) {
            fixed += level.sizes.low;
        }
        // Results of two calls may be there at once.
        fixed += level.sizes.result;
        let most = all.saturating_sub(fixed);
        Ok(fixed <= all && level.activations(region, most).1 <= most)
    }

    fn level(
        &self,
        job: &LevelJob<'_>,
        low: LowPass<'_>,
        pieces: &mut Pieces<'_>,
    ) -> Result<Box<dyn DeviceGrid>> {
        let brought;
        let low = match low {
            LowPass::Host(region, values) => {
                brought = self.bring(region, values)?;
                &brought
            }
            LowPass::Device(grid) => grid
                .as_any()
                .downcast_ref::<CudaGrid>()
                .ok_or_else(|| contradiction("a grid of another device"))?,
        };
        let level = Level::new(self, job, low.precision, low.region)?;
        let mut buffers = std::mem::take(&mut *lock(&self.shared.buffers));
        buffers.uploads.reset();
        let result = level.run(&mut buffers, low, pieces);
        *lock(&self.shared.buffers) = buffers;
        Ok(Box::new(result?))
    }
}
