//! The tables, their versions, and the way from each version to the next.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::{BUSY_TIMEOUT, ProgressError, Result, backup, now};

/// `Stri`, in the file's header: tells a progress file from any other SQLite file.
const APPLICATION_ID: i64 = 0x5374_7269;

/// Step `i` turns schema `i` into schema `i + 1`; schema 0 is an empty file. A step is never edited once released.
pub(super) const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE attempts (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        exercise TEXT NOT NULL,
        language TEXT NOT NULL,
        state TEXT NOT NULL,
        UNIQUE (exercise, language, at)
    );
    CREATE TABLE met (
        attempt INTEGER NOT NULL REFERENCES attempts (id) ON DELETE CASCADE,
        place INTEGER NOT NULL,
        misconception TEXT NOT NULL,
        PRIMARY KEY (attempt, place)
    );
    CREATE TABLE hints (
        exercise TEXT NOT NULL,
        level INTEGER NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (exercise, level)
    );
    CREATE TABLE marks (station TEXT PRIMARY KEY, mark TEXT NOT NULL, at INTEGER NOT NULL);
    CREATE TABLE notes (station TEXT PRIMARY KEY, text TEXT NOT NULL, changed_at INTEGER NOT NULL);
    CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
",
    "
    CREATE TABLE reviews (
        exercise TEXT NOT NULL,
        misconception TEXT NOT NULL,
        at INTEGER NOT NULL,
        known INTEGER NOT NULL,
        PRIMARY KEY (exercise, misconception, at)
    );
",
];

/// Opens the file and brings it to the newest schema.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let start = Instant::now();
    loop {
        let attempt = || {
            let mut connection = Connection::open(path).map_err(|source| refine(path, source))?;
            prepare(&connection).map_err(|source| refine(path, source))?;
            migrate(&mut connection, path, MIGRATIONS)?;
            Ok(connection)
        };
        match attempt() {
            // While one process turns a new file to write-ahead mode, SQLite refuses others at once instead of waiting.
            Err(ProgressError::Database { source, .. })
                if source.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && start.elapsed() < BUSY_TIMEOUT =>
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            done => return done,
        }
    }
}

/// Settings of the connection: they hold for this process, the journal mode for the file.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Reading the header first: a file that is no database must fail before anything could be written to it.
    connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}

/// Brings the file to the newest schema, each step with its version in one transaction.
pub(super) fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<()> {
    let newest = migrations.len() as i64;
    let found = check_version(connection, path, newest)?;
    if found == newest {
        return journal(connection).map_err(|source| refine(path, source));
    }
    if found > 0 {
        backup::before_migration(connection, path, found, now())?;
    }
    journal(connection).map_err(|source| refine(path, source))?;
    let mut run = || -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have done some of it while this one waited for the lock.
        let start: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        for step in start..newest {
            transaction.execute_batch(migrations[step as usize])?;
        }
        transaction.pragma_update(None, "user_version", newest.max(start))?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.commit()
    };
    run().map_err(|source| refine(path, source))
}

/// The schema version of the file, if it is one that can be worked with.
fn check_version(connection: &Connection, path: &Path, known: i64) -> Result<i64> {
    let (found, application, tables) = header(connection).map_err(|source| refine(path, source))?;
    if application != APPLICATION_ID && (tables > 0 || found != 0) {
        return Err(ProgressError::Damaged { path: path.to_path_buf(), backup: backup::newest(path) });
    }
    if found > known {
        return Err(ProgressError::Newer { path: path.to_path_buf(), found, known });
    }
    Ok(found)
}

/// Schema version, application id and number of tables, as they are at one instant: read one by one, they could fall on
/// both sides of another process's first commit, and a new file would look like another program's.
fn header(connection: &Connection) -> rusqlite::Result<(i64, i64, i64)> {
    let instant = connection.unchecked_transaction()?;
    let tables = instant.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let read = |name: &str| instant.pragma_query_value(None, name, |row| row.get(0));
    Ok((read("user_version")?, read("application_id")?, tables))
}

/// Write-ahead log, flushed at every commit: readers never wait for a writer, and what was committed survives a power cut.
fn journal(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        connection.pragma_update(None, "journal_mode", "wal")?;
    }
    connection.pragma_update(None, "synchronous", "full")
}

/// Tells a damaged file from the other troubles of a database.
pub(super) fn refine(path: &Path, source: rusqlite::Error) -> ProgressError {
    let path = path.to_path_buf();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            let backup = backup::newest(&path);
            ProgressError::Damaged { path, backup }
        }
        _ => ProgressError::Database { path, source },
    }
}
