//! Each pattern on an example that has it, and on one that nearly has.

use ndarray::{ArrayD, Axis, IxDyn};

use super::*;

/// Numbers that are like no others.
fn numbers(shape: &[usize], stream: u64) -> ArrayD<f64> {
    let mut state = stream.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64 * 4.0 - 2.0
    })
}

/// Two inputs `x` of these shapes; the right answer is `right(x)`, the learner's `change(x, right)`.
fn changed(
    shapes: [&[usize]; 2],
    axes: &'static [&'static str],
    right: impl Fn(&ArrayD<f64>) -> ArrayD<f64>,
    change: impl Fn(&ArrayD<f64>, &ArrayD<f64>) -> ArrayD<f64>,
) -> Vec<Pair> {
    let pair = |(at, shape): (usize, &[usize])| {
        let mut x = numbers(shape, 7 + at as u64);
        // Something of everything: a zero, and a tie of the largest in the first row.
        x.iter_mut().take(1).for_each(|first| *first = 0.0);
        if let (Some(mut row), true) = (x.axis_iter_mut(Axis(0)).nth(1), shape.len() == 2) {
            row.iter_mut().take(2).for_each(|number| *number = 5.0);
        }
        let expected = right(&x);
        let got = change(&x, &expected);
        let quantities = axes.iter().zip(shape).map(|(name, &length)| (*name, length as f64)).collect();
        Pair { expected, got, axes, inputs: vec![("x", x)], quantities, gap: 1e-9 }
    };
    shapes.into_iter().enumerate().map(pair).filter(|pair| pair.wrong().next().is_some()).collect()
}

const SQUARES: [&[usize]; 2] = [&[4, 4], &[5, 5]];
const OBLONG: [&[usize]; 2] = [&[4, 6], &[5, 3]];
const BLOCKS: [&[usize]; 2] = [&[2, 3, 4], &[4, 3, 5]];

fn affine(x: &ArrayD<f64>) -> ArrayD<f64> {
    x.mapv(|x| 1.5 * x + 0.25)
}

#[track_caller]
fn named(shapes: [&[usize]; 2], change: impl Fn(&ArrayD<f64>, &ArrayD<f64>) -> ArrayD<f64>) -> (&'static str, String) {
    named_with(if shapes[0].len() == 2 { &["N", "D"] } else { &["C", "H", "W"] }, shapes, change)
}

/// The name of a change of a result with these axes.
#[track_caller]
fn named_with(
    axes: &'static [&'static str],
    shapes: [&[usize]; 2],
    change: impl Fn(&ArrayD<f64>, &ArrayD<f64>) -> ArrayD<f64>,
) -> (&'static str, String) {
    pattern(&changed(shapes, axes, affine, change)).map_or(("", String::new()), |(id, text, _)| (id, text))
}

/// The change is named so; the near miss is not.
#[track_caller]
fn expect(
    id: &str,
    words: &str,
    shapes: [&[usize]; 2],
    change: impl Fn(&ArrayD<f64>, &ArrayD<f64>) -> ArrayD<f64>,
    near_miss: impl Fn(&ArrayD<f64>, &ArrayD<f64>) -> ArrayD<f64>,
) {
    let (found, text) = named(shapes, change);
    assert_eq!(found, id, "{text}");
    assert!(text.contains(words), "{words:?} is not in {text:?}");
    let (other, text) = named(shapes, near_miss);
    assert_ne!(other, id, "{text}");
}

/// `array` with `f(index, number)` in place of each number.
fn at(array: &ArrayD<f64>, f: impl Fn(&[usize], f64) -> f64) -> ArrayD<f64> {
    let mut out = array.clone();
    out.indexed_iter_mut().for_each(|(index, number)| *number = f(index.slice(), *number));
    out
}

/// Something wrong that has no pattern, at one index.
fn slip(array: ArrayD<f64>) -> ArrayD<f64> {
    at(&array, |index, number| if index.iter().sum::<usize>() == 3 { number - 9.377 } else { number })
}

#[test]
fn factors_have_a_meaning() {
    let times = |words: &str, k: fn(&ArrayD<f64>) -> f64| {
        expect("ratio", words, OBLONG, |x, right| right * k(x), |x, right| slip(right * k(x)));
    };
    times("N times", |x| x.shape()[0] as f64);
    times("1/N times", |x| 1.0 / x.shape()[0] as f64);
    times("N*D times", |x| x.len() as f64);
    times("sqrt(D) times", |x| (x.shape()[1] as f64).sqrt());
    times("1/sqrt(D) times", |x| 1.0 / (x.shape()[1] as f64).sqrt());
    times("N/(N-1) times", |x| x.shape()[0] as f64 / (x.shape()[0] as f64 - 1.0));
    times("derivative of a square", |_| 2.0);
    times("1/2 in front of the sum", |_| 0.5);
    times("0 to 255", |_| 255.0);
    times("degrees", |_| std::f64::consts::PI / 180.0);
    times("differs from input to input", |x| 1.0 + x[[0, 1]].abs());
    expect("sign", "opposite", OBLONG, |_, right| -right, |_, right| right.mapv(|x| -x.abs()));
}

