//! The command line: a file for the arguments of each command, and one for each kind of value.

mod backend;
mod bound;
mod decode;
mod demo;
mod encode;
mod eval;
mod h5_params;
mod lock;
mod memory;
mod merge;
mod model;
mod paper;
mod part;
mod raw;
mod region;
mod stat;
mod threads;
mod verify;
mod view;

use clap::{Parser, Subcommand};

pub(crate) use decode::DecodeArgs;
pub(crate) use demo::DemoArgs;
pub(crate) use encode::{Embed, EncodeArgs};
pub(crate) use eval::EvalArgs;
pub(crate) use h5_params::H5ParamsArgs;
pub(crate) use memory::quarter_of_ram;
pub(crate) use merge::MergeArgs;
pub(crate) use model::{ModelArgs, ModelCommand};
pub(crate) use part::{PartText, values_of};
pub(crate) use stat::StatArgs;
pub(crate) use threads::{checked_threads, threads};
pub(crate) use verify::VerifyArgs;
pub(crate) use view::ViewArgs;

/// Error-bounded compression of scientific volumes.
#[derive(Debug, Parser)]
#[command(name = "srt", version, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compress a field (.npy or raw) under an error bound
    Encode(Box<EncodeArgs>),
    /// Decompress a field to .npy or raw
    Decode(DecodeArgs),
    /// Range, mean and spread of a field, also put together from those of its parts
    Stat(StatArgs),
    /// Join files of one domain: parts of fields, time steps, fields; nothing is coded anew
    Merge(MergeArgs),
    /// Compare a reconstruction with its original
    Eval(EvalArgs),
    /// Check every checksum and decode everything; with the original, check the bound too
    Verify(VerifyArgs),
    /// Look at fields in a browser: slices, volumes, levels, time steps
    View(ViewArgs),
    /// Encode a sample of real turbulence at three qualities and show the result
    Demo(DemoArgs),
    /// Print what h5repack and nccopy are told to encode by the HDF5 filter
    H5Params(H5ParamsArgs),
    /// List, show, import and export networks
    Model(ModelArgs),
}
