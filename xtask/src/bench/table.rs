//! From numbers to the rows of the table.

use super::json::Json;
use super::results::{MAX_FOREIGN, Results};
use super::targets::{self, RUST_PEER, SECONDS, Target};

/// Rows whose time is that of a whole process, in seconds.
const PROCESSES: [&str; 2] = ["cold", "digits99"];

/// Striate beside the best variant of PyTorch, in one precision.
pub struct Row<'a> {
    pub workload: &'a str,
    pub bf16: bool,
    /// Milliseconds.
    pub striate: f64,
    pub rate: Option<(&'a str, f64)>,
    /// Of the measured peak of this machine: arithmetic or memory.
    pub share: Option<f64>,
    /// The best variant and its milliseconds.
    pub torch: Option<(&'a str, f64)>,
    pub target: Option<&'static Target>,
    /// No turn of one of the two was quiet: believe the ratio only roughly.
    pub disturbed: bool,
}

impl Row<'_> {
    pub fn ratio(&self) -> Option<f64> {
        self.torch.map(|(_, torch)| torch / self.striate)
    }
}

/// One row per workload and precision that Striate ran.
pub fn rows(results: &Results) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for workload in results.workloads().into_iter().filter(|name| !PROCESSES.contains(name) && *name != "limits") {
        for bf16 in [false, true] {
            let own = if bf16 { "striate-bf16" } else { "striate" };
            let Some(striate) = results.median(workload, own, "ms") else { continue };
            let of_precision = |peer: &str| peer.starts_with("torch") && peer.contains("bf16") == bf16;
            let metrics = results.metrics(workload, own);
            let torch = results.fastest(workload, "ms", of_precision);
            let loud = |peer| results.quietest(workload, peer, "ms").is_some_and(|foreign| foreign > MAX_FOREIGN);
            let rate = ["img/s", "seq/s", "GFLOP/s", "GB/s"].into_iter().find(|unit| metrics.contains(unit));
            rows.push(Row {
                workload,
                bf16,
                striate,
                rate: rate.and_then(|unit| Some((unit, results.median(workload, own, unit)?))),
                share: share_of_peak(results, workload, own, bf16),
                torch,
                disturbed: loud(own) || torch.is_some_and(|(peer, _)| loud(peer)),
                target: targets::of(workload, bf16),
            });
        }
    }
    rows
}

fn share_of_peak(results: &Results, workload: &str, own: &str, bf16: bool) -> Option<f64> {
    let arithmetic = if bf16 { "bf16" } else { "f32" };
    [("GFLOP/s", arithmetic), ("GB/s", "memory")]
        .into_iter()
        .find_map(|(unit, limit)| Some(results.median(workload, own, unit)? / results.median("limits", limit, unit)?))
}

/// Three digits where that is enough.
pub fn short(number: f64) -> String {
    let decimals = if number >= 100.0 {
        0
    } else if number >= 10.0 {
        1
    } else if number >= 1.0 {
        2
    } else {
        3
    };
    format!("{number:.decimals$}")
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".into())
}

/// A Markdown table with aligned columns.
pub fn markdown(header: &[&str], lines: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..header.len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).chain([header[column].len(), 3]).max())
        .map(|width| width.unwrap_or(3))
        .collect();
    let format = |cells: &mut dyn Iterator<Item = &str>| {
        let cells: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = format(&mut header.iter().copied());
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    text += &format(&mut rule.iter().map(String::as_str));
    for line in lines {
        text += &format(&mut line.iter().map(String::as_str));
    }
    text
}

/// Striate and PyTorch.
pub fn comparison(results: &Results) -> String {
    let lines: Vec<Vec<String>> = rows(results)
        .iter()
        .map(|row| {
            let ratio = row.ratio();
            let judged = row.target.zip(ratio).map(|(target, ratio)| targets::verdict(target, ratio));
            vec![
                row.workload.to_owned() + if row.bf16 { " bf16" } else { "" },
                short(row.striate),
                or_dash(row.rate.map(|(unit, rate)| format!("{} {unit}", short(rate)))),
                or_dash(row.share.map(|share| format!("{:.0} %", 100.0 * share))),
                or_dash(row.torch.map(|(_, time)| short(time))),
                or_dash(row.torch.map(|(name, _)| name.to_owned())),
                or_dash(ratio.map(|ratio| format!("{ratio:.2}{}", if row.disturbed { " (disturbed)" } else { "" }))),
                or_dash(row.target.map(|target| format!("{} / {}", target.at_least, target.aim))),
                or_dash(judged),
            ]
        })
        .collect();
    let header = [
        "work",
        "Striate, ms",
        "rate",
        "of peak",
        "PyTorch, ms",
        "its best variant",
        "ratio",
        "at least / aim",
        "verdict",
    ];
    markdown(&header, &lines)
}

