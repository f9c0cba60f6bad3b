//! Copies beside the kernels, through page-locked memory.

#![allow(unsafe_code)] // shares memory with a device

use std::sync::Arc;

use crate::backend::cuda::machine::{Address, HostMemory, Machine, Mark, Memory};
use crate::base::error::{Error, Result};

/// Bytes of a stage: long enough for the full speed of the bus.
const STAGE_BYTES: usize = 8 << 20;
/// Stages of either direction: one under way, one to fill or to empty, one that kernels read.
const STAGES: usize = 3;

/// Page-locked memory that a device may be copying from or to.
struct Stage {
    host: HostMemory,
    /// Where the device is through with it.
    busy: Option<Mark>,
    machine: Arc<dyn Machine>,
}

impl Stage {
    fn new(machine: &Arc<dyn Machine>) -> Result<Self> {
        Ok(Self {
            host: HostMemory::new(machine, STAGE_BYTES)?,
            busy: None,
            machine: Arc::clone(machine),
        })
    }

    /// The memory, once the device is through with it.
    fn idle(&mut self) -> Result<&mut HostMemory> {
        if let Some(mark) = self.busy.take() {
            self.machine.wait(mark)?;
        }
        Ok(&mut self.host)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Where this fails the device is lost and copies nothing any more.
        let _ = self.idle();
    }
}

/// Stages on the way to the device, each with its place there.
#[derive(Default)]
pub(super) struct Uploads {
    stages: Vec<(Stage, Memory)>,
    /// The stage being filled, and the bytes in it.
    current: usize,
    len: usize,
}

impl Uploads {
    /// Most bytes of one batch.
    pub(super) const BYTES: usize = STAGE_BYTES;
    /// Device memory of all stages.
    pub(super) const DEVICE_BYTES: u64 = (STAGES * STAGE_BYTES) as u64;

    /// Forgets what was added and not sent.
    pub(super) fn reset(&mut self) {
        self.len = 0;
    }

    /// Where `bytes` more bytes would lie in the batch; `None` when it is full.
    fn place(&self, bytes: usize) -> Option<std::ops::Range<usize>> {
        let at = self.len.next_multiple_of(16);
        let end = at.checked_add(bytes).filter(|&end| end <= STAGE_BYTES)?;
        Some(at..end)
    }

    /// Whether `bytes` more bytes fit in the batch.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.place(bytes).is_some()
    }

    /// Room for `bytes` more bytes and their address on the device; `None` when the batch is full.
    pub(super) fn add(
        &mut self,
        machine: &Arc<dyn Machine>,
        bytes: usize,
    ) -> Result<Option<(&mut [u8], Address)>> {
        if self.stages.is_empty() {
            for _ in 0..STAGES {
                let device = Memory::new(machine, STAGE_BYTES as u64)?;
                self.stages.push((Stage::new(machine)?, device));
            }
            machine.finish()?; // new memory is cleared among the launches
        }
        let Some(place) = self.place(bytes) else {
            return Ok(None);
        };
        self.len = place.end;
        let (stage, device) = &mut self.stages[self.current];
        let host = stage.idle()?;
        // SAFETY: no copy names the stage: `idle` waited, and the next begins in `send`.
        let all = unsafe { host.slice() };
        let at = device.at() + place.start as u64;
        Ok(Some((&mut all[place], at)))
    }

    /// [`Uploads::add`] for bytes that fit.
    pub(super) fn add_bytes(
        &mut self,
        machine: &Arc<dyn Machine>,
        bytes: &[u8],
    ) -> Result<Address> {
        let Some((room, at)) = self.add(machine, bytes.len())? else {
            return Err(Error::limit("a batch is full"));
        };
        room.copy_from_slice(bytes);
        Ok(at)
    }

    /// Sends the batch and starts the kernels of `launch` after it; the stage is idle after them.
    pub(super) fn send(&mut self, launch: impl FnOnce() -> Result<()>) -> Result<()> {
        let len = std::mem::take(&mut self.len);
        let Some((stage, device)) = self.stages.get_mut(self.current).filter(|_| len > 0) else {
            return launch();
        };
        self.current = (self.current + 1) % STAGES;
        // SAFETY: nobody touches the stage before `idle` waited for this mark, or for the one after the kernels.
        stage.busy = Some(unsafe { device.upload_beside(&stage.host, len) }?);
        let launched = launch();
        stage.busy = Some(stage.machine.mark()?);
        launched
    }
}

/// Stages on the way from the device.
#[derive(Default)]
pub(super) struct Downloads {
    stages: Vec<Stage>,
}

impl Downloads {
    /// Copies `out.len()` bytes from `offset` of `from`, as they are at `after`.
    pub(super) fn download(
        &mut self,
        machine: &Arc<dyn Machine>,
        after: Mark,
        from: &Memory,
        offset: u64,
        out: &mut [u8],
    ) -> Result<()> {
        while self.stages.len() < STAGES {
            self.stages.push(Stage::new(machine)?);
        }
        let mut chunks = Vec::new();
        let mut at = offset;
        for chunk in out.chunks_mut(STAGE_BYTES) {
            let len = chunk.len();
            chunks.push((at, chunk));
            at += len as u64;
        }
        // Copies run ahead of the emptying by all stages but one.
        let count = chunks.len();
        for i in 0..count + STAGES - 1 {
            if let Some((at, chunk)) = chunks.get(i) {
                let stage = &mut self.stages[i % STAGES];
                stage.idle()?;
                // SAFETY: nobody touches the stage before `idle` waited for the mark; `from` is borrowed until then.
                let mark =
                    unsafe { from.download_beside(after, *at, &mut stage.host, chunk.len()) }?;
                stage.busy = Some(mark);
            }
            let ready = i.checked_sub(STAGES - 1).and_then(|i| chunks.get_mut(i));
            if let Some((_, chunk)) = ready {
                let stage = &mut self.stages[(i + 1) % STAGES];
                let host = stage.idle()?;
                // SAFETY: no copy names the stage: `idle` waited.
                let bytes = unsafe { host.slice() };
                chunk.copy_from_slice(&bytes[..chunk.len()]);
            }
        }
        Ok(())
    }
}
