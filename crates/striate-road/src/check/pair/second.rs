//! The second mistake of a pair: what it predicts alone and together with the first, and whether that holds.

use ndarray::ArrayD;

use super::changes::{Change, changes};
use super::{Column, ENOUGH, Search, array, numbers, value};
use crate::check::compare::{alike_values, largest};
use crate::check::fingerprint::{Quantities, factor, named_constant, quantities};
use crate::exercise::Misconception;
use crate::value::Value;

/// What an explanation predicts for a result on an input, asked for one at a time: most are wrong about the first.
pub(super) type Prediction<'a> = Box<dyn Fn(usize, usize) -> Option<Value> + 'a>;

/// The second mistake of a pair: how it is called, what it gives alone, and together with the first.
pub(super) struct Second<'a> {
    pub(super) misconception: Option<&'static Misconception>,
    pub(super) title: String,
    pub(super) alone: Prediction<'a>,
    pub(super) together: Prediction<'a>,
}

impl<'a> Search<'a> {
    /// The other misconceptions, with differences that add up.
    pub(super) fn others<'s>(&'s self, first: &Misconception, columns: &'s [Column]) -> Vec<Second<'s>> {
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
    pub(super) fn changed_as_a_whole<'s>(&'s self, columns: &'s [Column]) -> Vec<Second<'s>> {
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
    pub(super) fn recognised<'s>(&self, mut second: Second<'s>) -> Second<'s> {
        if second.misconception.is_none() {
            let alone: Vec<Column> = (0..self.got.len()).map(|part| self.column(part, &second.alone)).collect();
            let same = |columns: &Vec<Column>| alone.iter().zip(columns).all(|(one, other)| self.same(other, one));
            second.misconception = self.mistakes.iter().find(|(_, columns)| same(columns)).map(|(known, _)| *known);
            second.title = second.misconception.map_or(second.title, |known| known.title.into());
        }
        second
    }

    /// Whether the two explain every result, and both are needed.
    pub(super) fn explained(&self, first: &[Column], second: &Second<'_>) -> bool {
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
}
