//! What a chunk is, in the numbers that are stored with a dataset.
//!
//! A user gives the numbers of [`Params`]. When a dataset is made they become: a mark, the number of the type of values in files, its byte order, the rank
//! and the extents that are coded, whether there is a fill value, that in two words, the user's numbers. A dataset that is
//! copied (by h5repack) has these already, for chunks that it may no longer have: the user's numbers are taken out and the rest
//! is made anew.

use srt::{ByteOrder, Dtype, Error, Result, Shape};
use srt_h5_params::{COUNT, Params, join, split};

/// No user's number is that: kinds of bounds are small.
const MARK: u32 = 0x5352_5401;
/// Most numbers that are stored.
pub(crate) const MOST_WORDS: usize = 10 + COUNT;

/// What a chunk is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Chunk {
    pub(crate) dtype: Dtype,
    pub(crate) order: ByteOrder,
    pub(crate) shape: Shape,
    pub(crate) fill: Option<f64>,
    pub(crate) params: Params,
}

impl Chunk {
    /// The extents of a chunk without axes of one, of which two stay at least where there are as many.
    pub(crate) fn shape(extents: &[u64]) -> Result<Shape> {
        if extents.is_empty() {
            return Err(Error::invalid("a dataset of at least one axis expected"));
        }
        let mut coded = extents.to_vec();
        while coded.len() > 2 {
            let Some(one) = coded.iter().position(|&extent| extent == 1) else {
                break;
            };
            coded.remove(one);
        }
        if coded.len() > 3 {
            return Err(Error::invalid(format!(
                "chunks of two or three axes beside those of one expected, {extents:?} found: time steps are chunks (1, z, y, x)"
            )));
        }
        let coded: Result<Vec<usize>> = coded.into_iter().map(narrow).collect();
        Shape::new(&coded?)
    }

    pub(crate) fn words(&self) -> Vec<u32> {
        let extents = self.shape.extents();
        let mut words = vec![MARK, u32::from(self.dtype.code())];
        words.push(match self.order {
            ByteOrder::Little => 0,
            ByteOrder::Big => 1,
        });
        words.push(extents.len() as u32);
        // HDF5 has chunks of less than 2^32 bytes.
        words.extend(extents.iter().map(|&extent| extent as u32));
        words.push(self.fill.is_some().into());
        words.extend(split(self.fill.unwrap_or_default()));
        words.extend(self.params.words());
        words
    }

    /// From the numbers of a dataset.
    pub(crate) fn parse(words: &[u32]) -> Result<Self> {
        let wrong = || Error::corrupt("the numbers of the filter are not those that it stores");
        let [mark, code, order, rank, rest @ ..] = words else {
            return Err(wrong());
        };
        let rank = usize::try_from(*rank).map_err(|_| wrong())?;
        let (extents, rest) = rest.split_at_checked(rank).ok_or_else(wrong)?;
        let [has_fill, low, high, params @ ..] = rest else {
            return Err(wrong());
        };
        let code = u8::try_from(*code).map_err(|_| wrong())?;
        if *mark != MARK || !(1..=3).contains(&rank) || params.len() != COUNT {
            return Err(wrong());
        }
        let extents: Result<Vec<usize>> = extents.iter().map(|&e| narrow(e.into())).collect();
        Ok(Self {
            dtype: Dtype::from_code(code).ok_or_else(wrong)?,
            order: match order {
                0 => ByteOrder::Little,
                1 => ByteOrder::Big,
                _ => return Err(wrong()),
            },
            shape: Shape::new(&extents?)?,
            fill: match has_fill {
                0 => None,
                1 => Some(join(*low, *high)),
                _ => return Err(wrong()),
            },
            params: Params::parse(params)?,
        })
    }

    /// Bytes of its values.
    pub(crate) fn len(&self) -> Option<usize> {
        self.shape.len().checked_mul(self.dtype.size())
    }
}

/// What a user asked for, of a new dataset or of one that is copied.
pub(crate) fn asked(words: &[u32]) -> Result<Params> {
    match words {
        [MARK, ..] => Ok(Chunk::parse(words)?.params),
        _ => Params::parse(words),
    }
}

fn narrow(extent: u64) -> Result<usize> {
    usize::try_from(extent).map_err(|_| Error::limit(format!("an extent of {extent}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use srt::Bound;

    #[test]
    fn axes_of_one_are_left_out() {
        let shape = |extents: &[u64]| Chunk::shape(extents).unwrap().extents().to_vec();
        assert_eq!(shape(&[1, 64, 32, 16]), [64, 32, 16]);
        assert_eq!(shape(&[1, 1, 32, 16]), [32, 16]);
        assert_eq!(shape(&[4, 1, 32, 16]), [4, 32, 16]);
        assert_eq!(shape(&[1, 7]), [1, 7]);
        assert_eq!(shape(&[1, 1, 1]), [1, 1]);
        assert_eq!(shape(&[100]), [100]);
        assert!(Chunk::shape(&[2, 64, 32, 16]).is_err());
        assert!(Chunk::shape(&[]).is_err());
    }

    #[test]
    fn numbers_come_back_and_no_part_of_them_is_taken() {
        for (dtype, order, fill) in [
            (Dtype::F32, ByteOrder::Little, None),
            (Dtype::F64, ByteOrder::Big, Some(-999.0)),
            (Dtype::U16, ByteOrder::Big, Some(65535.0)),
        ] {
            let chunk = Chunk {
                dtype,
                order,
                shape: Shape::new(&[3, 4, 5]).unwrap(),
                fill,
                params: Params::new(Bound::MaxError(1e-3)),
            };
            let words = chunk.words();
            assert!(words.len() <= MOST_WORDS);
            assert_eq!(Chunk::parse(&words).unwrap(), chunk);
            assert_eq!(asked(&words).unwrap(), chunk.params);
            for end in 0..words.len() {
                assert!(Chunk::parse(&words[..end]).is_err());
            }
            for at in 0..words.len() {
                let mut other = words.clone();
                other[at] = u32::MAX;
                let _ = Chunk::parse(&other); // an error or another chunk
            }
        }
        assert_eq!(asked(&[3, 0, 0]).unwrap().bound, Bound::MaxError(0.0));
    }
}
