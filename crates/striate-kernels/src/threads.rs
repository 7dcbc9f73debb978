//! The thread pool: persistent workers that spin for a moment and then park.
//!
//! [`parallel_for`] hands out chunk numbers. How many chunks there are is the caller's choice and must depend on the
//! problem only; which thread runs a chunk is left open, so a chunk must not depend on it. The calling thread works too.
//! Each thread begins with a range of its own, the same in every call with as many chunks, so that it finds what it wrote in
//! its cache; when that is done it helps the others.
//! A call from inside a chunk, or while another thread holds the pool, runs on the spot. A panic in a chunk reaches the
//! caller once all threads have left the job.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// How long an idle worker stays hot before it parks: about the time a small kernel takes.
const SPIN: Duration = Duration::from_micros(30);
/// Upper bound on the number of threads, a guard against a mistyped setting.
const MAX_THREADS: usize = 1024;

/// What a chunk is run with: `(slot, chunk)`. Slots number the threads of one call from 0.
type Body<'a> = &'a (dyn Fn(usize, usize) + Sync);

#[derive(Clone, Copy)]
struct Job {
    body: Body<'static>,
    /// Ranges that the chunks are cut in.
    lanes: usize,
    /// Workers with a number below this may help.
    helpers: usize,
}

/// Chunks from `next` to `end` that are still to be run, of one thread's range. On cache lines of its own.
#[repr(align(128))]
struct Lane {
    next: AtomicUsize,
    end: AtomicUsize,
}

/// Ranges that the chunks are cut in at most; threads beyond share.
const MAX_LANES: usize = 64;

struct Worker {
    parked: AtomicBool,
    thread: OnceLock<Thread>,
}

/// State shared by the callers and the workers.
///
/// `state` is `epoch << 32 | OPEN | entrants`. A worker enters by adding one to an open state and leaves by taking it
/// off again; a caller closes the job when all chunks are taken and waits for the entrants only, so a worker that was slow
/// to wake costs nothing.
struct Pool {
    state: AtomicU64,
    lanes: [Lane; MAX_LANES],
    job: UnsafeCell<Option<Job>>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// Held by the caller that owns the job.
    workers: Mutex<Vec<Arc<Worker>>>,
    threads: AtomicUsize,
}

// SAFETY: `job` is the only field that is not `Sync`. It is written by the holder of the `workers` lock while the state is
// closed with no entrants, and read by threads that have entered an open state, which orders the read after the write.
unsafe impl Sync for Pool {}

const OPEN: u64 = 1 << 31;
const ENTRANTS: u64 = OPEN - 1;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

fn pool() -> &'static Pool {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(|| Pool {
        state: AtomicU64::new(0),
        lanes: [const { Lane { next: AtomicUsize::new(0), end: AtomicUsize::new(0) } }; MAX_LANES],
        job: UnsafeCell::new(None),
        panic: Mutex::new(None),
        workers: Mutex::new(Vec::new()),
        threads: AtomicUsize::new(default_threads()),
    })
}

fn default_threads() -> usize {
    let setting = std::env::var_os("STRIATE_NUM_THREADS").unwrap_or_default();
    let (threads, complaint) = threads_of(&setting.to_string_lossy(), || {
        std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS)
    });
    if let Some(complaint) = complaint {
        eprintln!("{complaint}");
    }
    threads
}

/// The number of threads that `STRIATE_NUM_THREADS` asks for, `offered()` if it asks for none, and what is wrong with the
/// setting if it makes no sense.
fn threads_of(setting: &str, offered: impl Fn() -> usize) -> (usize, Option<String>) {
    match setting.trim() {
        "" => (offered(), None),
        text => match text.parse::<usize>() {
            Ok(threads @ 1..=MAX_THREADS) => (threads, None),
            _ => {
                let threads = offered();
                let wrong = format!("STRIATE_NUM_THREADS={text} is no whole number from 1 to {MAX_THREADS}");
                (threads, Some(format!("{wrong}: using {threads}")))
            }
        },
    }
}

/// The number of threads kernels may use, the calling one included.
///
/// At first `STRIATE_NUM_THREADS` if that is a number from 1 to 1024, else what the system offers; a setting that is none
/// is named on standard error, once.
pub fn num_threads() -> usize {
    pool().threads.load(Ordering::Relaxed)
}

