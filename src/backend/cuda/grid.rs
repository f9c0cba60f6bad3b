//! Grids in device memory, and memory that waits for the next one.

use std::any::Any;
use std::sync::Arc;

use crate::backend::cuda::lift::{Precision, View};
use crate::backend::cuda::machine::{Machine, Mark, Memory};
use crate::backend::cuda::params::bytes_of_mut;
use crate::backend::cuda::{Shared, lock};
use crate::backend::device::DeviceGrid;
use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::base::real::RealSliceMut;

/// Idle memory of grids to keep: two levels in turn.
const IDLE: usize = 4;

/// A box of a grid on the device.
pub(super) struct CudaGrid {
    machine: Arc<dyn Machine>,
    shared: Arc<Shared>,
    /// Present until dropped.
    memory: Option<Memory>,
    pub(super) precision: Precision,
    /// The box that the memory holds.
    pub(super) outer: Region,
    /// The part of it that is good.
    pub(super) region: Region,
    /// After the kernels that make it.
    ready: Option<Mark>,
}

impl CudaGrid {
    /// Memory for the box `outer`, of which `region` will be good; its values are anything.
    pub(super) fn new(
        machine: &Arc<dyn Machine>,
        shared: &Arc<Shared>,
        precision: Precision,
        [outer, region]: [Region; 2],
    ) -> Result<Self> {
        let bytes = outer.len() as u64 * precision.bytes();
        let idle = {
            let mut idle = lock(&shared.idle);
            let fits = |memory: &Memory| (bytes..=2 * bytes).contains(&memory.bytes());
            let place = idle.iter().position(fits);
            place.map(|place| idle.swap_remove(place))
        };
        let memory = match idle {
            Some(memory) => memory,
            None => Memory::new(machine, bytes).or_else(|_| {
                lock(&shared.idle).clear();
                Memory::new(machine, bytes)
            })?,
        };
        shared.add_live(memory.bytes());
        Ok(Self {
            machine: Arc::clone(machine),
            shared: Arc::clone(shared),
            memory: Some(memory),
            precision,
            outer,
            region,
            ready: None,
        })
    }

    pub(super) fn memory(&self) -> Result<&Memory> {
        let memory = self.memory.as_ref();
        memory.ok_or_else(|| Error::invalid("a grid without memory"))
    }

    /// The value at `first`, a place inside `outer`, and those after it.
    pub(super) fn view(&self, first: [usize; 3]) -> Result<View> {
        let offset = [0, 1, 2].map(|axis| first[axis] - self.outer.start[axis]);
        let whole = View::dense(self.memory()?.at(), self.outer.size);
        Ok(whole.from(offset, self.precision.bytes()))
    }

    /// All kernels that make the grid are launched.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.ready = Some(self.machine.mark()?);
        Ok(())
    }

    fn download_bytes(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let Some(ready) = self.ready else {
            return Err(Error::invalid("a grid that is not made yet"));
        };
        let mut downloads = std::mem::take(&mut *lock(&self.shared.downloads));
        let done = downloads.download(&self.machine, ready, self.memory()?, offset, out);
        *lock(&self.shared.downloads) = downloads;
        done
    }
}

impl DeviceGrid for CudaGrid {
    fn region(&self) -> Region {
        self.region
    }

    fn download(&self, out: RealSliceMut<'_>) -> Result<()> {
        let (len, is_ours) = match &out {
            RealSliceMut::F32(out) => (out.len(), self.precision == Precision::F32),
            RealSliceMut::F64(out) => (out.len(), self.precision == Precision::F64),
        };
        if !is_ours || len != self.region.len() {
            return Err(Error::invalid(format!(
                "room for {} values of {} bytes expected, {len} found",
                self.region.len(),
                self.precision.bytes()
            )));
        }
        let (outer, region) = (self.outer, self.region);
        let mut rows = Vec::new();
        outer.for_each_row(&region, &region, |at, to, len| rows.push((at, to, len)));
        let (Some(&(first, ..)), Some(&(last, _, row))) = (rows.first(), rows.last()) else {
            return Ok(());
        };
        let run = last + row - first;
        let bytes = self.precision.bytes();
        let offset = first as u64 * bytes;
        let out = match out {
            RealSliceMut::F32(out) => bytes_of_mut(out),
            RealSliceMut::F64(out) => bytes_of_mut(out),
        };
        if run == len {
            return self.download_bytes(offset, out);
        }
        let bytes = bytes as usize;
        let mut all = vec![0u8; run * bytes];
        self.download_bytes(offset, &mut all)?;
        for (at, to, len) in rows {
            let at = (at - first) * bytes;
            out[to * bytes..][..len * bytes].copy_from_slice(&all[at..][..len * bytes]);
        }
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for CudaGrid {
    fn drop(&mut self) {
        // Kernels under way may still read it. Whoever takes the memory next writes it after them.
        if let Some(memory) = self.memory.take() {
            self.shared.remove_live(memory.bytes());
            let mut idle = lock(&self.shared.idle);
            if idle.len() == IDLE {
                idle.remove(0);
            }
            idle.push(memory);
        }
    }
}
