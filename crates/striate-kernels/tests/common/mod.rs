//! Deterministic test data and comparisons.
#![allow(dead_code, reason = "each test file uses a part")]

/// A small generator (SplitMix64) so that a failing case is a seed.
pub struct Values(pub u64);

impl Values {
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    pub fn f64(&mut self, len: usize) -> Vec<f64> {
        (0..len).map(|_| f64::from(self.next() as f32)).collect()
    }
}

pub fn to_f32(x: &[f64]) -> Vec<f32> {
    x.iter().map(|&x| x as f32).collect()
}

/// Checks `actual` against `expected`, allowing `tolerance * (1 + |expected|)`.
#[track_caller]
pub fn assert_close(actual: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len());
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        let same = (a.is_nan() && e.is_nan()) || a == e || (a - e).abs() <= tolerance * (1.0 + e.abs());
        assert!(same, "element {i}: {a} instead of {e}");
    }
}

#[track_caller]
pub fn assert_close_f32(actual: &[f32], expected: &[f64], tolerance: f64) {
    let actual: Vec<f64> = actual.iter().map(|&x| f64::from(x)).collect();
    assert_close(&actual, expected, tolerance);
}

/// Runs the other tests of the file once more, in child processes that are capped to the plainer instruction sets.
#[track_caller]
pub fn run_again_with_plainer_instruction_sets(this_test: &str) {
    if std::env::var_os("STRIATE_ISA").is_some() || cfg!(miri) {
        return;
    }
    for isa in if cfg!(target_arch = "x86_64") { &["scalar", "avx2"][..] } else { &["scalar"] } {
        let mut command = std::process::Command::new(std::env::current_exe().expect("the path of this program"));
        let output = command.args(["--skip", this_test]).env("STRIATE_ISA", isa).output().expect("the tests run");
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !text.contains(" 0 passed"), "STRIATE_ISA={isa}:\n{text}{errors}");
    }
}
