//! What a learner did: attempts, hints, notes, the goal. One SQLite file, safe against a crash at any instant, open to
//! several processes at once (the command line and the studio), and never thinner after an upgrade or an import.

mod backup;
mod renames;
mod schema;
#[cfg(test)]
mod tests;
mod transfer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::map::{Renames, Road};
pub use crate::map::{Standing, StationMark};
use crate::runner::Language;
pub use transfer::{ExportError, ImportError, Imported};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Timestamp = i64;

/// The present.
pub fn now() -> Timestamp {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as Timestamp)
}

/// Date and time in UTC, as `2026-03-09T17:05:00Z`.
///
/// ```
/// assert_eq!(striate_road::progress::utc(951_827_696_000), "2000-02-29T12:34:56Z");
/// ```
pub fn utc(at: Timestamp) -> String {
    let seconds = at.div_euclid(1000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to a date of the Gregorian calendar, counting years from March so that the leap day comes last
    // (H. Hinnant, "chrono-compatible low-level date algorithms").
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// How far an exercise is, worst first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExerciseState {
    /// Nothing was written yet.
    #[default]
    NotAttempted,
    /// The file cannot be loaded, or the program stopped.
    DoesNotLoad,
    /// The result has the wrong type or shape.
    WrongShape,
    /// The result has wrong values.
    WrongValue,
    /// Right on ordinary inputs only.
    Fragile,
    /// Right on all inputs.
    Passed,
}

impl ExerciseState {
    /// All states, worst first.
    pub const ALL: [ExerciseState; 6] = [
        ExerciseState::NotAttempted,
        ExerciseState::DoesNotLoad,
        ExerciseState::WrongShape,
        ExerciseState::WrongValue,
        ExerciseState::Fragile,
        ExerciseState::Passed,
    ];

    /// The name in files and in the database.
    pub fn name(self) -> &'static str {
        match self {
            ExerciseState::NotAttempted => "not_attempted",
            ExerciseState::DoesNotLoad => "does_not_load",
            ExerciseState::WrongShape => "wrong_shape",
            ExerciseState::WrongValue => "wrong_value",
            ExerciseState::Fragile => "fragile",
            ExerciseState::Passed => "passed",
        }
    }

    /// For people: "does not load".
    pub fn label(self) -> String {
        self.name().replace('_', " ")
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// One check of one exercise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// Exercise id.
    pub exercise: String,
    /// The language it was written in; none for a project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// What came out.
    pub state: ExerciseState,
    /// Misconceptions that were named.
    #[serde(default)]
    pub misconceptions: Vec<String>,
}

/// All that is known about an exercise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ExerciseRecord {
    /// The best state ever reached, in any language. What passed stays passed.
    pub best: ExerciseState,
    /// The state of the last attempt.
    pub latest: ExerciseState,
    /// The language of the last attempt.
    pub language: Option<Language>,
    /// Number of attempts.
    pub attempts: u64,
    /// When the last attempt was.
    pub last_at: Timestamp,
    /// When it passed first.
    pub passed_at: Option<Timestamp>,
}

/// A misconception that was named at least once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MisconceptionMet {
    /// Misconception id, shared across exercises.
    pub misconception: String,
    /// Exercise where it was met.
    pub exercise: String,
    /// How often.
    pub times: u32,
    /// When last.
    pub last_at: Timestamp,
}

/// An answer to a review card.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Review {
    /// Exercise of the card.
    pub exercise: String,
    /// The mistake it asks for.
    pub misconception: String,
    /// When.
    pub at: Timestamp,
    /// Whether the mistake was recognised.
    pub known: bool,
}

/// A learner's note on a station.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Note {
    /// Station id.
    pub station: String,
    /// Markdown.
    pub text: String,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// Why progress cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ProgressError {
    /// Written by a later version of Striate.
    #[error(
        "{} was written by a newer version of Striate (its schema is {found}, this version knows {known}): \
         update Striate; nothing was changed",
        .path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// Another program's database, or no database at all.
    #[error(
        "{} is not a progress file of Striate, or it is damaged: move it away{}; nothing was changed",
        .path.display(),
        .backup.as_ref().map_or(String::new(), |copy| format!(" and put the newest backup in its place ({})", copy.display()))
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The newest backup, if there is one.
        backup: Option<PathBuf>,
    },
    /// The folder or file cannot be made or written.
    #[error("cannot write {}: {source}; check the folder's permissions and the free space", .path.display())]
    Folder {
        /// What was to be written.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Anything else that SQLite reports: locked for too long, a full disk.
    #[error(
        "cannot use your progress in {}: {source}; check the folder's permissions and the free space, or choose another \
         folder with STRIATE_HOME",
        .path.display()
    )]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// Result of progress operations.
