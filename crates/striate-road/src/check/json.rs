//! A report for programs: editors, graders. The format is described in `docs/check-json.md`.

use serde::Serialize;

use super::report::{Diagnosis, Report, Status};

/// The report with what a program asks first.
#[derive(Serialize)]
struct Json<'a> {
    /// Of Striate.
    version: &'static str,
    verdict: Verdict,
    messages: Vec<Message>,
    #[serde(flatten)]
    report: &'a Report,
}

/// As Exercism's test runners say it.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Pass,
    Fail,
    /// There is no verdict: the file does not load, or something of the machine is missing.
    Error,
}

/// As Exercism's analyzers sort comments.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Has to be changed before the exercise passes.
    Essential,
    /// Says what to do next.
    Actionable,
    /// Good to know.
    Informative,
    /// Well done.
    Celebratory,
}

#[derive(Serialize)]
struct Message {
    #[serde(rename = "type")]
    kind: Kind,
    /// The rung, the misconception, the fingerprint: what it is about.
    id: String,
    text: String,
    /// Line of the file, from 1.
    line: Option<u32>,
}

/// The report as JSON in one line, without a line feed.
pub fn to_json(report: &Report) -> String {
    let verdict = match report.status {
        Status::Passed => Verdict::Pass,
        Status::NotAttempted | Status::Wrong | Status::Fragile => Verdict::Fail,
        Status::DoesNotLoad | Status::CannotRun => Verdict::Error,
    };
    let json = Json { version: env!("CARGO_PKG_VERSION"), verdict, messages: messages(report), report };
    serde_json::to_string(&json).expect("a report is plain data")
}

fn messages(report: &Report) -> Vec<Message> {
    let line = report.place.as_ref().map(|place| place.line);
    let message = |kind, id: &str, text: String| Message { kind, id: id.to_string(), text, line: None };
    let rung = report.rung.map(|rung| serde_json::to_value(rung).expect("a rung is a word"));
    let rung = rung.as_ref().and_then(|rung| rung.as_str()).unwrap_or("passed");
    let first = if report.passed() { Kind::Celebratory } else { Kind::Essential };
    let mut found = vec![Message { line, ..message(first, rung, joined(&[&report.headline, &report.message])) }];
    if let Some(diagnosis) = &report.diagnosis {
        let Diagnosis { id, explanation, .. } = diagnosis;
        found.push(message(Kind::Actionable, id, joined(&[&diagnosis.sentence(), explanation])));
        if !diagnosis.question.is_empty() {
            found.push(message(Kind::Informative, "question", diagnosis.question.clone()));
        }
    }
    if let Some(case) = &report.case {
        let text = joined(&[&case.first_difference, &case.worked]);
        if !text.is_empty() {
            found.push(message(Kind::Informative, "case", text));
        }
    }
    found
}

/// Those texts that say something, a line each.
fn joined(texts: &[&str]) -> String {
    texts.iter().copied().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}
