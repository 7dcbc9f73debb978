//! `striate train --find-lr`: the loss over the learning rate, drawn in the terminal.

use std::io::{IsTerminal, stderr};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use striate_train::{LrCurve, LrRange, StopFlag, TrainConfig, find_learning_rate};

use super::super::CommandResult;
use super::{command_error, print_json};
use crate::screen;

/// Rows of the drawing.
const HEIGHT: usize = 12;
/// Columns that the losses beside the drawing take.
const MARGIN: usize = 9;

/// Reads `1e-5..1`.
pub fn range(text: &str) -> Result<LrRange, String> {
    let (from, to) = text.split_once("..").ok_or("write it as FROM..TO, such as 1e-5..1")?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| format!("'{text}' is not a number"));
    Ok(LrRange { from: number(from)?, to: number(to)?, ..LrRange::default() })
}

/// Runs the sweep and shows it.
pub fn run(config: &TrainConfig, range: &LrRange, stop: &StopFlag, json: bool) -> CommandResult {
    let bar = (!json && stderr().is_terminal()).then(|| {
        let style = ProgressStyle::with_template("{bar:24.cyan/blue} {percent:>3} %  {msg}");
        let bar = ProgressBar::with_draw_target(Some(range.steps as u64), ProgressDrawTarget::stderr());
        bar.set_style(style.expect("the template is right").progress_chars("━╸─"));
        bar
    });
    let curve = find_learning_rate(config, range, stop, &mut |point| {
        if let Some(bar) = &bar {
            bar.set_position(point.step as u64 + 1);
            bar.set_message(format!("learning rate {:.1e}  loss {:.3}", point.learning_rate, point.smoothed));
        }
    });
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    let curve = curve.map_err(command_error)?;
    if json {
        print_json(&curve);
    } else {
        screen::print(&text(&curve, screen::style().width));
    }
    Ok(ExitCode::SUCCESS)
}

fn text(curve: &LrCurve, width: usize) -> String {
    let LrCurve { steepest, tenth_of_minimum, ran_away, points } = curve;
    let end = match ran_away {
        true => format!("; from {:.1e} on it ran away", points[points.len() - 1].learning_rate),
        false => String::new(),
    };
    format!(
        "Loss over learning rate, {} steps{end}\n\n{}\n\
         falls fastest at       {steepest:.1e}   (s): safe\n\
         a tenth of the lowest  {tenth_of_minimum:.1e}   (m): bold, for schedules that rise and fall\n\n\
         Try --learning-rate {steepest:.1e}. No run was made.\n",
        points.len(),
        plot(curve, width.min(80) - MARGIN)
    )
}

/// The smoothed loss, one column for each stretch of learning rates; the axis is logarithmic.
fn plot(curve: &LrCurve, columns: usize) -> String {
    let points = &curve.points;
    let columns = columns.min(points.len());
    let at = |column: usize| column * (points.len() - 1) / (columns - 1).max(1);
    let losses: Vec<f64> = (0..columns).map(|column| points[at(column)].smoothed).collect();
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    // A loss that ran away would flatten all that matters: what is above the start is cut off.
    let most = losses.iter().copied().fold(least, f64::max).min(least + 1.5 * (losses[0] - least).max(1e-9));
    let row = |loss: f64| (((most - loss) / (most - least)).clamp(0.0, 1.0) * (HEIGHT - 1) as f64).round() as usize;
    let mut cells = vec![vec![' '; columns]; HEIGHT];
    let mut last = row(losses[0]);
    for (column, &loss) in losses.iter().enumerate() {
        let now = row(loss);
        for cells in &mut cells[last.min(now)..=last.max(now)] {
            cells[column] = '│';
        }
        cells[now][column] = '●';
        last = now;
    }
    let mut text = String::new();
    for (index, cells) in cells.iter().enumerate() {
        let loss = most - (most - least) * index as f64 / (HEIGHT - 1) as f64;
        let label = if index % 4 == 0 || index == HEIGHT - 1 { format!("{loss:.2}") } else { String::new() };
        let line: String = cells.iter().collect();
        text += &format!("{label:>7} ┤{}\n", line.trim_end());
    }
    text + &axis(curve, columns, at)
}

/// Powers of ten below the drawing, and the two learning rates that were found.
fn axis(curve: &LrCurve, columns: usize, at: impl Fn(usize) -> usize) -> String {
    let rate = |column: usize| curve.points[at(column)].learning_rate;
    let mut ticks = vec!['─'; columns];
    let mut labels = vec![' '; columns + 8];
    let mut free = 0;
    for column in 1..columns {
        let decade = rate(column).log10().floor();
        if rate(column - 1).log10().floor() < decade {
            ticks[column] = '┬';
            let label = format!("1e{decade}");
            if column >= free {
                label.chars().enumerate().for_each(|(offset, letter)| labels[column + offset] = letter);
                free = column + label.len() + 1;
            }
        }
    }
    for (found, mark) in [(curve.tenth_of_minimum, 'm'), (curve.steepest, 's')] {
        if let Some(column) = (0..columns).find(|&column| rate(column) >= found) {
            ticks[column] = mark;
        }
    }
    let (ticks, labels): (String, String) = (ticks.iter().collect(), labels.iter().collect());
    format!("        └{ticks}\n         {}\n", labels.trim_end())
}

#[cfg(test)]
mod tests {
    use striate_train::LrPoint;

    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(range("1e-5..1").unwrap(), LrRange { from: 1e-5, to: 1.0, steps: LrRange::default().steps });
        assert!(range("1e-5").unwrap_err().contains("FROM..TO"));
        assert_eq!(range("a..1").unwrap_err(), "'a' is not a number");
    }

    #[test]
    fn the_drawing_has_the_curve_and_both_marks() {
        let rate = |step: usize| 1e-4 * 10f64.powf(step as f64 / 10.0);
        let loss = |step: usize| if step < 10 { 2.0 } else { 2.0 - (step - 10) as f64 / 20.0 };
        let points =
            (0..41).map(|step| LrPoint { step, learning_rate: rate(step), loss: loss(step), smoothed: loss(step) });
        let curve = LrCurve { points: points.collect(), steepest: 1e-2, tenth_of_minimum: 1e-1, ran_away: false };
        let drawn = plot(&curve, 41);
        let lines: Vec<&str> = drawn.lines().collect();
        assert_eq!(lines.len(), HEIGHT + 2);
        assert!(lines[0].starts_with("   2.00 ┤●●●●●●●●●●●"), "{drawn}");
        assert!(lines[HEIGHT - 1].starts_with("   0.50 ┤") && lines[HEIGHT - 1].ends_with('●'), "{drawn}");
        assert_eq!(lines[HEIGHT].matches(['s', 'm']).count(), 2, "{drawn}");
        assert!(lines[HEIGHT + 1].contains("1e-3"), "{drawn}");
    }
}
