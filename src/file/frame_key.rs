//! Which frame of a file is meant.

use std::fmt;
use std::ops::Range;

use crate::base::error::{Error, Result};
use crate::container::{Dataset, Slab};

/// A field of a dataset: by name, or by its number in the list of fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKey {
    /// By name.
    Name(String),
    /// By number, from 0.
    Number(usize),
}

impl From<&str> for FieldKey {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for FieldKey {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<usize> for FieldKey {
    fn from(number: usize) -> Self {
        Self::Number(number)
    }
}

impl fmt::Display for FieldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "field {name:?}"),
            Self::Number(number) => write!(f, "field {number}"),
        }
    }
}

impl FieldKey {
    /// Its number in `dataset`.
    ///
    /// # Errors
    /// `InvalidArgument` when there is no such field.
    pub(crate) fn number(&self, dataset: &Dataset) -> Result<usize> {
        let count = dataset.fields.len();
        match self {
            Self::Name(name) => dataset.field(name).ok_or_else(|| {
                let names: Vec<_> = dataset.fields.iter().map(|f| f.name.as_str()).collect();
                Error::invalid(format!("a field of {names:?} expected, {name:?} found"))
            }),
            Self::Number(number) if *number < count => Ok(*number),
            Self::Number(_) => Err(Error::invalid(format!(
                "a field of a dataset of {count} expected"
            ))),
        }
    }
}

/// A frame to be written: of which field, at which time step, when that was, and which planes.
///
/// ```
/// use srt::FrameKey;
///
/// let whole = FrameKey::new("u", 3);
/// let half = FrameKey::new("u", 3).at(0.75).planes(0..64);
/// assert_ne!(whole, half);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FrameKey {
    pub(crate) field: FieldKey,
    pub(crate) step: u64,
    pub(crate) time: Option<f64>,
    pub(crate) slab: Option<Slab>,
}

impl FrameKey {
    /// All of a field at a time step.
    pub fn new(field: impl Into<FieldKey>, step: u64) -> Self {
        Self {
            field: field.into(),
            step,
            time: None,
            slab: None,
        }
    }

    /// The time of the step, in the dataset's unit of time; `None`, the default, where it is not known.
    #[must_use]
    pub fn at(mut self, time: impl Into<Option<f64>>) -> Self {
        self.time = time.into();
        self
    }

    /// Only these planes along the slowest axis (rows in 2-D): a slab, encoded as if it were the whole
    /// domain. Slabs of a frame follow each other in the order of their planes. Default: all.
    #[must_use]
    pub fn planes(mut self, planes: Range<u64>) -> Self {
        self.slab = Some(Slab {
            start: planes.start,
            len: planes.end.saturating_sub(planes.start),
        });
        self
    }
}
