//! Real files in temporary folders.

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;

fn attempt(at: Timestamp, exercise: &str, language: &str, state: ExerciseState, met: &[&str]) -> Attempt {
    let misconceptions = met.iter().map(|id| id.to_string()).collect();
    Attempt { at, exercise: exercise.into(), language: language.parse().ok(), state, misconceptions }
}

fn database(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("deep/progress.sqlite")
}

#[test]
fn what_is_written_is_read_again_after_reopening() {
    let folder = TempDir::new().unwrap();
    let mut progress = Progress::open(database(&folder)).unwrap();
    use ExerciseState::*;
    for (at, exercise, language, state, met) in [
        (1, "convolve2d", "python", NotAttempted, &[][..]),
        (2, "convolve2d", "python", WrongValue, &["kernel-not-flipped"]),
        (3, "convolve2d", "rust", Passed, &[]),
        (4, "convolve2d", "python", WrongValue, &["kernel-not-flipped", "border-wrap"]),
        (4, "is_linear", "python", Fragile, &[]),
    ] {
        progress.record_attempt(&attempt(at, exercise, language, state, met)).unwrap();
    }
    progress.record_hint("is_linear", 0).unwrap();
    progress.record_hint("is_linear", 0).unwrap();
    progress.set_goal(Some("recognition")).unwrap();
    progress.append_note("filter-bench", "First.").unwrap();
    progress.append_note("filter-bench", "  Second.\n").unwrap();
    progress.set_mark("numpy-arrays", Some(StationMark::Done)).unwrap();
    progress.mark_started("numpy-arrays").unwrap();
    progress.mark_started("perceptron").unwrap();
    drop(progress);

    let mut progress = Progress::open(database(&folder)).unwrap();
    let record = progress.exercise("convolve2d").unwrap();
    assert_eq!((record.best, record.latest, record.attempts), (Passed, WrongValue, 3), "nothing written is no attempt");
    assert_eq!((record.language, record.passed_at, record.last_at), (Some(Language::Python), Some(3), 4));
    assert_eq!(progress.exercise("never").unwrap(), ExerciseRecord::default());
    let met = progress.misconceptions().unwrap();
    let met: Vec<_> = met.iter().map(|m| (m.misconception.as_str(), m.times, m.last_at)).collect();
    assert_eq!(met, [("border-wrap", 1, 4), ("kernel-not-flipped", 2, 4)]);
    assert_eq!((progress.hints("is_linear").unwrap(), progress.hints("convolve2d").unwrap()), (1, 0));
    assert_eq!(progress.goal().unwrap().as_deref(), Some("recognition"));
    assert_eq!(progress.note("filter-bench").unwrap().unwrap().text, "First.\n\nSecond.");
    let standing = progress.standing().unwrap();
    assert_eq!(standing.passed.iter().map(String::as_str).collect::<Vec<_>>(), ["convolve2d"]);
    assert_eq!(standing.attempted.len(), 2);
    assert_eq!(standing.marks["numpy-arrays"], StationMark::Done);
    assert_eq!(standing.marks["perceptron"], StationMark::Started);

    progress.set_note("filter-bench", " \n").unwrap();
    progress.set_mark("perceptron", None).unwrap();
    progress.set_goal(None).unwrap();
    assert_eq!((progress.notes().unwrap().len(), progress.marks().unwrap().len()), (0, 1));
    assert_eq!(progress.goal().unwrap(), None);
}

