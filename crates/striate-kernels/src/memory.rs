//! A caching allocator: 64-byte aligned blocks in size classes, kept for the next use.
//!
//! A training step asks for the same sizes again and again; after the first steps none of them reaches the system.
//! Large blocks ask for huge pages: fewer misses in the translation of addresses, and fewer faults at first use.
//! The cache never grows past twice the peak of what was in use (with a floor of 256 MiB); [`trim`] empties it.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytemuck::Pod;

/// Alignment of every buffer in bytes: a cache line, and a 512-bit vector.
pub const ALIGNMENT: usize = 64;
/// Blocks of this size or more are aligned to it, so that they can lie in huge pages (2 MiB where there are any).
const HUGE_PAGE: usize = 2 << 20;
/// Sizes per power of two, so that at most a fifth of a block is unused.
const STEPS: usize = 4;
const CLASSES: usize = STEPS * usize::BITS as usize;
/// The cache may always hold this much.
const CACHE_FLOOR: u64 = 256 << 20;
/// The largest buffer in bytes: its block, rounded up to a size class, is still within what an address can reach.
const MAX_BYTES: usize = isize::MAX as usize / 2;

/// Counters of the allocator since the process started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryStats {
    /// Blocks asked from the system.
    pub system_allocations: u64,
    /// Bytes now held from the system, in use or cached.
    pub system_bytes: u64,
    /// Bytes in use (block sizes).
    pub live_bytes: u64,
    /// The largest `live_bytes` so far.
    pub peak_bytes: u64,
}

static SYSTEM_ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static SYSTEM_BYTES: AtomicU64 = AtomicU64::new(0);
static LIVE_BYTES: AtomicU64 = AtomicU64::new(0);
static PEAK_BYTES: AtomicU64 = AtomicU64::new(0);

struct Block(NonNull<u8>);
// SAFETY: a cached block is plain memory that nothing else refers to.
unsafe impl Send for Block {}

impl Block {
    /// A block of zeros from the system; when it refuses, once more after giving back what is cached.
    fn from_system(class: usize) -> Option<Self> {
        let layout = layout(class);
        let allocate = || zeros(layout);
        let data = allocate().or_else(|| {
            trim();
            allocate()
        })?;
        SYSTEM_ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        SYSTEM_BYTES.fetch_add(layout.size() as u64, Ordering::Relaxed);
        Some(Self(data))
    }
}

/// Zeros from the system. A large block is zeroed here, after it has asked for huge pages.
fn zeros(layout: Layout) -> Option<NonNull<u8>> {
    if layout.size() < HUGE_PAGE {
        // SAFETY: the layout has a size above zero: that of every class is.
        return NonNull::new(unsafe { alloc_zeroed(layout) });
    }
    // SAFETY: as above.
    let data = NonNull::new(unsafe { alloc(layout) })?;
    #[cfg(all(target_os = "linux", not(miri)))]
    // SAFETY: the pages belong to the block; advice changes nothing in them. A system without huge pages says no, which is fine.
    let _ = unsafe { rustix::mm::madvise(data.as_ptr().cast(), layout.size(), rustix::mm::Advice::LinuxHugepage) };
    // SAFETY: the block has this size.
    unsafe { data.as_ptr().write_bytes(0, layout.size()) };
    Some(data)
}

static CACHE: [Mutex<Vec<Block>>; CLASSES] = [const { Mutex::new(Vec::new()) }; CLASSES];

/// The state of the allocator.
pub fn stats() -> MemoryStats {
    MemoryStats {
        system_allocations: SYSTEM_ALLOCATIONS.load(Ordering::Relaxed),
        system_bytes: SYSTEM_BYTES.load(Ordering::Relaxed),
        live_bytes: LIVE_BYTES.load(Ordering::Relaxed),
        peak_bytes: PEAK_BYTES.load(Ordering::Relaxed),
    }
}

/// Gives all cached blocks back to the system. Buffers in use stay.
pub fn trim() {
    for (class, cache) in CACHE.iter().enumerate() {
        let blocks = std::mem::take(&mut *cache.lock().unwrap_or_else(PoisonError::into_inner));
        blocks.into_iter().for_each(|block| release(block, class));
    }
}

