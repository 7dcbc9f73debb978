//! Timing and output.

use std::time::Instant;

use crate::Settings;

/// So much work per step, reported in this unit per second.
#[derive(Clone, Copy)]
pub struct Rate {
    unit: &'static str,
    work: f64,
}

impl Rate {
    /// Images per second.
    pub fn images(count: usize) -> Self {
        Self { unit: "img/s", work: count as f64 }
    }

    /// Sequences per second.
    pub fn sequences(count: usize) -> Self {
        Self { unit: "seq/s", work: count as f64 }
    }

    /// Billions of floating-point operations per second.
    pub fn flops(flops: f64) -> Self {
        Self { unit: "GFLOP/s", work: flops * 1e-9 }
    }

    /// Billions of bytes per second.
    pub fn bytes(bytes: usize) -> Self {
        Self { unit: "GB/s", work: bytes as f64 * 1e-9 }
    }
}

/// Prints one number.
pub fn emit(workload: &str, peer: &str, threads: usize, metric: &str, value: f64) {
    println!("{workload}\t{peer}\t{threads}\t{metric}\t{value:.6}");
}

/// Times `step`: after some steps to warm up, `rounds` samples of as many steps as take about `sample` seconds. Prints
/// the median and the best time of a step, and the rates.
pub fn time(workload: &str, peer: &str, settings: &Settings, sample: f64, rates: &[Rate], mut step: impl FnMut()) {
    const WARM_UP: usize = 3;
    for _ in 0..WARM_UP {
        step();
    }
    let begun = Instant::now();
    step();
    let steps = ((sample / begun.elapsed().as_secs_f64().max(1e-7)) as usize).max(1);
    let mut seconds: Vec<f64> = (0..settings.rounds)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..steps {
                step();
            }
            begun.elapsed().as_secs_f64() / steps as f64
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let (median, best) = (median(&seconds), seconds[0]);
    emit(workload, peer, settings.threads, "ms", median * 1e3);
    emit(workload, peer, settings.threads, "ms_best", best * 1e3);
    for Rate { unit, work } in rates {
        emit(workload, peer, settings.threads, unit, work / median);
        emit(workload, peer, settings.threads, &format!("{unit}_best"), work / best);
    }
}

/// Of sorted values, at least one.
pub fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { 0.5 * (sorted[middle - 1] + sorted[middle]) }
}

/// Prints the largest resident memory of this process so far, in MB, where the system tells it.
pub fn report_peak_memory(workload: &str, settings: &Settings) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    match kib {
        Some(kib) => emit(workload, "striate", settings.threads, "peak_MB", kib * 1024.0 / 1e6),
        None => eprintln!("# {workload}: this system does not tell the largest memory of a process"),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!([median(&[4.0]), median(&[1.0, 2.0]), median(&[1.0, 2.0, 9.0])], [4.0, 1.5, 2.0]);
    }
}
