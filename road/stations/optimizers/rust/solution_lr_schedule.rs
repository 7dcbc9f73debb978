use std::f64::consts::PI;

pub fn lr_schedule(kind: &str, step: i64, base: f64, floor: f64, total: i64, warmup: i64) -> f64 {
    // Converted first: between integers 3 / 8 would be 0.
    let p = ((step - warmup) as f64 / (total - warmup) as f64).min(1.0);
    let rate = match kind {
        "step" if p >= 0.75 => base / 100.0,
        "step" if p >= 0.5 => base / 10.0,
        "step" => base,
        "exponential" => base * (floor / base).powf(p),
        "linear" => base + (floor - base) * p,
        "cosine" => floor + (base - floor) * (1.0 + (PI * p).cos()) / 2.0,
        _ => panic!("there is no kind {kind:?}"),
    };
    if step < warmup { base * (step + 1) as f64 / (warmup + 1) as f64 } else { rate }
}
