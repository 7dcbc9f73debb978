//! Changes of an array as a whole, of which each is a mistake that people make.

use ndarray::{ArrayD, Axis};

/// A change of an array, in words.
pub(super) type Change = (String, Box<dyn Fn(&ArrayD<f64>) -> Option<ArrayD<f64>>>);

/// Changes of a result or an argument; those of the numbers are for results only.
pub(super) fn changes(of_a_result: bool) -> Vec<Change> {
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
pub(super) fn reversed(array: &ArrayD<f64>, axes: usize) -> Option<ArrayD<f64>> {
    let rank = array.ndim();
    let mut view = array.view();
    (rank >= axes).then(|| (rank - axes..rank).for_each(|axis| view.invert_axis(Axis(axis))))?;
    Some(view.as_standard_layout().into_owned())
}
