//! Memory of a forked child, which lives for a moment until it calls exec.
//!
//! After a fork each page is shared until somebody writes to it; then the kernel copies it. An
//! allocator hands out what was given back last, here and there among what is in use, and writes
//! its notes beside each piece: a child that makes a few hundred small things would copy half of
//! its parent's memory. So a child takes what it needs from one fresh area, in order, and gives
//! nothing back. When the area is used up, the child is one that stays, and goes on as any process.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use nix::libc;

/// How much a child may take before it counts as one that stays.
const SIZE: usize = 1 << 20;
/// How much of it is there at once, which costs less than one page fault after the other.
const READY: usize = 128 << 10;
/// Larger pieces are the allocator's own, and are given back.
const LARGE: usize = 32 << 10;

/// The program's memory: the C library's, and in a child the area before that.
#[derive(Debug)]
pub struct Memory;

#[global_allocator]
static MEMORY: Memory = Memory;

/// One area of addresses, used from its start. All are 0 where there is none.
struct Area {
    start: AtomicUsize,
    next: AtomicUsize,
    end: AtomicUsize,
}

static AREA: Area = Area { start: AtomicUsize::new(0), next: AtomicUsize::new(0), end: AtomicUsize::new(0) };

impl Area {
    /// Whether pieces are taken from here: there is an area, and it was not used up yet.
    fn is_open(&self) -> bool {
        self.next.load(Relaxed) != 0
    }

    fn has(&self, address: usize) -> bool {
        (self.start.load(Relaxed)..self.end.load(Relaxed)).contains(&address)
    }

    /// The address of a new piece; 0 where there is no more room, and from then on.
    fn take(&self, layout: Layout) -> usize {
        let next = self.next.load(Relaxed);
        if next == 0 || layout.size() > LARGE {
            return 0;
        }
        let address = next.next_multiple_of(layout.align());
        let after = address + layout.size();
        if after > self.end.load(Relaxed) {
            self.next.store(0, Relaxed);
            return 0;
        }
        self.next.store(after, Relaxed);
        address
    }
}

/// In a new child: has it use an area of its own. A child's child goes on in the one it inherits.
pub fn begin_child() {
    if AREA.end.load(Relaxed) != 0 {
        return;
    }
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping at a place that the kernel chooses.
    let start = unsafe { libc::mmap(null_mut(), SIZE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return;
    }
    // SAFETY: within the mapping. Kernels before Linux 5.14 refuse, and the pages come one by one.
    unsafe { libc::madvise(start, READY, libc::MADV_POPULATE_WRITE) };
    AREA.start.store(start as usize, Relaxed);
    AREA.end.store(start as usize + SIZE, Relaxed);
    AREA.next.store(start as usize, Relaxed);
}

// SAFETY: a piece is either the system allocator's, which then does all with it, or lies in the area
// alone: pieces do not overlap, are aligned, and are never handed out twice.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match AREA.take(layout) {
            // SAFETY: as the caller promises.
            0 => unsafe { System.alloc(layout) },
            address => address as *mut u8,
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match AREA.take(layout) {
            // SAFETY: as the caller promises.
            0 => unsafe { System.alloc_zeroed(layout) },
            // The kernel's pages are zero, and no piece was used before.
            address => address as *mut u8,
        }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        // Small ones that are not of the area are the parent's while the area is open, so there is
        // an end to what is not given back.
        if AREA.has(piece as usize) || AREA.is_open() && layout.size() <= LARGE {
            return;
        }
        // SAFETY: the piece is the system's.
        unsafe { System.dealloc(piece, layout) }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !(AREA.has(piece as usize) || AREA.is_open() && layout.size() <= LARGE) {
            // SAFETY: the piece is the system's.
            return unsafe { System.realloc(piece, layout, size) };
        }
        if size <= layout.size() {
            return piece;
        }
        // SAFETY: the caller promises that the size is valid with this alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the new piece is larger than the old one and does not overlap it.
        unsafe {
            let new = self.alloc(wanted);
            if !new.is_null() {
                std::ptr::copy_nonoverlapping(piece, new, layout.size());
            }
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_aligned_do_not_overlap_and_end() {
        let at = |address| AtomicUsize::new(address);
        let area = Area { start: at(4096), next: at(4096), end: at(4096 + 64) };
        let layout = |size, align| Layout::from_size_align(size, align).unwrap_or(Layout::new::<u8>());
        assert_eq!(area.take(layout(3, 1)), 4096);
        assert_eq!(area.take(layout(8, 8)), 4104);
        assert_eq!(area.take(layout(LARGE + 1, 1)), 0);
        assert!(area.is_open() && area.has(4104) && !area.has(4096 + 64));
        assert_eq!(area.take(layout(64, 1)), 0);
        assert!(!area.is_open() && area.has(4104), "used up, and still told from the system's");
        assert_eq!(area.take(layout(1, 1)), 0);
    }
}
