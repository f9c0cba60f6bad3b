//! Fields to measure on.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use srt::metrics::EvalReport;
use srt::volume::Values;
use srt::volume::io::{Input, write_npy};
use srt::{Dtype, Element, Error, Result, Shape};

/// A field of single or double precision: the types that all peers take.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) shape: Shape,
    pub(crate) data: Data,
}

/// Values, `x` fastest.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Field {
    /// Reads `.npy`, or raw with its shape and type.
    pub(crate) fn read(path: &Path, shape: Option<Shape>, dtype: Option<Dtype>) -> Result<Self> {
        let input = Input::open(path, shape, dtype)?;
        let data = match input.values()? {
            Values::F32(v) => Data::F32(v.into_owned()),
            Values::F64(v) => Data::F64(v.into_owned()),
            Values::F16(_) => {
                return Err(
                    Error::unsupported("fields of f16 are left out: no peer codes them")
                        .within(path.display()),
                );
            }
        };
        let field = Self {
            shape: input.shape(),
            data,
        };
        match field.range() {
            range if range.is_finite() && range > 0.0 => Ok(field),
            _ => Err(
                Error::unsupported("finite values expected that are not all equal")
                    .within(path.display()),
            ),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.shape.len() * self.dtype().size()
    }

    pub(crate) fn dtype(&self) -> Dtype {
        match self.data {
            Data::F32(_) => Dtype::F32,
            Data::F64(_) => Dtype::F64,
        }
    }

    /// Largest less smallest value; NaN where a value is not finite.
    pub(crate) fn range(&self) -> f64 {
        fn range<T: Element>(values: &[T]) -> f64 {
            let mut extremes = (f64::INFINITY, f64::NEG_INFINITY);
            for value in values {
                let value = value.to_f64();
                if !value.is_finite() {
                    return f64::NAN;
                }
                extremes = (extremes.0.min(value), extremes.1.max(value));
            }
            extremes.1 - extremes.0
        }
        match &self.data {
            Data::F32(v) => range(v),
            Data::F64(v) => range(v),
        }
    }

    /// The values as the library takes them.
    pub(crate) fn values(&self) -> Values<'_> {
        match &self.data {
            Data::F32(v) => Values::F32(Cow::Borrowed(v)),
            Data::F64(v) => Values::F64(Cow::Borrowed(v)),
        }
    }

    /// PSNR in dB and largest error of a reconstruction.
    pub(crate) fn compare(&self, other: &Data) -> Result<(f64, f64)> {
        let comparison = match (&self.data, other) {
            (Data::F32(a), Data::F32(b)) => srt::metrics::compare(a, b, None)?,
            (Data::F64(a), Data::F64(b)) => srt::metrics::compare(a, b, None)?,
            _ => return Err(Error::invalid("a reconstruction of another type")),
        };
        Ok((comparison.psnr_db, comparison.max_abs_error))
    }

    /// Writes a reconstruction of this field as `.npy`.
    pub(crate) fn write_npy(&self, path: &Path, other: &Data) -> Result<()> {
        let write = || -> Result<()> {
            let mut out = BufWriter::new(File::create(path)?);
            match other {
                Data::F32(v) => write_npy(&mut out, self.shape, v)?,
                Data::F64(v) => write_npy(&mut out, self.shape, v)?,
            }
            Ok(out.flush()?)
        };
        write().map_err(|e| e.within(path.display()))
    }

    /// Everything measured of a reconstruction, SSIM too.
    pub(crate) fn evaluate(&self, other: &Data) -> Result<EvalReport> {
        match (&self.data, other) {
            (Data::F32(a), Data::F32(b)) => EvalReport::measure(self.shape, a, b, None),
            (Data::F64(a), Data::F64(b)) => EvalReport::measure(self.shape, a, b, None),
            _ => Err(Error::invalid("a reconstruction of another type")),
        }
    }
}