/// Smallest class that holds `bytes` (> 0, at most [`MAX_BYTES`]).
fn class_of(bytes: usize) -> usize {
    let lines = bytes.div_ceil(ALIGNMENT);
    if lines <= STEPS {
        return lines - 1;
    }
    // 2^p < lines <= 2^(p+1), cut in STEPS equal steps.
    let p = (lines - 1).ilog2() as usize;
    let step = (1_usize << p) / STEPS;
    let above = (lines - (1 << p)).div_ceil(step.max(1));
    STEPS * (p - 1) + above - 1
}

/// Bytes of a block of the class.
fn class_bytes(class: usize) -> usize {
    if class < STEPS {
        return (class + 1) * ALIGNMENT;
    }
    let p = class / STEPS + 1;
    ((1 << p) + (class % STEPS + 1) * ((1 << p) / STEPS)) * ALIGNMENT
}

fn layout(class: usize) -> Layout {
    let bytes = class_bytes(class);
    let alignment = if bytes < HUGE_PAGE { ALIGNMENT } else { HUGE_PAGE };
    Layout::from_size_align(bytes, alignment).expect("buffer larger than the address space")
}

fn release(block: Block, class: usize) {
    let layout = layout(class);
    SYSTEM_BYTES.fetch_sub(layout.size() as u64, Ordering::Relaxed);
    // SAFETY: blocks of a class come from `zeros` with the layout of that class, and this one is not in use.
    unsafe { dealloc(block.0.as_ptr(), layout) };
}

/// A block of memory from the cache, aligned to [`ALIGNMENT`] bytes; returned to it on drop.
///
/// ```
/// use striate_kernels::memory::Buffer;
/// let mut buffer = Buffer::zeroed(3 * 4);
/// buffer.as_mut_slice::<f32>()[1] = 2.5;
/// assert_eq!(buffer.as_slice::<f32>(), [0.0, 2.5, 0.0]);
/// ```
#[derive(Debug)]
pub struct Buffer {
    data: NonNull<u8>,
    len: usize,
}

