//! Two mistakes at once, where no single one explains the outputs.
//!
//! What a misconception computes is known only through its outputs, so two of them cannot be put inside each other in
//! general. They are tried in the ways in which mistakes do combine, each of which predicts every number:
//!
//! - one of several results follows one mistake, another result another;
//! - the differences that two mistakes make add up (terms of a sum that are both wrong);
//! - a mistake's output, changed as a whole: its sign, a factor, the order of an axis;
//! - a mistake made on a changed argument: a kernel turned round, an array transposed.
//!
//! A pair is named only if its prediction equals the outputs on every input that has an answer, and if on some of them
//! neither mistake alone would do. That the outputs follow one mistake on some inputs and another on others is no pair.

use std::time::{Duration, Instant};

use ndarray::{ArrayD, Axis};

use super::attempt::attempt;
use super::compare::{alike, alike_values, close, largest};
use super::fingerprint::{Quantities, factor, named_constant, quantities};
use super::gradient::part_names;
use super::judge::Trial;
use super::report::{Diagnosis, Evidence, See};
use crate::exercise::{Exercise, Misconception, Outcome};
use crate::value::{Array, Value};

/// References may take long; the search ends then.
const TIME: Duration = Duration::from_millis(800);
/// Numbers that both mistakes together explain, before a pair is believed.
const ENOUGH: usize = 3;

/// One result on every input.
type Column = Vec<Value>;

struct Search<'a> {
    exercise: &'a Exercise,
    trials: Vec<&'a Trial>,
    /// Names of the results.
    names: Vec<&'static str>,
    right: Vec<Column>,
    got: Vec<Column>,
    /// What every misconception gives, where it gives a value on all inputs.
    mistakes: Vec<(&'static Misconception, Vec<Column>)>,
    until: Instant,
}

/// What an explanation predicts for a result on an input, asked for one at a time: most are wrong about the first.
type Prediction<'a> = Box<dyn Fn(usize, usize) -> Option<Value> + 'a>;

/// The second mistake of a pair: how it is called, what it gives alone, and together with the first.
struct Second<'a> {
    misconception: Option<&'static Misconception>,
    title: String,
    alone: Prediction<'a>,
    together: Prediction<'a>,
}

/// The pair that explains the outputs, or the one mistake that explains those results that are wrong.
pub(super) fn diagnose(exercise: &Exercise, trials: &[Trial]) -> Option<Diagnosis> {
    let search = Search::new(exercise, trials)?;
    if let Some(found) = search.in_some_results() {
        return Some(found);
    }
    for (first, columns) in &search.mistakes {
        let seconds = search.others(first, columns).into_iter().chain(search.changed_as_a_whole(columns));
        for second in seconds {
            if Instant::now() > search.until {
                return None;
            }
            if search.explained(columns, &second) {
                return Some(search.named(first, search.recognised(second)));
            }
        }
    }
    search.on_changed_arguments()
}

/// The mistake that explains one of several wrong results, where nothing explains them all.
pub(super) fn in_one_result(exercise: &Exercise, trials: &[Trial]) -> Option<Diagnosis> {
    let search = Search::new(exercise, trials)?;
    let wrong = search.wrong();
    let explained = |columns: &[Column]| -> Vec<usize> {
        let explains = |&part: &usize| {
            search.same(&columns[part], &search.got[part]) && search.beyond(part, &[&search.right[part]]) >= ENOUGH
        };
        wrong.iter().copied().filter(explains).collect()
    };
    let (known, parts) = search
        .mistakes
        .iter()
        .map(|(known, columns)| (*known, explained(columns)))
        .filter(|(_, parts)| !parts.is_empty() && parts.len() < wrong.len())
        .max_by_key(|(_, parts)| parts.len())?;
    let names = |parts: &mut dyn Iterator<Item = usize>| {
        parts.filter_map(|part| search.names.get(part).copied()).collect::<Vec<_>>().join(" and ")
    };
    let others = names(&mut wrong.iter().copied().filter(|part| !parts.contains(part)));
    let title = format!("in {}, {}", names(&mut parts.iter().copied()), known.title);
    let certainty =
        format!("on all {} inputs, to within rounding; {others} came out wrong in another way", search.trials.len());
    Some(Diagnosis { evidence: Evidence::Misconception, certainty, ..search.diagnosis(known, title) })
}

fn parts(value: &Value) -> &[Value] {
    match value {
        Value::Tuple(parts) => parts,
        value => std::slice::from_ref(value),
    }
}

