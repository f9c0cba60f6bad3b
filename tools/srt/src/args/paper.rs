//! `--profile` and the options of the profile `paper`.

use clap::{Args as ClapArgs, ValueEnum};

use crate::worker::sz3_worker;
use srt::{
    Downscaling, Error, Interpolation, PooledCoder, PooledOptions, Profile, Result, Trials,
    Upscaling,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct PaperArgs {
    /// default: wavelet details beside their prediction; paper: mean pooling, dynamic downscaling and a
    /// representative volume, as in the paper
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileChoice,
    /// Codec of the values: ctx with the default profile, zstd or sz3 (needs the program srt-sz3) with
    /// the paper's
    #[arg(long, value_name = "CODEC")]
    payload: Option<PayloadChoice>,
    /// Profile paper: what upscales; auto: networks where the model has some for mean pooling
    #[arg(long, value_name = "WHAT", default_value = "auto")]
    upscale: UpscaleChoice,
    /// Profile paper: one downscaling level for the whole field
    #[arg(long)]
    no_octree: bool,
    /// Profile paper: boxes of no more voxels per axis are not split
    #[arg(long, value_name = "N")]
    min_chunk: Option<usize>,
    /// Profile paper: coarsest downscaling level
    #[arg(long, value_name = "L")]
    max_level: Option<usize>,
    /// Profile paper: how much is reconstructed to judge a box; full, as in the paper, is slower and gives
    /// the same file
    #[arg(long, value_name = "HOW", default_value = "local")]
    trials: TrialsChoice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProfileChoice {
    Default,
    Paper,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PayloadChoice {
    Ctx,
    Zstd,
    Sz3,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum UpscaleChoice {
    Auto,
    Network,
    Linear,
    Cubic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TrialsChoice {
    Local,
    Full,
}

impl PaperArgs {
    /// # Errors
    /// `InvalidArgument` for a payload of the other profile, `Unsupported` when srt-sz3 is missing.
    pub(crate) fn profile(&self) -> Result<Profile> {
        if self.profile == ProfileChoice::Default {
            return match self.payload {
                None | Some(PayloadChoice::Ctx) => Ok(Profile::Default),
                Some(PayloadChoice::Zstd | PayloadChoice::Sz3) => Err(Error::invalid(
                    "payloads zstd and sz3 are of --profile paper",
                )),
            };
        }
        let payload = match self.payload {
            None | Some(PayloadChoice::Zstd) => PooledCoder::Zstd,
            Some(PayloadChoice::Sz3) => PooledCoder::Sz3(sz3_worker()?),
            Some(PayloadChoice::Ctx) => {
                return Err(Error::invalid("payload ctx is of --profile default"));
            }
        };
        let mut options = PooledOptions::default();
        options.upscaling = match self.upscale {
            UpscaleChoice::Auto => Upscaling::Auto,
            UpscaleChoice::Network => Upscaling::Network,
            UpscaleChoice::Linear => Upscaling::Interpolation(Interpolation::Linear),
            UpscaleChoice::Cubic => Upscaling::Interpolation(Interpolation::Cubic),
        };
        if self.no_octree {
            options.downscaling = Downscaling::Uniform;
        }
        options.trials = match self.trials {
            TrialsChoice::Local => Trials::Local,
            TrialsChoice::Full => Trials::Full,
        };
        options.min_chunk = self.min_chunk.unwrap_or(options.min_chunk);
        options.max_level = self.max_level.unwrap_or(options.max_level);
        options.coder = payload;
        Ok(Profile::Pooled(options))
    }
}
