//! The codecs compared, behind one face: a knob in, bytes out.

mod sperr;
mod srt_codec;
mod sz3;
mod zfp;

use serde::{Deserialize, Serialize};
use srt::{Error, ErrorKind, Result};

use crate::field::{Data, Field};

/// Versions of the peers.
pub(crate) const PEERS: [&str; 3] = ["SZ3 3.3.2", "ZFP 1.0.1", "SPERR 0.8.5"];

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Codec {
    /// srt without networks, at its lowest effort
    SrtFast,
    /// srt without networks
    SrtNone,
    /// srt with the small built-in networks
    SrtSmall,
    /// srt as it comes
    Srt,
    /// srt with the paper's profile, representative volume through zstd
    SrtPaper,
    /// srt with the paper's profile, representative volume through SZ3
    SrtPaperSz3,
    /// SZ3, interpolation and Lorenzo prediction chosen by itself (its default)
    Sz3,
    /// ZFP, the better of its accuracy and rate modes
    Zfp,
    /// SPERR, chunks of 256 voxels per axis (its default)
    Sperr,
}

impl Codec {
    /// What is compared where nothing is said.
    pub(crate) const ALL: [Self; 8] = [
        Self::Sz3,
        Self::Zfp,
        Self::Sperr,
        Self::SrtPaper,
        Self::SrtPaperSz3,
        Self::SrtNone,
        Self::SrtSmall,
        Self::Srt,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SrtFast => "srt-fast",
            Self::SrtNone => "srt-none",
            Self::SrtSmall => "srt-small",
            Self::Srt => "srt",
            Self::SrtPaper => "srt-paper",
            Self::SrtPaperSz3 => "srt-paper-sz3",
            Self::Sz3 => "sz3",
            Self::Zfp => "zfp",
            Self::Sperr => "sperr",
        }
    }

    /// Name in charts: peers with their version.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Sz3 => PEERS[0],
            Self::Zfp => PEERS[1],
            Self::Sperr => PEERS[2],
            own => own.name(),
        }
    }

    /// Whether this is one of the peers.
    pub(crate) fn is_peer(self) -> bool {
        matches!(self, Self::Sz3 | Self::Zfp | Self::Sperr)
    }

    /// Why there is no parallel run of this codec, if there is none.
    pub(crate) fn serial_reason(self) -> Option<&'static str> {
        (self == Self::Zfp).then_some("the static build of zfp-sys has no threads")
    }

    /// The knobs that can be turned towards a target; the best file of any of them counts.
    pub(crate) fn knobs(self, target: Target) -> &'static [Mode] {
        match (self, target) {
            (Self::SrtFast | Self::SrtNone | Self::SrtSmall | Self::Srt, _) => &[Mode::Direct],
            (Self::SrtPaper | Self::SrtPaperSz3, Target::Psnr(_)) => &[Mode::Direct],
            // The paper's profile takes a PSNR alone.
            (Self::SrtPaper | Self::SrtPaperSz3, _) => &[],
            (Self::Sz3, _) => &[Mode::Accuracy],
            (Self::Zfp, Target::RelError(_)) => &[Mode::Accuracy],
            (Self::Zfp, _) => &[Mode::Accuracy, Mode::Rate],
            (Self::Sperr, Target::Psnr(_)) => &[Mode::Psnr],
            (Self::Sperr, Target::Ratio(_)) => &[Mode::Rate],
            (Self::Sperr, Target::RelError(_)) => &[Mode::Accuracy],
        }
    }

    /// Codes the field.
    pub(crate) fn encode(self, field: &Field, knob: Knob, threads: usize) -> Result<Vec<u8>> {
        match self {
            Self::SrtFast
            | Self::SrtNone
            | Self::SrtSmall
            | Self::Srt
            | Self::SrtPaper
            | Self::SrtPaperSz3 => srt_codec::encode(self, field, knob, threads),
            Self::Sz3 => sz3::encode(field, knob, threads),
            Self::Zfp => zfp::encode(field, knob),
            Self::Sperr => sperr::encode(field, knob),
        }
    }

    /// Decodes what [`Codec::encode`] made of a field like `like`.
    pub(crate) fn decode(self, bytes: &[u8], like: &Field, threads: usize) -> Result<Data> {
        match self {
            Self::SrtFast
            | Self::SrtNone
            | Self::SrtSmall
            | Self::Srt
            | Self::SrtPaper
            | Self::SrtPaperSz3 => srt_codec::decode(bytes, threads),
            Self::Sz3 => sz3::decode(bytes, like),
            Self::Zfp => zfp::decode(bytes, like),
            Self::Sperr => sperr::decode(bytes, like),
        }
    }
}

/// What is asked of a codec.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Target {
    /// At least this PSNR in dB, in as few bytes as possible.
    Psnr(f64),
    /// At least this compression ratio, with as high a PSNR as possible.
    Ratio(f64),
    /// At most this error as a fraction of the range, in as few bytes as possible.
    RelError(f64),
}

impl Target {
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Psnr(_) => "psnr",
            Self::Ratio(_) => "ratio",
            Self::RelError(_) => "rel-error",
        }
    }

    pub(crate) fn value(self) -> f64 {
        match self {
            Self::Psnr(v) | Self::Ratio(v) | Self::RelError(v) => v,
        }
    }
}

/// What a knob turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// The target itself: the codec does the search.
    Direct,
    /// Largest error, in the field's unit.
    Accuracy,
    /// Bits per voxel.
    Rate,
    /// PSNR in dB.
    Psnr,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Accuracy => "accuracy",
            Self::Rate => "rate",
            Self::Psnr => "psnr",
        }
    }
}

/// A setting of a codec: the mode, its value, and the target for codecs that know it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Knob {
    pub(crate) mode: Mode,
    pub(crate) value: f64,
    pub(crate) target: Target,
}

/// A peer's message as our error.
fn failed(codec: Codec, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Io, format!("{}: {what}", codec.name()))
}