/// Striate and the other Rust libraries; empty if none ran.
pub fn rust_peers(results: &Results) -> String {
    let mut lines = Vec::new();
    for row in rows(results).iter().filter(|row| !row.bf16) {
        for peer in ["burn-flex", "candle"] {
            if let Some(time) = results.median(row.workload, peer, "ms") {
                let ratio = time / row.striate;
                let judged =
                    if row.workload.contains("train") { targets::verdict(&RUST_PEER, ratio) } else { "-".into() };
                let cells = [row.workload, peer, &short(row.striate), &short(time), &format!("{ratio:.1}"), &judged];
                lines.push(cells.map(str::to_owned).to_vec());
            }
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    markdown(&["work", "peer", "Striate, ms", "peer, ms", "ratio", "verdict (at least 3, aim 8)"], &lines)
}

/// The rows that are timed from process start to end, mean seconds; empty if none ran.
pub fn processes(results: &Results) -> String {
    let mut lines = Vec::new();
    for (row, at_most, aim) in SECONDS {
        let Some(striate) = results.mean(row, "striate", "s") else { continue };
        let judged = if striate <= aim {
            "aim reached".to_owned()
        } else if striate <= at_most {
            "met".to_owned()
        } else {
            format!("missed by {:.0} %", 100.0 * (striate / at_most - 1.0))
        };
        let range = |peer: &str| {
            let values: Vec<f64> = results.samples(row, peer, "s").map(|sample| sample.value).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let (low, high) = values.iter().fold((f64::MAX, 0.0_f64), |(a, b), &v| (a.min(v), b.max(v)));
            format!("{} ({} to {})", short(mean), short(low), short(high))
        };
        let torch = results.mean(row, "torch", "s");
        let accuracy = results.mean(row, "striate", "accuracy");
        lines.push(vec![
            row.to_owned(),
            range("striate"),
            or_dash(accuracy.map(|accuracy| format!("{accuracy:.2} %"))),
            or_dash(torch.map(|_| range("torch"))),
            or_dash(torch.map(|torch| format!("{:.1}", torch / striate))),
            format!("{at_most} / {aim}"),
            judged,
        ]);
    }
    if lines.is_empty() {
        return String::new();
    }
    let header =
        ["from process start", "Striate, s", "test accuracy", "PyTorch, s", "ratio", "at most / aim, s", "verdict"];
    markdown(&header, &lines)
}

/// The rows as JSON.
pub fn json(results: &Results) -> Json {
    let object = |row: &Row<'_>| {
        Json::object([
            ("workload", Json::text(row.workload)),
            ("precision", Json::text(if row.bf16 { "bf16" } else { "f32" })),
            ("striate_ms", Json::Number(row.striate)),
            ("share_of_peak", Json::number(row.share)),
            ("torch_ms", Json::number(row.torch.map(|(_, time)| time))),
            ("torch_variant", row.torch.map_or(Json::Null, |(name, _)| Json::text(name))),
            ("ratio", Json::number(row.ratio())),
            ("disturbed", Json::Number(f64::from(u8::from(row.disturbed)))),
            ("at_least", Json::number(row.target.map(|target| target.at_least))),
            ("aim", Json::number(row.target.map(|target| target.aim))),
        ])
    };
    Json::List(rows(results).iter().map(object).collect())
}

#[cfg(test)]
mod tests {
    use super::super::machine::Disturbance;
    use super::*;

    #[test]
    fn compares_with_the_best_variant_of_the_same_precision() {
        let mut results = Results::default();
        for (workload, peer, metric, value) in [
            ("limits", "f32", "GFLOP/s", 200.0),
            ("w3_mnist_train_b64", "striate", "ms", 20.0),
            ("w3_mnist_train_b64", "striate", "img/s", 3200.0),
            ("w3_mnist_train_b64", "striate", "GFLOP/s", 150.0),
            ("w3_mnist_train_b64", "torch", "ms", 50.0),
            ("w3_mnist_train_b64", "torch-cl+malloc", "ms", 32.0),
            ("w3_mnist_train_b64", "torch-cl-bf16", "ms", 18.0),
            ("w3_mnist_train_b64", "candle", "ms", 400.0),
        ] {
            results.add(workload, peer, metric, value, Disturbance::default());
        }
        let rows = rows(&results);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].torch, Some(("torch-cl+malloc", 32.0)));
        assert_eq!((rows[0].ratio(), rows[0].share), (Some(1.6), Some(0.75)));
        let text = comparison(&results);
        assert!(text.contains("| 3200 img/s | 75 %") && text.contains("| 1.60 ") && text.contains("| met "), "{text}");
        assert!(rust_peers(&results).contains("20.0 "), "{}", rust_peers(&results));
    }
}
