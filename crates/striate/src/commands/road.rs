//! `striate road`: the map, and one station in full.

use std::fmt::Write;
use std::process::ExitCode;

use serde_json::json;
use striate_road::assignment;
use striate_road::map::{Path, Pointer, Station, StationState};
use striate_road::progress::ExerciseRecord;
use striate_road::text::{TerminalStyle, to_terminal, wrap};
use striate_road::workspace::exercises_of;

use super::{CommandError, CommandResult};
use crate::home::Home;
use crate::learner::{Learner, exercise_symbol, station_symbol};
use crate::screen;

/// The map with your progress and the next station; with a station: its text, reading and exercises.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    striate road                            the way to your goal\n  \
    striate road --goal perception          the way to another goal\n  \
    striate road --all                      all 90 stations\n  \
    striate road linearity-convolution      one station: text, reading, exercises, your files\n  \
    striate road --json                     the same for programs")]
pub struct Args {
    /// A station to show in full.
    station: Option<String>,
    /// Show the way to this goal instead of yours.
    #[arg(long, conflicts_with = "station")]
    goal: Option<String>,
    /// Show every station of the road.
    #[arg(long, conflicts_with_all = ["station", "goal"])]
    all: bool,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let learner = Learner::open(home)?;
    let text = match (&args.station, args.json) {
        (Some(name), false) => station_text(&learner, learner.station(name)?)?,
        (Some(name), true) => station_json(&learner, learner.station(name)?)?.to_string() + "\n",
        (None, false) => map_text(&learner, &args)?,
        (None, true) => map_json(&learner, &args)?.to_string() + "\n",
    };
    screen::print(&text);
    Ok(ExitCode::SUCCESS)
}

/// The stations to list.
fn path<'a>(learner: &'a Learner, args: &Args) -> Result<Path<'a>, CommandError> {
    if args.all {
        return Ok(learner.road.path());
    }
    let goal = learner.goal(args.goal.as_deref())?;
    learner.road.path_for(&goal.id).map_err(CommandError::failed)
}

fn map_text(learner: &Learner, args: &Args) -> Result<String, CommandError> {
    let style = screen::style();
    let standing = learner.standing()?;
    let goal = learner.goal(args.goal.as_deref())?;
    let path = path(learner, args)?;
    let state = |station: &Station| learner.road.state(station, &standing);
    let next = learner.road.next(&goal.id, &standing).map_err(CommandError::failed)?;
    let exercise_next = learner.road.next_with_exercises(&goal.id, &standing).map_err(CommandError::failed)?;
    let settled = path.stations.iter().filter(|station| state(station).is_settled()).count();

    let title = if args.all { "The whole road" } else { &goal.title };
    let mut text = format!(
        "{}: {} stations, about {} hours, {settled} done\n",
        screen::bold(title, style),
        path.stations.len(),
        path.hours()
    );
    for (number, stage) in learner.road.stages().iter().enumerate() {
        let stations: Vec<&&Station> = path.stations.iter().filter(|station| station.stage == stage.id).collect();
        if stations.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{}", screen::bold(&format!("{}  {}", number + 1, stage.title), style));
        for station in stations {
            let is_next = next.is_some_and(|next| next.id == station.id);
            text.push_str(&map_line(station, state(station), is_next, path.can_skip(&station.id), style));
        }
    }
    text.push_str("\n✓ done  – skipped  ◐ started  ○ ready  · later  → next  ◆ milestone  ✎ exercises checked here\n");
    match next {
        None => text.push_str("\nYou have reached this goal. striate goal shows others.\n"),
        Some(next) => {
            let command = if exercises_of(next).is_empty() { "road" } else { "start" };
            let _ = writeln!(text, "\nNext: {} ({})\n  striate {command} {}", next.id, next.title, next.id);
            if let Some(other) = exercise_next.filter(|other| other.id != next.id) {
                let _ = writeln!(text, "First exercises on the way: {}\n  striate start {}", other.title, other.id);
            }
        }
    }
    Ok(text)
}

