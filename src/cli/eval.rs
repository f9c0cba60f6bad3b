//! `srt eval`.

use std::path::Path;
use std::process::ExitCode;

use super::args::EvalArgs;
use super::models;
use super::output::{print_json, print_line};
use crate::container::MAGIC;
use crate::error::{Error, Result};
use crate::file::FileBytes;
use crate::grid::Shape;
use crate::metrics::EvalReport;
use crate::volume::io::{AnyVolume, Element, Input, Values};

/// Reads a field from `.npy`, `.srt` or, with the shape and type of `like`, from raw.
fn read_like(path: &Path, like: &Input) -> Result<AnyVolume> {
    let bytes = FileBytes::open(path)?;
    if bytes.bytes().starts_with(&MAGIC) {
        let decode = || models::open(bytes.bytes(), None)?.decode(0, 0);
        return decode().map_err(|e| e.within(path.display()));
    }
    if bytes.bytes().starts_with(b"\x93NUMPY") {
        return Input::open_npy(path)?.to_volume();
    }
    Input::open_raw(path, like.shape(), like.dtype())?.to_volume()
}

/// Compares two fields of any types.
pub(super) fn measure(original: &Input, reconstructed: &AnyVolume) -> Result<EvalReport> {
    let shape = original.shape();
    if reconstructed.shape() != shape {
        return Err(Error::invalid(format!(
            "the original has {shape} voxels, the reconstruction {}",
            reconstructed.shape()
        )));
    }
    fn second<A: Element>(
        shape: Shape,
        original: &[A],
        reconstructed: &AnyVolume,
    ) -> Result<EvalReport> {
        match reconstructed {
            AnyVolume::F16(v) => EvalReport::measure(shape, original, v.data(), None),
            AnyVolume::F32(v) => EvalReport::measure(shape, original, v.data(), None),
            AnyVolume::F64(v) => EvalReport::measure(shape, original, v.data(), None),
        }
    }
    match original.values()? {
        Values::F16(v) => second(shape, &v, reconstructed),
        Values::F32(v) => second(shape, &v, reconstructed),
        Values::F64(v) => second(shape, &v, reconstructed),
    }
}

pub(super) fn run(args: &EvalArgs) -> Result<ExitCode> {
    let original = args.raw.open(&args.original)?;
    let reconstructed = read_like(&args.reconstructed, &original)?;
    let report = measure(&original, &reconstructed)?;
    if args.json {
        print_json(&report)?;
    } else {
        print_line(&format!(
            "PSNR               {:.4} dB\nSSIM               {:.6}\nlargest error      {:.6e}\nof the range       {:.6e}\nRMSE               {:.6e}\nrange              {:.6e}",
            report.psnr_db,
            report.ssim,
            report.max_abs_error,
            report.max_rel_error,
            report.rmse,
            report.range
        ))?;
        if report.mismatches > 0 {
            print_line(&format!(
                "voxels that are finite in only one field: {}",
                report.mismatches
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
