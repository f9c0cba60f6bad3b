//! `srt`: an error-bounded codec and file format for scientific volumes.
//!
//! A field is split by a wavelet into levels; small networks predict the details of each level from
//! the coarser one; what they get wrong is quantised and coded where an octree says it matters. The
//! encoder decodes what it wrote and checks the bound. All decoding is exact (`spec/srt-format.md`,
//! section 6), so every machine gets the same bytes.
//!
//! ```
//! use srt::{Bound, EncodeOptions, Shape, Volume};
//!
//! let shape = Shape::new(&[8, 9, 10])?; // slowest axis first
//! let values = (0..720).map(|i| (i as f32 * 0.01).sin()).collect();
//! let volume = Volume::new(shape, values)?;
//!
//! let file = srt::encode(&volume, &EncodeOptions::new(Bound::MaxError(1e-3)))?;
//! let back = srt::decode::<f32>(&file)?;
//! assert!(volume.data().iter().zip(back.data()).all(|(a, b)| (a - b).abs() <= 1e-3));
//! # Ok::<(), srt::Error>(())
//! ```
//!
//! For more than that:
//!
//! | to | there is |
//! |---|---|
//! | say what is promised, and how it is coded | [`EncodeOptions`]: [`Bound`], [`Coding`], [`Resources`], [`Observer`] |
//! | know what became of it | [`encode_with_report`] |
//! | write several fields and time steps, or slabs | [`Encoder`], [`FrameKey`] |
//! | read frames, levels and boxes of a file, also a mapped one | [`Decoder`], [`FrameReader`], [`FileBytes`] |
//! | read parts of files from anywhere | [`ByteSource`], [`SeekSource`], [`Decoder::from_source`] |
//! | read a file as it arrives | [`StreamDecoder`] |
//! | set limits, threads, a backend, weights to read with | [`DecodeOptions`] |
//! | join files made apart | [`merge`] |
//! | use networks of your own | [`Hierarchy::from_safetensors`], [`Model::Given`] |
//! | open and write `.npy` and raw fields | [`Input`], [`FieldStream`], [`AtomicFile`] |
//! | measure errors | [`compare`], [`ssim`], [`EvalReport`] |
//! | judge a frame beside its original | [`FrameReader::judge`], [`Verdict`] |
//! | exchange arrays with the crate `ndarray` | `Volume::view` and `Volume::try_from`, with the feature `ndarray` |
//! | read the chunks of a file without decoding | [`Reader`], [`Parser`], [`Writer`] |
//!
//! `tools/examples/` has a program for each of the commoner uses.
//!
//! # A file
//!
//! Chunk after chunk, written without a seek:
//!
//! ```text
//! header | DSET | NREF or NETW.. | FRAM MASK TREE BRIK.. CORR | FRAM .. | INDX | trailer
//! ```
//!
//! # The rooms of the source
//!
//! Each may use those above it only; `tests/layering.rs` sees to that. They are private but for the names
//! listed in `src/lib.rs`; with the feature `internals` tools, tests and benches reach into them, and nothing is
//! promised there.
//!
//! | room | job |
//! |---|---|
//! | `base` | errors, limits, grids, numbers, bytes of files: what everything stands on |
//! | `volume` | fields in memory, and in `.npy` and raw files |
//! | `container` | bytes to chunks and records, and back; knows nothing of what they mean |
//! | `transform` | wavelets, levels, subbands |
//! | `metrics` | PSNR, SSIM, largest errors |
//! | `codec` | coefficients, predicted values, masks, corrections and lossless parts to payloads, and back |
//! | `octree` | which boxes keep detail |
//! | `network` | networks as data, and those built in |
//! | `backend` | who computes networks: a CPU, a GPU |
//! | `recon` | the level loop: predict, correct, upscale |
//! | `options` | what is asked of an encoder and a decoder |
//! | `frame` | one field at one step, by the form it is stored in |
//! | `file` | files of frames: start here |
//!
//! # One voxel's way into a file
//!
//! Links lead on in the documentation that `cargo doc --document-private-items` makes.
//!
//! 1. [`encode`] takes a [`VolumeView`] and makes an [`Encoder`] of one field. [`Encoder::write`] checks the values
//!    against the [`Dataset`] and goes to work where [`Resources`] says.
//! 2. [`frame::encode::encode_frame`] puts values that are not numbers, or are the mask value, into a mask
//!    ([`codec::mask`]) and fills them in smoothly (`src/frame/fill.rs`). A field of one value becomes [`Form::Constant`], one that
//!    nothing makes smaller [`Form::Lossless`].
//!    Under a bound on single errors a sample of the field tells whether neighbours say more than levels do: then voxels are
//!    predicted one by one ([`Form::Raster`], [`frame::raster`], [`codec::raster`]), and what follows is of no concern.
//! 3. What is left is brought to mean 0 and variance 1 ([`frame::sample::Normalisation`]) and split, level by level, into a
//!    low-pass volume and details ([`frame::wavelet::analysis`], [`transform::forward`]).
//! 4. From the coarsest level on, networks predict the details of the next finer one from what the decoder will know
//!    ([`recon::walk`], [`recon::Predictor`], [`Backend::predict`]). The difference is quantised and added back, so that
//!    errors do not pile up ([`frame::wavelet::quantise`]).
//! 5. [`octree::prune`] leaves out what is zero or not worth its bytes; the bricks that remain, 64^3 voxels each, are coded
//!    by an adaptive arithmetic coder ([`frame::wavelet::bricks`], [`codec::ctx`]).
//! 6. The result is decoded and compared with the original ([`frame::wavelet::trial`], [`metrics`]). The search takes
//!    that for the next step, until the [`Bound`] is just met ([`frame::wavelet::search`]); single voxels that miss a
//!    bound on errors get corrections ([`codec::corrections`]).
//! 7. [`frame::encoded::EncodedFrame::for_each_chunk`] hands out the record, mask, octree, bricks and corrections, [`Writer::chunk`] writes
//!    each under its checksums, and [`Encoder::finish`] index and trailer.
//!
//! # One voxel's way out of it
//!
//! 1. [`Decoder::new`] reads trailer and index ([`Reader`]) and all records, in the order that the grammar of chunks
//!    allows ([`container::order`], [`container::contents`]). No brick is touched.
//! 2. [`Decoder::frame`] finds the records of a field and step. [`FrameReader::level`] and [`FrameReader::region`] say what is
//!    wanted, [`FrameReader::read`] goes to work. Slabs are put together by `src/file/field_source.rs`.
//! 3. [`frame::decode::FrameSource`] takes the form apart. Of the wavelet form, [`frame::layout::FrameLayout`] knows
//!    levels, octree leaves and bricks, and which of them a box needs ([`recon::LevelLoop`] goes over just those).
//! 4. The level loop, the encoder's own ([`recon::walk`]), predicts the details of each level, adds the residuals that the
//!    bricks hold ([`recon::AddResiduals`]) and inverts the wavelet ([`transform::inverse`]): in whole, layer by layer, or on
//!    a GPU ([`recon::GridStorage`]).
//! 5. Values go back to the field's unit and are rounded to its type; corrections and mask are applied, and the box is a
//!    [`Volume`].

