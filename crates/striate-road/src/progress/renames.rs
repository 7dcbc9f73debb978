//! Progress of earlier versions under the ids of today.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::transfer::united_note;
use super::{StationMark, mark_from_name, mark_name, put_note};
use crate::map::Renames;

/// Whether anything is stored under an id that was renamed.
pub(super) fn needed(connection: &Connection, renames: &Renames) -> rusqlite::Result<bool> {
    let any = |table: &BTreeMap<String, String>, sql: &str| -> rusqlite::Result<bool> {
        for old in table.keys() {
            if connection.query_row(sql, [old], |row| row.get(0))? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let exercises = "SELECT EXISTS (SELECT 1 FROM attempts WHERE exercise = ?1) OR \
                     EXISTS (SELECT 1 FROM hints WHERE exercise = ?1)";
    let exercises = format!("{exercises} OR EXISTS (SELECT 1 FROM reviews WHERE exercise = ?1)");
    let stations = "SELECT EXISTS (SELECT 1 FROM marks WHERE station = ?1) OR \
                    EXISTS (SELECT 1 FROM notes WHERE station = ?1)";
    let misconceptions = "SELECT EXISTS (SELECT 1 FROM met WHERE misconception = ?1) OR \
                          EXISTS (SELECT 1 FROM reviews WHERE misconception = ?1)";
    Ok(any(&renames.exercises, &exercises)?
        || any(&renames.stations, stations)?
        || any(&renames.misconceptions, misconceptions)?)
}

/// Moves everything to the current ids. Where both ids hold something, the better mark and both notes stay.
pub(super) fn apply(transaction: &Transaction<'_>, renames: &Renames) -> rusqlite::Result<()> {
    for old in renames.exercises.keys() {
        let current = renames.exercise(old);
        for table in ["attempts", "hints", "reviews"] {
            let sql = format!("UPDATE OR IGNORE {table} SET exercise = ?2 WHERE exercise = ?1");
            transaction.execute(&sql, params![old, current])?;
            // What stands under the current id already is the same attempt, hint or review.
            transaction.execute(&format!("DELETE FROM {table} WHERE exercise = ?1"), [old])?;
        }
    }
    for old in renames.misconceptions.keys() {
        let current = renames.misconception(old);
        for table in ["met", "reviews"] {
            let sql = format!("UPDATE OR IGNORE {table} SET misconception = ?2 WHERE misconception = ?1");
            transaction.execute(&sql, params![old, current])?;
            transaction.execute(&format!("DELETE FROM {table} WHERE misconception = ?1"), [old])?;
        }
    }
    for old in renames.stations.keys() {
        let current = renames.station(old);
        move_mark(transaction, old, current)?;
        move_note(transaction, old, current)?;
    }
    Ok(())
}

fn move_mark(transaction: &Transaction<'_>, old: &str, current: &str) -> rusqlite::Result<()> {
    let read = |id: &str| -> rusqlite::Result<Option<(StationMark, i64)>> {
        let sql = "SELECT mark, at FROM marks WHERE station = ?1";
        let row: Option<(String, i64)> =
            transaction.query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        Ok(row.and_then(|(name, at)| Some((mark_from_name(&name)?, at))))
    };
    if let Some((mark, at)) = read(old)?.max(read(current)?) {
        let sql = "INSERT OR REPLACE INTO marks (station, mark, at) VALUES (?1, ?2, ?3)";
        transaction.execute(sql, params![current, mark_name(mark), at])?;
    }
    transaction.execute("DELETE FROM marks WHERE station = ?1", [old]).map(|_| ())
}

fn move_note(transaction: &Transaction<'_>, old: &str, current: &str) -> rusqlite::Result<()> {
    let read = |id: &str| -> rusqlite::Result<Option<(String, i64)>> {
        let sql = "SELECT text, changed_at FROM notes WHERE station = ?1";
        transaction.query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?))).optional()
    };
    if let Some((text, at)) = read(old)? {
        let here = read(current)?;
        if let Some(both) = united_note(here.as_ref().map(|(here, _)| here.as_str()), &text) {
            put_note(transaction, current, &both, here.map_or(at, |(_, changed)| changed.max(at)))?;
        }
    }
    transaction.execute("DELETE FROM notes WHERE station = ?1", [old]).map(|_| ())
}
