//! What is said on standard error while a milestone is measured at full size, which may take minutes.

use std::io::{IsTerminal, Write, stderr};
use std::sync::atomic::{AtomicU64, Ordering};

use striate_road::check::Progress;

/// How often a line is written where none can be written over, in seconds.
const LINE_EVERY: u64 = 30;

/// Tells how far the measurement has come.
#[derive(Default)]
pub struct Teller {
    /// How many lines of [`LINE_EVERY`] were written.
    lines: AtomicU64,
}

impl Teller {
    /// Says what is known. That standard error is closed is no reason to stop the check.
    pub fn tell(&self, progress: &Progress) {
        let mut out = stderr();
        let Progress { seconds, limit_seconds, .. } = *progress;
        if seconds == 0.0 {
            let _ = writeln!(out, "{}", announcement(progress));
        }
        if out.is_terminal() {
            let _ = write!(out, "\r  {seconds:.0} s of {limit_seconds:.0} s").and_then(|()| out.flush());
        } else if seconds as u64 / LINE_EVERY > self.lines.load(Ordering::Relaxed) {
            self.lines.store(seconds as u64 / LINE_EVERY, Ordering::Relaxed);
            let _ = writeln!(out, "  {seconds:.0} s of {limit_seconds:.0} s");
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if stderr().is_terminal() {
            // The line with the seconds goes away.
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

fn announcement(progress: &Progress) -> String {
    let Progress { data, asked, limit_seconds, .. } = progress;
    let asked = format!("{:.2}", 100.0 * asked);
    let asked = asked.trim_end_matches('0').trim_end_matches('.');
    format!(
        "On few images it does all that is asked for. Now {data}: {asked} % has to be right, and your code has {limit_seconds:.0} s."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_and_time_are_said_before() {
        let progress = Progress { data: "all of MNIST", asked: 0.975, seconds: 0.0, limit_seconds: 120.0 };
        let text = announcement(&progress);
        assert!(text.contains("all of MNIST: 97.5 % has to be right") && text.ends_with("120 s."), "{text}");
        assert!(announcement(&Progress { asked: 0.98, ..progress }).contains(": 98 % "));
    }
}
