//! Progress as one JSON file, out and in again.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::{
    Attempt, ExerciseState, Note, Progress, ProgressError, Result, Review, StationMark, Timestamp, insert_attempt,
    insert_review, mark_from_name, mark_name, now, put_note, renames, utc,
};
use crate::map::Road;

const FORMAT: &str = "striate-progress";
const VERSION: u32 = 1;

/// The first thing to read of an export: enough to tell whether the rest can be read.
#[derive(Deserialize)]
struct Header {
    format: Option<String>,
    version: Option<u32>,
}

#[derive(Deserialize, Serialize)]
struct Export {
    format: String,
    version: u32,
    exported_at: String,
    settings: BTreeMap<String, String>,
    /// For people: the best state of each exercise. Import takes it from the attempts.
    #[serde(default)]
    best: BTreeMap<String, ExerciseState>,
    marks: BTreeMap<String, StationMark>,
    notes: Vec<Note>,
    hints: Vec<HintShown>,
    attempts: Vec<Attempt>,
    /// Exports of earlier versions have none.
    #[serde(default)]
    reviews: Vec<Review>,
}

#[derive(Deserialize, Serialize)]
struct HintShown {
    exercise: String,
    level: u32,
    at: Timestamp,
}

/// What an import brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Attempts that were not here yet.
    pub attempts: usize,
    /// Exercises whose best state rose.
    pub improved: usize,
    /// Notes that were added or extended.
    pub notes: usize,
    /// Station marks that were added or rose.
    pub marks: usize,
    /// Answers to review cards that were not here yet.
    pub reviews: usize,
}

/// Why progress could not be written to a file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Reading progress failed.
    #[error(transparent)]
    Progress(#[from] ProgressError),
    /// Writing the file failed.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The target is a folder, a device or a pipe, which a rename would replace.
    #[error("{} is not a file: name a file to write to, as progress.json", .0.display())]
    NotAFile(PathBuf),
}

/// Why a file could not be imported; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file ends early, or is something else.
    #[error("{} is not an export of Striate's progress, or it is cut off: {reason}; nothing was changed", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What the reader stumbled over.
        reason: String,
    },
    /// The file is from a later version of Striate.
    #[error("{} is version {found} of the export, this Striate reads up to {VERSION}: update Striate; nothing was changed", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// Writing progress failed.
    #[error(transparent)]
    Progress(#[from] ProgressError),
}

impl Progress {
    /// Writes everything to one JSON file. An existing file is replaced at once or not at all.
    pub fn export(&self, path: &Path) -> Result<(), ExportError> {
        if path.exists() && !path.is_file() {
            return Err(ExportError::NotAFile(path.to_path_buf()));
        }
        let export = self.collect()?;
        let write = || -> std::io::Result<()> {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut file, &export)?;
            writeln!(file)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|source| ExportError::Write { path: path.to_path_buf(), source })
    }

    /// Adds what an export holds to what is here: attempts are united, so the better state always stays; of two
    /// different notes on a station both are kept; settings already made here stay.
    pub fn import(&mut self, path: &Path) -> Result<Imported, ImportError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ImportError::Read { path: path.to_path_buf(), source })?;
        let content = |reason: String| ImportError::Content { path: path.to_path_buf(), reason };
        let header: Header = serde_json::from_str(&text).map_err(|error| content(error.to_string()))?;
        if header.format.as_deref() != Some(FORMAT) {
            return Err(content(format!("it does not say \"format\": \"{FORMAT}\"")));
        }
        match header.version {
            None | Some(0) => return Err(content("it has no version".to_string())),
            Some(found) if found > VERSION => return Err(ImportError::Newer { path: path.to_path_buf(), found }),
            Some(_) => {}
        }
        let export: Export = serde_json::from_str(&text).map_err(|error| content(error.to_string()))?;
        let before = self.exercises()?;
        let mut imported = self.write(|transaction| {
            let imported = merge(transaction, &export)?;
            renames::apply(transaction, Road::embedded().renames())?;
            Ok(imported)
        })?;
        imported.improved = self
            .exercises()?
            .iter()
            .filter(|(id, record)| before.get(*id).is_none_or(|earlier| earlier.best < record.best))
            .count();
        Ok(imported)
    }

    fn collect(&self) -> Result<Export> {
        let exercises = self.exercises()?;
        let (settings, hints) = self.read(|connection| {
            let settings = connection
                .prepare("SELECT key, value FROM settings")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let hints = connection
                .prepare("SELECT exercise, level, at FROM hints ORDER BY exercise, level")?
                .query_map([], |row| Ok(HintShown { exercise: row.get(0)?, level: row.get(1)?, at: row.get(2)? }))?
                .collect::<rusqlite::Result<_>>()?;
            Ok((settings, hints))
        })?;
        Ok(Export {
            format: FORMAT.to_string(),
            version: VERSION,
            exported_at: utc(now()),
            settings,
            best: exercises.into_iter().map(|(id, record)| (id, record.best)).collect(),
            marks: self.marks()?,
            notes: self.notes()?,
            hints,
            attempts: self.attempts()?,
            reviews: self.reviews()?,
        })
    }
}

fn merge(transaction: &rusqlite::Transaction<'_>, export: &Export) -> rusqlite::Result<Imported> {
    let mut imported = Imported::default();
    for attempt in &export.attempts {
        imported.attempts += usize::from(insert_attempt(transaction, attempt)?);
    }
    for review in &export.reviews {
        imported.reviews += usize::from(insert_review(transaction, review)?);
    }
    for HintShown { exercise, level, at } in &export.hints {
        let sql = "INSERT INTO hints (exercise, level, at) VALUES (?1, ?2, ?3) \
                   ON CONFLICT DO UPDATE SET at = MIN(at, excluded.at)";
        transaction.execute(sql, params![exercise, level, at])?;
    }
    for (key, value) in &export.settings {
        let sql = "INSERT INTO settings (key, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        transaction.execute(sql, params![key, value])?;
    }
    for (station, &mark) in &export.marks {
        let sql = "SELECT mark FROM marks WHERE station = ?1";
        let here: Option<String> = transaction.query_row(sql, [station], |row| row.get(0)).optional()?;
        if here.and_then(|name| mark_from_name(&name)) < Some(mark) {
            let sql = "INSERT OR REPLACE INTO marks (station, mark, at) VALUES (?1, ?2, ?3)";
            transaction.execute(sql, params![station, mark_name(mark), now()])?;
            imported.marks += 1;
        }
    }
    for note in &export.notes {
        let sql = "SELECT text FROM notes WHERE station = ?1";
        let here: Option<String> = transaction.query_row(sql, [&note.station], |row| row.get(0)).optional()?;
        if let Some(text) = united_note(here.as_deref(), &note.text) {
            put_note(transaction, &note.station, &text, note.changed_at)?;
            imported.notes += 1;
        }
    }
    Ok(imported)
}

/// The note to store, or `None` when what is here holds everything already.
pub(super) fn united_note(here: Option<&str>, there: &str) -> Option<String> {
    match here {
        Some(here) if here.contains(there.trim()) => None,
        Some(here) if !there.contains(here.trim()) => Some(format!("{}\n\n---\n\n{}", here.trim_end(), there.trim())),
        _ => Some(there.to_string()),
    }
}
