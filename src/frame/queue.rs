//! Work in a given order on all threads.

use rayon::prelude::*;

/// Results of `work` for every item, in their order.
///
/// Whichever thread is free takes the next item. Bricks of coarse levels, which come first, hold the most
/// bits: in this order no long one is left for the end.
pub(crate) fn in_order<I: Send, R: Send>(
    items: impl Iterator<Item = I> + Send,
    work: impl Fn(I) -> R + Sync,
) -> Vec<R> {
    let mut done: Vec<(usize, R)> = items
        .enumerate()
        .par_bridge()
        .map(|(number, item)| (number, work(item)))
        .collect();
    done.sort_unstable_by_key(|&(number, _)| number);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_their_items() {
        for n in [0, 1, 2, 1000] {
            let squares: Vec<usize> = (0..n).map(|i| i * i).collect();
            assert_eq!(in_order(0..n, |i| i * i), squares);
        }
    }
}
