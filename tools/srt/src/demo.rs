//! `srt demo`: the whole way on a sample of real turbulence that the program carries.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use crate::args::DemoArgs;
use crate::output::write_volume;
use srt::{
    AnyVolume, Bound, EncodeOptions, Error, Input, Limits, Overwrite, Result, decode_any,
    encode_with_report,
};
use srt_pictures::{PanelOptions, slice_panel};
use srt_program::{Destination, print_line};

/// Velocity magnitude of isotropic turbulence, 64^3 voxels, from a direct numerical simulation.
const SAMPLE: &[u8] = include_bytes!("../../../tests/data/turbulence_64.npy");

pub(super) fn run(args: &DemoArgs) -> Result<u8> {
    std::fs::create_dir_all(&args.dir).map_err(|e| Error::from(e).within(args.dir.display()))?;
    let input = Input::from_reader(SAMPLE, None, None, &Limits::default())?;
    let shape = input.shape();
    write_volume(&place(&args.dir.join("original.npy"))?, &input.to_volume()?)?;
    print_line(&format!(
        "sample: turbulent velocity magnitude, {shape} f32, {} bytes\n",
        4 * shape.len()
    ))?;
    print_line(" target     bytes    ratio      PSNR      SSIM   max error   encode   decode")?;
    for target in [30.0, 40.0, 50.0] {
        let mut options = EncodeOptions::new(Bound::Psnr(target));
        options.observer.measure_ssim = true;
        let start = Instant::now();
        let (bytes, report) = encode_with_report(input.view()?, &options, Vec::new())?;
        let encode = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let decoded = decode_any(&bytes)?;
        let decode = start.elapsed().as_secs_f64();
        print_line(&format!(
            "{target:4.0} dB {:9} {:8.1} {:6.2} dB {:9.5} {:11.3e} {encode:6.2} s {decode:6.2} s",
            report.bytes,
            report.raw_bytes as f64 / report.bytes as f64,
            report.comparison.psnr_db,
            report.ssim.unwrap_or(f64::NAN),
            report.comparison.max_abs_error,
        ))?;
        let stem = args.dir.join(format!("psnr{target:.0}"));
        write_bytes(&stem.with_extension("srt"), &bytes)?;
        write_volume(&place(&stem.with_extension("npy"))?, &decoded)?;
        if let (40.0, AnyVolume::F32(decoded)) = (target, &decoded) {
            let caption = format!(
                "turbulence 64^3 at {:.1} dB: {} bytes",
                report.comparison.psnr_db, report.bytes
            );
            let options = PanelOptions::default().with_caption(caption);
            let picture = slice_panel(shape, &input.as_f32()?, decoded.data(), &options)?;
            write_bytes(&stem.with_extension("png"), &picture)?;
        }
    }
    print_line(&format!(
        "\nwritten to {}: .srt, .npy and psnr40.png",
        args.dir.display()
    ))?;
    Ok(0)
}

/// A place for a result, over those of the last time.
fn place(path: &Path) -> Result<Destination> {
    let inputs: [&Path; 0] = [];
    Destination::decide(path, Overwrite::Replace, inputs)
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = place(path)?.create()?;
    file.write_all(bytes)?;
    file.commit()
}
