//! `striate start`: the starters of a station, in the learner's own folder.

use std::path::Path;
use std::process::ExitCode;

use striate_road::map::Station;
use striate_road::runner::Language;
use striate_road::workspace::{Answer, Laid, exercises_of};

use super::{CommandError, CommandResult, road};
use crate::home::Home;
use crate::learner::Learner;
use crate::screen;

/// Lay the starter files of a station into your folder; what you wrote is never overwritten.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    striate start correlation-filtering              in Python, or the language you used last\n  \
    striate start correlation-filtering --lang rust  in Rust, beside the Python files\n\n\
    Your folder is ~/striate; STRIATE_WORKSPACE chooses another one.")]
pub struct Args {
    /// The station.
    station: String,
    /// python or rust; remembered for the next time.
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<Language>,
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let mut learner = Learner::open(home)?;
    let station = learner.station(&args.station)?;
    if exercises_of(station).is_empty() {
        screen::print(&format!(
            "{} has no exercises to check yet. Its reading is below; striate progress done {} marks it as done.\n\n",
            station.id, station.id
        ));
        screen::print(&road::station_text(&learner, station)?);
        return Ok(ExitCode::SUCCESS);
    }
    let remembered = learner.progress.setting("language").map_err(CommandError::failed)?;
    let remembered = remembered.and_then(|name| name.parse().ok());
    let language = language(station, args.lang, remembered)?;
    let laid = learner.workspace.start(learner.road, station, language).map_err(CommandError::failed)?;
    learner.progress.mark_started(&station.id).map_err(CommandError::failed)?;
    if args.lang.is_some() {
        learner.progress.set_setting("language", Some(language.id())).map_err(CommandError::failed)?;
    }
    screen::print(&report(&learner, station, language, &laid)?);
    Ok(ExitCode::SUCCESS)
}

/// The language asked for, else the one remembered where the station has it, else Python.
fn language(
    station: &Station,
    asked: Option<Language>,
    remembered: Option<Language>,
) -> Result<Language, CommandError> {
    let exercises = exercises_of(station);
    let has = |language: &Language| {
        exercises.iter().any(|each| each.languages().is_empty() || each.languages().contains(language))
    };
    match asked {
        Some(language) if !has(&language) => Err(CommandError::Usage(format!(
            "the exercises of {} are about Python itself; leave out --lang {}",
            station.id,
            language.id()
        ))),
        Some(language) => Ok(language),
        None => Ok(remembered.filter(has).unwrap_or(Language::Python)),
    }
}

fn report(learner: &Learner, station: &Station, language: Language, laid: &Laid) -> Result<String, CommandError> {
    let mut text = format!("{} in {language}, in {}\n", station.title, laid.folder.display());
    let inside = |path: &Path| path.strip_prefix(&laid.folder).unwrap_or(path).display().to_string();
    for path in &laid.written {
        text.push_str(&format!("  new   {}\n", inside(path)));
    }
    for path in &laid.kept {
        text.push_str(&format!("  kept  {}\n", inside(path)));
    }
    if !laid.kept.is_empty() {
        text.push_str("Kept files were there already and stay as they are; to begin one anew, delete it first.\n");
    }
    let standing = learner.standing()?;
    let before: Vec<&str> = station
        .prerequisites
        .iter()
        .filter_map(|id| learner.road.station(id))
        .filter(|before| !learner.road.state(before, &standing).is_settled())
        .map(|before| before.id.as_str())
        .collect();
    if !before.is_empty() {
        text.push_str(&format!(
            "\nIt builds on {}; come back there when something seems to be missing.\n",
            before.join(", ")
        ));
    }
    let records = learner.progress.exercises().map_err(CommandError::failed)?;
    let passed = |id: &str| records.get(id).is_some_and(|record| record.passed_at.is_some());
    if let Some(first) = exercises_of(station).into_iter().find(|exercise| !passed(exercise.id())) {
        let (id, answers) = (first.id(), learner.workspace.answers(learner.road, station, first));
        let todo = match answers.into_iter().find(|answer| answer.speaks(language)) {
            Some(Answer::Project { file, .. }) => format!("train a network and name its run in {}", file.display()),
            Some(Answer::Function { file, .. }) => format!("write {id} in {}", file.display()),
            None => format!("write {id}"),
        };
        let station = &station.id;
        text.push_str(&format!(
            "\nNext: {todo}\n  striate check {id}          the first check will not pass, that is expected\n  \
             striate check {station} --watch\n  striate hint {id}           when stuck\n"
        ));
    }
    Ok(text)
}