/// The results by part, one value per input; `None` where an input gave none, or not as many as asked for.
fn columns<'v>(outcomes: impl Iterator<Item = &'v Outcome>, count: usize) -> Option<Vec<Column>> {
    let mut columns = vec![Vec::new(); count];
    for outcome in outcomes {
        let Outcome::Value(value) = outcome else { return None };
        let parts = parts(value);
        if parts.len() != count {
            return None;
        }
        columns.iter_mut().zip(parts).for_each(|(column, part)| column.push(part.clone()));
    }
    Some(columns)
}

/// The numbers of a value.
fn array(value: &Value) -> Option<ArrayD<f64>> {
    match value {
        Value::Array(array) => Some(array.to_f64_array()),
        Value::Float(x) => Some(ndarray::arr0(*x).into_dyn()),
        Value::Int(x) => Some(ndarray::arr0(*x as f64).into_dyn()),
        _ => None,
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    array(value).map(|array| array.iter().copied().collect()).unwrap_or_default()
}

/// A value from an array.
fn value(array: ArrayD<f64>) -> Option<Value> {
    Some(if array.ndim() == 0 { Value::Float(*array.first()?) } else { array.into() })
}

impl<'a> Search<'a> {
    fn new(exercise: &'a Exercise, trials: &'a [Trial]) -> Option<Self> {
        let trials: Vec<&Trial> = trials.iter().filter(|trial| matches!(trial.expected, Outcome::Value(_))).collect();
        let Outcome::Value(first) = &trials.first()?.expected else { return None };
        let count = parts(first).len();
        let right = columns(trials.iter().map(|trial| &trial.expected), count)?;
        let got = columns(trials.iter().map(|trial| &trial.got), count)?;
        let until = Instant::now() + TIME;
        let of = |misconception: &'static Misconception| {
            if Instant::now() > until {
                return None;
            }
            let outcome = |trial: &&Trial| exercise.outcome(misconception.behaviour, &trial.probe.arguments);
            let outcomes: Vec<Outcome> = trials.iter().map(outcome).collect();
            Some((misconception, columns(outcomes.iter(), count)?))
        };
        let mistakes = exercise.misconceptions.iter().filter_map(of).collect();
        let names = part_names(exercise);
        Some(Search { exercise, trials, names, right, got, mistakes, until })
    }

    fn same(&self, one: &Column, other: &Column) -> bool {
        one.len() == other.len()
            && one.iter().zip(other).all(|(one, other)| alike_values(one, other, &self.exercise.tolerance))
    }

    /// How many numbers of the outputs differ from all these explanations (an empty one explains nothing). Zeros count for nothing: wrong code makes
    /// them for many reasons.
    fn beyond(&self, part: usize, explanations: &[&Column]) -> usize {
        let tolerance = &self.exercise.tolerance;
        let new = |at: usize| {
            let got = numbers(&self.got[part][at]);
            let gap = tolerance.absolute + tolerance.relative * largest(&got);
            let others: Vec<Vec<f64>> =
                explanations.iter().map(|column| column.get(at).map(numbers).unwrap_or_default()).collect();
            let differs = |cell: usize| {
                let apart = |other: &Vec<f64>| other.get(cell).is_none_or(|&other| !close(other, got[cell], gap));
                got[cell] != 0.0 && got[cell].is_finite() && others.iter().all(apart)
            };
            (0..got.len()).filter(|&cell| differs(cell)).count()
        };
        (0..self.trials.len()).map(new).sum()
    }

    /// The results that are wrong on some input.
    fn wrong(&self) -> Vec<usize> {
        (0..self.got.len()).filter(|&part| !self.same(&self.right[part], &self.got[part])).collect()
    }

    /// One mistake in some of the results, the others being right.
    fn in_some_results(&self) -> Option<Diagnosis> {
        let wrong = self.wrong();
        if wrong.is_empty() || wrong.len() == self.got.len() {
            return None;
        }
        let explains = |(_, columns): &&(&'static Misconception, Vec<Column>)| {
            wrong.iter().all(|&part| self.same(&columns[part], &self.got[part]))
                && wrong.iter().map(|&part| self.beyond(part, &[&self.right[part]])).sum::<usize>() >= ENOUGH
        };
        let matches: Vec<&'static Misconception> =
            self.mistakes.iter().filter(explains).map(|(found, _)| *found).collect();
        let (first, rest) = matches.split_first()?;
        let names: Vec<&str> = wrong.iter().filter_map(|&part| self.names.get(part).copied()).collect();
        let mut found = self.diagnosis(first, format!("in {}, {}", names.join(" and "), first.title));
        found.evidence = Evidence::Misconception;
        found.certainty =
            format!("on all {} inputs, to within rounding; the other results are right", self.trials.len());
        found.also = rest.iter().map(|other| (other.id.to_string(), other.title.to_string())).collect();
        Some(found)
    }

    /// The other misconceptions, with differences that add up.
    fn others<'s>(&'s self, first: &Misconception, columns: &'s [Column]) -> Vec<Second<'s>> {
        let others = self.mistakes.iter().skip_while(|(other, _)| other.id != first.id).skip(1);
        let second = |(other, alone): &'s (&'static Misconception, Vec<Column>)| {
            let sum = |part: usize, at: usize| {
                let (one, other) = (array(&columns[part][at])?, array(&alone[part][at])?);
                let right = array(&self.right[part][at])?;
                let same = one.shape() == right.shape() && other.shape() == right.shape();
                if same { value(one + other - right) } else { None }
            };
            Second {
                misconception: Some(other),
                title: other.title.into(),
                alone: Box::new(|part, at| alone[part].get(at).cloned()),
                together: Box::new(sum),
            }
        };
        others.map(second).collect()
    }

    /// Changes of a whole result: sign, order, a factor.
    fn changed_as_a_whole<'s>(&'s self, columns: &'s [Column]) -> Vec<Second<'s>> {
        // A canonical form is one of all results together.
        let canonical = self.exercise.canonical.is_some();
        if canonical && self.got.len() > 1 {
            return Vec::new();
        }
        let second = |(title, change): Change| self.second(title, columns, move |_, array| change(array));
        let mut seconds: Vec<Second<'s>> = changes(true).into_iter().map(second).collect();
        if !canonical {
            seconds.extend(self.times_a_factor(columns));
        }
        seconds
    }

    /// The second mistake that changes a whole result on the input `at`.
    fn second<'s>(
        &'s self,
        title: String,
        columns: &'s [Column],
        change: impl Fn(usize, &ArrayD<f64>) -> Option<ArrayD<f64>> + 's,
    ) -> Second<'s> {
        let change = std::rc::Rc::new(change);
        let again = std::rc::Rc::clone(&change);
        Second {
            misconception: None,
            title,
            alone: Box::new(move |part, at| self.formed(at, again(at, &array(&self.right[part][at])?)?)),
            together: Box::new(move |part, at| self.formed(at, change(at, &array(&columns[part][at])?)?)),
        }
    }

    /// A changed result in the form in which results are compared.
    fn formed(&self, at: usize, changed: ArrayD<f64>) -> Option<Value> {
        Some(self.exercise.in_canonical_form(&self.trials[at].probe.arguments, value(changed)?))
    }

    /// A factor that all inputs have in common, or that has a name, on a result that is not the right one times it.
    fn times_a_factor<'s>(&'s self, columns: &'s [Column]) -> Option<Second<'s>> {
        let tolerance = &self.exercise.tolerance;
        let factors = |from: &Column, part: usize| -> Option<Vec<f64>> {
            let of = |at: usize| {
                let (from, got) = (array(&from[at])?, array(&self.got[part][at])?);
                let gap = tolerance.absolute + tolerance.relative * largest(&numbers(&self.got[part][at]));
                if from.shape() != got.shape() {
                    return None;
                }
                // On an input whose result is zero any factor would do.
                if from.iter().chain(&got).all(|&x| x == 0.0) { Some(f64::NAN) } else { factor(&from, &got, gap) }
            };
            (0..self.trials.len()).map(of).collect()
        };
        let part = (0..columns.len()).find(|&part| {
            !self.same(&columns[part], &self.got[part]) && !self.same(&self.right[part], &self.got[part])
        })?;
        if factors(&self.right[part], part).is_some() {
            return None;
        }
        let mut factors = factors(&columns[part], part)?;
        let known: Vec<usize> = (0..factors.len()).filter(|&at| !factors[at].is_nan()).collect();
        let quantities: Vec<Quantities> = known.iter().map(|&at| quantities(self.exercise, self.trials[at])).collect();
        let values: Vec<f64> = known.iter().map(|&at| factors[at]).collect();
        if values.len() < 2 {
            return None;
        }
        let (name, meaning) = named_constant(&quantities.iter().collect::<Vec<_>>(), &values, true)?;
        factors.iter_mut().filter(|factor| factor.is_nan()).for_each(|factor| *factor = 1.0);
        let title = format!("the result is {name} times what it should be{meaning}");
        Some(self.second(title, columns, move |at, array| Some(array * factors[at])))
    }

    /// Whether a prediction holds for a result on every input.
    fn holds(&self, part: usize, prediction: &Prediction<'_>) -> bool {
        let tolerance = &self.exercise.tolerance;
        // Where the result is right there is less to see.
        let (wrong, fine): (Vec<usize>, Vec<usize>) = (0..self.trials.len())
            .partition(|&at| !alike_values(&self.right[part][at], &self.got[part][at], tolerance));
        let alike = |at: usize| {
            prediction(part, at).is_some_and(|predicted| alike_values(&predicted, &self.got[part][at], tolerance))
        };
        wrong.into_iter().chain(fine).all(alike)
    }

    /// A prediction for a result on every input; empty where there is none.
    fn column(&self, part: usize, prediction: &Prediction<'_>) -> Column {
        (0..self.trials.len()).map(|at| prediction(part, at)).collect::<Option<_>>().unwrap_or_default()
    }

    /// A second mistake under the name of the misconception that does the same to the right answer, if there is one.
    fn recognised<'s>(&self, mut second: Second<'s>) -> Second<'s> {
        if second.misconception.is_none() {
            let alone: Vec<Column> = (0..self.got.len()).map(|part| self.column(part, &second.alone)).collect();
            let same = |columns: &Vec<Column>| alone.iter().zip(columns).all(|(one, other)| self.same(other, one));
            second.misconception = self.mistakes.iter().find(|(_, columns)| same(columns)).map(|(known, _)| *known);
            second.title = second.misconception.map_or(second.title, |known| known.title.into());
        }
        second
    }

    /// Whether the two explain every result, and both are needed.
    fn explained(&self, first: &[Column], second: &Second<'_>) -> bool {
        let (mut one, mut other, mut both) = (0, 0, 0);
        for (part, (right, first)) in self.right.iter().zip(first).enumerate() {
            if self.same(right, &self.got[part]) {
                continue;
            }
            let alone = || self.column(part, &second.alone);
            if self.same(first, &self.got[part]) {
                one += self.beyond(part, &[right, &alone()]);
            } else if self.holds(part, &second.alone) {
                other += self.beyond(part, &[right, first]);
            } else if self.holds(part, &second.together) {
                both += self.beyond(part, &[right, first, &alone()]);
            } else {
                return false;
            }
        }
        both >= ENOUGH || (one >= ENOUGH && other >= ENOUGH)
    }

    /// A misconception, or the right way, on an argument that was changed.
    fn on_changed_arguments(&self) -> Option<Diagnosis> {
        for (at, parameter) in self.exercise.signature.parameters.iter().enumerate() {
            for (title, change) in changes(false) {
                let title = title.replace("the result", &format!("the argument {}", parameter.name));
                let changed = |trial: &Trial| {
                    let mut arguments = trial.probe.arguments.clone();
                    let Value::Array(Array::F64(array)) = arguments.get(at)? else { return None };
                    arguments[at] = Value::Array(Array::F64(change(array)?));
                    Some(arguments)
                };
                let Some(inputs) = self.trials.iter().map(|trial| changed(trial)).collect::<Option<Vec<_>>>() else {
                    continue;
                };
                for (first, columns) in &self.mistakes {
                    if Instant::now() > self.until {
                        return None;
                    }
                    if !self.gives(first, &inputs) {
                        continue;
                    }
                    let alone = |part: usize, at: usize| match attempt(|| self.exercise.expected(&inputs[at]))? {
                        Outcome::Value(value) => parts(&value).get(part).cloned(),
                        Outcome::Rejects(_) => None,
                    };
                    let second = self.recognised(Second {
                        misconception: None,
                        title: title.clone(),
                        alone: Box::new(alone),
                        together: Box::new(|part, at| self.got[part].get(at).cloned()),
                    });
                    let other = second.misconception.is_none_or(|second| second.id != first.id);
                    if other && self.explained(columns, &second) {
                        return Some(self.named(first, second));
                    }
                }
            }
        }
        None
    }

    fn gives(&self, misconception: &Misconception, inputs: &[Vec<Value>]) -> bool {
        self.trials.iter().zip(inputs).all(|(trial, arguments)| {
            let outcome = attempt(|| self.exercise.outcome(misconception.behaviour, arguments));
            outcome.is_some_and(|outcome| alike(&outcome, &trial.got, &self.exercise.tolerance))
        })
    }

    fn named(&self, first: &Misconception, second: Second<'_>) -> Diagnosis {
        let mut found = self.diagnosis(first, format!("{}, and also {}", first.title, second.title));
        if let Some(other) = second.misconception {
            found.explanation = format!("{}\n{}", first.explanation, other.explanation);
            found.also = vec![(other.id.into(), other.title.into())];
        }
        found
    }

    fn diagnosis(&self, first: &Misconception, title: String) -> Diagnosis {
        Diagnosis {
            evidence: Evidence::Pair,
            id: first.id.into(),
            title,
            explanation: first.explanation.into(),
            question: first.question.into(),
            see: Some(See { resource: first.see.0.into(), at: first.see.1.into() }),
            certainty: format!(
                "both together, on all {} inputs, to within rounding; neither alone explains it",
                self.trials.len()
            ),
            also: Vec::new(),
        }
    }
}

