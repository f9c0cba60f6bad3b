//! `--shape` and `--dtype`: how a raw file is to be read.

use std::io::StdinLock;
use std::path::Path;

use clap::Args as ClapArgs;

use srt::{Dtype, Error, FieldStream, Input, Limits, Result, Shape};

/// How a raw file is to be read.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct RawArgs {
    /// Extents of raw input, slowest axis first
    #[arg(long, value_name = "NZ,NY,NX", value_delimiter = ',')]
    pub(crate) shape: Vec<usize>,
    /// Value type of raw input: f16, f32, f64, u8, i8, u16, i16, u32 or i32 (little endian)
    #[arg(long, value_name = "TYPE")]
    pub(crate) dtype: Option<Dtype>,
}

impl RawArgs {
    /// Bytes of a raw field, where all is given.
    pub(crate) fn bytes(&self) -> Option<u64> {
        let shape = self.shape().ok().flatten()?;
        (shape.len() as u64).checked_mul(self.dtype?.size() as u64)
    }

    fn shape(&self) -> Result<Option<Shape>> {
        match self.shape.as_slice() {
            [] => Ok(None),
            extents => Shape::new(extents).map(Some),
        }
    }

    /// Fields one after the other on standard input.
    pub(crate) fn stream(&self) -> Result<FieldStream<StdinLock<'static>>> {
        let (shape, limits) = (self.shape()?, Limits::default());
        let input = std::io::stdin().lock();
        Ok(FieldStream::new(input, shape, self.dtype, limits))
    }

    /// Opens a field, or the time steps of an array, which `axis` counts; `-` is standard input.
    pub(crate) fn open_steps(&self, path: &Path, axis: Option<usize>) -> Result<Vec<Input>> {
        if path.as_os_str() != "-" {
            let extents = (!self.shape.is_empty()).then_some(self.shape.as_slice());
            return Input::open_steps(path, extents, self.dtype, axis);
        }
        if axis.is_some() {
            return Err(Error::invalid(
                "--steps-axis needs a file: on standard input one step comes behind the other",
            ));
        }
        self.open(path).map(|field| vec![field])
    }

    /// Opens a field; `-` is standard input.
    pub(crate) fn open(&self, path: &Path) -> Result<Input> {
        let shape = self.shape()?;
        if path.as_os_str() == "-" {
            return Input::from_reader(
                std::io::stdin().lock(),
                shape,
                self.dtype,
                &Limits::default(),
            );
        }
        Input::open(path, shape, self.dtype)
    }
}
