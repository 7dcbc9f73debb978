//! `striate weights`: what is in a file of weights, whether it fits a model, and keeping it as a run.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use striate_data::Normalization;
use striate_models::digits::Architecture;
use striate_nn::state::{LoadReport, NameMap, WeightFile};
use striate_train::{RunStore, Summary, TrainConfig, check_weights, import_weights, read_weights};

use super::train::{BuiltIn, architecture, command_error, print_json, source};
use super::{CommandError, CommandResult};
use crate::home::Home;
use crate::screen;

/// Look into a file of weights, see whether it fits a model, keep it as a run.
///
/// Reads what PyTorch writes (.pt, .pth) and safetensors. A PyTorch file is a pickle, which can ask to run any program
/// when Python loads it; here a file that asks for anything but tensors is refused, and nothing of it is run.
///
/// With --model it is compared with that network, tensor by tensor. With --as it becomes a run that `striate eval`,
/// `striate predict` and the studio can use.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  striate weights lenet.pt                            names, shapes and types
  striate weights lenet.pt --model lenet              does it fit? what does not
  striate weights net.pth --model lenet --rename features.0=conv1 --rename features.3=conv2
  striate weights lenet.pt --model lenet --as mine    keep it, and measure it on the test images
  striate train digits --model lenet --init lenet.pt  or go on learning from it

Exit codes: 0 fine, 1 it cannot be read or does not fit, 2 wrong usage.")]
pub struct Args {
    /// The file.
    file: PathBuf,

    /// Where in a checkpoint the weights are [default: state_dict, model, ... if they are not at the top].
    #[arg(long, value_name = "KEY")]
    entry: Option<String>,

    /// Call a module or tensor, and all inside it, by another name; may be given often.
    #[arg(long, value_name = "FROM=TO", value_parser = rename)]
    rename: Vec<(String, String)>,

    /// Leave out the tensors of these names; * stands for any characters; may be given often.
    #[arg(long, value_name = "PATTERN")]
    ignore: Vec<String>,

    /// Compare with this network: softmax, mlp, lenet, cnn, cnn4 or cnn4-wide.
    #[arg(long, value_parser = architecture())]
    model: Option<Architecture>,

    /// The images the network is for.
    #[arg(long, value_enum, default_value = "mnist", conflicts_with = "data", requires = "model")]
    dataset: BuiltIn,

    /// A folder with images of your own that the network is for.
    #[arg(long, value_name = "DIR", requires = "model")]
    data: Option<PathBuf>,

    /// Keep it as a run of this name.
    #[arg(long = "as", value_name = "NAME", requires = "model")]
    name: Option<String>,

    /// What was subtracted from the pixels (0 to 1) when the weights were learned, for each channel [default: the mean
    /// of the training images].
    #[arg(long, value_name = "MEAN", value_delimiter = ',', requires = "name", requires = "std")]
    mean: Vec<f32>,

    /// What they were then divided by [default: the standard deviation of the training images].
    #[arg(long, value_name = "STD", value_delimiter = ',', requires = "mean")]
    std: Vec<f32>,

    /// Print one JSON object, and nothing else.
    #[arg(long)]
    json: bool,
}

fn rename(text: &str) -> Result<(String, String), String> {
    let (from, to) = text.split_once('=').ok_or("write it as FROM=TO, such as features.0=conv1")?;
    Ok((from.to_owned(), to.to_owned()))
}

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    file: &'a PathBuf,
    format: String,
    entry: &'a Option<String>,
    beside: &'a [String],
    tensors: Vec<Row<'a>>,
    numbers: usize,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    fit: Option<Fit<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<Summary>,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    shape: &'a [usize],
    dtype: String,
    numbers: usize,
    bytes: usize,
}

