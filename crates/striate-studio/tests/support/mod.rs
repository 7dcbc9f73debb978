//! A small driver for a real Chromium over the DevTools protocol, and a studio to point it at.
#![allow(dead_code, reason = "each test binary and the screenshots use a part of it")]

mod browser;
mod server;
pub mod strokes;

#[allow(unused_imports, reason = "each user takes a part")]
pub use browser::{Browser, Page, find_chromium};
#[allow(unused_imports, reason = "each user takes a part")]
pub use server::{TestStudio, config};

/// A browser, or `None` when there is none and the test is to be skipped; in CI that is a failure.
pub fn browser_or_skip(test: &str) -> Option<Browser> {
    let browser = find_chromium().map(|program| Browser::launch(&program));
    if browser.is_none() {
        let text = format!("SKIPPED {test}: no Chromium found; install it or name one in STRIATE_CHROMIUM");
        assert!(std::env::var_os("CI").is_none_or(|value| value.is_empty() || value == "false"), "{text}");
        eprintln!("{text}");
    }
    browser
}
