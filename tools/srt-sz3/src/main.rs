//! `srt-sz3`: codes one field with SZ3 for a parent process. See README.md.
//!
//! SZ3 throws, follows lengths in its input without looking, and prints to standard output. So this
//! process does one request and ends, limits its own memory and processor time, and keeps the pipe to
//! its parent away from SZ3.

mod system;

use std::io::{BufReader, Read, Write};
use std::process::ExitCode;

use srt::codec::worker::protocol::{Operation, Reply, Request};
use srt::{Dtype, Error, Result, Shape};
use sz3::{Config, DimensionedData, ErrorBound, SZ3Compressible};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let limits = system::Limits::parse(std::env::args().skip(1)).map_err(Error::invalid)?;
    limits.impose()?;
    let mut parent = system::take_standard_output()?;
    let mut input = BufReader::new(std::io::stdin().lock());
    let request = Request::read(&mut input)?;
    // The length is the parent's word: memory grows with the bytes that arrive.
    let mut payload = Vec::new();
    input.take(request.length).read_to_end(&mut payload)?;
    let answer = if payload.len() as u64 == request.length {
        perform(&request, &payload)
    } else {
        Err(Error::truncated(format!(
            "{} bytes of payload expected, {} found",
            request.length,
            payload.len()
        )))
    };
    let (done, bytes) = match answer {
        Ok(bytes) => (true, bytes),
        Err(error) => (false, error.to_string().into_bytes()),
    };
    let length = bytes.len() as u64;
    Reply { done, length }.write(&mut parent)?;
    parent.write_all(&bytes)?;
    Ok(parent.flush()?)
}

fn perform(request: &Request, payload: &[u8]) -> Result<Vec<u8>> {
    let Request { shape, bound, .. } = *request;
    match (request.operation, request.dtype) {
        (Operation::Encode, Dtype::F32) => {
            encode(shape, &values(payload, f32::from_le_bytes), bound)
        }
        (Operation::Encode, Dtype::F64) => {
            encode(shape, &values(payload, f64::from_le_bytes), bound)
        }
        (Operation::Decode, Dtype::F32) => {
            Ok(bytes(&decode::<f32>(shape, payload)?, f32::to_le_bytes))
        }
        (Operation::Decode, Dtype::F64) => {
            Ok(bytes(&decode::<f64>(shape, payload)?, f64::to_le_bytes))
        }
        (_, other) => Err(Error::invalid(format!(
            "f32 or f64 expected, {other} found"
        ))),
    }
}

fn values<T, const N: usize>(bytes: &[u8], value: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|b| value(*b)).collect()
}

fn bytes<T: Copy, const N: usize>(values: &[T], bytes: fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&v| bytes(v)).collect()
}

fn encode<T: SZ3Compressible>(shape: Shape, values: &[T], bound: f64) -> Result<Vec<u8>> {
    if !(bound > 0.0 && bound.is_finite()) {
        return Err(Error::invalid(format!(
            "a bound above 0 expected, {bound} found"
        )));
    }
    if values.len() != shape.len() {
        return Err(Error::invalid(format!(
            "{} values expected, {} found",
            shape.len(),
            values.len()
        )));
    }
    let mut builder = DimensionedData::<T, &[T]>::build(&values);
    for extent in axes(shape) {
        builder = builder.dim(extent).map_err(refused)?;
    }
    let data = builder.finish().map_err(refused)?;
    let config = Config::new(ErrorBound::Absolute(bound));
    sz3::compress_with_config(&data, &config).map_err(refused)
}

/// Decodes into a field of the shape asked for; SZ3's crate compares that with the stream's.
fn decode<T: SZ3Compressible + Default>(shape: Shape, payload: &[u8]) -> Result<Vec<T>> {
    let mut out = Vec::new();
    out.try_reserve_exact(shape.len())
        .map_err(|_| Error::limit("not enough memory for the field"))?;
    out.resize(shape.len(), T::default());
    let mut target = out.as_mut_slice();
    let mut builder = DimensionedData::<T, &mut [T]>::build_mut(&mut target);
    for extent in axes(shape) {
        builder = builder.dim(extent).map_err(refused)?;
    }
    let mut data = builder.finish().map_err(refused)?;
    sz3::decompress_into_dimensioned::<T, _, _>(payload, &mut data).map_err(refused)?;
    Ok(out)
}

/// SZ3 knows no axes of one sample; a field of one value has no other and is refused.
fn axes(shape: Shape) -> impl Iterator<Item = usize> {
    shape.dims().into_iter().filter(|&extent| extent > 1)
}

fn refused(error: sz3::SZ3Error) -> Error {
    Error::corrupt(format!("SZ3: {error}"))
}