// SAFETY: the buffer owns its block; access goes through `&self` and `&mut self` like a `Vec<u8>`.
unsafe impl Send for Buffer {}
// SAFETY: as above; there is no interior mutability.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// A buffer of `bytes` bytes whose contents are unspecified (zeros or what a former user left): write before you read.
    ///
    /// # Panics
    /// If the system has not so much memory to give, here as wherever a buffer is made.
    pub fn uninit(bytes: usize) -> Self {
        Self::allocate(bytes).0
    }

    /// A buffer of `bytes` zero bytes.
    pub fn zeroed(bytes: usize) -> Self {
        let (mut buffer, fresh) = Self::allocate(bytes);
        if !fresh {
            buffer.as_mut_slice::<u8>().fill(0);
        }
        buffer
    }

    /// A copy of `values`.
    pub fn from_slice<T: Pod>(values: &[T]) -> Self {
        let mut buffer = Self::uninit(size_of_val(values));
        buffer.as_mut_slice::<T>().copy_from_slice(values);
        buffer
    }

    /// The buffer and whether it came from the system just now, all zeros.
    fn allocate(bytes: usize) -> (Self, bool) {
        if bytes == 0 {
            let data = NonNull::without_provenance(std::num::NonZero::new(ALIGNMENT).expect("not zero"));
            return (Self { data, len: 0 }, true);
        }
        assert!(bytes <= MAX_BYTES, "a buffer of {bytes} bytes is larger than the address space");
        let class = class_of(bytes);
        let size = class_bytes(class) as u64;
        let cached = CACHE[class].lock().unwrap_or_else(PoisonError::into_inner).pop();
        let fresh = cached.is_none();
        let Block(data) = cached.or_else(|| Block::from_system(class)).unwrap_or_else(|| {
            panic!(
                "out of memory: the system refused a block of {:.1} MiB, {:.1} MiB are in use",
                size as f64 / f64::from(1 << 20),
                LIVE_BYTES.load(Ordering::Relaxed) as f64 / f64::from(1 << 20)
            )
        });
        let live = LIVE_BYTES.fetch_add(size, Ordering::Relaxed) + size;
        PEAK_BYTES.fetch_max(live, Ordering::Relaxed);
        (Self { data, len: bytes }, fresh)
    }

    /// Length in bytes, as asked for.
    pub fn len_bytes(&self) -> usize {
        self.len
    }

    /// The contents as values of `T`.
    ///
    /// # Panics
    /// If the length is not a multiple of the size of `T`, or `T` needs more than [`ALIGNMENT`].
    pub fn as_slice<T: Pod>(&self) -> &[T] {
        // SAFETY: `len` bytes from `data` belong to this buffer, and are initialised: zeroed by the system first, and
        // only ever written through `as_mut_slice` as `Pod` values, which have no padding.
        let bytes = unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.len) };
        bytemuck::cast_slice(bytes)
    }

    /// The contents as values of `T`, to write.
    ///
    /// # Panics
    /// As [`Buffer::as_slice`].
    pub fn as_mut_slice<T: Pod>(&mut self) -> &mut [T] {
        // SAFETY: as in `as_slice`; `&mut self` makes the borrow exclusive.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.data.as_ptr(), self.len) };
        bytemuck::cast_slice_mut(bytes)
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self::from_slice(self.as_slice::<u8>())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.len == 0 {
            return;
        }
        let class = class_of(self.len);
        let size = class_bytes(class) as u64;
        let live = LIVE_BYTES.fetch_sub(size, Ordering::Relaxed) - size;
        let cached = SYSTEM_BYTES.load(Ordering::Relaxed).saturating_sub(live);
        let block = Block(self.data);
        if cached > CACHE_FLOOR.max(2 * PEAK_BYTES.load(Ordering::Relaxed)) {
            release(block, class);
        } else {
            CACHE[class].lock().unwrap_or_else(PoisonError::into_inner).push(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_they_are_asked_for_and_waste_little() {
        let mut last = 0;
        // Miri is slow.
        let step = if cfg!(miri) { 997 } else { 1 };
        for bytes in (1..100_000).step_by(step).chain([1 << 20, (1 << 20) + 1, (3 << 30) + 7, MAX_BYTES - 1, MAX_BYTES])
        {
            let class = class_of(bytes);
            let size = class_bytes(class);
            assert!(size >= bytes && class >= last, "{bytes} -> {class} of {size}");
            assert!(class == 0 || class_bytes(class - 1) < bytes, "{bytes} fits the class below {class}");
            assert!(bytes < 1024 || (size - bytes) * 4 <= size, "{bytes} wastes too much in {size}");
            last = class;
        }
    }

    #[test]
    fn zeroed_is_zero_after_reuse_and_all_is_aligned() {
        for bytes in [1, 64, 100, 4096, 123_456] {
            for _ in 0..3 {
                let mut dirty = Buffer::uninit(bytes);
                dirty.as_mut_slice::<u8>().fill(0xAB);
                drop(dirty);
                let zero = Buffer::zeroed(bytes);
                assert!(zero.as_slice::<u8>().iter().all(|&b| b == 0));
                assert_eq!(zero.as_slice::<u8>().as_ptr() as usize % ALIGNMENT, 0);
                assert_eq!(zero.len_bytes(), bytes);
            }
        }
        assert!(Buffer::zeroed(0).as_slice::<f64>().is_empty());
    }

    /// A size class beyond the address space would have a size of 0 in wrapping arithmetic.
    #[test]
    #[should_panic(expected = "larger than the address space")]
    fn a_buffer_beyond_the_address_space_is_refused() {
        let _ = Buffer::uninit(usize::MAX);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri ends when the system has no memory")]
    fn what_the_system_refuses_is_a_panic_that_leaves_the_counters_alone() {
        let refused = std::panic::catch_unwind(|| Buffer::uninit(MAX_BYTES)).expect_err("no machine has so much");
        let text = refused.downcast_ref::<String>().expect("a message");
        assert!(text.starts_with("out of memory: the system refused a block of"), "{text}");
        // Other tests run at the same time, but none with blocks of this size.
        assert!(stats().live_bytes < MAX_BYTES as u64 && stats().peak_bytes < MAX_BYTES as u64);
        assert_eq!(Buffer::zeroed(4).as_slice::<f32>(), [0.0]);
    }

    #[test]
    fn clone_is_deep() {
        let mut a = Buffer::from_slice(&[1.0_f32, 2.0, 3.0]);
        let b = a.clone();
        a.as_mut_slice::<f32>()[0] = 9.0;
        assert_eq!(b.as_slice::<f32>(), [1.0, 2.0, 3.0]);
    }
}
