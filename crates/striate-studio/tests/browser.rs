//! The studio in a real browser.

mod support;

use std::time::Duration;

use serde_json::json;
use striate_road::check::content::check_behaviour;
use striate_road::check::last;
use striate_road::exercises;
use striate_road::progress::{Progress, now};
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
    let mut check = |behaviour| {
        let exercise = exercises::find(&exercise).unwrap();
        let mut report = check_behaviour(exercise, behaviour);
        report.file = studio.workspace.join("correlation-filtering/python").join(format!("{}.py", exercise.id));
        progress.record_attempt(&report.attempt(now()).unwrap()).unwrap();
        last::save(&studio.checks, &report).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    };
    let written = exercises::find(&exercise).unwrap();
    let mistake = &written.misconceptions[0];
    let part = |name: &str| format!("document.querySelector('[data-exercise={exercise}] {name}')");
    check(mistake.behaviour);
    page.wait_for(&format!("{}.textContent === 'wrong value'", part("[data-verdict]")), SOON);
    let report = page.evaluate(&format!("{}.innerText", part("[data-report]")));
    let report = report.as_str().unwrap();
    let title = mistake.title.trim_end_matches('.');
    for expected in [title, "The smallest input that shows it", "expected", "yours", "inputs right"] {
        assert!(report.contains(expected), "{expected} is not in: {report}");
    }
    assert_ne!(page.evaluate(&format!("{}.textContent", part("[data-report] td.off"))), json!(null));
    // Said aloud, as it happened while the page was open.
    let spoken = page.evaluate(&format!("{}.textContent", part("[role=status]")));
    assert!(spoken.as_str().unwrap().starts_with(&format!("{exercise}: wrong value.")), "{spoken}");
    assert!(page.evaluate("document.documentElement.scrollWidth - innerWidth").as_f64().unwrap() <= 0.0);
    check(written.reference);
    page.wait_for(&format!("{}.textContent === 'passed'", part("[data-verdict]")), SOON);
    assert_eq!(page.evaluate(&part("[data-report] td.off")), json!(null));
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

#[test]
fn starters_are_laid_from_the_page_and_kept_the_second_time() {
    let Some(browser) = browser_or_skip("starters_are_laid_from_the_page_and_kept_the_second_time") else { return };
    let studio = TestStudio::start();
    let mut page = browser.page(1280, 900);
    page.open(&studio.at("stations/correlation-filtering"));
    let missing = "document.querySelector('[data-exercise=correlate2d] [data-missing]').hidden";
    page.wait_for(&format!("!{missing}"), SOON);
    page.click("[name=language][value=rust] + span");
    let target = "[...document.querySelectorAll('[data-exercise=correlate2d] [data-file]')].filter(file => !file.hidden).map(file => file.textContent).join()";
    assert_eq!(page.evaluate(target), json!("correlation-filtering/rust/src/correlate2d.rs"));
    page.click("[data-start]");
    let told = "document.querySelector('[data-start-state]').textContent";
    page.wait_for(&format!("{told}.includes('new rust/src/correlate2d.rs')"), SOON);
    assert!(studio.workspace.join("correlation-filtering/rust/src/correlate2d.rs").is_file());
    page.wait_for(missing, SOON);
    page.wait_for("document.querySelector('[data-state]').textContent === 'started'", SOON);
    page.click("[data-start]");
    page.wait_for(&format!("{told}.includes('kept as they are rust/src/correlate2d.rs')"), SOON);
    // The language is remembered by what was written last.
    page.open(&studio.at("stations/correlation-filtering"));
    assert_eq!(page.evaluate("document.querySelector('[name=language]:checked').value"), json!("rust"));
    assert_eq!(page.problems(), [""; 0]);
    // Without the command there is an error in words.
    page.click("[data-exercise=correlate2d] [data-check]");
    page.wait_for("document.querySelector('[data-check-error]').textContent.startsWith('cannot start')", SOON);
}