#[test]
fn an_older_schema_is_copied_and_brought_up_to_date() {
    let folder = TempDir::new().unwrap();
    let path = database(&folder);
    let mut progress = Progress::open(&path).unwrap();
    progress.set_note("filter-bench", "Kept.").unwrap();
    drop(progress);

    // A made-up later version of Striate, whose next step adds a table and whose last fills it.
    let step2 = "CREATE TABLE cards (id INTEGER PRIMARY KEY, front TEXT NOT NULL);";
    let step3 = "INSERT INTO cards (front) SELECT text FROM notes;";
    let mut connection = Connection::open(&path).unwrap();
    let later = [schema::MIGRATIONS, &[step2, step3]].concat();
    schema::migrate(&mut connection, &path, &later).unwrap();
    let front: String = connection.query_row("SELECT front FROM cards", [], |row| row.get(0)).unwrap();
    assert_eq!(front, "Kept.");
    drop(connection);

    let copies: Vec<_> = std::fs::read_dir(path.parent().unwrap().join("backups")).unwrap().flatten().collect();
    let name =
        copies.iter().map(|copy| copy.file_name().into_string().unwrap()).find(|n| n.starts_with("before-upgrade"));
    let copy = path.parent().unwrap().join("backups").join(name.unwrap());
    let old = Progress::open(&copy).unwrap();
    assert_eq!(old.note("filter-bench").unwrap().unwrap().text, "Kept.", "the copy is a database of the old schema");

    // This version, meeting the later one's file, leaves it alone.
    let before = std::fs::read(&path).unwrap();
    let error = Progress::open(&path).unwrap_err();
    assert!(matches!(error, ProgressError::Newer { found: 4, known: 2, .. }), "{error}");
    assert!(error.to_string().contains("update Striate"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_failing_step_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let path = database(&folder);
    Progress::open(&path).unwrap().set_note("filter-bench", "Kept.").unwrap();
    let mut connection = Connection::open(&path).unwrap();
    let steps = [schema::MIGRATIONS, &["CREATE TABLE cards (id INTEGER);", "INSERT INTO absent VALUES (1);"]].concat();
    schema::migrate(&mut connection, &path, &steps).unwrap_err();
    drop(connection);
    assert_eq!(Progress::open(&path).unwrap().note("filter-bench").unwrap().unwrap().text, "Kept.");
}

#[test]
fn foreign_and_damaged_files_are_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("progress.sqlite");
    std::fs::write(&path, "this is a letter, not a database, and long enough to have a header").unwrap();
    let error = Progress::open(&path).unwrap_err();
    assert!(matches!(error, ProgressError::Damaged { .. }), "{error}");
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("this is a letter"));

    let other = folder.path().join("other.sqlite");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE recipes (id INTEGER)").unwrap();
    let error = Progress::open(&other).unwrap_err();
    assert!(error.to_string().contains("is not a progress file of Striate"), "{error}");
}

#[test]
fn a_day_old_database_is_backed_up_once() {
    let folder = TempDir::new().unwrap();
    let path = database(&folder);
    Progress::open(&path).unwrap().set_note("filter-bench", "Kept.").unwrap();
    let progress = Progress::open(&path).unwrap();
    assert_eq!(progress.backup_warning(), None);
    let backups = path.parent().unwrap().join("backups");
    let today = backups.join(format!("progress-{}.sqlite", &utc(now())[..10]));
    assert_eq!(Progress::open(&today).unwrap().note("filter-bench").unwrap().unwrap().text, "Kept.");
    for day in 0..20 {
        backup::daily(&progress.connection, &path, day * 86_400_000).unwrap();
    }
    let names: Vec<_> = std::fs::read_dir(&backups).unwrap().flatten().map(|entry| entry.file_name()).collect();
    let daily = names.iter().filter(|name| name.to_string_lossy().starts_with("progress-19") || today.ends_with(name));
    assert_eq!(daily.count(), 14, "{names:?}");
    assert!(today.exists(), "the newest copies are the ones that stay");
}

#[test]
fn two_writers_wait_for_each_other() {
    let folder = TempDir::new().unwrap();
    let path = database(&folder);
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut progress = Progress::open(path).unwrap();
                for at in 0..25 {
                    let exercise = format!("exercise{writer}");
                    progress.record_attempt(&attempt(at, &exercise, "python", ExerciseState::Passed, &["m"])).unwrap();
                    progress.append_note("filter-bench", &format!("{writer}:{at}")).unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    let progress = Progress::open(&path).unwrap();
    assert_eq!(progress.attempts().unwrap().len(), 100);
    assert_eq!(progress.note("filter-bench").unwrap().unwrap().text.split("\n\n").count(), 100);
}

#[test]
fn a_new_file_can_be_opened_by_many_at_once() {
    for _ in 0..10 {
        let folder = TempDir::new().unwrap();
        let path = database(&folder);
        let together = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    together.wait();
                    Progress::open(&path).unwrap();
                });
            }
        });
    }
}

