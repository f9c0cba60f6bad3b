//! The order of work on a GPU: one stream of launches, one of copies to it, one of copies from it, and points in them.

#![allow(unsafe_code)] // calls the driver

use std::sync::Mutex;

use cudarc::driver::result::{DriverError, event, stream};
use cudarc::driver::sys;

use crate::backend::cache::lock;
use crate::backend::cuda::machine::Mark;

/// Events of a stream, used in turn. One that is recorded again stands for a later point of its stream, so that who waits
/// for an old mark waits too long at worst.
const EVENTS: u64 = 64;

/// A stream of a GPU.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Launches,
    Uploads,
    Downloads,
}

/// The streams of a GPU; they live as long as the process.
pub(super) struct Streams {
    streams: [sys::CUstream; 3],
    /// Events of each stream, and the number of marks so far.
    events: Mutex<[(Vec<sys::CUevent>, u64); 3]>,
}

// SAFETY: streams and events are handles of the driver, which may be used from any thread once their context is current
// there; whoever calls makes it current first.
unsafe impl Send for Streams {}
// SAFETY: as above; the driver locks for itself.
unsafe impl Sync for Streams {}

impl Streams {
    /// New streams of the current context.
    ///
    /// # Errors
    /// What the driver reports.
    pub(super) fn new() -> Result<Self, DriverError> {
        let new = || stream::create(stream::StreamKind::NonBlocking);
        let event = || event::create(sys::CUevent_flags::CU_EVENT_DISABLE_TIMING);
        let events = || (0..EVENTS).map(|_| event()).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            streams: [new()?, new()?, new()?],
            events: Mutex::new([(events()?, 0), (events()?, 0), (events()?, 0)]),
        })
    }

    /// The handle of a stream.
    pub(super) fn of(&self, stream: Stream) -> sys::CUstream {
        self.streams[stream as usize]
    }

    /// The point after all work in `stream` so far.
    pub(super) fn mark(&self, stream: Stream) -> Result<Mark, DriverError> {
        let number = stream as usize;
        let mut events = lock(&self.events);
        let (all, count) = &mut events[number];
        // SAFETY: event and stream live as long as this.
        unsafe { event::record(all[(*count % EVENTS) as usize], self.streams[number]) }?;
        let mark = Mark(*count * 3 + number as u64);
        *count += 1;
        Ok(mark)
    }

    fn event(&self, Mark(mark): Mark) -> sys::CUevent {
        lock(&self.events)[(mark % 3) as usize].0[(mark / 3 % EVENTS) as usize]
    }

    /// Lets work to come in `stream` wait for `mark`.
    pub(super) fn hold(&self, stream: Stream, mark: Mark) -> Result<(), DriverError> {
        let flags = sys::CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT;
        // SAFETY: event and stream live as long as this.
        unsafe { stream::wait_event(self.of(stream), self.event(mark), flags) }
    }

    /// Waits for `mark`.
    pub(super) fn wait(&self, mark: Mark) -> Result<(), DriverError> {
        // SAFETY: the event lives as long as this.
        unsafe { event::synchronize(self.event(mark)) }
    }

    /// Waits for all work in `stream`.
    pub(super) fn finish(&self, stream: Stream) -> Result<(), DriverError> {
        // SAFETY: the stream lives as long as this.
        unsafe { stream::synchronize(self.of(stream)) }
    }
}
