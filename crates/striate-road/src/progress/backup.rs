//! Copies of the database beside it, in `backups/`: one a day, and one before each change of schema.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{ProgressError, Result, Timestamp, utc};

/// Daily copies that are kept.
const KEPT: usize = 14;

fn folder(database: &Path) -> PathBuf {
    database.parent().unwrap_or(Path::new(".")).join("backups")
}

/// Makes today's copy if there is none, and drops the oldest daily copies.
pub(super) fn daily(connection: &Connection, database: &Path, at: Timestamp) -> Result<(), String> {
    let name = format!("progress-{}.sqlite", &utc(at)[..10]);
    let target = folder(database).join(name);
    if target.exists() {
        return Ok(());
    }
    copy(connection, &target).map_err(|error| {
        format!("today's backup of your progress could not be written to {}: {error}", target.display())
    })?;
    let mut copies = daily_copies(database);
    copies.sort();
    for old in copies.iter().rev().skip(KEPT) {
        // A copy too many does no harm.
        let _ = std::fs::remove_file(old);
    }
    Ok(())
}

/// Makes a copy that is kept for good.
pub(super) fn before_migration(connection: &Connection, database: &Path, schema: i64, at: Timestamp) -> Result<()> {
    let stamp = utc(at).replace(':', "");
    let target = folder(database).join(format!("before-upgrade-from-{schema}-{stamp}.sqlite"));
    copy(connection, &target).map_err(|source| ProgressError::Folder { path: target, source })
}

/// The newest copy of any kind.
pub(super) fn newest(database: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder(database)).ok()?.flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sqlite"))
        .max_by_key(|path| std::fs::metadata(path).and_then(|file| file.modified()).ok())
}

fn daily_copies(database: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(database)).into_iter().flatten().flatten();
    let is_daily = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("progress-"))
            && path.extension().is_some_and(|extension| extension == "sqlite")
    };
    entries.map(|entry| entry.path()).filter(is_daily).collect()
}

/// Copies under a temporary name first: a half-written backup must never look like one.
fn copy(connection: &Connection, target: &Path) -> std::io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let unfinished = tempfile::Builder::new().prefix("unfinished-").tempfile_in(folder)?;
    let mut to = Connection::open(unfinished.path()).map_err(std::io::Error::other)?;
    let backup = rusqlite::backup::Backup::new(connection, &mut to).map_err(std::io::Error::other)?;
    backup.run_to_completion(i32::MAX, std::time::Duration::from_millis(20), None).map_err(std::io::Error::other)?;
    drop(backup);
    // A copy of a damaged database is no backup, and must not push out a good one.
    let check: String = to.query_row("PRAGMA quick_check", [], |row| row.get(0)).map_err(std::io::Error::other)?;
    if check != "ok" {
        return Err(std::io::Error::other(format!("the progress file itself is damaged ({})", check.trim())));
    }
    // A copy of a database in write-ahead mode would bring two more files as soon as anyone opens it.
    to.pragma_update(None, "journal_mode", "delete").map_err(std::io::Error::other)?;
    to.close().map_err(|(_, error)| std::io::Error::other(error))?;
    unfinished.as_file().sync_all()?;
    unfinished.persist(target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_database_is_not_kept_as_a_backup() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("progress.sqlite");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("CREATE TABLE notes (text TEXT); CREATE INDEX by_text ON notes (text);").unwrap();
        for line in 0..500 {
            connection.execute("INSERT INTO notes VALUES (?1)", [format!("{line:0100}")]).unwrap();
        }
        connection.close().unwrap();
        let good = dir.path().join("good.sqlite");
        copy(&Connection::open(&path).unwrap(), &good).unwrap();
        assert!(good.is_file());

        let mut bytes = std::fs::read(&path).unwrap();
        bytes[8192..40_000].fill(0x55);
        std::fs::write(&path, bytes).unwrap();
        let error = daily(&Connection::open(&path).unwrap(), &path, 0).unwrap_err();
        assert!(error.contains("could not be written"), "{error}");
        assert_eq!(daily_copies(&path), Vec::<PathBuf>::new());
    }
}
