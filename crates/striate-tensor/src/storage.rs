//! The memory behind tensors.

use std::any::Any;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytemuck::Pod;
use striate_kernels::memory::Buffer;

/// A block of memory shared by a tensor and its views, with a counter of the writes to it.
///
/// A reader takes a snapshot (`Arc` of the buffer) and holds no lock while it computes, so an operation can read the
/// same storage through several arguments. A writer works in place when nobody reads, else on a copy that replaces the
/// buffer: a reader never sees a half-written tensor.
#[derive(Debug)]
pub(crate) struct Storage {
    buffer: RwLock<Arc<Block>>,
    version: AtomicU64,
    derived: Mutex<Option<Derived>>,
}

/// Something computed from the elements from `start` on, as they were at `version`.
#[derive(Debug)]
struct Derived {
    version: u64,
    start: usize,
    value: Arc<dyn Any + Send + Sync>,
}

struct Block(Buffer);

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len_bytes())
    }
}

impl Storage {
    pub(crate) fn new(buffer: Buffer) -> Self {
        Self { buffer: RwLock::new(Arc::new(Block(buffer))), version: AtomicU64::new(0), derived: Mutex::new(None) }
    }

    /// How often the storage has been written to since it was made.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The `len` elements from `start`, as they are now.
    pub(crate) fn read<T: Pod>(&self, start: usize, len: usize) -> Data<T> {
        let block = Arc::clone(&self.buffer.read().unwrap_or_else(PoisonError::into_inner));
        Data { block, start, len, element: PhantomData }
    }

    /// What `make` computes from the elements from `start` on, or what it computed before: the last value is kept with the
    /// storage until the next write, as long as it `fits`.
    pub(crate) fn derived<V: Any + Send + Sync>(
        &self,
        start: usize,
        fits: impl Fn(&V) -> bool,
        make: impl FnOnce() -> Option<V>,
    ) -> Option<Arc<V>> {
        let slot = || self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        // Read first: what is computed while somebody writes then counts as old.
        let version = self.version();
        let kept = slot().as_ref().filter(|kept| kept.version == version && kept.start == start).map(|kept| {
            // Cloned so that nothing is computed or freed under the lock.
            Arc::clone(&kept.value)
        });
        if let Some(kept) = kept.and_then(|kept| kept.downcast::<V>().ok()).filter(|kept| fits(kept)) {
            return Some(kept);
        }
        let value = Arc::new(make()?);
        let former = slot().replace(Derived { version, start, value: Arc::<V>::clone(&value) });
        drop(former);
        Some(value)
    }

    /// Runs `write` on the `len` elements from `start`, and counts one more version.
    pub(crate) fn write<T: Pod, R>(&self, start: usize, len: usize, write: impl FnOnce(&mut [T]) -> R) -> R {
        let mut slot = self.buffer.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::get_mut(&mut slot).is_none() {
            let mut copy = Buffer::uninit(slot.0.len_bytes());
            copy.as_mut_slice::<u8>().copy_from_slice(slot.0.as_slice::<u8>());
            *slot = Arc::new(Block(copy));
        }
        let block = Arc::get_mut(&mut slot).expect("a block just made has one owner");
        self.version.fetch_add(1, Ordering::AcqRel);
        *self.derived.lock().unwrap_or_else(PoisonError::into_inner) = None;
        write(&mut block.0.as_mut_slice::<T>()[start..start + len])
    }
}

/// A snapshot of elements of a storage; dereferences to a slice.
pub(crate) struct Data<T> {
    block: Arc<Block>,
    start: usize,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Pod> Deref for Data<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.block.0.as_slice::<T>()[self.start..self.start + self.len]
    }
}