#[derive(Serialize)]
struct Fit<'a> {
    model: String,
    fits: bool,
    loaded: &'a [String],
    missing: &'a [String],
    unexpected: &'a [String],
    wrong_shape: Vec<&'a str>,
    problems: Vec<String>,
    likely_renames: &'a [(String, String)],
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let file = read_weights(&args.file, args.entry.as_deref()).map_err(CommandError::failed)?;
    let Some(model) = args.model else {
        if args.json {
            print_json(&answer(&args, &file))
        } else {
            screen::print(&table(&args, &file))
        }
        return Ok(ExitCode::SUCCESS);
    };
    let mut names = NameMap::new().unwrap_wrappers();
    for (from, to) in &args.rename {
        names = names.rename(from.as_str(), to.as_str());
    }
    for pattern in &args.ignore {
        names = names.ignore(pattern.as_str());
    }
    let state = names.apply(file.state_dict()).map_err(|clash| CommandError::Usage(clash.to_string()))?;
    let mut config = TrainConfig::new(model);
    config.dataset = source(args.data.as_deref(), Some(args.dataset))?.unwrap_or(config.dataset);
    config.name = args.name.clone();
    let report = check_weights(&config, &state).map_err(command_error)?;
    let fits = report.is_exact();
    let run = match &args.name {
        Some(_) if fits => {
            let store = RunStore::new(home.runs());
            let normalization =
                (!args.mean.is_empty()).then(|| Normalization { mean: args.mean.clone(), std: args.std.clone() });
            Some(import_weights(&config, &store, &state, normalization, &args.file).map_err(command_error)?)
        }
        _ => None,
    };
    if args.json {
        print_json(&Answer { fit: Some(fit(model, &report)), run, ..answer(&args, &file) });
    } else {
        screen::print(&verdict(&args, model, &report, run.as_ref()));
    }
    Ok(if fits { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn answer<'a>(args: &'a Args, file: &'a WeightFile) -> Answer<'a> {
    let tensors: Vec<Row<'_>> = rows(file);
    Answer {
        file: &args.file,
        format: file.format.to_string(),
        entry: &file.under,
        beside: &file.beside,
        numbers: tensors.iter().map(|row| row.numbers).sum(),
        bytes: tensors.iter().map(|row| row.bytes).sum(),
        tensors,
        fit: None,
        run: None,
    }
}

fn rows(file: &WeightFile) -> Vec<Row<'_>> {
    let row = |stored: &'_ striate_nn::state::StoredTensor| stored.tensor.numel();
    file.tensors
        .iter()
        .map(|stored| Row {
            name: &stored.name,
            shape: stored.tensor.shape(),
            dtype: stored.dtype.to_string(),
            numbers: row(stored),
            bytes: row(stored) * stored.dtype.size(),
        })
        .collect()
}

fn fit(model: Architecture, report: &LoadReport) -> Fit<'_> {
    Fit {
        model: model.to_string(),
        fits: report.is_exact(),
        loaded: &report.loaded,
        missing: &report.missing,
        unexpected: &report.unexpected,
        wrong_shape: report.wrong_shape.iter().map(|wrong| wrong.name.as_str()).collect(),
        problems: report.problems(),
        likely_renames: &report.likely_renames,
    }
}

fn table(args: &Args, file: &WeightFile) -> String {
    let rows = rows(file);
    let shapes: Vec<String> = rows.iter().map(|row| shape(row.shape)).collect();
    let width = |texts: &mut dyn Iterator<Item = usize>, least: usize| texts.max().unwrap_or(0).max(least);
    let name_width = width(&mut rows.iter().map(|row| row.name.chars().count()), 6);
    let shape_width = width(&mut shapes.iter().map(String::len), 5);
    let mut text = format!("{:<name_width$}  {:<shape_width$}  {:<5}  {:>10}\n", "tensor", "shape", "type", "numbers");
    for (row, shape) in rows.iter().zip(&shapes) {
        let Row { name, dtype, numbers, .. } = row;
        text += &format!("{name:<name_width$}  {shape:<shape_width$}  {dtype:<5}  {numbers:>10}\n");
    }
    let (numbers, bytes): (usize, usize) =
        rows.iter().fold((0, 0), |(numbers, bytes), row| (numbers + row.numbers, bytes + row.bytes));
    let place = file.under.as_ref().map_or(String::new(), |entry| format!(", in its entry `{entry}`"));
    let tensors = if rows.len() == 1 { "tensor" } else { "tensors" };
    text += &format!(
        "\n{}: {} {tensors}, {numbers} numbers, {} ({} format{place})\n",
        args.file.display(),
        rows.len(),
        size(bytes),
        file.format
    );
    if !file.beside.is_empty() {
        text += &format!("Also in the file, not read: {}\n", file.beside.join(", "));
    }
    text
}

fn shape(shape: &[usize]) -> String {
    match shape {
        [] => "scalar".to_owned(),
        _ => shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x "),
    }
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

fn verdict(args: &Args, model: Architecture, report: &LoadReport, run: Option<&Summary>) -> String {
    let file = args.file.display();
    if let Some(summary) = run {
        let name = &summary.run;
        return format!(
            "{file} is now the run {name}: {:.2} % of {} test images right.\n\
             Next: striate eval {name}, or striate predict {name} PICTURE\n",
            summary.test_accuracy * 100.0,
            summary.test_images
        );
    }
    let mut text = format!("{file} {} {model}: {report}\n", if report.is_exact() { "fits" } else { "does not fit" });
    for conversion in &report.converted {
        text += &format!("  `{}` is converted from {} to {}\n", conversion.name, conversion.from, conversion.to);
    }
    if report.is_exact() {
        text += "Keep it as a run with --as NAME, or learn on from it: striate train digits --init FILE\n";
    } else if !report.likely_renames.is_empty() {
        let options: Vec<String> =
            report.likely_renames.iter().map(|(from, to)| format!("--rename {from}={to}")).collect();
        text += &format!("If so, add {}\n", options.join(" "));
    }
    text
}