#[test]
fn a_killed_process_leaves_what_was_committed() {
    let folder = TempDir::new().unwrap();
    let path = database(&folder);
    let mut progress = Progress::open(&path).unwrap();
    progress.set_note("filter-bench", "Committed.").unwrap();
    // A write that never commits, and files copied away as a kill would leave them.
    progress.connection.execute_batch("BEGIN IMMEDIATE; DELETE FROM notes;").unwrap();
    let crashed = folder.path().join("crashed.sqlite");
    std::fs::copy(&path, &crashed).unwrap();
    std::fs::copy(path.with_extension("sqlite-wal"), crashed.with_extension("sqlite-wal")).unwrap();
    assert_eq!(Progress::open(&crashed).unwrap().note("filter-bench").unwrap().unwrap().text, "Committed.");
}

#[test]
fn import_unites_and_never_loses() {
    use ExerciseState::*;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("progress.json");
    let mut there = Progress::open(folder.path().join("there.sqlite")).unwrap();
    there.record_attempt(&attempt(10, "convolve2d", "rust", Passed, &[])).unwrap();
    there.record_attempt(&attempt(11, "is_linear", "python", WrongShape, &["axis"])).unwrap();
    there.set_note("filter-bench", "There.").unwrap();
    there.set_note("perceptron", "Both.").unwrap();
    there.set_mark("perceptron", Some(StationMark::Started)).unwrap();
    there.set_mark("numpy-arrays", Some(StationMark::Done)).unwrap();
    there.set_goal(Some("perception")).unwrap();
    there.record_hint("is_linear", 0).unwrap();
    there.export(&file).unwrap();

    let mut here = Progress::open(folder.path().join("here.sqlite")).unwrap();
    here.record_attempt(&attempt(20, "convolve2d", "python", WrongValue, &["kernel-not-flipped"])).unwrap();
    here.record_attempt(&attempt(21, "is_linear", "python", Passed, &[])).unwrap();
    here.set_note("filter-bench", "Here.").unwrap();
    here.set_note("perceptron", "Both. And more.").unwrap();
    here.set_mark("perceptron", Some(StationMark::Done)).unwrap();
    here.set_goal(Some("recognition")).unwrap();
    let imported = here.import(&file).unwrap();
    assert_eq!(imported, Imported { attempts: 2, improved: 1, notes: 1, marks: 1, reviews: 0 });
    assert_eq!(here.exercise("convolve2d").unwrap().best, Passed);
    assert_eq!(here.exercise("is_linear").unwrap().best, Passed, "the better state stays");
    assert_eq!(here.note("filter-bench").unwrap().unwrap().text, "Here.\n\n---\n\nThere.");
    assert_eq!(here.note("perceptron").unwrap().unwrap().text, "Both. And more.");
    assert_eq!(here.marks().unwrap()["perceptron"], StationMark::Done);
    assert_eq!(here.goal().unwrap().as_deref(), Some("recognition"));
    assert_eq!(here.hints("is_linear").unwrap(), 1);
    assert_eq!(here.import(&file).unwrap(), Imported::default(), "a second import changes nothing");

    // Into an empty database, everything comes back.
    let mut empty = Progress::open(folder.path().join("empty.sqlite")).unwrap();
    empty.import(&file).unwrap();
    assert_eq!(empty.attempts().unwrap(), there.attempts().unwrap());
    assert_eq!(empty.notes().unwrap(), there.notes().unwrap());
    assert_eq!(empty.standing().unwrap(), there.standing().unwrap());
    assert_eq!(empty.goal().unwrap(), there.goal().unwrap());
}

