//! What commands read: files of bytes, the frames of a file, its chunks from front to back.

mod frames;
mod walk;

pub(crate) use frames::{FrameChoice, find_frame, find_frames, several_frames};
pub(crate) use walk::walk;