// The way through the source names what is private.
#![allow(rustdoc::private_intra_doc_links)]
// What tools, tests and benches alone use is out of reach without the feature; lints see all of it with it.
#![cfg_attr(
    not(feature = "internals"),
    allow(dead_code, unreachable_pub, unused_imports)
)]

#[cfg(not(feature = "internals"))]
mod backend;
#[cfg(feature = "internals")]
pub mod backend;
#[cfg(not(feature = "internals"))]
mod base;
#[cfg(feature = "internals")]
pub mod base;
#[cfg(not(feature = "internals"))]
mod codec;
#[cfg(feature = "internals")]
pub mod codec;
#[cfg(not(feature = "internals"))]
mod container;
#[cfg(feature = "internals")]
pub mod container;
#[cfg(not(feature = "internals"))]
mod file;
#[cfg(feature = "internals")]
pub mod file;
#[cfg(not(feature = "internals"))]
mod frame;
#[cfg(feature = "internals")]
pub mod frame;
#[cfg(not(feature = "internals"))]
mod metrics;
#[cfg(feature = "internals")]
pub mod metrics;
#[cfg(not(feature = "internals"))]
mod network;
#[cfg(feature = "internals")]
pub mod network;
#[cfg(not(feature = "internals"))]
mod octree;
#[cfg(feature = "internals")]
pub mod octree;
#[cfg(not(feature = "internals"))]
mod options;
#[cfg(feature = "internals")]
pub mod options;
#[cfg(not(feature = "internals"))]
mod recon;
#[cfg(feature = "internals")]
pub mod recon;
#[cfg(not(feature = "internals"))]
mod transform;
#[cfg(feature = "internals")]
pub mod transform;
#[cfg(not(feature = "internals"))]
mod volume;
#[cfg(feature = "internals")]
pub mod volume;