#[test]
fn factors_and_amounts_along_an_axis() {
    let per_row = |right: &ArrayD<f64>| at(right, |index, number| number * (1.0 + 0.3 * (index[0] as f64).sin()));
    expect("factor-per-index", "axis 0 (N)", OBLONG, |_, right| per_row(right), |_, right| slip(per_row(right)));
    let per_column = |right: &ArrayD<f64>| at(right, |index, number| number + (1.0 + index[1] as f64).sqrt());
    expect("per-index", "axis 1 (D)", OBLONG, |_, right| per_column(right), |_, right| slip(per_column(right)));
}

#[test]
fn numbers_in_another_order() {
    let inverted = |right: &ArrayD<f64>, axis: usize| {
        let mut view = right.view();
        view.invert_axis(Axis(axis));
        view.to_owned()
    };
    expect("reversed", "axis 1", OBLONG, |_, right| inverted(right, 1), |_, right| slip(inverted(right, 1)));
    let swap = |right: &ArrayD<f64>| right.t().to_owned();
    expect("transposed", "swapped", SQUARES, |_, right| swap(right), |_, right| slip(swap(right)));
    expect("reversed", "axis 0 (C)", BLOCKS, |_, right| inverted(right, 0), |_, right| slip(inverted(right, 0)));
    let colours: [&[usize]; 2] = [&[3, 3, 4], &[3, 5, 2]];
    expect("channels-reversed", "axis 0 (C)", colours, |_, right| inverted(right, 0), |_, right| inverted(right, 2));
    let cut_anew = |right: &ArrayD<f64>| {
        let flat: Vec<f64> = right.t().iter().copied().collect();
        ArrayD::from_shape_vec(right.raw_dim(), flat).unwrap()
    };
    expect("reshaped", "axes (1, 0)", OBLONG, |_, right| cut_anew(right), |_, right| slip(cut_anew(right)));
    let cubes: [&[usize]; 2] = [&[3, 3, 3], &[4, 4, 4]];
    let turned = |right: &ArrayD<f64>| right.view().permuted_axes(vec![1, 2, 0]).as_standard_layout().to_owned();
    expect("permuted-axes", "(1, 2, 0)", cubes, |_, right| turned(right), |_, right| slip(turned(right)));
    let later = |right: &ArrayD<f64>| {
        let mut out = right.clone();
        out.slice_axis_mut(Axis(1), (1..).into()).assign(&right.slice_axis(Axis(1), (..-1).into()));
        out
    };
    expect("shifted", "later along axis 1", OBLONG, |_, right| later(right), |_, right| slip(later(right)));
    let sorted = |right: &ArrayD<f64>| {
        let mut flat: Vec<f64> = right.iter().copied().collect();
        flat.sort_by(f64::total_cmp);
        ArrayD::from_shape_vec(right.raw_dim(), flat).unwrap()
    };
    expect("permuted", "another order", OBLONG, |_, right| sorted(right), |_, right| slip(sorted(right)));
}

#[test]
fn wrong_numbers_in_one_place() {
    let wrong_if = |holds: fn(&[usize], usize) -> bool| {
        move |right: &ArrayD<f64>| {
            let n = right.shape()[0];
            at(right, |index, number| if holds(index, n) { 0.3 * number * number + 0.77 } else { number })
        }
    };
    let some_of =
        |change: fn(&[usize], usize) -> bool| move |_: &ArrayD<f64>, right: &ArrayD<f64>| slip(wrong_if(change)(right));
    let place = |id, words, holds: fn(&[usize], usize) -> bool| {
        expect(id, words, SQUARES, |_, right| wrong_if(holds)(right), some_of(holds));
    };
    place("first-only", "index 0 of axis 1", |index, _| index[1] == 0);
    place("last-only", "last index of axis 0", |index, n| index[0] + 1 == n);
    place("diagonal", "only the diagonal is wrong", |index, _| index[0] == index[1]);
    place("upper-triangle", "above", |index, _| index[0] < index[1]);
    // With a slip inside the other triangle neither is right any more.
    expect(
        "lower-triangle",
        "below",
        SQUARES,
        |_, right| wrong_if(|index, _| index[0] > index[1])(right),
        |_, right| wrong_if(|index, _| index[0] >= index[1])(right),
    );
    expect(
        "off-diagonal",
        "only the diagonal is right",
        SQUARES,
        |_, right| wrong_if(|index, _| index[0] != index[1])(right),
        |_, right| wrong_if(|index, _| index[0] != index[1] && index[0] != 1)(right),
    );
}

