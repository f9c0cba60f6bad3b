//! Volumes from and to arrays of the crate `ndarray` (feature `ndarray`).

use ndarray::{ArrayViewD, IxDyn};

use super::Volume;
use crate::base::error::{Error, Result};
use crate::base::grid::Shape;

impl<T: Copy + Default> Volume<T> {
    /// The values as an `ndarray` view of the volume's rank.
    #[must_use]
    pub fn view(&self) -> ArrayViewD<'_, T> {
        // The constructor keeps the length and the shape in step.
        ArrayViewD::from_shape(IxDyn(self.shape.extents()), &self.data)
            .unwrap_or_else(|_| unreachable!("length and shape agree"))
    }
}

impl<T: Copy + Default> TryFrom<ArrayViewD<'_, T>> for Volume<T> {
    type Error = Error;

    /// A copy of the array, in any layout it has.
    fn try_from(view: ArrayViewD<'_, T>) -> Result<Self> {
        let shape = Shape::new(view.shape())?;
        Self::new(shape, view.iter().copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, Ix3};

    use super::*;

    #[test]
    fn an_array_in_any_layout_comes_back_the_same() {
        let array = Array::from_shape_fn(Ix3(2, 3, 4), |(z, y, x)| (100 * z + 10 * y + x) as f32);
        let turned = array.clone().reversed_axes().into_dyn();
        for array in [array.into_dyn(), turned] {
            let volume = Volume::try_from(array.view()).unwrap();
            assert_eq!(volume.shape().extents(), array.shape());
            assert_eq!(volume.view(), array.view());
        }
    }
}
