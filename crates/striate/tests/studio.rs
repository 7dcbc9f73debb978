//! `striate studio`, the program itself, with a page that checks. In Rust, which these tests have for certain.

#[path = "../../striate-studio/tests/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::browser_or_skip;

const SOLUTION: &str = include_str!("../../../road/stations/correlation-filtering/rust/solution_correlate2d.rs");
/// The first check compiles the array crate.
const COMPILED: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(10);

/// The studio as a process; it ends with this value.
struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn start(folder: &Path) -> Running {
        let mut child = Command::new(env!("CARGO_BIN_EXE_striate"))
            .args(["studio", "--port", "0", "--no-browser"])
            .env("STRIATE_HOME", folder.join("home"))
            .env("STRIATE_WORKSPACE", folder.join("work"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let url = lines.find_map(|line| line.strip_prefix("Striate is at ").map(str::to_owned)).unwrap();
        // The pipe must stay open, or the studio cannot print its last line.
        std::thread::spawn(move || lines.for_each(drop));
        Running { child, url }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_page_lays_the_starters_and_checks_what_was_written() {
    let Some(browser) = browser_or_skip("a_page_lays_the_starters_and_checks_what_was_written") else { return };
    let folder = tempfile::tempdir().unwrap();
    let studio = Running::start(folder.path());
    let mut page = browser.page(1280, 900);
    page.open(&format!("{}stations/correlation-filtering", studio.url));
    let card = "document.querySelector('[data-exercise=correlate2d]')";
    let report = format!("{card}.querySelector('[data-report]').innerText");
    let check = "[data-exercise=correlate2d] [data-check]";

    page.click("[name=language][value=rust] + span");
    page.click("[data-start]");
    page.wait_for("document.querySelector('[data-start-state]').textContent.includes('new rust/')", SOON);
    page.click(check);
    page.wait_for(&format!("{report}.includes('is still to be written')"), COMPILED);

    let file = folder.path().join("work/correlation-filtering/rust/src/correlate2d.rs");
    std::fs::write(&file, SOLUTION.replace("k[[u, v]]", "k[[kh - 1 - u, kw - 1 - v]]")).unwrap();
    page.click(check);
    page.wait_for(&format!("{report}.includes('the kernel is turned by 180')"), COMPILED);
    let text = page.evaluate(&report);
    let text = text.as_str().unwrap();
    for expected in ["Read:", "expected out", "yours out", "correlation-filtering/rust/src/correlate2d.rs"] {
        assert!(text.contains(expected), "{expected} is not in: {text}");
    }

    std::fs::write(&file, SOLUTION).unwrap();
    page.click(check);
    page.wait_for(&format!("{card}.classList.contains('passed')"), COMPILED);
    assert_eq!(page.problems(), [""; 0]);
}
