//! Arrays of which one axis counts time steps: each step is a field of its own, and all share the bytes.

use std::path::Path;
use std::sync::Arc;

use crate::base::dtype::Dtype;
use crate::base::error::{Error, Result};
use crate::base::file::FileBytes;
use crate::base::grid::Shape;
use crate::base::limits::Limits;
use crate::volume::io::input::{Input, is_npy};
use crate::volume::io::layout::{ArrayHeader, ArrayLayout, Runs};
use crate::volume::io::npy;
use crate::volume::io::open::open_stream;

/// The rank of arrays that hold time steps if nothing else is said, along their first axis.
const STACK_RANK: usize = 4;

impl Input {
    /// Opens a field, or an array of fields as its time steps: those of an array of rank 2 to 4 that `axis` counts, in their
    /// order; without an axis those of the first one of an array of rank 4, while any other is one field. `.npy`, or raw with
    /// `extents` and `dtype`, which must agree with a `.npy` header where they are given. The file is mapped once for all, and
    /// fields are read without a copy where they lie in one piece, as those of the slowest axis do.
    ///
    /// # Errors
    /// `InvalidArgument` for another rank or an axis that is not there, else as [`Input::open`].
    pub fn open_steps(
        path: impl AsRef<Path>,
        extents: Option<&[usize]>,
        dtype: Option<Dtype>,
        axis: Option<usize>,
    ) -> Result<Vec<Self>> {
        let path = path.as_ref();
        let shape = || extents.map(Shape::new).transpose();
        if extents.is_some_and(|extents| extents.len() < STACK_RANK) {
            // What is wrong with these has nothing to do with the file.
            shape()?;
        }
        let open = || {
            if let Some(file) = open_stream(path)? {
                if axis.is_some() {
                    return Err(Error::invalid(
                        "an axis of time steps needs a file, not a pipe",
                    ));
                }
                let field = Self::from_reader(file, shape()?, dtype, &Limits::default())?;
                return Ok(vec![field]);
            }
            let bytes = FileBytes::load(path)?;
            match stack(bytes.bytes(), extents, dtype, axis)? {
                Some((header, axis)) => steps(bytes, &header, axis),
                None => Self::from_file(bytes, shape()?, dtype).map(|field| vec![field]),
            }
        };
        open().map_err(|e| e.within(path.display()))
    }
}

/// What an array says of itself, or what was said of it, and its axis of time steps; `None` for a single field.
fn stack(
    bytes: &[u8],
    extents: Option<&[usize]>,
    dtype: Option<Dtype>,
    axis: Option<usize>,
) -> Result<Option<(ArrayHeader, usize)>> {
    let header = if is_npy(bytes) {
        npy::header(bytes)?
    } else {
        let Ok(header) = ArrayHeader::raw(extents, dtype) else {
            return Ok(None);
        };
        header
    };
    let is_stack = header.extents.len() == STACK_RANK && header.extents[0] != 1;
    let Some(axis) = axis.or(is_stack.then_some(0)) else {
        return Ok(None);
    };
    check_agreement(&header, extents, dtype)?;
    Ok(Some((header, axis)))
}

fn check_agreement(
    header: &ArrayHeader,
    extents: Option<&[usize]>,
    dtype: Option<Dtype>,
) -> Result<()> {
    if let Some(extents) = extents.filter(|&extents| extents != header.extents) {
        return Err(Error::invalid(format!(
            "shape {} given, but the npy header says {}",
            by(extents),
            by(&header.extents)
        )));
    }
    if let Some(dtype) = dtype.filter(|&dtype| dtype != header.dtype) {
        return Err(Error::invalid(format!(
            "type {dtype} given, but the npy header says {}",
            header.dtype
        )));
    }
    Ok(())
}

/// Extents in messages.
fn by(extents: &[usize]) -> String {
    let each: Vec<String> = extents.iter().map(ToString::to_string).collect();
    each.join(" x ")
}

/// The fields of an array whose `axis` counts them.
fn steps(bytes: FileBytes, header: &ArrayHeader, axis: usize) -> Result<Vec<Input>> {
    let rank = header.extents.len();
    if !(2..=4).contains(&rank) {
        return Err(Error::invalid(format!(
            "an array of rank 2 to 4 expected, one axis of which counts time steps, rank {rank} found"
        )));
    }
    if axis >= rank {
        return Err(Error::invalid(format!(
            "an axis of time steps from 0 to {} expected, {axis} found",
            rank - 1
        )));
    }
    let mut extents = header.extents.clone();
    let count = extents.remove(axis);
    let shape = Shape::new(&extents)?;
    if count == 0 {
        return Err(Error::invalid("an array of no time steps"));
    }
    check_len(bytes.bytes().len(), header, shape, count)?;
    // In memory the first axis is the slowest one, unless the array is in the order of Fortran.
    let inner: usize = if header.fortran {
        header.extents[..axis].iter().product()
    } else {
        header.extents[axis + 1..].iter().product()
    };
    let runs = (inner < shape.len()).then_some(Runs {
        len: inner,
        apart: count * inner,
    });
    let bytes = Arc::new(bytes);
    let step = |number: usize| {
        let layout = ArrayLayout {
            offset: header.offset + number * inner * header.dtype.size(),
            shape,
            dtype: header.dtype,
            order: header.order,
            fortran: header.fortran,
            runs,
        };
        Input::of_step(Arc::clone(&bytes), layout)
    };
    Ok((0..count).map(step).collect())
}

/// All steps have to be there, and nothing behind them.
fn check_len(found: usize, header: &ArrayHeader, shape: Shape, count: usize) -> Result<()> {
    let values = shape.len().checked_mul(count);
    let len = values.and_then(|n| n.checked_mul(header.dtype.size()));
    let expected = len.and_then(|len| len.checked_add(header.offset));
    let Some(expected) = expected else {
        return Err(Error::invalid("array too large for this machine"));
    };
    let message = format!(
        "{expected} bytes expected for {count} steps of {shape} of {}, {found} found",
        header.dtype
    );
    match found.cmp(&expected) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(Error::truncated(message)),
        std::cmp::Ordering::Greater => Err(Error::invalid(message)),
    }
}
