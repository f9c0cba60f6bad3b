//! `--region`.

use std::str::FromStr;

use srt::{Error, Region, Result, Shape};

/// A box as `z0:z1,y0:y1,x0:x1` (in 2-D `y0:y1,x0:x1`): first voxel and the one after the last of each
/// axis; either may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegionText(Vec<(Option<usize>, Option<usize>)>);

impl FromStr for RegionText {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bound = |text: &str| match text {
            "" => Ok(None),
            _ => text.parse().map(Some).map_err(|_| {
                Error::invalid(format!(
                    "a voxel number expected in the region, {text:?} found"
                ))
            }),
        };
        let axis = |text: &str| {
            let (from, to) = text.split_once(':').ok_or_else(|| {
                Error::invalid(format!("a range like 16:48 expected, {text:?} found"))
            })?;
            Ok((bound(from)?, bound(to)?))
        };
        text.split(',').map(axis).collect::<Result<_>>().map(Self)
    }
}

impl RegionText {
    /// The box in a grid.
    ///
    /// # Errors
    /// `InvalidArgument` when it has another rank, is empty, or leaves the grid.
    pub(crate) fn within(&self, grid: Shape) -> Result<Region> {
        if self.0.len() != grid.rank() {
            return Err(Error::invalid(format!(
                "a region of {} ranges expected, {} found",
                grid.rank(),
                self.0.len()
            )));
        }
        let mut region = grid.region();
        let first = 3 - grid.rank();
        for (axis, (from, to)) in (first..).zip(&self.0) {
            let extent = grid.dims()[axis];
            let (from, to) = (from.unwrap_or(0), to.unwrap_or(extent));
            if from >= to || to > extent {
                return Err(Error::invalid(format!(
                    "a range inside 0:{extent} expected, {from}:{to} found"
                )));
            }
            (region.start[axis], region.size[axis]) = (from, to - from);
        }
        Ok(region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked_against_the_grid() {
        let grid = Shape::new(&[10, 20, 30]).unwrap();
        let region = |text: &str| text.parse::<RegionText>()?.within(grid);
        let r = region("1:2,:,5:").unwrap();
        assert_eq!((r.start, r.size), ([1, 0, 5], [1, 20, 25]));
        for bad in [
            "1:2",
            "1:2,3:4,5",
            "0:0,:,:",
            "2:1,:,:",
            ":,:,:31",
            "a:,:,:",
            "-1:2,:,:",
            "",
        ] {
            assert!(region(bad).is_err(), "{bad}");
        }
        let flat = Shape::new(&[20, 30]).unwrap();
        let r = "3:4,:7"
            .parse::<RegionText>()
            .unwrap()
            .within(flat)
            .unwrap();
        assert_eq!((r.start, r.size), ([0, 3, 0], [1, 1, 7]));
    }
}
