//! Trainings in a real browser: started from the page, and watched while another process trains.

mod support;

use std::process::Command;
use std::time::Duration;

use serde_json::json;
use striate_models::digits::Architecture;
use striate_train::{RunStore, StopFlag, TrainConfig, train};
use support::{TestStudio, browser_or_skip};

const SOON: Duration = Duration::from_secs(15);
const LATER: Duration = Duration::from_secs(60);

#[test]
fn a_run_started_from_the_page_finishes_and_its_curve_grows() {
    let Some(browser) = browser_or_skip("a_run_started_from_the_page_finishes_and_its_curve_grows") else { return };
    let studio = TestStudio::start();
    let mut page = browser.page(1280, 900);
    page.open(&studio.at("runs"));
    assert_eq!(page.evaluate("document.querySelector('[data-no-runs]').hidden"), json!(false));
    page.choose("[name=model]", "mlp");
    page.evaluate("document.querySelector('details').open = true");
    page.fill("[name=epochs]", "4");
    page.fill("[name=train_limit]", "40000");
    page.fill("[name=learning_rate]", "fast");
    page.click(".train-form button");
    page.wait_for("document.querySelector('[data-form-error]').textContent.includes('not a number')", SOON);
    page.fill("[name=learning_rate]", "");
    page.click(".train-form button");
    page.wait_for("location.pathname === '/runs/digits-mlp-0001'", LATER);
    let points = "Number(document.querySelector('[data-plot=loss]')?.dataset.points ?? 0)";
    let first = page.wait_for(points, LATER).as_u64().unwrap();
    page.wait_for("document.querySelector('[data-status]').textContent === 'finished'", LATER);
    page.wait_for(&format!("{points} > {first}"), SOON);
    assert!(page.evaluate("document.querySelectorAll('[data-plot=accuracy] circle').length").as_u64().unwrap() == 4);
    let accuracy = page.wait_for("parseFloat(document.querySelector('[data-test]').textContent)", SOON);
    assert!(accuracy.as_f64().unwrap() > 85.0, "{accuracy}");

    page.click("[data-do=evaluate]");
    page.wait_for("document.querySelectorAll('.confusion tbody tr').length === 10", LATER);
    let counted = page.evaluate("[...document.querySelectorAll('.confusion tbody td:not(.num)')].reduce((sum, cell) => sum + Number(cell.textContent), 0)");
    assert_eq!(counted, json!(10_000));
    page.open(&studio.at("runs"));
    page.wait_for("document.querySelector('[data-run=digits-mlp-0001] .finished')", SOON);
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn a_training_in_another_process_is_seen_as_it_happens() {
    let Some(browser) = browser_or_skip("a_training_in_another_process_is_seen_as_it_happens") else { return };
    let studio = TestStudio::start();
    let mut page = browser.page(1280, 900);
    page.open(&studio.at("runs"));
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_other_process", "--ignored"])
        .env("STRIATE_TEST_RUNS", &studio.runs)
        .spawn()
        .unwrap();
    page.wait_for("document.querySelector('[data-run] .running')", LATER);
    page.evaluate("document.querySelector('[data-run] a').click()");
    page.wait_for("document.querySelector('[data-run-page]')", SOON);
    page.wait_for("Number(document.querySelector('[data-plot=loss]')?.dataset.points ?? 0) > 0", SOON);
    assert_eq!(page.evaluate("document.querySelector('[data-do=stop]').hidden"), json!(true), "it is not ours to stop");
    page.wait_for("document.querySelector('[data-status]').textContent === 'finished'", LATER);
    assert!(other.wait().unwrap().success());
    assert_eq!(page.problems(), [""; 0]);
}

/// Not a test of its own: `a_training_in_another_process_is_seen_as_it_happens` starts it in a second process.
#[test]
#[ignore = "run by another test in a process of its own"]
fn the_other_process() {
    let Some(runs) = std::env::var_os("STRIATE_TEST_RUNS") else { return };
    let config = TrainConfig { epochs: 40, train_limit: Some(6000), ..TrainConfig::new(Architecture::Mlp) };
    train(&config, &RunStore::new(runs), &StopFlag::new(), &mut |_| {}).unwrap();
}

#[test]
fn a_training_can_be_stopped_and_gone_on_with() {
    let Some(browser) = browser_or_skip("a_training_can_be_stopped_and_gone_on_with") else { return };
    let studio = TestStudio::start();
    let mut page = browser.page(390, 800);
    page.open(&studio.at("runs"));
    page.choose("[name=model]", "softmax");
    page.fill("[name=epochs]", "1000");
    page.evaluate("document.querySelector('details').open = true");
    page.fill("[name=train_limit]", "4000");
    page.click(".train-form button");
    page.wait_for("document.querySelector('[data-do=stop]:not([hidden])')", LATER);
    page.click("[data-do=stop]");
    page.wait_for("document.querySelector('[data-status]').textContent === 'interrupted'", LATER);
    page.click("[data-do=resume]");
    page.wait_for("document.querySelector('[data-status]').textContent === 'running'", LATER);
    page.wait_for("document.querySelector('[data-do=stop]:not([hidden])')", SOON);
    page.click("[data-do=stop]");
    page.wait_for("document.querySelector('[data-status]').textContent === 'interrupted'", LATER);
    assert_eq!(page.problems(), [""; 0]);
}
