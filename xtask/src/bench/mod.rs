//! `cargo xtask bench`: Striate's speed, alone or beside other libraries.

mod json;
mod machine;
mod options;
mod processes;
mod programs;
mod results;
mod scaling;
mod table;
mod targets;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Instant;

use json::Json;
use options::Options;
use programs::Program;
use results::{MAX_FOREIGN, Results};

use crate::task::{self, Failure};

/// Runs what the arguments ask for.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let Some(options) = Options::parse(arguments)? else {
        print!("{}", options::USAGE);
        return Ok(());
    };
    let begun = machine::now();
    let striate = programs::striate()?;
    let conditions = conditions(&options, &begun)?;
    if options.scaling {
        let tables = scaling::run(&options, &striate)?;
        println!("\n{tables}");
        return if options.write { write_tables("scaling", &describe(&conditions), &tables) } else { Ok(()) };
    }
    // Everything is built before the first number: nothing may fail for want of a program after minutes of measuring.
    let peers = programs::peers(&options)?;
    let product = if options.asks_for("digits99") { Some(programs::product()?) } else { None };
    let mut results = Results::default();
    take_turn(&striate, "limits", &options, &mut results);
    for pass in 0..options.passes {
        for (row, turn) in options.rows.iter().flat_map(|row| (0..options::turns(row)).map(move |turn| (row, turn))) {
            let first = pass == 0 && turn == 0;
            let partakers = peers.iter().filter(|peer| peer.rows.contains(&row.as_str()) && (first || !peer.once));
            let partakers: Vec<&Program> = partakers.collect();
            if partakers.is_empty() && striate.rows.contains(&row.as_str()) {
                take_turn(&striate, row, &options, &mut results);
            }
            for peer in partakers {
                take_turn(&striate, row, &options, &mut results);
                take_turn(peer, row, &options, &mut results);
            }
        }
    }
    // The clock of the machine may have changed meanwhile.
    take_turn(&striate, "limits", &options, &mut results);
    let started = processes::run(&options, &striate, product.as_deref(), &mut results);
    finish(&options, &results, conditions).and(started)
}

/// Starts a program for one row, and takes its numbers. A peer that fails is reported and left out.
fn take_turn(program: &Program, row: &str, options: &Options, results: &mut Results) {
    let quiet = machine::wait_until_quiet(options.wait);
    // What takes part once is slow, and far enough away.
    let rounds = if program.once { options.rounds.min(2) } else { options.rounds };
    let [threads, rounds] = [options.threads, rounds].map(|number| number.to_string());
    let begun = Instant::now();
    let command = program.command(&["--threads", &threads, "--w", row, "--rounds", &rounds]);
    match programs::watched(command) {
        Ok((output, mut disturbance)) => {
            if program.compiles {
                disturbance.foreign = 0.0;
            }
            let numbers = results.take(&output, disturbance);
            let shares = [disturbance.foreign, disturbance.steal].map(|share| 100.0 * share);
            let waited = if quiet { "" } else { ", did not wait longer for a quiet machine" };
            println!(
                "{row} {}: {numbers} numbers in {:.0} s; foreign {:.0} %, steal {:.0} %{waited}",
                program.name,
                begun.elapsed().as_secs_f64(),
                shares[0],
                shares[1]
            );
        }
        Err(why) => eprintln!("{row} {}: left out: {why}", program.name),
    }
}

/// Date, machine, versions and settings, by name.
fn conditions(options: &Options, begun: &str) -> Result<BTreeMap<&'static str, String>, Failure> {
    let mut conditions = BTreeMap::new();
    conditions.insert("date", begun.to_owned());
    conditions.insert("cpu", machine::cpu());
    conditions.insert("cores", machine::cores().to_string());
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty"]).current_dir(task::root());
    conditions.insert("striate", machine::first_line(&mut git));
    conditions.insert("rustc", machine::first_line(Command::new("rustc").arg("--version")));
    if options.with("torch") {
        let mut ask = Command::new(programs::python()?);
        ask.args(["-c", "import torch; print(torch.__version__)"]);
        conditions.insert("torch", machine::first_line(&mut ask));
    }
    let lock = fs::read_to_string(task::root().join("bench/peers/rust/Cargo.lock")).unwrap_or_default();
    for (peer, package) in [("burn", "burn"), ("candle", "candle-core")] {
        let entry = format!("name = \"{package}\"\nversion = \"");
        let version = lock.split_once(&entry).and_then(|(_, rest)| rest.split('"').next());
        if let Some(version) = version.filter(|_| options.with(peer)) {
            conditions.insert(peer, version.to_owned());
        }
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    conditions.insert("command", format!("cargo xtask {}", arguments.join(" ")));
    conditions.insert("threads", options.threads.to_string());
    conditions.insert("passes", options.passes.to_string());
    conditions.insert("rounds", options.rounds.to_string());
    Ok(conditions)
}

