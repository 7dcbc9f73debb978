//! The studio in a real browser.

mod support;

use std::time::Duration;

use serde_json::json;
use striate_road::progress::{Attempt, ExerciseState, Progress, now};
use striate_road::runner::Language;
use support::{TestStudio, browser_or_skip};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn every_page_loads_without_a_word_in_the_console() {
    let Some(browser) = browser_or_skip("every_page_loads_without_a_word_in_the_console") else { return };
    let studio = TestStudio::start();
    let mut page = browser.page(1280, 800);
    let mut paths: Vec<String> =
        ["", "?goal=perception", "?goal=nothing", "labs", "labs/kernel", "labs/network", "digits", "runs"]
            .map(str::to_owned)
            .to_vec();
    let open =
        ["correlation-filtering", "linearity-convolution", "shallow-network", "convolution-layer", "digit-classifier"];
    paths.extend(open.iter().chain(&["eigendecomposition"]).map(|id| format!("stations/{id}")));
    for path in paths {
        page.open(&studio.at(&path));
        assert!(page.evaluate("document.querySelector('h1').textContent.trim()").as_str().unwrap().len() > 3, "{path}");
        // Nothing may be wider than the window, also on a phone.
        page.resize(390, 800);
        let overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth");
        assert!(overflow.as_f64().unwrap() <= 0.0, "{path} is {overflow} pixels too wide for a phone");
        page.resize(1280, 800);
        assert_eq!(page.problems(), [""; 0], "{path}");
    }
    page.open(&studio.at(""));
    assert_eq!(page.evaluate("document.querySelectorAll('[data-station]').length"), json!(90));
}

