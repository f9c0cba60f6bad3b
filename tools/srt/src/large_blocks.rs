//! Memory for fields: large blocks in huge pages, which take a two-hundredth of the faults, and given back as soon as they are
//! freed.
//!
//! Every pass over a field fills fresh buffers of its size. In pages of 4 KiB the faults of these were a fifth of the time of
//! a decode. Small blocks are the system's; so are all where there is no Linux.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;

/// A block of this size and more is mapped by itself.
const LARGE: usize = 2 << 20;
/// A huge page of most processors: large blocks begin at a multiple.
const HUGE: usize = 2 << 20;
/// A multiple of every page that Linux has: the length of a mapping is one of this.
const PAGES: usize = 64 << 10;
/// Alignments up to this are those of any mapping.
const LEAST_PAGE: usize = 4096;

/// The program's allocator.
pub(crate) struct LargeBlocks;

/// Bytes mapped for a block; `None` for blocks that are the system's.
fn mapped(layout: Layout) -> Option<usize> {
    let is_large = layout.size() >= LARGE && layout.align() <= LEAST_PAGE;
    // A layout is at most `isize::MAX` bytes: the sum does not overflow.
    is_large.then(|| layout.size().next_multiple_of(PAGES))
}

/// Maps `len` bytes of zeros, whole pages, at a multiple of a huge page, and asks for huge pages where they fit.
fn map(len: usize) -> Option<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping at a place of the system's choice touches no memory of anyone.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), len + HUGE, protection, flags, -1, 0) };
    if at == libc::MAP_FAILED {
        return None;
    }
    let before = (at as usize).next_multiple_of(HUGE) - at as usize;
    let at = at.cast::<u8>();
    // SAFETY: `before` is below `HUGE`, so that what is cut off and what is kept lie in the mapping of `len + HUGE` bytes;
    // nobody has seen either part. Both ends are multiples of a page.
    unsafe {
        let block = at.add(before);
        if before > 0 {
            libc::munmap(at.cast(), before);
        }
        libc::munmap(block.add(len).cast(), HUGE - before);
        // All of it, so that it stays one mapping. A refusal costs time only.
        libc::madvise(block.cast(), len, libc::MADV_HUGEPAGE);
        NonNull::new(block)
    }
}

// SAFETY: which blocks are mapped follows from their layouts alone, so that each goes back to where it came from; mappings
// are as long and as aligned as asked for, and `map` and the system hand out no byte twice.
unsafe impl GlobalAlloc for LargeBlocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match mapped(layout) {
            Some(len) => map(len).map_or(std::ptr::null_mut(), NonNull::as_ptr),
            // SAFETY: the caller's promises.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match mapped(layout) {
            Some(len) => map(len).map_or(std::ptr::null_mut(), NonNull::as_ptr),
            // SAFETY: the caller's promises.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match mapped(layout) {
            // SAFETY: a block of this layout is a mapping of `len` bytes from `block` on.
            Some(len) => unsafe {
                libc::munmap(block.cast(), len);
            },
            // SAFETY: the caller's promises.
            None => unsafe { System.dealloc(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `size`, rounded up to the alignment, is below `isize::MAX`.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (mapped(layout), mapped(new)) {
            // SAFETY: the caller's promises.
            (None, None) => return unsafe { System.realloc(block, layout, size) },
            (Some(old_len), Some(new_len)) => {
                // SAFETY: a block of the old layout is a mapping of `old_len` bytes; it may move. Pages that are added are
                // zeros of nobody.
                let moved =
                    unsafe { libc::mremap(block.cast(), old_len, new_len, libc::MREMAP_MAYMOVE) };
                if moved != libc::MAP_FAILED {
                    return moved.cast();
                }
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
        // SAFETY: both blocks hold what is copied, and are not the same; the old one is given back with its own layout.
        unsafe {
            let moved = self.alloc(new);
            if !moved.is_null() {
                std::ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value for each place, other than zero.
    fn mark(at: usize) -> u8 {
        (at / 4096 % 251) as u8 + 1
    }

    #[test]
    fn blocks_of_all_sizes_hold_what_is_put_there_as_they_grow_and_shrink() {
        let sizes = [
            1,
            LARGE - 1,
            LARGE,
            3 * LARGE + 5,
            40 * LARGE,
            LARGE + 7,
            LARGE - 1,
            9 * LARGE,
            3,
        ];
        let layout = |size| Layout::from_size_align(size, 16).unwrap();
        for first in sizes {
            // SAFETY: blocks are used within their sizes and freed once, with the layout that they have at that time.
            unsafe {
                let mut block = LargeBlocks.alloc_zeroed(layout(first));
                let mut size = first;
                let bytes = std::slice::from_raw_parts_mut(block, size);
                assert!(bytes.iter().all(|byte| *byte == 0), "{first}");
                for next in sizes {
                    let bytes = std::slice::from_raw_parts_mut(block, size);
                    bytes
                        .iter_mut()
                        .enumerate()
                        .for_each(|(at, byte)| *byte = mark(at));
                    block = LargeBlocks.realloc(block, layout(size), next);
                    assert!(!block.is_null() && (block as usize).is_multiple_of(16));
                    let kept = std::slice::from_raw_parts(block, size.min(next));
                    let is_kept = kept.iter().enumerate().all(|(at, byte)| *byte == mark(at));
                    assert!(is_kept, "{first}: {size} -> {next}");
                    size = next;
                }
                LargeBlocks.dealloc(block, layout(size));
            }
        }
    }

    #[test]
    fn large_blocks_begin_at_huge_pages() {
        let layout = Layout::from_size_align(5 * LARGE + 1, 8).unwrap();
        // SAFETY: the block is freed once, with its layout.
        unsafe {
            let block = LargeBlocks.alloc(layout);
            assert!((block as usize).is_multiple_of(HUGE));
            LargeBlocks.dealloc(block, layout);
        }
    }

    #[test]
    fn a_block_that_is_not_to_be_had_is_null() {
        let layout = Layout::from_size_align(isize::MAX as usize - 64, 8).unwrap();
        // SAFETY: no block comes of it.
        assert!(unsafe { LargeBlocks.alloc(layout) }.is_null());
    }
}