/// The conditions as a paragraph.
fn describe(conditions: &BTreeMap<&'static str, String>) -> String {
    let get = |name| conditions.get(name).map_or("", String::as_str);
    let mut text = format!(
        "{}, {} cores of {}; Striate {}, {}",
        get("date"),
        get("cores"),
        get("cpu"),
        get("striate"),
        get("rustc")
    );
    for (name, title) in [("torch", "PyTorch"), ("burn", "burn"), ("candle", "candle")] {
        if let Some(version) = conditions.get(name) {
            text += &format!(", {title} {version}");
        }
    }
    text + &format!(". {} threads, {} passes. `{}`.\n", get("threads"), get("passes"), get("command"))
}

/// Prints the tables, and writes what is to be written.
fn finish(options: &Options, results: &Results, conditions: BTreeMap<&'static str, String>) -> Result<(), Failure> {
    let worst = |share: fn(&machine::Disturbance) -> f64| {
        results.0.iter().map(|sample| share(&sample.disturbance)).fold(0.0_f64, f64::max) * 100.0
    };
    let (foreign, steal) = (worst(|d| d.foreign), worst(|d| d.steal));
    let limit = |name, unit| results.median("limits", name, unit).map_or("-".into(), table::short);
    let mut notes = format!(
        "\nMeasured peak of this machine: {} GFLOP/s in f32, {} GFLOP/s in bf16, {} GB/s of memory.\nWhile a program ran, other \
         processes took at most {foreign:.0} % of the cores, the hypervisor {steal:.0} %.",
        limit("f32", "GFLOP/s"),
        limit("bf16", "GFLOP/s"),
        limit("memory", "GB/s")
    );
    if foreign > 100.0 * MAX_FOREIGN {
        notes += " Turns in which others took more than 5 % are left out where a quieter one exists.";
    }
    let tables = [table::comparison(results), table::rust_peers(results), table::processes(results)];
    let tables = tables.iter().filter(|table| !table.is_empty()).map(String::as_str).collect::<Vec<_>>().join("\n");
    let about = describe(&conditions) + &notes;
    println!("\n{about}\n\n{tables}");
    if let Some(path) = &options.json {
        let text = document(results, conditions, foreign, steal).to_string() + "\n";
        fs::write(path, text).map_err(|error| Failure(format!("cannot write {}: {error}", path.display())))?;
        println!("wrote {}", path.display());
    }
    if options.write { write_tables("bench", &about, &tables) } else { Ok(()) }
}

/// Everything, in the schema that docs/performance.md describes.
fn document(results: &Results, conditions: BTreeMap<&'static str, String>, foreign: f64, steal: f64) -> Json {
    let mut numbers = Vec::new();
    for workload in results.workloads() {
        for peer in results.peers(workload) {
            for metric in results.metrics(workload, peer) {
                let list = |of: fn(&results::Sample) -> f64| {
                    Json::List(results.samples(workload, peer, metric).map(|sample| Json::Number(of(sample))).collect())
                };
                numbers.push(Json::object([
                    ("workload", Json::text(workload)),
                    ("peer", Json::text(peer)),
                    ("metric", Json::text(metric)),
                    ("median", Json::number(results.median(workload, peer, metric))),
                    ("passes", list(|sample| sample.value)),
                    ("foreign", list(|sample| sample.disturbance.foreign)),
                    ("steal", list(|sample| sample.disturbance.steal)),
                ]));
            }
        }
    }
    let conditions = conditions.into_iter().map(|(name, value)| (name.to_owned(), Json::Text(value))).collect();
    Json::object([
        ("schema", Json::text("striate-bench/1")),
        ("conditions", Json::Object(conditions)),
        ("foreign_percent_at_most", Json::Number(foreign)),
        ("steal_percent_at_most", Json::Number(steal)),
        ("rows", table::json(results)),
        ("numbers", Json::List(numbers)),
    ])
}

/// Replaces what stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->` in docs/performance.md.
fn write_tables(name: &str, about: &str, tables: &str) -> Result<(), Failure> {
    let path = task::root().join("docs/performance.md");
    let fail = |what: String| Failure(format!("{}: {what}", path.display()));
    let page = fs::read_to_string(&path).map_err(|error| fail(error.to_string()))?;
    let [begin, end] = ["begin", "end"].map(|side| format!("<!-- {name}: {side} -->"));
    let place = page.split_once(&begin).and_then(|(head, rest)| Some((head, rest.split_once(&end)?.1)));
    let (head, tail) = place.ok_or_else(|| fail(format!("has no lines `{begin}` and `{end}`; put them back")))?;
    fs::write(&path, format!("{head}{begin}\n{about}\n\n{tables}\n{end}{tail}"))
        .map_err(|error| fail(error.to_string()))?;
    println!("wrote the tables into {}", path.display());
    Ok(())
}