#[test]
fn the_map_filters_by_goal_and_search() {
    let Some(browser) = browser_or_skip("the_map_filters_by_goal_and_search") else { return };
    let studio = TestStudio::start();
    let mut page = browser.page(1280, 800);
    let visible = "document.querySelectorAll('[data-station]:not([hidden])').length";
    page.open(&studio.at("?goal=recognition"));
    let on_path = page.evaluate(visible).as_u64().unwrap();
    assert!((10..90).contains(&on_path), "{on_path} stations");
    page.evaluate("document.body.focus()");
    page.fill("[data-search]", "epipolar");
    let found = page.evaluate(visible).as_u64().unwrap();
    assert!((1..5).contains(&found), "{found} stations");
    page.fill("[data-search]", "zzz");
    assert_eq!(page.evaluate("document.querySelector('[data-nothing]').hidden"), json!(false));
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn a_kernel_can_be_edited_and_the_output_follows() {
    let Some(browser) = browser_or_skip("a_kernel_can_be_edited_and_the_output_follows") else { return };
    let studio = TestStudio::start();
    let mut page = browser.page(1280, 900);
    page.open(&studio.at("labs/kernel?image=impulse&kernel=0,0,0;0,1,0;0,0,0"));
    let output = |row: usize, column: usize| {
        format!("document.querySelector('[data-pane=output] table')?.rows[{row}].cells[{column}].textContent")
    };
    page.wait_for(&format!("{} === '255'", output(4, 4)), SOON);
    // The impulse of 255 comes back as the kernel, turned by 180 degrees under correlation.
    page.fill(".kernel-grid tr:nth-child(1) td:nth-child(3) input", "2");
    page.wait_for(&format!("{} === '510'", output(5, 3)), SOON);
    assert_eq!(page.evaluate(&output(3, 5)), json!("0"));
    page.choose("#c-operation", "convolution");
    page.wait_for(&format!("{} === '510'", output(3, 5)), SOON);
    assert_eq!(page.evaluate(&output(5, 3)), json!("0"));
    // A fraction is a number; what is none changes nothing and is marked.
    page.fill(".kernel-grid tr:nth-child(2) td:nth-child(2) input", "1/2");
    page.wait_for(&format!("{} === '127.5'", output(4, 4)), SOON);
    page.fill(".kernel-grid tr:nth-child(2) td:nth-child(2) input", "x");
    assert_eq!(page.evaluate("document.querySelectorAll('.kernel-grid [aria-invalid=true]').length"), json!(1));
    assert_eq!(page.evaluate(&output(4, 4)), json!("127.5"));
    // The address holds the state.
    let address = page.evaluate("location.search");
    assert!(address.as_str().unwrap().contains("operation=convolution"), "{address}");
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn hovering_shows_the_products_under_the_window() {
    let Some(browser) = browser_or_skip("hovering_shows_the_products_under_the_window") else { return };
    let studio = TestStudio::start();
    let mut page = browser.page(1280, 900);
    page.open(&studio.at("labs/kernel?image=step&kernel=1,2;3,4&padding=0"));
    page.wait_for("document.querySelector('[data-pane=output] table')", SOON);
    // Output is 7 by 9; row 2, column 4 looks at 20 220 / 20 220.
    let [left, top, width, height] = page.box_of("[data-pane=output] .matrix");
    page.hover((left + width * 4.5 / 9.0, top + height * 2.5 / 7.0));
    let sum = page.wait_for("document.querySelector('[data-pane=sum] h3').textContent.includes('row 2, column 4') && document.querySelector('[data-pane=sum] p').textContent", SOON);
    assert_eq!(sum, json!("20 + 440 + 60 + 880 = 1400"));
    let numbers = |pane: &str| {
        format!("[...document.querySelectorAll('[data-pane={pane}] td')].map(cell => cell.textContent).join(' ')")
    };
    assert_eq!(page.evaluate(&numbers("window")), json!("20 220 20 220"));
    assert_eq!(page.evaluate(&numbers("products")), json!("20 440 60 880"));
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn the_network_lab_learns_and_names_divergence() {
    let Some(browser) = browser_or_skip("the_network_lab_learns_and_names_divergence") else { return };
    let studio = TestStudio::start();
    let mut page = browser.page(1280, 900);
    page.open(&studio.at("labs/network?points=xor&hidden=8&rate=1&stop=500"));
    page.wait_for("document.querySelectorAll('[data-pane=units] canvas').length === 8", SOON);
    page.click("[data-action=run]");
    page.wait_for(
        "document.querySelector('[data-notice]').textContent.includes('Stopped after 500')",
        Duration::from_secs(60),
    );
    let right = page.evaluate("parseFloat(document.querySelector('[data-status]').textContent.split('right')[1])");
    assert!(right.as_f64().unwrap() > 90.0, "{right} % right");
    page.open(&studio.at("labs/network?l2=0.05&rate=1000"));
    page.wait_for("document.querySelector('[data-pane=plane]')", SOON);
    page.click("[data-action=run]");
    page.wait_for("document.querySelector('[data-notice]').textContent.includes('You found divergence')", SOON);
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn a_check_elsewhere_shows_on_the_open_page_and_notes_are_kept() {
    let Some(browser) = browser_or_skip("a_check_elsewhere_shows_on_the_open_page_and_notes_are_kept") else { return };
    let studio = TestStudio::start();
    let mut page = browser.page(1280, 900);
    page.open(&studio.at("stations/correlation-filtering"));
    let exercise =
        page.evaluate("document.querySelector('[data-verdict]').closest('[data-exercise]').dataset.exercise");
    let exercise = exercise.as_str().unwrap().to_owned();
    // What `striate check` writes in a terminal.
    let mut progress = Progress::open(&studio.progress).unwrap();
    let mut record = |state| {
        let attempt = Attempt {
            at: now(),
            exercise: exercise.clone(),
            language: Language::Python,
            state,
            misconceptions: Vec::new(),
        };
        progress.record_attempt(&attempt).unwrap();
    };
    let verdict = format!("document.querySelector('[data-exercise={exercise}] [data-verdict]').textContent");
    record(ExerciseState::WrongValue);
    page.wait_for(&format!("{verdict} === 'wrong value'"), SOON);
    std::thread::sleep(Duration::from_millis(5));
    record(ExerciseState::Passed);
    page.wait_for(&format!("{verdict} === 'passed'"), SOON);
    page.wait_for("document.querySelector('[data-state]').textContent !== 'further on'", SOON);

    page.fill("[data-note]", "Correlation does not turn the kernel.");
    page.wait_for("document.querySelector('[data-note-state]').textContent === 'Saved.'", SOON);
    page.open(&studio.at("stations/correlation-filtering"));
    assert_eq!(
        page.evaluate("document.querySelector('[data-note]').value"),
        json!("Correlation does not turn the kernel.")
    );
    page.open(&studio.at(""));
    assert_eq!(
        page.evaluate("document.querySelector('#t-correlation-filtering').className.includes('ahead')"),
        json!(false)
    );
    assert_eq!(page.problems(), [""; 0]);
}