pub type Result<T, E = ProgressError> = std::result::Result<T, E>;

/// An open progress database.
#[derive(Debug)]
pub struct Progress {
    connection: Connection,
    path: PathBuf,
    backup_warning: Option<String>,
}

impl Progress {
    /// Opens the database, making it and its folder when they do not exist, and bringing an older one up to date after
    /// a backup. Once a day a backup is made as well; [`Progress::backup_warning`] tells when that failed.
    pub fn open(path: impl AsRef<Path>) -> Result<Progress> {
        let path = path.as_ref().to_path_buf();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|source| ProgressError::Folder { path: folder.to_path_buf(), source })?;
        }
        let existed = std::fs::metadata(&path).is_ok_and(|file| file.len() > 0);
        let connection = schema::open(&path)?;
        let backup_warning = if existed { backup::daily(&connection, &path, now()).err() } else { None };
        let mut progress = Progress { connection, path, backup_warning };
        progress.follow_renames(Road::embedded().renames())?;
        Ok(progress)
    }

    /// Moves what is stored under ids of earlier versions to the ids of today.
    fn follow_renames(&mut self, table: &Renames) -> Result<()> {
        if self.read(|connection| renames::needed(connection, table))? {
            self.write(|transaction| renames::apply(transaction, table))?;
        }
        Ok(())
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why today's backup could not be made, if it could not.
    pub fn backup_warning(&self) -> Option<&str> {
        self.backup_warning.as_deref()
    }

    /// Records a check. A check that found nothing written is no attempt and is not recorded.
    pub fn record_attempt(&mut self, attempt: &Attempt) -> Result<()> {
        if attempt.state == ExerciseState::NotAttempted {
            return Ok(());
        }
        self.write(|transaction| insert_attempt(transaction, attempt).map(|_| ()))
    }

    /// All attempts, oldest first.
    pub fn attempts(&self) -> Result<Vec<Attempt>> {
        self.read(|connection| {
            let mut met: BTreeMap<i64, Vec<String>> = BTreeMap::new();
            let mut query = connection.prepare("SELECT attempt, misconception FROM met ORDER BY attempt, place")?;
            for row in query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
                let (attempt, misconception): (i64, String) = row?;
                met.entry(attempt).or_default().push(misconception);
            }
            let sql = "SELECT id, at, exercise, language, state FROM attempts ORDER BY at, id";
            connection
                .prepare(sql)?
                .query_map([], |row| {
                    let (language, state): (String, String) = (row.get(3)?, row.get(4)?);
                    Ok(Attempt {
                        at: row.get(1)?,
                        exercise: row.get(2)?,
                        language: language.parse().ok(),
                        state: ExerciseState::from_name(&state).unwrap_or_default(),
                        misconceptions: met.remove(&row.get(0)?).unwrap_or_default(),
                    })
                })?
                .collect()
        })
    }

    /// What is known about each exercise that was attempted.
    pub fn exercises(&self) -> Result<BTreeMap<String, ExerciseRecord>> {
        let mut records: BTreeMap<String, ExerciseRecord> = BTreeMap::new();
        for attempt in self.attempts()? {
            let record = records.entry(attempt.exercise).or_default();
            record.best = record.best.max(attempt.state);
            record.latest = attempt.state;
            record.language = attempt.language;
            record.attempts += 1;
            record.last_at = attempt.at;
            if attempt.state == ExerciseState::Passed {
                record.passed_at.get_or_insert(attempt.at);
            }
        }
        Ok(records)
    }

    /// What is known about one exercise; an empty record when it was never attempted.
    pub fn exercise(&self, exercise: &str) -> Result<ExerciseRecord> {
        Ok(self.exercises()?.remove(exercise).unwrap_or_default())
    }

    /// Misconceptions met, most recent first.
    pub fn misconceptions(&self) -> Result<Vec<MisconceptionMet>> {
        self.read(|connection| {
            let sql = "SELECT misconception, exercise, COUNT(*), MAX(at) FROM met JOIN attempts ON attempts.id = attempt \
                       GROUP BY misconception, exercise ORDER BY MAX(at) DESC, misconception";
            connection
                .prepare(sql)?
                .query_map([], |row| {
                    Ok(MisconceptionMet {
                        misconception: row.get(0)?,
                        exercise: row.get(1)?,
                        times: row.get(2)?,
                        last_at: row.get(3)?,
                    })
                })?
                .collect()
        })
    }

    /// Keeps an answer to a review card.
    pub fn record_review(&mut self, review: &Review) -> Result<()> {
        self.write(|transaction| insert_review(transaction, review).map(|_| ()))
    }

    /// All answers to review cards, oldest first.
    pub fn reviews(&self) -> Result<Vec<Review>> {
        self.read(|connection| {
            connection
                .prepare("SELECT exercise, misconception, at, known FROM reviews ORDER BY at, exercise, misconception")?
                .query_map([], |row| {
                    Ok(Review {
                        exercise: row.get(0)?,
                        misconception: row.get(1)?,
                        at: row.get(2)?,
                        known: row.get(3)?,
                    })
                })?
                .collect()
        })
    }

    /// Notes that a hint was shown: hint number `level` of an exercise, counted from 0.
    pub fn record_hint(&mut self, exercise: &str, level: u32) -> Result<()> {
        let sql = "INSERT INTO hints (exercise, level, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.write(|transaction| transaction.execute(sql, params![exercise, level, now()]).map(|_| ()))
    }

    /// How many hints of an exercise were shown.
    pub fn hints(&self, exercise: &str) -> Result<u32> {
        let sql = "SELECT COUNT(*) FROM hints WHERE exercise = ?1";
        self.read(|connection| connection.query_row(sql, [exercise], |row| row.get(0)))
    }

    /// Marks by station.
    pub fn marks(&self) -> Result<BTreeMap<String, StationMark>> {
        self.read(|connection| {
            connection
                .prepare("SELECT station, mark FROM marks")?
                .query_map([], |row| {
                    let mark: String = row.get(1)?;
                    Ok((row.get(0)?, mark_from_name(&mark).unwrap_or(StationMark::Started)))
                })?
                .collect()
        })
    }

    /// Marks a station, or takes the mark away.
    pub fn set_mark(&mut self, station: &str, mark: Option<StationMark>) -> Result<()> {
        self.write(|transaction| {
            match mark {
                Some(mark) => transaction.execute(
                    "INSERT INTO marks (station, mark, at) VALUES (?1, ?2, ?3) \
                     ON CONFLICT (station) DO UPDATE SET mark = excluded.mark, at = excluded.at",
                    params![station, mark_name(mark), now()],
                ),
                None => transaction.execute("DELETE FROM marks WHERE station = ?1", [station]),
            }
            .map(|_| ())
        })
    }

    /// Marks a station as started unless it has a mark already.
    pub fn mark_started(&mut self, station: &str) -> Result<()> {
        let sql = "INSERT INTO marks (station, mark, at) VALUES (?1, 'started', ?2) ON CONFLICT DO NOTHING";
        self.write(|transaction| transaction.execute(sql, params![station, now()]).map(|_| ()))
    }

    /// What the map needs to know.
    pub fn standing(&self) -> Result<Standing> {
        let mut standing = Standing { marks: self.marks()?, ..Standing::default() };
        for (exercise, record) in self.exercises()? {
            if record.best == ExerciseState::Passed {
                standing.passed.insert(exercise.clone());
            }
            standing.attempted.insert(exercise);
        }
        Ok(standing)
    }

    /// The goal, if one was set.
    pub fn goal(&self) -> Result<Option<String>> {
        self.setting("goal")
    }

    /// Sets or clears the goal.
    pub fn set_goal(&mut self, goal: Option<&str>) -> Result<()> {
        self.set_setting("goal", goal)
    }

    /// A setting; keys in use: `goal`, `language`.
    pub fn setting(&self, key: &str) -> Result<Option<String>> {
        let sql = "SELECT value FROM settings WHERE key = ?1";
        self.read(|connection| connection.query_row(sql, [key], |row| row.get(0)).optional())
    }

    /// Sets or clears a setting.
    pub fn set_setting(&mut self, key: &str, value: Option<&str>) -> Result<()> {
        self.write(|transaction| {
            match value {
                Some(value) => transaction.execute(
                    "INSERT INTO settings (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    params![key, value],
                ),
                None => transaction.execute("DELETE FROM settings WHERE key = ?1", [key]),
            }
            .map(|_| ())
        })
    }

    /// The note on a station, if there is one.
    pub fn note(&self, station: &str) -> Result<Option<Note>> {
        Ok(self.notes()?.into_iter().find(|note| note.station == station))
    }

    /// All notes, by station.
    pub fn notes(&self) -> Result<Vec<Note>> {
        self.read(|connection| {
            connection
                .prepare("SELECT station, text, changed_at FROM notes ORDER BY station")?
                .query_map([], |row| Ok(Note { station: row.get(0)?, text: row.get(1)?, changed_at: row.get(2)? }))?
                .collect()
        })
    }

    /// Replaces the note on a station; an empty text removes it.
    pub fn set_note(&mut self, station: &str, text: &str) -> Result<()> {
        self.write(|transaction| put_note(transaction, station, text, now()))
    }

    /// Adds a paragraph to the note on a station.
    pub fn append_note(&mut self, station: &str, text: &str) -> Result<()> {
        self.write(|transaction| {
            let sql = "SELECT text FROM notes WHERE station = ?1";
            let before: Option<String> = transaction.query_row(sql, [station], |row| row.get(0)).optional()?;
            let joined = match before {
                Some(before) => format!("{}\n\n{}", before.trim_end(), text.trim()),
                None => text.trim().to_string(),
            };
            put_note(transaction, station, &joined, now())
        })
    }

    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        query(&self.connection).map_err(|source| schema::refine(&self.path, source))
    }

    /// Runs one write as one transaction that holds the write lock from its start, so that what it reads first is
    /// still so when it writes.
    fn write<T>(&mut self, change: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let run = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let value = change(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run(&mut self.connection).map_err(|source| schema::refine(&self.path, source))
    }
}