#[test]
fn a_mark_moves_the_open_map_on_and_can_be_taken_back() {
    let Some(browser) = browser_or_skip("a_mark_moves_the_open_map_on_and_can_be_taken_back") else { return };
    let studio = TestStudio::start();
    let mut map = browser.page(1280, 900);
    map.open(&studio.at("?goal=recognition"));
    let first = map.evaluate("document.querySelector('[data-next]').getAttribute('href')");
    let first = first.as_str().unwrap().trim_start_matches("/stations/").to_owned();
    let mut page = browser.page(1280, 900);
    page.open(&studio.at(&format!("stations/{first}")));
    page.click("[data-mark=skipped]");
    page.wait_for("document.querySelector('[data-state]').textContent === 'skipped'", SOON);
    map.wait_for(&format!("document.querySelector('#t-{first}').classList.contains('skipped')"), SOON);
    let moved = format!("document.querySelector('[data-next]').getAttribute('href') !== '/stations/{first}'");
    map.wait_for(&moved, SOON);
    let title = "document.querySelector('[data-next-title]').textContent";
    let on_tile = "document.querySelector('#t-' + document.querySelector('[data-next]').getAttribute('href').split('/').pop() + ' h3').textContent";
    assert_eq!(map.evaluate(title), map.evaluate(on_tile));
    page.click("[data-mark='']");
    page.wait_for("document.querySelector('[data-state]').textContent !== 'skipped'", SOON);
    map.wait_for(&format!("!({moved})"), SOON);
    // A station that is reading only can be done by the learner's own word.
    page.open(&studio.at("stations/data-augmentation"));
    page.click("[data-mark=done]");
    page.wait_for("document.querySelector('[data-state]').textContent === 'done'", SOON);
    map.wait_for("document.querySelector('#t-data-augmentation').classList.contains('done')", SOON);
    assert_eq!(map.evaluate("document.querySelector('[data-done]').textContent"), json!("1"));
    assert_eq!([map.problems(), page.problems()].concat(), [""; 0]);
}

/// Texts whose contrast with what lies behind them is below WCAG AA: 4.5, and 3 for large ones.
const FAINT_TEXTS: &str = r#"(() => {
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
    .getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const linear = [r, g, b].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color[3] > 250) return color;
    }
    return [255, 255, 255];
  };
  const faint = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility() || element.closest(":disabled, svg, .sheet-frame, .tile.off")) continue;
    const style = getComputedStyle(element);
    const [ink, paper] = [luminance(rgba(style.color)), luminance(behind(element))];
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.add(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return [...faint].join("\n");
})()"#;

#[test]
fn the_theme_switches_and_every_text_can_be_read_in_both() {
    let Some(browser) = browser_or_skip("the_theme_switches_and_every_text_can_be_read_in_both") else { return };
    let studio = TestStudio::start();
    let mut progress = Progress::open(&studio.progress).unwrap();
    let written = exercises::find("correlate2d").unwrap();
    let report = check_behaviour(written, written.misconceptions[0].behaviour);
    progress.record_attempt(&report.attempt(now()).unwrap()).unwrap();
    last::save(&studio.checks, &report).unwrap();
    let mut page = browser.page(1280, 900);
    page.open(&studio.at(""));
    let paper = "getComputedStyle(document.body).backgroundColor";
    let before = page.evaluate(paper);
    page.evaluate("document.querySelector('h1').style.color = 'var(--line)'");
    assert!(page.evaluate(FAINT_TEXTS).as_str().unwrap().starts_with("The road: 1."), "a faint title is found");
    for _ in 0..2 {
        page.click("#theme");
        let theme = page.evaluate("document.documentElement.dataset.theme");
        for path in ["", "stations/correlation-filtering", "digits", "runs", "labs", "labs/kernel", "labs/network"] {
            // The choice goes along to other pages.
            page.open(&studio.at(path));
            assert_eq!(page.evaluate("document.documentElement.dataset.theme"), theme, "{path}");
            let faint = page.evaluate(FAINT_TEXTS);
            assert_eq!(faint, json!(""), "/{path} in {theme}");
        }
        assert_eq!(page.evaluate(paper) == before, theme == json!("light"));
        page.open(&studio.at(""));
    }
    assert_eq!(page.problems(), [""; 0]);
}
