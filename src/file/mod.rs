//! Files: fields and time steps to bytes and back.
//!
//! | file | job |
//! |---|---|
//! | `simple` | one field to one file and back: [`encode`], [`decode`] |
//! | `encoder` | frame by frame into anything that takes bytes: [`Encoder`] |
//! | `decoder`, `frame_reader` | a whole file, and what can be read of a frame: [`Decoder`], [`FrameReader`] |
//! | `frame_judge` | whether a frame keeps its bound beside the original |
//! | `stream_decoder`, `stream_frame_reader`, `partial_frame` | the same of a file that arrives: [`StreamDecoder`] |
//! | `setup`, `field_source`, `file_weights` | what both decoders share: options, frames in slabs, weight sets |
//! | `encoder_weights`, `encoder_past` | the networks and the earlier frames an encoder may use |
//! | `chain`, `stream_past` | the frames that a frame is predicted from, of a file and of one that arrives |
//! | `merge`, `statistics` | files made apart, joined; a field measured before it is encoded |

mod chain;
mod decoder;
mod encoder;
pub(crate) mod encoder_past;
mod encoder_weights;
mod field_source;
mod file_weights;
mod frame_judge;
mod frame_key;
mod frame_reader;
mod merge;
mod partial_frame;
mod setup;
mod simple;
mod statistics;
mod stream_decoder;
mod stream_frame_reader;
mod stream_past;

pub use decoder::Decoder;
pub use encoder::{Encoder, FileReport, FrameReport};
pub use frame_judge::{Judging, compare_fields};
pub use frame_key::{FieldKey, FrameKey};
pub use frame_reader::{FrameLevels, FrameReader};
pub use merge::merge;
pub use simple::{EncodeReport, decode, decode_any, encode, encode_with_report};
pub use statistics::{checksum, measure};
pub use stream_decoder::StreamDecoder;
pub use stream_frame_reader::StreamFrameReader;