/// Sets the number of threads kernels may use (at least 1). Results do not depend on it.
pub fn set_num_threads(threads: usize) {
    pool().threads.store(threads.clamp(1, MAX_THREADS), Ordering::Relaxed);
}

/// Runs `body(0)`, ..., `body(chunks - 1)`, each once, on the pool, and returns when all are done.
///
/// # Panics
/// With the panic of a chunk, if one panics; some chunks may then not have run.
pub fn parallel_for(chunks: usize, body: &(dyn Fn(usize) + Sync)) {
    run(chunks, num_threads(), &|_, chunk| body(chunk));
}

/// Cuts `data` in pieces of `chunk_len` (the last may be shorter) and runs `body(index, piece)` on each, on the pool.
///
/// # Panics
/// If `chunk_len` is 0 while `data` is not empty; with the panic of a chunk.
pub fn parallel_chunks_mut<T: Send>(data: &mut [T], chunk_len: usize, body: &(dyn Fn(usize, &mut [T]) + Sync)) {
    if data.is_empty() {
        return;
    }
    assert!(chunk_len > 0, "parallel_chunks_mut: chunk_len is 0");
    let pieces = Pieces::new(data, chunk_len);
    parallel_for(pieces.count(), &|chunk| {
        // SAFETY: `parallel_for` runs each chunk number once, so no piece is borrowed twice.
        body(chunk, unsafe { pieces.get(chunk) });
    });
}

/// Like [`parallel_for`], each thread with a scratch slice of `scratch_len` values of its own. What is in it at the start
/// of a chunk is unspecified (a former chunk's values, or any others).
pub(crate) fn parallel_for_scratch<T: bytemuck::Pod + Send>(
    chunks: usize,
    scratch_len: usize,
    body: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    let slots = num_threads().min(chunks).max(1);
    let line = 64 / size_of::<T>();
    let stride = scratch_len.max(1).next_multiple_of(line);
    let mut scratch = crate::memory::Buffer::uninit(slots * stride * size_of::<T>());
    let pieces = Pieces::new(scratch.as_mut_slice::<T>(), stride);
    run(chunks, slots, &|slot, chunk| {
        // SAFETY: a slot belongs to one thread for the whole call and that thread runs one chunk at a time.
        let piece = unsafe { pieces.get(slot) };
        body(chunk, &mut piece[..scratch_len]);
    });
}

/// Disjoint pieces of one mutable slice, for threads that each take their own.
pub(crate) struct Pieces<'a, T> {
    data: *mut T,
    len: usize,
    piece: usize,
    /// As long as this lives, nobody else can use the slice.
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: it is only a way to reach disjoint `&mut [T]` from several threads, which `T: Send` allows.
unsafe impl<T: Send> Sync for Pieces<'_, T> {}

impl<'a, T> Pieces<'a, T> {
    pub(crate) fn new(data: &'a mut [T], piece: usize) -> Self {
        assert!(piece > 0, "pieces of length 0");
        Self { data: data.as_mut_ptr(), len: data.len(), piece, borrow: PhantomData }
    }

    pub(crate) fn count(&self) -> usize {
        self.len.div_ceil(self.piece)
    }

    /// The piece `index`.
    ///
    /// # Safety
    /// No other borrow of this piece is alive.
    #[expect(clippy::mut_from_ref, reason = "disjointness is the caller's promise")]
    pub(crate) unsafe fn get(&self, index: usize) -> &mut [T] {
        let start = index.checked_mul(self.piece).filter(|&start| start < self.len).expect("piece out of range");
        // SAFETY: `start` is inside the slice and the length is cut at its end; exclusivity is the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(start), self.piece.min(self.len - start)) }
    }
}