/// A change of an array, in words.
type Change = (String, Box<dyn Fn(&ArrayD<f64>) -> Option<ArrayD<f64>>>);

/// Changes of a result or an argument; those of the numbers are for results only.
fn changes(of_a_result: bool) -> Vec<Change> {
    const MOST_AXES: usize = 4;
    let mut changes: Vec<Change> = vec![
        ("the result has the opposite sign".into(), Box::new(|array| Some(-array))),
        ("the last two axes of the result are swapped".into(), Box::new(swapped)),
        ("the result is turned by 180 degrees".into(), Box::new(|array| reversed(array, 2))),
    ];
    for axis in 0..MOST_AXES {
        let change = move |array: &ArrayD<f64>| {
            let mut view = array.view();
            (axis < array.ndim()).then(|| view.invert_axis(Axis(axis)))?;
            Some(view.as_standard_layout().into_owned())
        };
        changes.push((format!("axis {axis} of the result runs backwards"), Box::new(change)));
    }
    if of_a_result {
        changes.push(("the result is squared".into(), Box::new(|array| Some(array * array))));
        changes.push(("the result is under a square root".into(), Box::new(|array| Some(array.mapv(f64::sqrt)))));
        changes.push(("only the size of the result is kept, not its sign".into(), Box::new(|array| Some(array.abs()))));
    }
    changes
}