fn map_line(station: &Station, state: StationState, next: bool, can_skip: bool, style: TerminalStyle) -> String {
    let arrow = if next { '→' } else { ' ' };
    let milestone = if station.milestone { '◆' } else { ' ' };
    let pencil = if exercises_of(station).is_empty() { ' ' } else { '✎' };
    let optional = if can_skip { ", optional" } else { "" };
    let line = format!(
        "{arrow}{milestone}{} {pencil} {:<28} {} ({} h{optional})",
        station_symbol(state),
        station.id,
        station.title,
        station.hours
    );
    let line = match state {
        _ if next => screen::bold(&line, style),
        StationState::Ahead | StationState::Skipped => screen::faint(&line, style),
        _ => line,
    };
    line + "\n"
}

/// A station in full.
pub fn station_text(learner: &Learner, station: &Station) -> Result<String, CommandError> {
    let style = screen::style();
    let standing = learner.standing()?;
    let state = learner.road.state(station, &standing);
    let mut text = screen::bold(&station.title, style) + "\n";
    let kind = if station.milestone { "Milestone. " } else { "" };
    let optional = if station.optional { ", optional" } else { "" };
    let label = match state {
        StationState::Done => "done",
        StationState::Skipped => "skipped",
        StationState::Started => "started",
        StationState::Ready => "ready to start",
        StationState::Ahead => "later: something before it is not done yet",
    };
    let _ = writeln!(text, "{kind}{} {label}; about {} hours{optional}\n", station_symbol(state), station.hours);
    text.push_str(&paragraph(&station.outcome, style));
    text.push_str(&paragraph(&station.why, style));

    let with_symbol = |id: &String| match learner.road.station(id) {
        Some(before) => format!("{} {id}", station_symbol(learner.road.state(before, &standing))),
        None => id.clone(),
    };
    let before: Vec<String> = station.prerequisites.iter().map(with_symbol).collect();
    let after = learner.road.stations().iter().filter(|other| other.prerequisites.contains(&station.id));
    let after: Vec<String> = after.map(|other| other.id.clone()).collect();
    for (label, ids) in [("Before it", before), ("Leads to", after), ("Goals", station.goals.clone())] {
        if !ids.is_empty() {
            text.push_str(&hanging(&format!("{label}: "), &ids.join(", "), style));
        }
    }
    if let Some(own) = &station.text {
        let _ = write!(text, "\n{}", to_terminal(own, style));
    }
    text.push_str(&resources(learner, station, style));
    text.push_str(&exercises(learner, station, style)?);
    let labs = learner.road.labs().iter().filter(|lab| station.labs.contains(&lab.id));
    let titles: Vec<&str> = labs.map(|lab| lab.title.as_str()).collect();
    let lab = if titles.is_empty() {
        "Lab (planned)".to_string()
    } else {
        format!("{} (in the studio: run striate)", titles.join(", "))
    };
    let _ = write!(text, "\n{}\n{}", screen::bold(&lab, style), paragraph(&station.lab, style));
    if let Some(project) = &station.project {
        let _ = write!(text, "{}\n{}", screen::bold("Project", style), paragraph(project, style));
    }
    if let Some(note) = learner.progress.note(&station.id).map_err(CommandError::failed)? {
        let _ = writeln!(text, "{}\n{}", screen::bold("Your notes", style), to_terminal(&note.text, style));
    }
    text.push_str(&next_step(station, state));
    Ok(text)
}

fn next_step(station: &Station, state: StationState) -> String {
    let id = &station.id;
    match (state, exercises_of(station).is_empty()) {
        (StationState::Done | StationState::Skipped, _) => "striate road shows what comes next.\n".to_string(),
        (_, true) => format!("When you have read it: striate progress done {id}\n"),
        (StationState::Started, false) => format!("Go on: striate check {id} --watch\n"),
        (_, false) => format!("Begin: striate start {id}\n"),
    }
}

fn paragraph(text: &str, style: TerminalStyle) -> String {
    wrap(text, style.width, 0).join("\n") + "\n\n"
}

/// A label, and text that hangs under itself.
fn hanging(label: &str, text: &str, style: TerminalStyle) -> String {
    let indent = label.chars().count();
    let lines = wrap(text, style.width, indent);
    format!("{label}{}\n", lines.join(&format!("\n{}", " ".repeat(indent))))
}

