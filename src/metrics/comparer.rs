//! Pointwise comparison with a reconstruction that comes in parts.

use rayon::prelude::*;

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::metrics::comparison::{Comparison, conclude};
use crate::metrics::extremes::{Extremes, check_lengths, exponent, extremes};
use crate::metrics::squares::{BLOCK, block_squares};

/// [`compare`](crate::metrics::compare) for a reconstruction that comes in parts, in one pass; the same result to the bit,
/// because squares are scaled by powers of two alone.
#[derive(Debug)]
pub struct Comparer<'a, A, B = A> {
    original: &'a [A],
    mask: Option<&'a [bool]>,
    /// Halves differences when the range leaves the doubles.
    half: f64,
    scale: f64,
    found: Extremes,
    /// Sums of whole blocks, in order.
    sums: Vec<f64>,
    /// Values of the block begun.
    begun: Vec<B>,
}

impl<'a, A: Element, B: Element> Comparer<'a, A, B> {
    /// Starts at the first voxel. `range` are the least and the largest value of either field: errors
    /// are at most their difference.
    ///
    /// # Errors
    /// `InvalidArgument` when the mask has another length.
    pub fn new(original: &'a [A], mask: Option<&'a [bool]>, range: (f64, f64)) -> Result<Self> {
        check_lengths(original.len(), original.len(), mask)?;
        let largest = range.1 - range.0;
        let (half, largest) = if largest.is_finite() {
            (1.0, largest)
        } else {
            (0.5, range.1 * 0.5 - range.0 * 0.5)
        };
        Ok(Self {
            original,
            mask,
            half,
            scale: 2f64.powi(-exponent(largest)),
            found: Extremes::NONE,
            sums: Vec::new(),
            begun: Vec::new(),
        })
    }

    /// Compares the next values of the reconstruction.
    ///
    /// # Errors
    /// `InvalidArgument` when there are more than the original has.
    pub fn push(&mut self, mut values: &[B]) -> Result<()> {
        let done = self.sums.len() * BLOCK + self.begun.len();
        check_lengths(
            self.original.len().max(done + values.len()),
            self.original.len(),
            None,
        )?;
        if !self.begun.is_empty() {
            let (head, rest) = values.split_at(values.len().min(BLOCK - self.begun.len()));
            self.begun.extend_from_slice(head);
            values = rest;
            if self.begun.len() == BLOCK {
                let block = std::mem::take(&mut self.begun);
                self.blocks(&block);
            }
        }
        let (whole, rest) = values.split_at(values.len() / BLOCK * BLOCK);
        self.blocks(whole);
        self.begun.extend_from_slice(rest);
        Ok(())
    }

    /// Takes in values that begin at a block's first.
    fn blocks(&mut self, values: &[B]) {
        let first = self.sums.len() * BLOCK;
        let end = first + values.len();
        let (original, mask) = (
            &self.original[first..end],
            self.mask.map(|m| &m[first..end]),
        );
        let (half, scale) = (self.half, self.scale);
        self.found = self.found.merge(&extremes(original, values, mask));
        let squares = |(i, (a, b)): (usize, (&[A], &[B]))| {
            block_squares(a, b, mask.map(|m| &m[i * BLOCK..]), half, scale)
        };
        let blocks = original.par_chunks(BLOCK).zip(values.par_chunks(BLOCK));
        self.sums.par_extend(blocks.enumerate().map(squares));
    }

    /// The comparison of all values.
    ///
    /// # Errors
    /// `InvalidArgument` when the reconstruction was shorter than the original.
    pub fn finish(mut self) -> Result<Comparison> {
        let done = self.sums.len() * BLOCK + self.begun.len();
        check_lengths(self.original.len(), done, None)?;
        let block = std::mem::take(&mut self.begun);
        self.blocks(&block);
        let sum: f64 = self.sums.iter().sum();
        let (half, own) = (self.half, self.scale);
        Ok(conclude(&self.found, |wanted_half, scale| {
            // Both are powers of two: the quotient is exact.
            sum * (wanted_half / half * (scale / own)).powi(2)
        }))
    }
}
