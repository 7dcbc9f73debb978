//! The content, tested like code: every mistake of every exercise is caught and named as itself.

use striate_road::check::content;
use striate_road::exercises;

#[test]
fn every_misconception_is_caught_and_named_as_itself() {
    let rows: Vec<_> = exercises::all().iter().flat_map(|exercise| content::examine(exercise)).collect();
    println!("{}", content::table(&rows));
    let problems: Vec<_> = rows.into_iter().filter(|row| row.problem.is_some()).collect();
    assert!(problems.is_empty(), "\n{}", content::table(&problems));
}