/// How long one process waits for another one's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether it was new: the same attempt (time, exercise, language) is stored once.
fn insert_attempt(connection: &Connection, attempt: &Attempt) -> rusqlite::Result<bool> {
    let sql = "INSERT INTO attempts (at, exercise, language, state) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    // A project has no language, and the column must have a value: without one, no two rows would ever be the same.
    let language = attempt.language.map_or("", Language::id);
    let new = connection.execute(sql, params![attempt.at, attempt.exercise, language, attempt.state.name()])? > 0;
    if new {
        let id = connection.last_insert_rowid();
        for (place, misconception) in (0_u32..).zip(&attempt.misconceptions) {
            let sql = "INSERT INTO met (attempt, place, misconception) VALUES (?1, ?2, ?3)";
            connection.execute(sql, params![id, place, misconception])?;
        }
    }
    Ok(new)
}

/// Whether it was new: the same review (card and time) is stored once.
fn insert_review(connection: &Connection, review: &Review) -> rusqlite::Result<bool> {
    let Review { exercise, misconception, at, known } = review;
    let sql = "INSERT INTO reviews (exercise, misconception, at, known) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    Ok(connection.execute(sql, params![exercise, misconception, at, known])? > 0)
}

fn put_note(connection: &Connection, station: &str, text: &str, at: Timestamp) -> rusqlite::Result<()> {
    if text.trim().is_empty() {
        connection.execute("DELETE FROM notes WHERE station = ?1", [station])?;
        return Ok(());
    }
    let sql = "INSERT INTO notes (station, text, changed_at) VALUES (?1, ?2, ?3) \
               ON CONFLICT (station) DO UPDATE SET text = excluded.text, changed_at = excluded.changed_at";
    connection.execute(sql, params![station, text, at]).map(|_| ())
}

fn mark_name(mark: StationMark) -> &'static str {
    match mark {
        StationMark::Started => "started",
        StationMark::Skipped => "skipped",
        StationMark::Done => "done",
    }
}

fn mark_from_name(name: &str) -> Option<StationMark> {
    [StationMark::Started, StationMark::Skipped, StationMark::Done].into_iter().find(|&mark| mark_name(mark) == name)
}
