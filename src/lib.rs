//! `srt`: an error-bounded codec and file format for scientific volumes.
//!
//! A field is split by a wavelet into levels; small networks predict the details of each level from
//! the coarser one; what they get wrong is quantised and coded where an octree says it matters. The
//! encoder decodes what it wrote and checks the bound. All decoding is exact (`spec/srt-format.md`,
//! section 6), so every machine gets the same bytes.
//!
//! ```
//! use std::borrow::Cow;
//! use srt::container::Bound;
//! use srt::file::{Decoder, EncodeOptions, encode_volume};
//! use srt::volume::Values;
//!
//! let shape = srt::Shape::new(&[8, 9, 10])?;
//! let field = vec![1.5f64; shape.len()];
//! let values = Values::F64(Cow::Borrowed(&field));
//! let options = EncodeOptions::new(Bound::Psnr(60.0));
//! let (file, _) = encode_volume(shape, &values, &options, Vec::new())?;
//! let volume = Decoder::new(&file, srt::Limits::default())?.decode(0, 0)?;
//! assert_eq!(volume.shape(), shape);
//! # Ok::<(), srt::Error>(())
//! ```
//!
//! A file, chunk after chunk, written without a seek:
//!
//! ```text
//! header | DSET | NREF or NETW.. | FRAM MASK TREE BRIK.. CORR | FRAM .. | INDX | trailer
//! ```
//!
//! [`file::Encoder`] writes several fields and time steps into one such file, frame by frame into
//! anything that takes bytes; [`file::StreamDecoder`] reads it as it arrives.
//!
//! | module | job |
//! |---|---|
//! | [`base`] | what everything stands on |
//! | [`volume`] | fields in memory and in `.npy` and raw files |
//! | [`container`] | bytes to chunks and records, and back |
//! | [`transform`], [`codec`], [`octree`] | wavelet; coefficients, masks and corrections to bytes; which boxes keep detail |
//! | [`network`], [`backend`] | networks as data; who computes them |
//! | [`recon`] | the level loop: predict, correct, upscale |
//! | [`metrics`] | PSNR, SSIM, largest errors |
//! | [`frame`] | one field at one step
//! | [`mod@file`] | encoder and decoder: start here |

pub mod backend;
pub mod base;
pub mod codec;
pub mod container;
pub mod file;
pub mod frame;
pub mod metrics;
pub mod network;
pub mod octree;
pub mod options;
pub mod recon;
pub mod transform;
pub mod volume;

pub use base::dtype::{Dtype, Element};
pub use base::error::{Error, ErrorKind, Result};
pub use base::grid::{Axes, Region, Shape};
pub use base::limits::Limits;
pub use container::Bound;
pub use options::EncodeOptions;
pub use volume::Volume;

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
