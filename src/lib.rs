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
//! | read a file as it arrives | [`StreamDecoder`] |
//! | set limits, threads, a backend, weights to read with | [`DecodeOptions`] |
//! | join files made apart | [`merge`] |
//! | use networks of your own | [`Hierarchy::from_safetensors`], [`Model::Given`] |
//! | open and write `.npy` and raw fields | [`Input`], [`FieldStream`], [`AtomicFile`] |
//! | measure errors | [`compare`], [`ssim`], [`EvalReport`] |
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
//! | `codec` | coefficients, masks, corrections and lossless parts to payloads, and back |
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
//! 1. [`encode`] takes a [`VolumeView`] and makes an [`Encoder`] with one field; [`Encoder::write`] checks the
//!    values against the [`Dataset`] and works in the pool that [`Resources`] says (`src/file/encoder.rs`).
//! 2. `src/frame/encode.rs`: values that are not numbers, or are the mask value, go into a mask
//!    (`src/codec/mask.rs`) and are filled in smoothly (`src/frame/fill.rs`). A field of one value, or one that nothing
//!    else makes smaller, takes a form of its own ([`Form::Constant`], [`Form::Lossless`]).
//! 3. What is left becomes of zero mean and unit variance (`src/frame/sample.rs`) and is transformed, level by level, into a
//!    low-pass volume and details (`src/transform`, `src/frame/wavelet/analysis.rs`).
//! 4. From the coarsest level on, networks predict the details of the next finer one from what the decoder will know
//!    (`src/recon`, `src/backend`); the difference is quantised and added back, so that errors do not pile up
//!    (`src/frame/wavelet/quantise.rs`).
//! 5. The octree is pruned where details are all zero (`src/octree`), and bricks of 64^3 coefficients are coded by the
//!    arithmetic coder `ctx` (`src/codec/ctx`).
//! 6. The result is decoded and compared (`src/metrics`). The search chooses the step by that, until the [`Bound`] holds
//!    and no larger step does (`src/frame/wavelet/search.rs`, `trial.rs`); voxels that miss a bound on single errors get
//!    corrections (`src/codec/corrections.rs`).
//! 7. `FRAM`, mask, octree, bricks and corrections go out as chunks, each under a CRC ([`Writer`]);
//!    [`Encoder::finish`] writes index and trailer.
//!
//! # One voxel's way out of it
//!
//! 1. [`Decoder::new`] reads trailer, index and records, in the order that the grammar of chunks allows
//!    (`src/container/order.rs`). No brick is touched.
//! 2. [`Decoder::frame`] finds the records of a field and step; [`FrameReader::level`] and [`FrameReader::region`] say what is
//!    wanted of it, [`FrameReader::read`] begins to work. A frame in slabs is put together in `src/file/field_source.rs`.
//! 3. `src/frame/decode.rs` takes the form apart. For wavelets `src/frame/layout.rs` knows levels, octree leaves and
//!    bricks, and which of them the box needs.
//! 4. The level loop (`src/recon`) goes from the coarsest level to the one asked for: it predicts details, adds the decoded
//!    residuals of the bricks, and inverts the wavelet, in whole or layer by layer, on the CPU or the GPU.
//! 5. Values return to the field's unit and are rounded to its type; corrections and mask are applied; the crop becomes
//!    a [`Volume`].

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

// Fields in memory and in files.
pub use volume::io::{
    AtomicFile, FieldFormat, FieldStream, Input, Overwrite, write_field, write_header, write_npy,
    write_raw, write_samples,
};
pub use volume::{AnyVolume, Values, Volume, VolumeView};

// Encoding and decoding.
pub use file::{
    Decoder, EncodeReport, Encoder, FieldKey, FileReport, FrameKey, FrameLevels, FrameReader,
    FrameReport, StreamDecoder, StreamFrameReader, decode, decode_any, encode, encode_with_report,
    measure, merge,
};
pub use frame::LevelField;
pub use octree::Leaf;

// What is asked of an encoder and a decoder.
pub use codec::worker::{Worker, locate as locate_worker};
pub use options::{
    Coding, DecodeOptions, Downscaling, EmbedWeights, EncodeOptions, Model, Names, Observer,
    PooledCoder, PooledOptions, Profile, Progress, Resources, Trials, Upscaling,
};
pub use transform::Wavelet;

// Records and chunks of files.
pub use container::{
    Bound, CHUNK_HEADER_LEN, ChunkHeader, ChunkStream, ChunkType, Dataset, Entry, Event, Field,
    FileHeader, Form, Frame, HEADER_LEN, Interpolation, MAGIC, Measured, NetworkUse, Parser,
    Placement, PooledForm, PooledPayload, Reader, Slab, VERSION, WaveletForm, WeightsReference,
    Writer, set_or_check_unit, slowest,
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
