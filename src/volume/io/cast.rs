//! Bytes seen as samples without a copy. `Element::decode` is the safe twin that tests compare with.
#![allow(unsafe_code)]

use crate::base::dtype::Element;

/// `bytes` as samples in the machine's byte order, if they are aligned and a whole number of them.
pub(super) fn cast<T: Element>(bytes: &[u8]) -> Option<&[T]> {
    // SAFETY: `Element` is sealed to floats and integers, for which every bit pattern is a value, and
    // `align_to` itself keeps alignment and length.
    let (before, samples, after) = unsafe { bytes.align_to::<T>() };
    (before.is_empty() && after.is_empty()).then_some(samples)
}
