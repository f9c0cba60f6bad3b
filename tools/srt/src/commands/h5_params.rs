//! `srt h5-params`.

use serde::Serialize;
use srt_h5_params::{FILTER_ID, Networks, Params};

use crate::args::H5ParamsArgs;
use srt::Result;
use srt_program::{print_json, print_line};

/// The report of `--json`, schema version 1.
#[derive(Debug, Serialize)]
struct Report {
    schema: u32,
    filter: i32,
    numbers: Vec<u32>,
}

/// Prints what the tools of HDF5 and netCDF are told.
///
/// # Errors
/// `InvalidArgument`, `Io`.
pub(crate) fn run(args: &H5ParamsArgs) -> Result<u8> {
    let mut params = Params::new(args.bound.bound()?);
    params.effort = args.effort.unwrap_or_default();
    if args.model == "none" {
        params.networks = Networks::None;
    }
    let numbers = params.words().to_vec();
    if args.json {
        print_json(&Report {
            schema: 1,
            filter: FILTER_ID,
            numbers,
        })?;
        return Ok(0);
    }
    let text: Vec<String> = numbers.iter().map(u32::to_string).collect();
    let (count, text) = (numbers.len(), text.join(","));
    print_line(&format!(
        "h5repack -f NAME:UD={FILTER_ID},0,{count},{text} IN OUT\nnccopy -F NAME,{FILTER_ID},{text} IN OUT"
    ))?;
    Ok(0)
}
