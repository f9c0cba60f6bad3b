//! What a request asks for: `file=0&frame=2&level=1&box=0,0,8,64,64,1`.

use std::str::FromStr;

use srt::{Error, Region, Result};

use crate::place::FramePlace;

/// The values behind a `?`.
#[derive(Clone, Copy)]
pub(crate) struct Query<'q>(pub(crate) &'q str);

/// What is shown of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantity {
    /// The field as it decodes.
    Values,
    /// Decoded less original.
    Error,
}

impl<'q> Query<'q> {
    fn get(&self, name: &str) -> Option<&'q str> {
        let pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        let mut named = pairs.filter(|(key, _)| *key == name);
        named.next().map(|(_, value)| value)
    }

    fn number(&self, name: &str) -> Result<usize> {
        let text = self.get(name).unwrap_or_default();
        parse(name, text)
    }

    /// `file` and `frame`.
    pub(crate) fn place(&self) -> Result<FramePlace> {
        Ok(FramePlace {
            file: self.number("file")?,
            frame: self.number("frame")?,
        })
    }

    pub(crate) fn level(&self) -> Result<usize> {
        self.number("level")
    }

    /// `box`: first voxel and extents, axes `z, y, x`. All of the level without.
    pub(crate) fn region(&self) -> Result<Option<Region>> {
        let Some(text) = self.get("box") else {
            return Ok(None);
        };
        let numbers: Vec<usize> = text
            .split(',')
            .map(|number| parse("box", number))
            .collect::<Result<_>>()?;
        match numbers[..] {
            [z, y, x, nz, ny, nx] => Ok(Some(Region {
                start: [z, y, x],
                size: [nz, ny, nx],
            })),
            _ => Err(Error::invalid(format!(
                "a box of six numbers expected, {text:?} found"
            ))),
        }
    }

    pub(crate) fn quantity(&self) -> Result<Quantity> {
        match self.get("what") {
            None | Some("values") => Ok(Quantity::Values),
            Some("error") => Ok(Quantity::Error),
            Some(other) => Err(Error::invalid(format!(
                "values or error expected, {other:?} found"
            ))),
        }
    }
}

fn parse<T: FromStr>(name: &str, text: &str) -> Result<T> {
    let wrong = |_| Error::invalid(format!("a number expected for {name}, {text:?} found"));
    text.parse().map_err(wrong)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn boxes_and_numbers_are_read_and_nothing_else() {
        let query = Query("file=1&frame=2&level=3&box=0,1,2,3,4,5&what=error");
        assert_eq!(query.place().unwrap(), FramePlace { file: 1, frame: 2 });
        assert_eq!(query.level().unwrap(), 3);
        let region = query.region().unwrap().unwrap();
        assert_eq!((region.start, region.size), ([0, 1, 2], [3, 4, 5]));
        assert_eq!(query.quantity().unwrap(), Quantity::Error);
        assert_eq!(Query("").region().unwrap(), None);
        assert_eq!(Query("").quantity().unwrap(), Quantity::Values);
        for wrong in [
            "box=",
            "box=1,2,3",
            "box=0,0,0,1,1,1,1",
            "box=-1,0,0,1,1,1",
            "box=a",
        ] {
            assert!(Query(wrong).region().is_err(), "{wrong}");
        }
        for wrong in [
            "",
            "level",
            "level=",
            "level=-1",
            "level=99999999999999999999",
        ] {
            assert!(Query(wrong).level().is_err(), "{wrong}");
        }
        assert!(Query("what=x").quantity().is_err());
    }
}