fn swapped(array: &ArrayD<f64>) -> Option<ArrayD<f64>> {
    let rank = array.ndim();
    let mut view = array.view();
    (rank >= 2).then(|| view.swap_axes(rank - 2, rank - 1))?;
    Some(view.as_standard_layout().into_owned())
}

/// `array` with its last axes running backwards.
fn reversed(array: &ArrayD<f64>, axes: usize) -> Option<ArrayD<f64>> {
    let rank = array.ndim();
    let mut view = array.view();
    (rank >= axes).then(|| (rank - axes..rank).for_each(|axis| view.invert_axis(Axis(axis))))?;
    Some(view.as_standard_layout().into_owned())
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::check::content::check_function;
    use crate::exercise::Behaviour;

    fn exercise(id: &str) -> &'static Exercise {
        crate::exercises::find(id).expect("an exercise")
    }

    fn mistake(exercise: &Exercise, id: &str) -> Behaviour {
        exercise.misconceptions.iter().find(|known| known.id == id).expect("a misconception").behaviour
    }

    fn floats(value: &Value) -> ArrayD<f64> {
        array(value).expect("numbers")
    }

    /// The report's diagnosis: evidence, id, id of the second mistake.
    fn found(exercise: &'static Exercise, behaviour: impl FnMut(&[Value]) -> Outcome) -> Option<Diagnosis> {
        check_function(exercise, behaviour).diagnosis
    }

    #[track_caller]
    fn expect(found: Option<Diagnosis>, ids: [&str; 2], words: &str)
    where
        Diagnosis: Debug,
    {
        let found = found.expect("a diagnosis");
        let other = found.also.first().map_or("", |(id, _)| id.as_str());
        let mut named = [found.id.as_str(), other];
        named.sort_unstable();
        let mut ids = ids;
        ids.sort_unstable();
        assert_eq!((found.evidence, named), (Evidence::Pair, ids), "{found:#?}");
        assert!(found.title.contains(words), "{words:?} is not in {:?}", found.title);
    }

    #[test]
    fn a_mistake_on_a_changed_argument() {
        let correlate = exercise("correlate2d");
        let flipped = |arguments: &[Value]| {
            let mut arguments = arguments.to_vec();
            arguments[1] = reversed(&floats(&arguments[1]), 2).expect("two axes").into();
            mistake(correlate, "border-ignored")(&arguments)
        };
        expect(found(correlate, flipped), ["border-ignored", "kernel-flipped"], "and also");
    }

    #[test]
    fn a_mistake_and_a_change_of_the_whole_result() {
        let correlate = exercise("correlate2d");
        let changed = |change: fn(&[Value], ArrayD<f64>) -> ArrayD<f64>| {
            move |arguments: &[Value]| match mistake(correlate, "border-ignored")(arguments) {
                Outcome::Value(value) => Outcome::Value(change(arguments, floats(&value)).into()),
                refused => refused,
            }
        };
        expect(found(correlate, changed(|_, out| -out)), ["border-ignored", ""], "opposite sign");
        expect(found(correlate, changed(|_, out| 2.0 * out)), ["border-ignored", ""], ": as from the derivative");
        let mean = |arguments: &[Value], out: ArrayD<f64>| out / arguments[1].size() as f64;
        expect(found(correlate, changed(mean)), ["border-ignored", ""], "1/(kh*kw) times");
    }

    #[test]
    fn two_results_with_a_mistake_each_and_one_with_one() {
        let backward = exercise("conv2d_backward");
        let results = |outcome: Outcome| match outcome {
            Outcome::Value(Value::Tuple(parts)) => parts,
            other => panic!("three results are expected, not {other:?}"),
        };
        // The mistakes that change this result and no other.
        let only = |part: usize| {
            let changes = |known: &&Misconception| {
                let probe = &(backward.probes)()[2];
                let Outcome::Value(right) = backward.expected(&probe.arguments) else { return false };
                let Outcome::Value(Value::Tuple(wrong)) = (known.behaviour)(&probe.arguments) else { return false };
                (0..3).all(|at| (wrong[at] == parts(&right)[at]) == (at != part))
            };
            backward.misconceptions.iter().find(changes).expect("a mistake in one result")
        };
        let (dx, dw) = (only(0), only(1));
        let both = |arguments: &[Value]| match (dx.behaviour)(arguments) {
            Outcome::Rejects(why) => Outcome::Rejects(why),
            value => {
                let mut parts = results(value);
                parts[1] = results((dw.behaviour)(arguments))[1].clone();
                Outcome::Value(Value::Tuple(parts))
            }
        };
        expect(found(backward, both), [dx.id, dw.id], "and also");
    }

    #[test]
    fn the_mistakes_of_two_different_inputs_are_no_pair() {
        let correlate = exercise("correlate2d");
        let by_border = |arguments: &[Value]| {
            let id = if arguments[2] == Value::Text("zero".into()) { "kernel-flipped" } else { "kernel-transposed" };
            mistake(correlate, id)(arguments)
        };
        let evidence = found(correlate, by_border).map(|found| found.evidence);
        assert!(evidence.is_none_or(|evidence| evidence == Evidence::Fingerprint), "{evidence:?}");
    }

    /// Numbers without a meaning.
    struct Noise(u64);

    impl Noise {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 40) as f64 / (1u64 << 24) as f64 * 4.0 - 2.0
        }

        fn spoil(&mut self, value: &Value, kind: usize) -> Value {
            match value {
                Value::Tuple(parts) => Value::Tuple(parts.iter().map(|part| self.spoil(part, kind)).collect()),
                Value::Float(x) => Value::Float(x + self.next()),
                Value::Array(Array::F64(array)) => array
                    .mapv(|x| match kind {
                        0 => self.next(),
                        1 => x + self.next(),
                        2 => x * (1.5 + self.next() / 4.0),
                        _ => {
                            if self.next() > 1.0 {
                                self.next().round()
                            } else {
                                x
                            }
                        }
                    })
                    .into(),
                other => other.clone(),
            }
        }
    }

    #[test]
    fn random_wrong_numbers_have_no_name() {
        let compared = crate::exercises::all().iter().filter(|exercise| exercise.measured.is_empty());
        for (at, exercise) in compared.enumerate() {
            for kind in [at % 4, (at + 1) % 4] {
                let mut noise = Noise(kind as u64 + 11);
                let report = check_function(exercise, |arguments| match (exercise.reference)(arguments) {
                    Outcome::Value(value) => Outcome::Value(noise.spoil(&value, kind)),
                    refused => refused,
                });
                let named = report.diagnosis.filter(|found| found.evidence != Evidence::Fingerprint);
                assert!(named.is_none(), "{}, kind {kind}: {named:#?}", exercise.id);
            }
        }
    }
}
