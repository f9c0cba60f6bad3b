//! `--part`: a field cut into slabs that are encoded apart.

use std::ops::Range;
use std::str::FromStr;

use crate::args::EncodeArgs;
use crate::models;
use crate::series::Series;
use crate::verify::walk;
use srt::{Error, FileBytes, Form, Result, Shape, Slab, slowest};

/// Slabs begin at multiples of this many planes, so that they have four levels in common at least.
const UNIT: usize = 64;

/// `I/N`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartText {
    number: usize,
    of: usize,
}

impl FromStr for PartText {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let (number, of) = text.split_once('/')?;
            let part = Self {
                number: number.parse().ok()?,
                of: of.parse().ok()?,
            };
            (1..=part.of).contains(&part.number).then_some(part)
        };
        parse().ok_or_else(|| {
            Error::invalid(format!(
                "a part like 1/8, from 1/8 to 8/8, expected, {text:?} found"
            ))
        })
    }
}

impl PartText {
    /// The planes of this part: whole units, the last part with what is left over.
    ///
    /// # Errors
    /// `InvalidArgument` when there are more parts than units.
    pub(super) fn slab(self, shape: Shape) -> Result<Slab> {
        let planes = shape.dims()[slowest(shape)];
        let units = (planes / UNIT).max(1);
        if self.of > units {
            return Err(Error::invalid(format!(
                "at most {units} parts of {UNIT} planes or more expected for {shape}, {} found",
                self.of
            )));
        }
        let first = |number: usize| {
            if number == self.of {
                return planes;
            }
            // No overflow: both are below 2^32.
            (units as u64 * number as u64 / self.of as u64) as usize * UNIT
        };
        let (start, end) = (first(self.number - 1), first(self.number));
        Ok(Slab {
            start: start as u64,
            len: (end - start) as u64,
        })
    }
}

/// The values of a slab among those of a field.
pub(super) fn values_of(slab: Slab, shape: Shape) -> Range<usize> {
    let plane = shape.len() / shape.dims()[slowest(shape)];
    let place = |planes: u64| usize::try_from(planes).unwrap_or(usize::MAX) * plane;
    place(slab.start)..place(slab.end())
}

/// Length of the part that `args` would write, when it is there and whole; `None` when it is not there
/// or damaged.
///
/// # Errors
/// `InvalidArgument` when another file has its name, and what opening the input reports.
pub(super) fn finished(args: &EncodeArgs, part: PartText) -> Result<Option<usize>> {
    let path = args.output();
    if !path.try_exists()? {
        return Ok(None);
    }
    let [_] = args.inputs() else {
        return Err(one_input());
    };
    let (dataset, _) = Series::open(args)?.dataset(args, None)?;
    let slab = part.slab(dataset.shape)?;
    let file = FileBytes::open(path)?;
    let Ok(decoder) = models::open(file.bytes()) else {
        return Ok(None);
    };
    if walk(file.bytes()).is_err() {
        return Ok(None);
    }
    let mut frames = decoder.frames().map(|frame| frame.record());
    let (first, second, bound) = (frames.next(), frames.next(), args.bound()?);
    let same = first.is_some_and(|frame| {
        let place = (frame.slab, frame.step, frame.time);
        let wanted = (
            Some(slab),
            args.step.unwrap_or(0),
            args.time.first().copied(),
        );
        place == wanted && frame.bound == bound && is_form_of(&frame.form, args)
    });
    if same && second.is_none() && *decoder.dataset() == dataset {
        Ok(Some(file.bytes().len()))
    } else {
        Err(Error::invalid("the file is there, but is another part").within(path.display()))
    }
}

/// Whether `args` may have led to a frame of this form, as far as the form tells: networks are left out
/// where they save nothing.
fn is_form_of(form: &Form, args: &EncodeArgs) -> bool {
    let Form::Wavelet(form) = form else {
        return true;
    };
    form.periodic == args.periodic.unwrap_or_default()
        && args.wavelet.is_none_or(|pair| pair.to_u8() == form.wavelet)
        && (args.model != "none" || form.network.is_none())
}

/// A part is of one field at one step.
pub(super) fn one_input() -> Error {
    Error::invalid("--part takes one field at one step, from a file: one input expected")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_field_in_whole_units() {
        for planes in [1, 63, 64, 65, 200, 1000] {
            for shape in [vec![planes, 3], vec![planes, 2, 5]] {
                let shape = Shape::new(&shape).unwrap();
                let most = (planes / UNIT).max(1);
                for of in 1..=most {
                    let mut next = 0;
                    for number in 1..=of {
                        let slab = PartText { number, of }.slab(shape).unwrap();
                        assert_eq!(slab.start, next);
                        assert!(slab.start.is_multiple_of(UNIT as u64) && slab.len > 0);
                        next = slab.end();
                    }
                    assert_eq!(next, planes as u64);
                }
                let more = PartText {
                    number: 1,
                    of: most + 1,
                };
                assert!(more.slab(shape).is_err());
            }
        }
    }

    #[test]
    fn parts_count_from_one() {
        assert!("1/1".parse::<PartText>().is_ok());
        for bad in ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", ""] {
            assert!(bad.parse::<PartText>().is_err(), "{bad}");
        }
    }
}
