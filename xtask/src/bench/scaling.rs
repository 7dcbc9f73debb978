//! Speed and peak memory over batch size, image size and threads.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::machine;
use super::options::Options;
use super::programs::{self, KEEP_MEMORY, Program};
use super::results::Results;
use super::table::{markdown, short};
use crate::task::{self, Failure};

/// One measured point: a training step.
struct Point {
    row: &'static str,
    batch: usize,
    image: usize,
    threads: usize,
}

/// A table per question.
pub fn run(options: &Options, striate: &Program) -> Result<String, Failure> {
    let torch = if options.with("torch") { Some(programs::python()?) } else { None };
    let all = options.threads;
    let over = |sizes: [usize; 3], point: &dyn Fn(usize) -> Point| sizes.into_iter().map(point).collect::<Vec<_>>();
    let point = |row, batch, image, threads| Point { row, batch, image, threads };
    let mut threads = vec![1];
    threads.extend((2..=all).filter(|count| count.is_power_of_two() || *count == all));
    let questions = [
        ("MNIST network, over batch size", over([16, 64, 256], &|batch| point("w3", batch, 28, all))),
        ("ResNet-18, over batch size", over([8, 32, 128], &|batch| point("w4", batch, 32, all))),
        ("ResNet-18, batch 16, over image size", over([32, 64, 96], &|image| point("w4", 16, image, all))),
        ("MNIST network, batch 64, over threads", threads.iter().map(|&n| point("w3", 64, 28, n)).collect()),
        ("ResNet-18, batch 64, over threads", threads.iter().map(|&n| point("w4", 64, 32, n)).collect()),
    ];
    let mut text = String::from(
        "Training steps in f32; PyTorch in channels_last with glibc keeping memory. Memory is the largest resident size of \
         a process that does nothing else; PyTorch's includes its libraries (about 250 MB).\n",
    );
    for (title, mut points) in questions {
        points.retain(|point| options.rows.iter().any(|row| row == point.row));
        if points.is_empty() {
            continue;
        }
        text += &format!("\n### {title}\n\n{}", table(&points, striate, torch.as_ref(), options.wait)?);
    }
    Ok(text)
}

fn table(points: &[Point], striate: &Program, torch: Option<&PathBuf>, wait: Duration) -> Result<String, Failure> {
    let mut lines = Vec::new();
    for Point { row, batch, image, threads } in points {
        let numbers = [threads, batch, image].map(usize::to_string);
        let [threads, batch, image] = numbers.each_ref().map(String::as_str);
        let mut arguments = vec!["--threads", threads, "--w", row, "--batch", batch, "--rounds", "3", "--peak"];
        if *row == "w4" {
            arguments.extend(["--image", image]);
        }
        let own = measure(striate.command(&arguments), wait)?;
        let peer = match torch {
            Some(python) => {
                let mut command = Command::new(python);
                command.arg(task::root().join("bench/peers/python/torch_bench.py")).args(&arguments);
                command.args(["--variants", "cl"]).envs(KEEP_MEMORY);
                Some(measure(command, wait)?)
            }
            None => None,
        };
        let text = |number: Option<f64>| number.map_or("-".into(), short);
        println!("{row}, batch {batch}, {image}x{image}, {threads} threads: {} img/s", short(own.0));
        lines.push(vec![
            batch.to_owned(),
            format!("{image}x{image}"),
            threads.to_owned(),
            short(own.0),
            text(peer.map(|peer| peer.0)),
            text(peer.map(|peer| own.0 / peer.0)),
            format!("{:.0}", own.1),
            peer.map_or("-".into(), |peer| format!("{:.0}", peer.1)),
        ]);
    }
    let header = [
        "batch",
        "image",
        "threads",
        "Striate, img/s",
        "PyTorch, img/s",
        "ratio",
        "Striate, peak MB",
        "PyTorch, peak MB",
    ];
    Ok(markdown(&header, &lines))
}

/// Images per second and the peak memory in MB of a program that prints both.
fn measure(command: Command, wait: Duration) -> Result<(f64, f64), Failure> {
    machine::wait_until_quiet(wait);
    let (output, disturbance) = programs::watched(command).map_err(Failure)?;
    let mut results = Results::default();
    results.take(&output, disturbance);
    let find = |metric: &str| results.0.iter().find(|sample| sample.metric == metric).map(|sample| sample.value);
    find("img/s").zip(find("peak_MB")).ok_or_else(|| Failure("a program printed no img/s or no peak_MB".into()))
}