#[test]
fn what_cannot_be_imported_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("progress.json");
    let mut progress = Progress::open(folder.path().join("progress.sqlite")).unwrap();
    progress.record_attempt(&attempt(1, "convolve2d", "python", ExerciseState::Passed, &[])).unwrap();
    assert!(progress.export(folder.path()).unwrap_err().to_string().contains("is not a file"), "a folder is no target");
    progress.export(&file).unwrap();
    let good = std::fs::read_to_string(&file).unwrap();
    let mut empty = Progress::open(folder.path().join("empty.sqlite")).unwrap();
    for (text, expected) in [
        (good[..good.len() / 2].to_string(), "it is cut off"),
        (String::new(), "it is cut off"),
        ("{}".to_string(), "it does not say \"format\": \"striate-progress\""),
        (good.replace("\"version\": 1", "\"version\": 7"), "version 7 of the export"),
        (good.replace("\"version\": 1", "\"version\": 0"), "it has no version"),
        (good.replace("\"passed\"", "\"perfect\""), "unknown variant `perfect`"),
        (good.replace("\"attempts\"", "\"attempt\""), "missing field `attempts`"),
    ] {
        std::fs::write(&file, &text).unwrap();
        let error = empty.import(&file).unwrap_err().to_string();
        assert!(error.contains(expected) && error.ends_with("nothing was changed"), "{expected}: {error}");
        assert_eq!(empty.attempts().unwrap().len(), 0);
    }
    let error = empty.import(&folder.path().join("absent.json")).unwrap_err();
    assert!(error.to_string().starts_with("cannot read"), "{error}");
    std::fs::write(&file, good).unwrap();
    assert_eq!(empty.import(&file).unwrap().attempts, 1);
}

#[test]
fn progress_follows_a_rename() {
    use ExerciseState::*;
    let folder = TempDir::new().unwrap();
    let mut progress = Progress::open(database(&folder)).unwrap();
    progress.record_attempt(&attempt(1, "conv", "python", Passed, &["flip"])).unwrap();
    progress.record_attempt(&attempt(2, "convolve2d", "python", WrongValue, &[])).unwrap();
    progress.record_hint("conv", 0).unwrap();
    progress.set_mark("old-bench", Some(StationMark::Done)).unwrap();
    progress.set_mark("filter-bench", Some(StationMark::Started)).unwrap();
    progress.set_note("old-bench", "Old.").unwrap();
    progress.set_note("filter-bench", "New.").unwrap();
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
    let table = Renames {
        stations: pairs(&[("old-bench", "bench"), ("bench", "filter-bench")]),
        exercises: pairs(&[("conv", "convolve2d")]),
        misconceptions: pairs(&[("flip", "kernel-flipped")]),
    };
    for _ in 0..2 {
        progress.follow_renames(&table).unwrap();
        let record = progress.exercise("convolve2d").unwrap();
        assert_eq!((record.best, record.latest, record.attempts), (Passed, WrongValue, 2));
        assert_eq!(progress.exercises().unwrap().len(), 1);
        let met = &progress.misconceptions().unwrap()[0];
        assert_eq!([&met.exercise, &met.misconception], ["convolve2d", "kernel-flipped"]);
        assert_eq!(progress.hints("convolve2d").unwrap(), 1);
        assert_eq!(progress.marks().unwrap(), [("filter-bench".to_string(), StationMark::Done)].into());
        assert_eq!(progress.note("filter-bench").unwrap().unwrap().text, "New.\n\n---\n\nOld.");
        assert_eq!(progress.notes().unwrap().len(), 1);
    }
}

#[test]
fn dates_of_known_instants() {
    for (at, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (1_709_164_800_000, "2024-02-29T00:00:00Z"),
        (1_767_225_599_999, "2025-12-31T23:59:59Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00Z"),
    ] {
        assert_eq!(utc(at), text);
    }
}
