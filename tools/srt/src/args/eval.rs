//! Arguments of `srt eval`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::raw::RawArgs;

#[derive(Debug, ClapArgs)]
pub(crate) struct EvalArgs {
    /// The field before compression: .npy, or raw with --shape and --dtype
    pub(crate) original: PathBuf,
    /// The field after it, one or several: .npy, raw (of the original's shape and type) or .srt
    ///
    /// FILE.eval.json beside a FILE, such as {"series": "SZ3", "bytes": 12345}, names its curve on the page, and what a
    /// plain field was compressed to.
    #[arg(required = true)]
    pub(crate) reconstructed: Vec<PathBuf>,
    /// Field to compare, where an .srt file has several
    #[arg(long, value_name = "NAME")]
    pub(crate) field: Option<String>,
    /// Time step to compare, where an .srt file has several
    #[arg(long, value_name = "T")]
    pub(crate) step: Option<u64>,
    /// A value that marks voxels without data in the original: they are not compared
    ///
    /// Of an .srt file, voxels that its encoder left out are not measured in any case, and differ only if they did
    /// not come back as they were; PSNR and relative error are by the range that its bound refers to.
    #[arg(long, value_name = "V", allow_negative_numbers = true)]
    pub(crate) mask_value: Option<f64>,
    #[command(flatten)]
    pub(crate) raw: RawArgs,
    /// Report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Power spectra of both fields by wavenumber, too
    ///
    /// Without this and --html, fields are compared slab by slab, the SSIM too: in memory lie slabs, and a byte or two
    /// for each voxel where some are masked. Spectra and pages take both fields in double precision.
    #[arg(long)]
    pub(crate) spectrum: bool,
    /// Write a page with pictures, charts and all numbers, in one file
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Overwrite the page
    #[arg(short, long)]
    pub(crate) force: bool,
}
