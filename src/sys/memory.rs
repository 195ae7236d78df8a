//! The program's memory: small pieces by size in the process that it starts as, and a fresh area in
//! each child that it forks.
//!
//! Nearly all that Lua asks for is small and lives for a moment. The C library serves it well in a
//! program with threads, and at several times the instructions that are needed in one without: here
//! a piece is taken from the list of its size, or from the end of a block, and goes back to its list.
//!
//! After a fork each page is shared until somebody writes to it; then the kernel copies it. An
//! allocator hands out what was given back last, here and there among what is in use: a child that
//! makes a few hundred small things would copy half of its parent's memory. So a child, which lives
//! for a moment until it calls exec, takes what it needs from one fresh area, in order, and gives
//! nothing back. When the area is used up, the child is one that stays, and goes on as any process.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use nix::libc;

/// How much a child may take before it counts as one that stays.
const SIZE: usize = 1 << 20;
/// How much of it is there at once, which costs less than one page fault after the other.
const READY: usize = 128 << 10;
/// Larger pieces are the allocator's own, and are given back.
const LARGE: usize = 32 << 10;

/// The program's memory.
#[derive(Debug)]
pub struct Memory;

#[global_allocator]
static MEMORY: Memory = Memory;

/// Whether this program has one thread for good: tests have more, and use the C library's memory.
static IS_ALONE: AtomicBool = AtomicBool::new(false);

/// Small pieces have a multiple of this size.
const STEP: usize = 16;
/// The largest small piece.
const SMALL: usize = 2048;
/// What small pieces are cut from, and taken from the kernel at once.
const BLOCK: usize = 128 << 10;

/// To be called by `main`, before anything is allocated.
pub fn be_alone() {
    IS_ALONE.store(true, Relaxed);
}

/// Lists of small pieces that were given back, by size; each piece holds the address of the next.
struct Lists {
    first: [AtomicUsize; SMALL / STEP + 1],
    block: AtomicUsize,
    end: AtomicUsize,
}

static LISTS: Lists =
    Lists { first: [const { AtomicUsize::new(0) }; SMALL / STEP + 1], block: AtomicUsize::new(0), end: AtomicUsize::new(0) };

impl Lists {
    /// The list that pieces of this kind are in; none for large ones.
    fn index(layout: Layout) -> Option<usize> {
        let small = layout.size() <= SMALL && layout.align() <= STEP && IS_ALONE.load(Relaxed);
        small.then(|| layout.size().max(1).div_ceil(STEP))
    }

    /// A piece from a list, or from the block.
    fn take(&self, index: usize) -> *mut u8 {
        let first = self.first[index].load(Relaxed);
        if first == 0 {
            return self.cut(index * STEP);
        }
        // SAFETY: pieces in a list are at least as large as an address, which was written by `give`,
        // and nobody else's.
        self.first[index].store(unsafe { *(first as *const usize) }, Relaxed);
        first as *mut u8
    }

    #[allow(clippy::cast_ptr_alignment, reason = "pieces are aligned to 16 bytes")]
    fn give(&self, index: usize, piece: *mut u8) {
        // SAFETY: as in `take`; the caller uses the piece no more.
        unsafe { piece.cast::<usize>().write(self.first[index].load(Relaxed)) };
        self.first[index].store(piece as usize, Relaxed);
    }

    /// The next piece of the block; what is left of one that is too short for it stays unused.
    fn cut(&self, size: usize) -> *mut u8 {
        let mut piece = self.block.load(Relaxed);
        if self.end.load(Relaxed) - piece < size {
            // All pages at once cost less than a page fault for each.
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
            // SAFETY: a new mapping at a place that the kernel chooses.
            let made = unsafe { libc::mmap(null_mut(), BLOCK, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
            if made == libc::MAP_FAILED {
                return null_mut();
            }
            piece = made as usize;
            self.end.store(piece + BLOCK, Relaxed);
        }
        self.block.store(piece + size, Relaxed);
        piece as *mut u8
    }
}

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

// SAFETY: a piece is either the system allocator's, which then does all with it, or lies in the area or
// a block alone: pieces do not overlap, are aligned, and are handed out again only when given back. Which
// of the three it is follows from its address and its size, and the size stays what it was made with.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match (AREA.take(layout), Lists::index(layout)) {
            (0, Some(index)) => LISTS.take(index),
            // SAFETY: as the caller promises.
            (0, None) => unsafe { System.alloc(layout) },
            (address, _) => address as *mut u8,
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match (AREA.take(layout), Lists::index(layout)) {
            (0, Some(index)) => {
                let piece = LISTS.take(index);
                if !piece.is_null() {
                    // SAFETY: the piece has at least this size.
                    unsafe { piece.write_bytes(0, layout.size()) };
                }
                piece
            }
            // SAFETY: as the caller promises.
            (0, None) => unsafe { System.alloc_zeroed(layout) },
            // The kernel's pages are zero, and no piece was used before.
            (address, _) => address as *mut u8,
        }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        // Small ones that are not of the area are the parent's while the area is open, so there is
        // an end to what is not given back.
        if AREA.has(piece as usize) || AREA.is_open() && layout.size() <= LARGE {
            return;
        }
        match Lists::index(layout) {
            Some(index) => LISTS.give(index, piece),
            // SAFETY: the piece is the system's.
            None => unsafe { System.dealloc(piece, layout) },
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the size is valid with this alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        let (before, after) = (Lists::index(layout), Lists::index(wanted));
        if AREA.has(piece as usize) || AREA.is_open() && layout.size() <= LARGE {
            // Whoever gives it back is asked for the size that it has then.
            if size <= layout.size() && before == after {
                return piece;
            }
        } else if before.is_none() && after.is_none() {
            // SAFETY: the piece is the system's.
            return unsafe { System.realloc(piece, layout, size) };
        } else if before == after {
            return piece;
        }
        // SAFETY: the new piece does not overlap the old one, and both have room for what is copied.
        unsafe {
            let new = self.alloc(wanted);
            if !new.is_null() {
                std::ptr::copy_nonoverlapping(piece, new, layout.size().min(size));
                self.dealloc(piece, layout);
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
