//! The digit room in a real browser, with a network trained for it.

mod support;

use std::time::Duration;

use serde_json::json;
use support::{TestStudio, browser_or_skip, strokes};

const SOON: Duration = Duration::from_secs(15);

#[test]
fn all_ten_drawn_digits_are_recognised() {
    let Some(browser) = browser_or_skip("all_ten_drawn_digits_are_recognised") else { return };
    let studio = TestStudio::start();
    studio.train_reader(Some(20_000), 2);
    let mut page = browser.page(1280, 900);
    page.open(&studio.at("digits"));
    page.wait_for("document.querySelectorAll('[data-pane=answer] li').length === 10", SOON);
    // Every layer is shown, as many maps as it has.
    assert_eq!(page.evaluate("document.querySelectorAll('[data-pane=\"layer-conv1\"] canvas').length"), json!(16));
    assert_eq!(page.evaluate("document.querySelectorAll('[data-pane=\"layer-relu2\"] canvas').length"), json!(32));
    let mut answers = Vec::new();
    for digit in 0..10 {
        let frames = page.evaluate("Number(document.querySelector('[data-lab]').dataset.frames)").as_u64().unwrap();
        page.draw(".sheet", &strokes::of_digit(digit));
        page.wait_for(&format!("Number(document.querySelector('[data-lab]').dataset.frames) > {frames}"), SOON);
        // The answer to the last point, not to one on the way.
        page.evaluate("new Promise(done => setTimeout(done, 400))");
        let answer = page.wait_for("document.querySelector('[data-pane=answer] .marked b')?.textContent", SOON);
        answers.push(answer.as_str().unwrap().to_owned());
        let last = page.evaluate("document.querySelector('.drawing .row button:last-child').click()");
        assert!(last.is_null());
        page.wait_for("!document.querySelector('[data-pane=answer] .marked')", SOON);
    }
    assert_eq!(answers.join(" "), "0 1 2 3 4 5 6 7 8 9");
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn undo_takes_back_one_stroke_and_a_blank_sheet_says_nothing() {
    let Some(browser) = browser_or_skip("undo_takes_back_one_stroke_and_a_blank_sheet_says_nothing") else { return };
    let studio = TestStudio::start();
    studio.train_reader(Some(2_000), 1);
    let mut page = browser.page(1280, 900);
    page.open(&studio.at("digits"));
    page.wait_for("document.querySelector('[data-pane=answer]')", SOON);
    let ink = "document.querySelector('.sheet').getContext('2d').getImageData(0, 0, 280, 280).data.filter((v, i) => i % 4 === 0 && v < 128).length";
    page.draw(".sheet", &strokes::of_digit(1));
    let one_stroke = page.evaluate(ink).as_u64().unwrap();
    page.draw(".sheet", &strokes::of_digit(7));
    assert!(page.evaluate(ink).as_u64().unwrap() > one_stroke);
    page.click(".drawing .row button:first-child");
    assert_eq!(page.evaluate(ink).as_u64().unwrap(), one_stroke);
    page.click(".drawing .row button:last-child");
    assert_eq!(page.evaluate(ink), json!(0));
    page.wait_for("!document.querySelector('[data-pane=answer] .marked')", SOON);

    // A one drawn with the keyboard alone.
    page.evaluate("document.querySelector('.sheet').focus()");
    for key in [" "].into_iter().chain(["ArrowDown"; 20]).chain([" "]) {
        page.press(key);
    }
    page.wait_for("document.querySelector('[data-pane=answer] .marked b')?.textContent === '1'", SOON);
    assert_eq!(page.problems(), [""; 0]);
}
