//! The records that a frame is predicted from, by themselves or by way of others.

use std::collections::BTreeSet;

/// Their numbers, in the order of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chain(Vec<usize>);

impl Chain {
    /// All that the records `first` and their references lead to; `references_of` gives those of a record, `None` for one
    /// that is not at hand.
    pub(super) fn new<'r>(
        first: impl IntoIterator<Item = usize>,
        references_of: impl Fn(usize) -> Option<&'r [usize]>,
    ) -> Self {
        let mut found = BTreeSet::new();
        let mut ahead: Vec<usize> = first.into_iter().collect();
        while let Some(number) = ahead.pop() {
            if let Some(references) = references_of(number)
                && found.insert(number)
            {
                ahead.extend_from_slice(references);
            }
        }
        Self(found.into_iter().collect())
    }

    pub(super) fn numbers(&self) -> &[usize] {
        &self.0
    }

    /// Where `references` stand in it.
    pub(super) fn places(&self, references: &[usize]) -> Vec<usize> {
        let places = references.iter().map(|number| self.0.binary_search(number));
        places.filter_map(Result::ok).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_of_references_are_found_once_and_in_order() {
        let of = [&[][..], &[0], &[1, 0], &[2, 1], &[9]];
        let chain = |first: &[usize]| {
            let references_of = |number: usize| of.get(number).copied();
            Chain::new(first.iter().copied(), references_of)
        };
        assert_eq!(chain(&[2, 1]).numbers(), [0, 1, 2]);
        assert_eq!(chain(&[4, 1]).numbers(), [0, 1, 4]);
        assert_eq!(chain(&[2, 1]).places(&[2, 1]), [2, 1]);
        // What is not at hand has no place.
        assert_eq!(chain(&[4, 1]).places(&[9, 1]), [1]);
    }
}