fn run(chunks: usize, threads: usize, body: Body<'_>) {
    let helpers = threads.min(chunks).saturating_sub(1);
    if helpers == 0 || INSIDE.get() {
        return (0..chunks).for_each(|chunk| body(0, chunk));
    }
    let pool = pool();
    // A poisoned lock only says that a chunk panicked; the pool itself was put back in order.
    let mut workers = match pool.workers.try_lock() {
        Ok(workers) => workers,
        Err(std::sync::TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(std::sync::TryLockError::WouldBlock) => return (0..chunks).for_each(|chunk| body(0, chunk)),
    };
    while workers.len() < helpers {
        let Some(worker) = spawn(workers.len()) else { break };
        workers.push(worker);
    }
    // SAFETY: only the lifetime changes. The body is used by entrants only, and this function does not return or unwind
    // before the job is closed and its last entrant has left.
    let body: Body<'static> = unsafe { std::mem::transmute::<Body<'_>, Body<'static>>(body) };
    let job = Job { body, lanes: (helpers + 1).min(MAX_LANES), helpers };
    // SAFETY: the lock is held, the state is closed and has no entrants: nobody reads or writes the job.
    unsafe { *pool.job.get() = Some(job) };
    let mut start = 0;
    for (lane, left) in pool.lanes.iter().zip((1..=job.lanes).rev()) {
        let end = start + (chunks - start).div_ceil(left);
        lane.next.store(start, Ordering::Relaxed);
        lane.end.store(end, Ordering::Relaxed);
        start = end;
    }
    let epoch = (pool.state.load(Ordering::Relaxed) >> 32).wrapping_add(1);
    pool.state.store((epoch << 32) | OPEN, Ordering::SeqCst);
    for worker in workers.iter().take(helpers) {
        if worker.parked.load(Ordering::SeqCst)
            && let Some(thread) = worker.thread.get()
        {
            thread.unpark();
        }
    }
    pool.work(&job, 0);
    pool.state.fetch_and(!OPEN, Ordering::AcqRel);
    let mut spins = 0_u32;
    while pool.state.load(Ordering::Acquire) & ENTRANTS != 0 {
        spins += 1;
        if spins < 2000 { std::hint::spin_loop() } else { std::thread::yield_now() }
    }
    let panic = pool.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
    drop(workers);
    if let Some(payload) = panic {
        resume_unwind(payload);
    }
}

impl Pool {
    /// Takes chunks until none is left. Does not unwind: a panic is kept for the caller and ends the job.
    fn work(&self, job: &Job, slot: usize) {
        INSIDE.set(true);
        let result = catch_unwind(AssertUnwindSafe(|| {
            for turn in 0..job.lanes {
                let lane = &self.lanes[(slot + turn) % job.lanes];
                // Looking before taking keeps a range that is done in the caches of all.
                while lane.next.load(Ordering::Relaxed) < lane.end.load(Ordering::Relaxed) {
                    let chunk = lane.next.fetch_add(1, Ordering::Relaxed);
                    if chunk >= lane.end.load(Ordering::Relaxed) {
                        break;
                    }
                    (job.body)(slot, chunk);
                }
            }
        }));
        INSIDE.set(false);
        if let Err(payload) = result {
            self.lanes[..job.lanes].iter().for_each(|lane| lane.end.store(0, Ordering::Relaxed));
            match &mut *self.panic.lock().unwrap_or_else(PoisonError::into_inner) {
                place @ None => *place = Some(payload),
                // Not dropped: that runs code of the payload, which could panic and leave the job open.
                Some(_) => std::mem::forget(payload),
            }
        }
    }

    /// Enters the open job, if there is one that is not `seen`. Returns its epoch.
    fn enter(&self, seen: u64) -> Option<u64> {
        let mut state = self.state.load(Ordering::SeqCst);
        while state & OPEN != 0 && state >> 32 != seen {
            match self.state.compare_exchange_weak(state, state + 1, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return Some(state >> 32),
                Err(now) => state = now,
            }
        }
        None
    }

    fn worker_loop(&self, worker: &Worker, index: usize) -> ! {
        let mut seen = 0;
        loop {
            let mut idle = Idle::new();
            seen = loop {
                if let Some(epoch) = self.enter(seen) {
                    break epoch;
                }
                if idle.spin() {
                    continue;
                }
                // Announce, look once more, sleep: a caller publishes first and looks for sleepers after.
                worker.parked.store(true, Ordering::SeqCst);
                let entered = self.enter(seen);
                if entered.is_none() {
                    std::thread::park();
                }
                worker.parked.store(false, Ordering::SeqCst);
                if let Some(epoch) = entered {
                    break epoch;
                }
                idle = Idle::new();
            };
            // SAFETY: this thread has entered, so the caller wrote the job before and will not touch it until we leave.
            let job = unsafe { *self.job.get() };
            if let Some(job) = job
                && index < job.helpers
            {
                self.work(&job, index + 1);
            }
            self.state.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Spins for about [`SPIN`].
struct Idle {
    since: Option<Instant>,
    turns: u32,
}

impl Idle {
    fn new() -> Self {
        Self { since: None, turns: 0 }
    }

    /// Whether to go on spinning.
    fn spin(&mut self) -> bool {
        std::hint::spin_loop();
        self.turns += 1;
        if !self.turns.is_multiple_of(64) {
            return true;
        }
        self.since.get_or_insert_with(Instant::now).elapsed() < SPIN
    }
}

/// Starts a worker; `None` when the system has no thread to give, in which case the others do the work.
fn spawn(index: usize) -> Option<Arc<Worker>> {
    let worker = Arc::new(Worker { parked: AtomicBool::new(false), thread: OnceLock::new() });
    let own = Arc::clone(&worker);
    let handle = std::thread::Builder::new()
        .name(format!("striate-{}", index + 1))
        .spawn(move || pool().worker_loop(&own, index))
        .ok()?;
    let _ = worker.thread.set(handle.thread().clone());
    Some(worker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_runs_once() {
        for threads in [1, 2, 3, 7] {
            set_num_threads(threads);
            for chunks in [0, 1, 2, 5, 100, 1000] {
                let counts: Vec<AtomicUsize> = (0..chunks).map(|_| AtomicUsize::new(0)).collect();
                parallel_for(chunks, &|i| {
                    counts[i].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn many_small_jobs_from_several_threads() {
        set_num_threads(3);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..if cfg!(miri) { 20 } else { 2000 } {
                        let sum = AtomicUsize::new(0);
                        parallel_for(8, &|i| {
                            sum.fetch_add(i + round, Ordering::Relaxed);
                        });
                        assert_eq!(sum.into_inner(), 28 + 8 * round);
                    }
                });
            }
        });
    }

    #[test]
    fn parked_workers_wake_up() {
        set_num_threads(2);
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(1));
            let mut data = vec![0_usize; 1001];
            parallel_chunks_mut(&mut data, 10, &|chunk, piece| {
                piece.iter_mut().enumerate().for_each(|(i, x)| *x = chunk * 10 + i);
            });
            assert!(data.iter().enumerate().all(|(i, &x)| i == x));
        }
    }

    #[test]
    fn a_nested_call_runs_inline() {
        set_num_threads(2);
        let count = AtomicUsize::new(0);
        parallel_for(4, &|_| {
            let outer = std::thread::current().id();
            parallel_for(4, &|_| {
                assert_eq!(std::thread::current().id(), outer);
                count.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(count.into_inner(), 16);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        set_num_threads(3);
        for _ in 0..50 {
            let caught = catch_unwind(|| parallel_for(64, &|i| assert!(i != 17, "chunk seventeen")));
            let payload = caught.expect_err("the panic must arrive");
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"chunk seventeen"));
            let sum = AtomicUsize::new(0);
            parallel_for(64, &|i| {
                sum.fetch_add(i, Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), 2016);
        }
    }

    /// Dropping what the second of two panics carries would panic again, in the middle of the job.
    #[test]
    fn a_panic_that_panics_when_dropped_does_not_hang() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                if !std::thread::panicking() {
                    panic!("dropped");
                }
            }
        }
        set_num_threads(3);
        for _ in 0..20 {
            let caught = catch_unwind(|| parallel_for(8, &|_| std::panic::resume_unwind(Box::new(Bomb))));
            std::mem::forget(caught.expect_err("the panic must arrive"));
            let count = AtomicUsize::new(0);
            parallel_for(8, &|_| {
                count.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(count.into_inner(), 8);
        }
    }

    #[test]
    fn a_bad_setting_is_named_once_and_passed_over() {
        assert_eq!(threads_of("", || 5), (5, None));
        assert_eq!(threads_of(" 3 ", || 5), (3, None));
        for bad in ["0", "-1", "many", "2.5", "1025", "99999999999999999999"] {
            let (threads, complaint) = threads_of(bad, || 5);
            let text = complaint.expect("a complaint");
            assert_eq!(threads, 5);
            assert!(text.contains(&format!("STRIATE_NUM_THREADS={bad} ")) && text.ends_with("using 5"), "{text}");
        }
    }

    #[test]
    fn scratch_belongs_to_one_thread() {
        set_num_threads(7);
        parallel_for_scratch::<u64>(200, 33, &|chunk, scratch| {
            scratch.fill(chunk as u64);
            std::thread::yield_now();
            assert!(scratch.iter().all(|&x| x == chunk as u64));
        });
    }
}
