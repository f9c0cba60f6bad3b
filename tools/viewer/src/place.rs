//! What is decoded, by numbers.

use srt::Region;

/// A frame of one of the files: their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FramePlace {
    pub(crate) file: usize,
    pub(crate) frame: usize,
}

/// A box of a level of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BoxPlace {
    pub(crate) place: FramePlace,
    pub(crate) level: usize,
    pub(crate) region: Region,
}