fn resources(learner: &Learner, station: &Station, style: TerminalStyle) -> String {
    let mut text = format!("\n{}\n", screen::bold("Where to read and watch", style));
    let mut previous = "";
    for Pointer { id, at, url } in &station.resources {
        let Some(resource) = learner.road.resource(id) else { continue };
        if previous != id {
            let author = if resource.author.is_empty() { String::new() } else { format!(", {}", resource.author) };
            text.push_str(&hanging("• ", &format!("{}{author} ({})", resource.title, resource.cost), style));
            if !resource.url.is_empty() {
                let _ = writeln!(text, "  {}", screen::faint(&resource.url, style));
            }
        }
        previous = id;
        text.push_str(&hanging("    ", at, style));
        if let Some(url) = url {
            let _ = writeln!(text, "    {}", screen::faint(url, style));
        }
    }
    text
}

fn exercises(learner: &Learner, station: &Station, style: TerminalStyle) -> Result<String, CommandError> {
    let records = learner.progress.exercises().map_err(CommandError::failed)?;
    let written = exercises_of(station);
    let mut text = format!("\n{}\n", screen::bold("Exercises", style));
    for plan in &station.exercises {
        let record = records.get(&plan.id).cloned().unwrap_or_default();
        let exercise = written.iter().find(|exercise| exercise.id() == plan.id);
        let state = exercise.map_or("planned, not to be checked yet".to_string(), |_| record.best.label());
        let symbol = if exercise.is_some() { exercise_symbol(record.best) } else { '·' };
        let _ = writeln!(text, "{symbol} {}: {state}", screen::bold(&plan.id, style));
        match exercise {
            Some(exercise) => {
                text.push_str(&hanging("    ", &reflowed(exercise.task()), style));
            }
            None => {
                text.push_str(&hanging("    ", &plan.signature, style));
                text.push_str(&hanging("    right when: ", &plan.checks, style));
            }
        }
        for file in files(learner, station, &plan.id) {
            let _ = writeln!(text, "    your file: {}", file.display());
        }
    }
    Ok(text)
}

/// The learner's files of an exercise that exist.
fn files(learner: &Learner, station: &Station, exercise: &str) -> Vec<std::path::PathBuf> {
    let answers = assignment::find(exercise).map(|found| learner.workspace.answers(learner.road, station, found));
    let files = answers.into_iter().flatten().map(|answer| answer.file().to_path_buf());
    files.filter(|file| file.is_file()).collect()
}

/// A task whose lines were broken for a starter's docstring, as running text. What is set in columns or begins a list
/// keeps its line.
fn reflowed(task: &str) -> String {
    let own_line = |line: &str| line.starts_with([' ', '-', '*']) || line.contains("   ");
    let mut text = String::new();
    let mut kept = true;
    for line in task.trim().lines() {
        let keeps = own_line(line) || line.is_empty();
        if !text.is_empty() {
            text.push(if kept || keeps { '\n' } else { ' ' });
        }
        text.push_str(line);
        kept = keeps;
    }
    text
}

fn map_json(learner: &Learner, args: &Args) -> Result<serde_json::Value, CommandError> {
    let standing = learner.standing()?;
    let goal = learner.goal(args.goal.as_deref())?;
    let path = path(learner, args)?;
    let next = learner.road.next(&goal.id, &standing).map_err(CommandError::failed)?;
    let stations: Vec<_> = path
        .stations
        .iter()
        .map(|station| {
            json!({
                "id": station.id,
                "title": station.title,
                "stage": station.stage,
                "state": learner.road.state(station, &standing),
                "hours": station.hours,
                "milestone": station.milestone,
                "optional": path.can_skip(&station.id),
                "prerequisites": station.prerequisites,
                "exercises": station.exercises.iter().map(|plan| &plan.id).collect::<Vec<_>>(),
            })
        })
        .collect();
    Ok(json!({
        "goal": if args.all { None } else { Some(&goal.id) },
        "hours": path.hours(),
        "next": next.map(|station| &station.id),
        "stations": stations,
    }))
}

fn station_json(learner: &Learner, station: &Station) -> Result<serde_json::Value, CommandError> {
    let records = learner.progress.exercises().map_err(CommandError::failed)?;
    let exercises: Vec<_> = station
        .exercises
        .iter()
        .map(|plan| {
            let record: ExerciseRecord = records.get(&plan.id).cloned().unwrap_or_default();
            json!({ "plan": plan, "record": record, "files": files(learner, station, &plan.id) })
        })
        .collect();
    let state = learner.road.state(station, &learner.standing()?);
    let note = learner.progress.note(&station.id).map_err(CommandError::failed)?;
    Ok(json!({ "station": station, "state": state, "exercises": exercises, "text": station.text, "note": note }))
}
