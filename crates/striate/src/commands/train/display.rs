//! A training as people watch it: a progress bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, stderr, stdout};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use striate_train::{Event, Summary};

use crate::screen;

/// Time between two plain lines within an epoch.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Shows events as they come.
pub struct Display {
    bar: Option<ProgressBar>,
    last_plain: Instant,
    epochs: usize,
    validation: Option<f64>,
}

impl Display {
    /// For the terminal this program writes to, if it does.
    pub fn new() -> Self {
        let bar = (stdout().is_terminal() && stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template("{bar:24.cyan/blue} {percent:>3} %  {msg}");
            let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
            bar.set_style(style.expect("the template is right").progress_chars("━╸─"));
            bar
        });
        Display { bar, last_plain: Instant::now(), epochs: 0, validation: None }
    }

    /// Shows one event.
    pub fn show(&mut self, event: &Event) {
        match event {
            Event::Started { epochs, total_steps, .. } => {
                self.epochs = *epochs;
                self.line(&started(event));
                if let Some(bar) = &self.bar {
                    bar.set_length(*total_steps);
                }
            }
            Event::Step { step, .. } => self.step(event, *step),
            Event::Epoch { validation_accuracy, step, .. } => {
                self.validation = Some(*validation_accuracy);
                self.line(&epoch(event, self.epochs));
                if let Some(bar) = &self.bar {
                    bar.set_position(*step);
                }
                self.last_plain = Instant::now();
            }
            Event::Interrupted { run, step, total_steps, .. } => {
                self.close();
                self.line(&format!(
                    "\nStopped after step {step} of {total_steps}; a checkpoint is written. Go on with\n  striate train --resume {run}"
                ));
            }
            Event::Finished(summary) => {
                self.close();
                self.line(&finished(summary));
            }
            // The error is printed where the command ends.
            Event::Failed { .. } => self.close(),
        }
    }

    /// Takes the bar away.
    pub fn close(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn step(&mut self, event: &Event, step: u64) {
        let message = self.progress(event);
        match &self.bar {
            Some(bar) => {
                bar.set_position(step);
                bar.set_message(message);
            }
            None if self.last_plain.elapsed() >= PLAIN_EVERY => {
                self.line(&message);
                self.last_plain = Instant::now();
            }
            None => {}
        }
    }

    fn progress(&self, event: &Event) -> String {
        let Event::Step { epoch, loss, images_per_second, seconds_left, .. } = event else { return String::new() };
        let validation = self.validation.map(|accuracy| format!("  validation {:.2} %", accuracy * 100.0));
        format!(
            "epoch {epoch}/{}  {} images/s  loss {loss:.4}{}  {} left",
            self.epochs,
            grouped(*images_per_second as u64),
            validation.unwrap_or_default(),
            duration(*seconds_left)
        )
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| println_if_open(text)),
            None => println_if_open(text),
        }
    }
}

/// A reader that went away does not stop the training.
fn println_if_open(text: &str) {
    screen::print(&format!("{text}\n"));
}

fn started(event: &Event) -> String {
    let Event::Started { run, folder, model, dataset, parameters, resumed_at, total_steps, notices, .. } = event else {
        return String::new();
    };
    let Event::Started { train_images, validation_images, test_images, threads, .. } = event else {
        return String::new();
    };
    let mut text: String = notices.iter().map(|notice| format!("Note: {notice}.\n")).collect();
    text += &format!("{model} ({} weights) learns {dataset}: ", grouped(*parameters as u64));
    text += &format!("{} images to learn from, ", grouped(*train_images as u64));
    text += &format!("{} to compare epochs, ", grouped(*validation_images as u64));
    text += &format!("{} for the test at the end\n", grouped(*test_images as u64));
    let plural = if *threads == 1 { "" } else { "s" };
    text += &format!("run {run}, {threads} thread{plural}, in {}", folder.display());
    if *resumed_at > 0 {
        text += &format!("\ngoing on after step {resumed_at} of {total_steps}");
    }
    text
}

fn epoch(event: &Event, epochs: usize) -> String {
    let Event::Epoch { epoch, train_loss, validation_loss, validation_accuracy, best, elapsed_seconds, .. } = event
    else {
        return String::new();
    };
    format!(
        "epoch {epoch}/{epochs}  loss {train_loss:.4}  validation loss {validation_loss:.4}  accuracy {:.2} %  {elapsed_seconds:.1} s{}",
        validation_accuracy * 100.0,
        if *best { "" } else { "  (an earlier epoch was better)" }
    )
}

fn finished(summary: &Summary) -> String {
    let Summary { run, test_accuracy, test_images, best_epoch, validation_accuracy, .. } = summary;
    let wrong = ((1.0 - test_accuracy) * *test_images as f64).round() as u64;
    let width = "striate predict  image.png".len() + run.len();
    let draw = format!("\n  {:<width$}    draw digits for it, in the browser", "striate");
    format!(
        "\nTest accuracy {:.2} % ({} of {} wrong) in {:.1} s\n\
         The model is that of epoch {best_epoch}, the best on the validation images ({:.2} %).\n\
         {}\n\nNext:\n  \
         striate eval {run}                 which classes it confuses, and its worst mistakes\n  \
         striate predict {run} image.png    what it makes of a picture of yours{}",
        test_accuracy * 100.0,
        grouped(wrong),
        grouped(*test_images as u64),
        summary.seconds,
        validation_accuracy * 100.0,
        summary.folder.display(),
        if summary.dataset == "MNIST" { draw.as_str() } else { "" }
    )
}

/// 1234567 as `1 234 567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_times_short() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1 000", "1 234 567"]);
        assert_eq!([0.4, 59.6, 3725.0].map(duration), ["0 s", "1 min 00 s", "1 h 02 min"]);
    }
}
