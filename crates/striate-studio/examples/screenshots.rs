//! Writes the pictures of the README: `cargo xtask screenshots`. They show a real studio with a really trained network.

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::time::Duration;

use striate_road::check::content::check_behaviour;
use striate_road::check::last;
use striate_road::exercises;
use striate_road::progress::{Attempt, ExerciseState, Progress, StationMark, now};
use striate_road::runner::Language;
use striate_road::workspace::Workspace;
use support::{Browser, TestStudio, find_chromium, strokes};

const SOON: Duration = Duration::from_secs(30);
/// A picture in a README should load at once.
const LARGEST: u64 = 300_000;

fn main() {
    let program = find_chromium().expect("a Chromium: install one or name it in STRIATE_CHROMIUM");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images");
    std::fs::create_dir_all(&folder).expect("docs/images can be made");
    let studio = TestStudio::start();
    println!("training a network for the digit room");
    studio.train_reader(None, 3);
    learn_a_little(&studio);

    let browser = Browser::launch(&program);
    let mut page = browser.page(1280, 800);
    let take = |name: &str, page: &mut support::Page| {
        let path = folder.join(name);
        page.screenshot(&path);
        let size = std::fs::metadata(&path).map_or(0, |data| data.len());
        assert!(size < LARGEST, "{name} has {size} bytes, more than {LARGEST}");
        assert_eq!(page.problems(), [""; 0], "{name}");
        println!("docs/images/{name}: {size} bytes");
    };

    page.open(&studio.at("?goal=recognition"));
    take("map.png", &mut page);

    page.open(&studio.at("stations/linearity-convolution"));
    page.wait_for("document.querySelector('[data-pane=output]')", SOON);
    take("station.png", &mut page);

    page.open(&studio.at("digits"));
    page.wait_for("document.querySelector('[data-pane=answer]')", SOON);
    page.draw(".sheet", &strokes::of_digit(5));
    page.wait_for("document.querySelector('[data-pane=answer] .marked')", SOON);
    page.evaluate("new Promise(done => setTimeout(done, 800))");
    page.evaluate("scrollTo(0, 0)");
    take("digit-room.png", &mut page);

    page.open(&studio.at("labs/kernel"));
    page.wait_for("document.querySelector('[data-pane=sum]')", SOON);
    let [left, top, width, height] = page.box_of("[data-pane=input] .picture");
    page.hover((left + width * 0.437, top + height * 0.27));
    page.evaluate("new Promise(done => setTimeout(done, 500))");
    page.evaluate("scrollTo(0, 0)");
    take("kernel-lab.png", &mut page);

    page.open(&studio.at("stations/correlation-filtering"));
    page.wait_for("document.querySelector('[data-exercise=correlate2d] [data-report] .case')", SOON);
    // The card of the exercise, from its button to the right result beside the learner's.
    page.resize(760, 585);
    page.evaluate("document.querySelector('[data-exercise=correlate2d] .check-row').scrollIntoView()");
    page.evaluate("scrollBy(0, -12)");
    take("check.png", &mut page);

    page.resize(1280, 1080);
    page.open(&studio.at("labs/network?points=moons&hidden=8&rate=1&stop=5000&seed=3"));
    page.wait_for("document.querySelector('[data-pane=units]')", SOON);
    page.click("[data-action=run]");
    page.wait_for("document.querySelector('[data-notice]').textContent.includes('Stopped')", SOON);
    page.evaluate("new Promise(done => setTimeout(done, 500))");
    page.evaluate("scrollTo(0, 0)");
    take("network-lab.png", &mut page);
}

/// What a learner has after a few evenings, so that the map shows its states.
fn learn_a_little(studio: &TestStudio) {
    let mut progress = Progress::open(&studio.progress).expect("the progress opens");
    progress.set_goal(Some("recognition")).expect("the goal is kept");
    for station in ["image-as-function", "python-essentials", "numpy-arrays"] {
        progress.set_mark(station, Some(StationMark::Done)).expect("the mark is kept");
    }
    let road = striate_road::Road::embedded();
    let mut at = now() - 3_600_000;
    let mut record = |exercise: &str, state| {
        at += 1000;
        let attempt = Attempt {
            at,
            exercise: exercise.to_owned(),
            language: Some(Language::Python),
            state,
            misconceptions: Vec::new(),
        };
        progress.record_attempt(&attempt).expect("the attempt is kept");
    };
    let plans = |id: &str| road.station(id).map(|station| station.exercises.clone()).unwrap_or_default();
    for plan in plans("correlation-filtering") {
        record(&plan.id, ExerciseState::Passed);
    }
    for plan in plans("linearity-convolution").iter().take(1) {
        record(&plan.id, ExerciseState::Passed);
    }
    // The last check found the kernel turned, by a program that really turns it.
    let exercise = exercises::find("correlate2d").expect("an exercise");
    let mut report = check_behaviour(exercise, exercise.misconceptions[0].behaviour);
    report.file = studio.workspace.join("correlation-filtering/python/correlate2d.py");
    record("correlate2d", ExerciseState::WrongValue);
    last::save(&studio.checks, &report).expect("the report is kept");
    let station = road.station("correlation-filtering").expect("a station");
    Workspace::new(&studio.workspace).start(road, station, Language::Python).expect("the starters are laid");
}
