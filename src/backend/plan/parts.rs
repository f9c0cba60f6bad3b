//! Even parts of a length.

/// Splits `len` into the fewest parts of at most `most`, as even as can be: `(first, length)`.
pub(in crate::backend) fn parts(
    len: usize,
    most: usize,
) -> impl ExactSizeIterator<Item = (usize, usize)> + Clone {
    let count = len.div_ceil(most);
    (0..count).map(move |i| {
        let (start, end) = (i * len / count, (i + 1) * len / count);
        (start, end - start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_a_length_once_and_evenly() {
        for len in 0..200 {
            let mut at = 0;
            let mut sizes = Vec::new();
            for (start, size) in parts(len, 12) {
                assert_eq!(start, at);
                at += size;
                sizes.push(size);
            }
            assert_eq!(at, len);
            let (low, high) = (sizes.iter().min(), sizes.iter().max());
            if let (Some(low), Some(high)) = (low, high) {
                assert!(*high <= 12 && high - low <= 1, "{len}: {sizes:?}");
            }
        }
    }
}
