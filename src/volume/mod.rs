//! Dense fields in memory, and in files ([`io`]).

mod any;
#[cfg(feature = "ndarray")]
mod arrays;
pub mod io;
pub(crate) mod view;

pub use any::{AnyVolume, Values};

use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};

pub use view::VolumeView;

/// A dense grid of values, `x` fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume<T> {
    shape: Shape,
    data: Vec<T>,
}

impl<T: Copy + Default> Volume<T> {
    /// Wraps `data`, which holds `shape.len()` values.
    ///
    /// # Errors
    /// `InvalidArgument` when the length does not fit the shape.
    pub fn new(shape: Shape, data: Vec<T>) -> Result<Self> {
        if data.len() != shape.len() {
            return Err(Error::invalid(format!(
                "{} values expected for a grid of {shape}, {} found",
                shape.len(),
                data.len()
            )));
        }
        Ok(Self { shape, data })
    }

    /// A volume of default values (zeros).
    #[must_use]
    pub fn zeros(shape: Shape) -> Self {
        Self {
            shape,
            data: vec![T::default(); shape.len()],
        }
    }

    /// The extents.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// All values, `x` fastest.
    #[must_use]
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// All values, `x` fastest.
    #[must_use]
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The values as a vector.
    #[must_use]
    pub fn into_data(self) -> Vec<T> {
        self.data
    }

    /// Copy of the box `region`.
    ///
    /// # Errors
    /// `InvalidArgument` when it is empty or leaves the grid.
    pub fn crop(&self, region: Region) -> Result<Self> {
        if region.is_empty() || !self.shape.region().contains(&region) {
            return Err(Error::invalid(format!(
                "region {:?} + {:?} is not inside a grid of {}",
                region.start, region.size, self.shape
            )));
        }
        Ok(Self {
            shape: self.shape.with_dims(region.size),
            data: self.shape.region().crop(&self.data, &region),
        })
    }
}
