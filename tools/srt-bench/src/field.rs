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
            other => {
                let message = format!(
                    "fields of {} are left out: not every peer codes them",
                    other.dtype()
                );
                return Err(Error::unsupported(message).within(path.display()));
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

    /// The field brought near a size by a factor along all axes: its middle, or itself and its mirror images in turn,
    /// which join without a seam.
    ///
    /// # Errors
    /// `InvalidArgument` for a size that no field has.
    pub(crate) fn resized(&self, bytes: f64) -> Result<Self> {
        let factor = (bytes / self.bytes() as f64).powf(1.0 / self.shape.rank() as f64);
        let scaled = |&n: &usize| ((n as f64 * factor).round() as usize).max(1);
        let extents: Vec<usize> = self.shape.extents().iter().map(scaled).collect();
        let shape = Shape::new(&extents)?;
        let (from, to) = (self.shape.dims(), shape.dims());
        // Along each axis, which sample of the field each of the new ones is.
        let sources = [0, 1, 2].map(|axis| {
            let (own, wanted) = (from[axis], to[axis]);
            let skip = own.saturating_sub(wanted) / 2;
            let mirrored = move |i: usize| match (i + skip) % (2 * own) {
                i if i < own => i,
                i => 2 * own - 1 - i,
            };
            (0..wanted).map(mirrored).collect::<Vec<usize>>()
        });
        fn pick<T: Copy>(values: &[T], from: [usize; 3], sources: &[Vec<usize>; 3]) -> Vec<T> {
            let [planes, rows, columns] = sources;
            let mut out = Vec::with_capacity(planes.len() * rows.len() * columns.len());
            for z in planes {
                for y in rows {
                    let row = &values[(z * from[1] + y) * from[2]..][..from[2]];
                    out.extend(columns.iter().map(|&x| row[x]));
                }
            }
            out
        }
        let data = match &self.data {
            Data::F32(v) => Data::F32(pick(v, from, &sources)),
            Data::F64(v) => Data::F64(pick(v, from, &sources)),
        };
        Ok(Self { shape, data })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_cut_to_its_middle_or_mirrored() {
        let field = Field {
            shape: Shape::new(&[4, 4]).unwrap(),
            data: Data::F64((0..16).map(f64::from).collect()),
        };
        let small = field.resized(32.0).unwrap();
        assert_eq!(small.shape.extents(), [2, 2]);
        assert!(matches!(&small.data, Data::F64(v) if v == &[5.0, 6.0, 9.0, 10.0]));
        let large = field.resized(512.0).unwrap();
        assert_eq!(large.shape.extents(), [8, 8]);
        let Data::F64(values) = &large.data else {
            panic!("another type");
        };
        assert_eq!(values[..8], [0.0, 1.0, 2.0, 3.0, 3.0, 2.0, 1.0, 0.0]);
        assert_eq!(values[56..], values[..8]);
        assert_eq!(large.range(), field.range());
    }
}
