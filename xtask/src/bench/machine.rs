//! The machine: what it is, whether it is quiet, and who else used it.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seconds of CPU time since the system or this process started.
#[derive(Clone, Copy, Default)]
struct Times {
    busy: f64,
    steal: f64,
    own: f64,
}

/// Linux counts in hundredths of a second towards programs, whatever the kernel's own clock.
const TICKS: f64 = 100.0;

fn times() -> Option<Times> {
    let fields = |text: &str| text.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect::<Vec<f64>>();
    let machine = fields(fs::read_to_string("/proc/stat").ok()?.lines().next()?.strip_prefix("cpu ")?);
    let process = fs::read_to_string("/proc/self/stat").ok()?;
    // After the name in brackets: state is field 3; user, system, children's user, children's system are 14 to 17.
    let process = fields(&process[process.rfind(')')? + 1..]);
    let [user, nice, system, _idle, _wait, irq, softirq, steal] = *machine.get(..8)? else { return None };
    let own = process.get(11..15)?.iter().sum::<f64>();
    Some(Times { busy: (user + nice + system + irq + softirq) / TICKS, steal: steal / TICKS, own: own / TICKS })
}

/// What others took while a program ran, as shares of all cores.
#[derive(Clone, Copy, Default)]
pub struct Disturbance {
    /// Other processes.
    pub foreign: f64,
    /// The hypervisor, while our cores wanted to run.
    pub steal: f64,
}

/// Counts from its making to [`Watch::stop`].
pub struct Watch {
    begun: Instant,
    times: Option<Times>,
}

impl Watch {
    pub fn start() -> Self {
        Self { begun: Instant::now(), times: times() }
    }

    /// Zeros where the system does not tell.
    pub fn stop(self) -> Disturbance {
        let (Some(before), Some(after)) = (self.times, times()) else { return Disturbance::default() };
        let all = self.begun.elapsed().as_secs_f64() * cores() as f64;
        let foreign = (after.busy - before.busy) - (after.own - before.own);
        Disturbance { foreign: (foreign / all).max(0.0), steal: (after.steal - before.steal) / all }
    }
}

/// Waits until the other processes take less than a tenth of a core, `at_most` so long. Says whether they did.
pub fn wait_until_quiet(at_most: Duration) -> bool {
    let begun = Instant::now();
    loop {
        let Some(before) = times() else { return true };
        std::thread::sleep(Duration::from_millis(500));
        let quiet = times().is_none_or(|after| after.busy - before.busy < 0.05);
        if quiet || begun.elapsed() > at_most {
            return quiet;
        }
    }
}

/// How many cores this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The processor's name, and what of it matters here.
pub fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split(':').nth(1)).unwrap_or("unknown").trim().to_owned()
    };
    let flags = field("flags");
    let has: Vec<&str> = ["avx2", "avx512f", "avx512_bf16", "amx_bf16"]
        .into_iter()
        .filter(|name| flags.split_whitespace().any(|flag| flag == *name))
        .collect();
    format!("{} (family {}, model {}; {})", field("model name"), field("cpu family"), field("model"), has.join(" "))
}

/// First line of what a command prints; `unknown` if it cannot run.
pub fn first_line(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").trim().to_owned()
}

/// The time now, `2026-11-22 12:34 UTC`.
pub fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, minutes) = (seconds / 86_400, seconds / 60 % 1440);
    let (year, month, day) = civil(days);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60, minutes % 60)
}

/// Year, month and day of a day since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, of_year - (153 * shifted_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_779), (2026, 11, 22));
    }

    #[test]
    fn a_watch_over_nothing_sees_shares() {
        let Disturbance { foreign, steal } = Watch::start().stop();
        assert!(foreign >= 0.0 && steal >= 0.0);
    }
}
