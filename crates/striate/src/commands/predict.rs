//! `striate predict`: what a trained model makes of pictures.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use striate_train::{Prediction, Predictor, RunStore};

use super::train::{command_error, print_json};
use super::{CommandError, CommandResult};
use crate::home::Home;
use crate::screen;

/// Ask a trained model what pictures show.
///
/// Pictures may have any size, be in colour or grey, dark on light or light on dark; for models of handwritten digits
/// the background is taken away, and the digit cropped, scaled and centred as in MNIST.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  striate predict digits-cnn-0001 seven.png
  striate predict latest photos/*.jpg --json

Exit codes: 0 answered, 1 a picture could not be used, 2 no such run.")]
pub struct Args {
    /// The run, as `striate runs` names it, or `latest`.
    run: String,

    /// PNG or JPEG files.
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,

    /// Print one JSON object per picture, and nothing else.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Prediction {
        image: PathBuf,
        #[serde(flatten)]
        prediction: Prediction,
    },
    Error {
        image: PathBuf,
        error: String,
    },
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let run = RunStore::new(home.runs()).open(&args.run).map_err(command_error)?;
    let predictor = Predictor::load(&run).map_err(CommandError::failed)?;
    let mut code = ExitCode::SUCCESS;
    for image in args.images {
        let answer = match predictor.predict_file(&image) {
            Ok(prediction) => Answer::Prediction { image, prediction },
            Err(error) => {
                // The other pictures still get their answer.
                code = ExitCode::from(1);
                Answer::Error { image, error: error.to_string() }
            }
        };
        match &answer {
            answer if args.json => print_json(answer),
            Answer::Prediction { image, prediction } => {
                let answer = sentence(prediction, &predictor.input().class_names);
                screen::print(&format!("{}: {answer}\n", image.display()));
            }
            // Most texts name the file already.
            Answer::Error { image, error } if error.contains(&image.display().to_string()) => {
                eprintln!("error: {error}")
            }
            Answer::Error { image, error } => eprintln!("error: {}: {error}", image.display()),
        }
    }
    Ok(code)
}

/// The answer and, if there is any doubt, the next best.
fn sentence(prediction: &Prediction, class_names: &[String]) -> String {
    let mut order: Vec<usize> = (0..class_names.len()).collect();
    order.sort_by(|&a, &b| prediction.probabilities[b].total_cmp(&prediction.probabilities[a]));
    let next = order.iter().find(|&&class| class != prediction.index);
    let named = |class: usize| format!("{} ({:.1} %)", class_names[class], prediction.probabilities[class] * 100.0);
    match next {
        Some(&next) if prediction.probabilities[next] >= 0.001 => {
            format!("{}, or {}", named(prediction.index), named(next))
        }
        _ => named(prediction.index),
    }
}