// Errors, grids, limits, types of values.
pub use base::dtype::{ByteOrder, Dtype, Element, f16};
pub use base::error::{Error, ErrorKind, Result};
pub use base::file::FileBytes;
pub use base::grid::{Axes, Region, Shape};
pub use base::limits::Limits;
pub use base::source::{ByteSource, SeekSource};

// Fields in memory and in files.
pub use volume::io::{
    AtomicFile, FieldFormat, FieldStream, Input, Overwrite, write_array_header, write_field,
    write_header, write_npy, write_raw, write_samples,
};
pub use volume::{AnyVolume, Values, Volume, VolumeView};

// Encoding and decoding.
pub use file::{
    Decoder, EncodeReport, Encoder, FieldKey, FileReport, FrameKey, FrameLevels, FrameReader,
    FrameReport, Judging, StreamDecoder, StreamFrameReader, checksum, compare_fields, decode,
    decode_any, encode, encode_with_report, measure, merge,
};
pub use frame::{LevelField, Verdict};
pub use octree::Leaf;

// What is asked of an encoder and a decoder.
pub use codec::worker::{Worker, locate as locate_worker};
pub use options::{
    Coding, DecodeOptions, Downscaling, Effort, EmbedWeights, EncodeOptions, FormChoice,
    KEY_INTERVAL, Model, Names, Observer, Periodic, PooledCoder, PooledOptions, Profile, Progress,
    Resources, ThreadPools, Trials, Upscaling,
};
pub use transform::{AxisPlan, Wavelet};

// Records and chunks of files.
pub use container::{
    Attributes, BandWeights, Bound, BrickRun, CHUNK_HEADER_LEN, ChunkHeader, ChunkStream,
    ChunkType, Dataset, Entry, Event, Field, FileHeader, Form, Frame, HEADER_LEN, Interpolation,
    LowWeights, MAGIC, Measured, NetworkUse, Parser, Placement, PooledForm, PooledPayload, Reader,
    References, Slab, VERSION, WaveletForm, WeightsReference, Writer, compact, expand, is_compact,
    set_or_check_unit, slowest,
};

// Networks, and what runs them.
pub use backend::cpu::Cpu;
#[cfg(feature = "cuda")]
pub use backend::cuda::{Cuda, KernelStore, open as open_cuda};
pub use backend::{Backend, Fallback, NetworkInput, PredictRequest, Scaling};
pub use network::{
    Architecture, Head, Hierarchy, InputChannels, Layer, LayerRole, LayerScales, Network, Padding,
    Transform, Trunk, builtin, builtin_by_hash, builtin_names, default_model,
};

// Measures.
pub use metrics::{
    Comparer, Comparison, EvalReport, Histogram, Moments, compare, error_histogram, seam_profile,
    ssim,
};

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
