//! `striate review`: the mistakes you met, asked again before you forget them.

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use serde_json::json;
use striate_road::Road;
use striate_road::check::render_case;
use striate_road::progress::{Review, now, utc};
use striate_road::review::{Card, Question, answered_today, cards, question};
use striate_road::text::wrap;

use super::{CommandError, CommandResult};
use crate::home::Home;
use crate::learner::Learner;
use crate::screen;

/// Cards made from the mistakes you met: which mistake gives this output? Each comes back at growing intervals.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    striate review               the cards that are due, at most 20 a day\n  \
    striate review --limit 5     at most 5 today\n  \
    striate review --json        how many are due, and each card with its date\n\n\
    Answer with the number of the mistake, with Enter if you do not know, with q to leave. Answers are kept with your \
    progress and are exported with it.")]
pub struct Args {
    /// How many cards a day at most; those answered today count.
    #[arg(long, value_name = "CARDS", default_value_t = 20)]
    limit: usize,
    /// Write JSON and ask nothing.
    #[arg(long)]
    json: bool,
}

/// What was typed under a question.
enum Typed {
    Choice(usize),
    Unknown,
    Leave,
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let mut learner = Learner::open(home)?;
    let all = cards(&learner.progress).map_err(CommandError::failed)?;
    let start = now();
    let today = answered_today(&learner.progress, start).map_err(CommandError::failed)?;
    let due: Vec<&Card> = all.iter().filter(|card| card.due <= start).collect();
    let asked = due.len().min(args.limit.saturating_sub(today));
    if args.json {
        let state = json!({
            "schema": 1,
            "cards": all,
            "due": due.len(),
            "asked_now": asked,
            "answered_today": today,
            "limit": args.limit,
        });
        screen::print(&format!("{state}\n"));
        return Ok(ExitCode::SUCCESS);
    }
    if asked == 0 {
        screen::print(&nothing_to_ask(&all, due.len(), today));
        return Ok(ExitCode::SUCCESS);
    }
    let mut known = 0;
    let mut answered = 0;
    for (at, card) in due.into_iter().take(asked).enumerate() {
        let Some(question) = question(card) else { continue };
        screen::print(&asking(&question, at + 1, asked));
        let right = match read_answer(question.choices.len())? {
            Typed::Leave => break,
            Typed::Unknown => false,
            Typed::Choice(choice) => choice == question.answer,
        };
        let (exercise, misconception) = (card.exercise.clone(), card.misconception.clone());
        let review = Review { exercise, misconception, at: now(), known: right };
        learner.progress.record_review(&review).map_err(CommandError::failed)?;
        answered += 1;
        known += usize::from(right);
        screen::print(&solution(&question, right));
    }
    let rest = asked - answered;
    let more = if rest > 0 { format!(" {rest} more are due.") } else { String::new() };
    screen::print(&format!("{known} of {answered} recognised.{more}\n"));
    Ok(ExitCode::SUCCESS)
}

fn nothing_to_ask(all: &[Card], due: usize, today: usize) -> String {
    let next = all.iter().map(|card| card.due).min();
    match (next, due) {
        (None, _) => "There are no cards yet: they are made from the mistakes that striate check names.\n".into(),
        (Some(_), 1..) => format!("Enough for today: {today} answered. {due} more wait; --limit raises the number.\n"),
        (Some(next), 0) => format!("Nothing is due. {} cards; the next on {}.\n", all.len(), &utc(next)[..10]),
    }
}

fn asking(question: &Question, at: usize, of: usize) -> String {
    let style = screen::style();
    let head = format!("{at} of {of}: {}. What is wrong with this output?", question.function);
    let mut text = format!("\n{}\n\n{}\n", screen::bold(&head, style), render_case(&question.case, style));
    for (number, choice) in question.choices.iter().enumerate() {
        let lines = wrap(choice.title, style.width.saturating_sub(5), 0);
        text.push_str(&format!("  {}  {}\n", number + 1, lines.join("\n     ")));
    }
    text.push_str("\nWhich mistake? ");
    text
}

/// A line of standard input; its end is as good as leaving.
fn read_answer(choices: usize) -> Result<Typed, CommandError> {
    loop {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line).map_err(CommandError::failed)?;
        if read == 0 {
            screen::print("\n");
            return Ok(Typed::Leave);
        }
        // What a program sends is not on the screen yet.
        if !std::io::stdin().is_terminal() {
            screen::print(&line);
        }
        match (line.trim(), line.trim().parse::<usize>()) {
            ("q", _) => return Ok(Typed::Leave),
            ("" | "?", _) => return Ok(Typed::Unknown),
            (_, Ok(number)) if (1..=choices).contains(&number) => return Ok(Typed::Choice(number - 1)),
            _ => screen::print(&format!("A number from 1 to {choices}, Enter if you do not know, q to leave: ")),
        }
    }
}

fn solution(question: &Question, right: bool) -> String {
    let style = screen::style();
    let head = match right {
        true => "Right.".to_string(),
        false => format!("It is {}: {}.", question.answer + 1, question.choices[question.answer].title),
    };
    let resource = Road::embedded().resource(&question.see.resource);
    let read = resource.map_or(String::new(), |found| format!("Read: {}, {}", found.title, question.see.at));
    let paragraphs = [screen::bold(&head, style), wrap(question.explanation, style.width, 0).join("\n"), read];
    paragraphs.iter().filter(|text| !text.is_empty()).map(|text| format!("{text}\n")).collect()
}