#[test]
fn a_border_and_a_half_turn_are_for_images_and_the_diagonal_is_not() {
    let spoiled = |number: f64| 0.3 * number * number + 0.77;
    let ring = |_: &ArrayD<f64>, right: &ArrayD<f64>| {
        let n = right.shape()[0];
        at(right, |index, number| if index.iter().any(|&i| i == 0 || i + 1 == n) { spoiled(number) } else { number })
    };
    let (id, text) = named_with(&["H", "W"], SQUARES, ring);
    assert_eq!(id, "border");
    assert!(text.contains("one cell wide"), "{text}");
    let cross = |x: &ArrayD<f64>, right: &ArrayD<f64>| {
        let n = right.shape()[0];
        at(&ring(x, right), |index, number| if index[0] == n / 2 { number + 1.3 } else { number })
    };
    assert_ne!(named_with(&["H", "W"], SQUARES, cross).0, "border");
    for axes in [&["N", "D"], &["kh", "kw"], &["n1", "n0"], &["D", "H"]] {
        assert_eq!(named_with(axes, SQUARES, ring), ("", String::new()), "{axes:?}");
    }
    // Of an image with its channels last, the border is still that of rows and columns.
    let squares: [&[usize]; 2] = [&[4, 4, 2], &[5, 5, 3]];
    let around = |_: &ArrayD<f64>, right: &ArrayD<f64>| {
        let n = right.shape()[0];
        let edge = |index: &[usize]| index[..2].iter().any(|&i| i == 0 || i + 1 == n);
        at(right, |index, number| if edge(index) { spoiled(number) } else { number })
    };
    assert_eq!(named_with(&["H", "W", "C"], squares, around).0, "border");
    let diagonal = |_: &ArrayD<f64>, right: &ArrayD<f64>| {
        at(right, |index, number| if index[0] == index[1] { spoiled(number) } else { number })
    };
    assert_eq!(named_with(&["N", "N"], SQUARES, diagonal).0, "diagonal");
    assert_eq!(named_with(&["H", "W"], SQUARES, diagonal).0, "");
    let turned = |_: &ArrayD<f64>, right: &ArrayD<f64>| {
        let mut view = right.view();
        view.invert_axis(Axis(0));
        view.invert_axis(Axis(1));
        view.to_owned()
    };
    assert!(named_with(&["H", "W"], OBLONG, turned).1.contains("180 degrees"));
    assert_eq!(named_with(&["N", "D"], OBLONG, turned).1, "axis 0 (N) and axis 1 (D) run backwards");
}

#[test]
fn an_error_that_grows_with_the_step() {
    let grows = |_: &ArrayD<f64>, right: &ArrayD<f64>| {
        at(right, |index, number| number + index[0] as f64 * (1.0 + 0.1 * index[1] as f64))
    };
    let shapes: [&[usize]; 2] = [&[6, 3], &[5, 2]];
    let (id, text) = named_with(&["T", "D"], shapes, grows);
    assert_eq!(id, "growing");
    assert!(text.contains("every step along axis 0 (T)"), "{text}");
    assert_ne!(named_with(&["T", "D"], shapes, |x, right| slip(grows(x, right))).0, "growing");
    // Examples do not follow from one another.
    assert_ne!(named_with(&["N", "D"], shapes, grows).0, "growing");
}

#[test]
fn wrong_where_the_input_is_special() {
    let special = |holds: fn(f64) -> bool, value: fn(f64) -> f64| {
        move |x: &ArrayD<f64>, right: &ArrayD<f64>| {
            at(right, |index, number| if holds(x[index]) { value(number) } else { number })
        }
    };
    let spoiled = |change: fn(&ArrayD<f64>, &ArrayD<f64>) -> ArrayD<f64>| {
        move |x: &ArrayD<f64>, right: &ArrayD<f64>| slip(change(x, right))
    };
    let other: fn(f64) -> f64 = |number| 0.3 * number * number + 0.77;
    expect(
        "at-zeros",
        "where x is 0",
        OBLONG,
        special(|x| x == 0.0, other),
        spoiled(|x, right| at(right, |index, number| if x[index] == 0.0 { 7.0 } else { number })),
    );
    expect("at-negatives", "where x is negative", OBLONG, special(|x| x < 0.0, other), special(|x| x < 0.5, other));
    expect(
        "not-finite",
        "they stand where x is 0",
        OBLONG,
        special(|x| x == 0.0, |_| f64::NAN),
        special(|x| x == 0.0, |_| 3.0),
    );
    let tied = |x: &ArrayD<f64>, right: &ArrayD<f64>| {
        at(
            right,
            |index, number| if x[[index[0], 0]] == 5.0 { number * number + 0.1 * index[1] as f64 } else { number },
        )
    };
    expect("at-ties", "stands there twice", OBLONG, tied, |x, right| slip(tied(x, right)));
}

#[test]
fn noise_has_no_pattern() {
    for stream in 0..40 {
        for shapes in [SQUARES, OBLONG, BLOCKS] {
            let noise = |_: &ArrayD<f64>, right: &ArrayD<f64>| right + &numbers(right.shape(), 1000 + stream);
            assert_eq!(named(shapes, noise).0, "", "stream {stream}");
            let other = |_: &ArrayD<f64>, right: &ArrayD<f64>| numbers(right.shape(), 2000 + stream);
            assert_eq!(named(shapes, other).0, "", "stream {stream}");
        }
    }
}
