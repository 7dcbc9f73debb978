//! What this machine can do at best: multiply-adds from registers, and streams from memory, on all threads asked for.
//!
//! The share of the peak in the bench's table is relative to these numbers.
#![allow(unsafe_code, reason = "the peak needs instructions that not every processor has")]

use std::error::Error;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use crate::Settings;
use crate::measure::emit;

/// Prints the peak of multiply-adds in f32 and, where the processor has an instruction for it, in bf16, and that of memory.
pub fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let threads = settings.threads;
    emit("limits", "f32", threads, "GFLOP/s", best_of_threads(threads, &f32_flops));
    if let Some(kernel) = bf16_kernel() {
        emit("limits", "bf16", threads, "GFLOP/s", best_of_threads(threads, &kernel));
    }
    emit("limits", "memory", threads, "GB/s", memory(threads));
    Ok(())
}

/// Billions of units of work per second of all threads together, the best of seven tries. `work` does some, and says how
/// much.
fn best_of_threads(threads: usize, work: &(dyn Fn() -> f64 + Sync)) -> f64 {
    const TRIES: usize = 7;
    let barrier = Barrier::new(threads);
    let run = || {
        (0..TRIES).map(|_| {
            barrier.wait();
            let begun = Instant::now();
            let done = work();
            barrier.wait();
            done / begun.elapsed().as_secs_f64() * 1e-9
        })
    };
    let tries = |_| run().collect::<Vec<f64>>();
    let all: Vec<Vec<f64>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|index| scope.spawn(move || tries(index))).collect();
        handles.into_iter().map(|handle| handle.join().expect("a measuring thread does not panic")).collect()
    });
    let together = (0..TRIES).map(|index| all.iter().map(|thread| thread[index]).sum());
    together.fold(0.0, f64::max)
}

const STEPS: usize = 2_000_000;
/// Independent accumulators: enough to hide the latency of two units.
const CHAINS: usize = 12;

fn f32_flops() -> f64 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512 F.
            black_box(unsafe { x86::f32_avx512() });
            return (STEPS * CHAINS * 16 * 2) as f64;
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA.
            black_box(unsafe { x86::f32_avx2() });
            return (STEPS * CHAINS * 8 * 2) as f64;
        }
    }
    // What the compiler makes of plain code for this target; exact for NEON, which every aarch64 has.
    let mut chains = [[1.0_f32; 4]; CHAINS];
    for _ in 0..STEPS {
        for lane in chains.iter_mut().flatten() {
            *lane = if cfg!(target_arch = "aarch64") { lane.mul_add(0.999, 1e-7) } else { *lane * 0.999 + 1e-7 };
        }
    }
    black_box(chains);
    (STEPS * CHAINS * 4 * 2) as f64
}

fn bf16_kernel() -> Option<fn() -> f64> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512f") {
        return Some(|| {
            // SAFETY: the processor has AVX-512 F and BF16.
            black_box(unsafe { x86::bf16_avx512() });
            (STEPS * CHAINS * 32 * 2) as f64
        });
    }
    None
}

/// Billions of bytes per second of `a = b + c` on arrays far larger than the caches. A store counts once, though the
/// processor may read the line first: so do the workloads.
fn memory(threads: usize) -> f64 {
    const LEN: usize = 16 << 20;
    let arrays = || (vec![0.0_f32; LEN], vec![1.0_f32; LEN], vec![2.0_f32; LEN]);
    let own: Vec<_> = (0..threads).map(|_| std::sync::Mutex::new(arrays())).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    best_of_threads(threads, &|| {
        let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % threads;
        let mut arrays = own[index].lock().expect("a measuring thread does not panic");
        let (sum, left, right) = &mut *arrays;
        for ((sum, left), right) in sum.iter_mut().zip(&*left).zip(&*right) {
            *sum = left + right;
        }
        black_box(&*sum);
        (LEN * 3 * size_of::<f32>()) as f64
    })
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{CHAINS, STEPS, black_box};

    #[target_feature(enable = "avx512f")]
    pub fn f32_avx512() -> f32 {
        let (factor, term) = (_mm512_set1_ps(black_box(0.999)), _mm512_set1_ps(black_box(1e-7)));
        let mut chains = [_mm512_set1_ps(1.0); CHAINS];
        for _ in 0..STEPS {
            for chain in &mut chains {
                *chain = _mm512_fmadd_ps(*chain, factor, term);
            }
        }
        chains.iter().map(|chain| _mm512_reduce_add_ps(*chain)).sum()
    }

    #[target_feature(enable = "avx2,fma")]
    pub fn f32_avx2() -> f32 {
        let (factor, term) = (_mm256_set1_ps(black_box(0.999)), _mm256_set1_ps(black_box(1e-7)));
        let mut chains = [_mm256_set1_ps(1.0); CHAINS];
        for _ in 0..STEPS {
            for chain in &mut chains {
                *chain = _mm256_fmadd_ps(*chain, factor, term);
            }
        }
        chains.iter().map(|chain| _mm256_cvtss_f32(*chain)).sum()
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    pub fn bf16_avx512() -> f32 {
        let pairs = _mm512_cvtne2ps_pbh(_mm512_set1_ps(black_box(0.01)), _mm512_set1_ps(black_box(0.02)));
        let mut chains = [_mm512_set1_ps(1.0); CHAINS];
        for _ in 0..STEPS {
            for chain in &mut chains {
                *chain = _mm512_dpbf16_ps(*chain, pairs, pairs);
            }
        }
        chains.iter().map(|chain| _mm512_reduce_add_ps(*chain)).sum()
    }
}
