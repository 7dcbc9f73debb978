//! `pca_fit`: the axes along which a cloud of points spreads.

use ndarray::{Array1, Array2, ArrayView2, Axis, Ix1, Ix2, array, s};

use super::components::{Components, cloud, components, components_around, mean};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature, Tolerance};
use crate::exercises::arguments::{f64_array, floats, int, int_named, rejects, returns};
use crate::exercises::eigendecomposition::symmetric::{align, float_parts, has_orthonormal_columns, largest};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static PCA_FIT: Exercise = Exercise {
    id: "pca_fit",
    station: "principal-components",
    task: "Find the k principal components of a cloud of points: the directions of length 1, at right angles to each\n\
           other, along which the points vary most.\n\
           Return the mean of the points, the components in rows (the strongest first), and the variance along each,\n\
           divided by N - 1. It has to work with many more features than examples, too.\n\
           Refuse a k below 1 or above min(N, D) with an error.\n\
           The sign of each component is free, and so is the basis where variances are equal.",
    signature: Signature {
        name: "pca_fit",
        parameters: &[
            f64_array("x", &["N", "D"], "one example per row, at least two"),
            int_named("k", "how many components"),
        ],
        returns: Parameter {
            name: "model",
            kind: Kind::Tuple(&[
                f64_array("mean", &["D"], "mean of the examples"),
                f64_array("comps", &["k", "D"], "components, one per row"),
                f64_array("var", &["k"], "variance along each component, descending"),
            ]),
            meaning: "mean, components, variances",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has components of length 1 at right angles", violated: not_orthonormal }],
    // Going by the covariance squares the spreads: directions are then exact to rounding times the ratio of the variances,
    // at most 1e4 here.
    tolerance: Tolerance { relative: 1e-8, absolute: 1e-10 },
    canonical: Some(aligned),
    hints: &[
        "What would your result be if every point were moved by (100, 100)? Only the mean may change.",
        "Subtract the mean, then take the singular value decomposition of what is left: the rows of vt are the components, \
         s**2 / (N - 1) the variances. No D by D matrix is needed. By way of the covariance: eigh sorts upwards and has vectors \
         in columns, so turn both round.",
        "x = [[1, 3], [2, 2], [4, 6], [5, 5]]: mean (3, 4), centred (-2,-1), (-1,-2), (1,2), (2,1). Sums of squares 10 and 10, \
         of products 8; divided by 3 the covariance is [[3.33, 2.67], [2.67, 3.33]]: variance 6 along (1, 1)/sqrt(2) and 0.667 \
         along (1, -1)/sqrt(2).",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(541);
    let four = || array![[1.0, 3.0], [2.0, 2.0], [4.0, 6.0], [5.0, 5.0]];
    let mut random =
        |shape: [usize; 2], spreads: &[f64], k: i64| vec![cloud(&mut numbers, shape, spreads).into(), Value::Int(k)];
    vec![
        Probe::ordinary("four points in the plane, one component", vec![four().into(), Value::Int(1)]),
        Probe::ordinary("four points in the plane, both components", vec![four().into(), Value::Int(2)]),
        Probe::ordinary("9 points in 3 dimensions, 2 components", random([9, 3], &[7.0, 3.0, 1.0], 2)),
        Probe::ordinary("8 points in 5 dimensions, 3 components", random([8, 5], &[9.0, 6.0, 4.0, 2.0, 1.0], 3)),
        Probe::hard("5 points in 70 dimensions, 2 components", random([5, 70], &[8.0, 5.0, 3.0, 2.0], 2)),
        Probe::hard("all three components", random([7, 3], &[4.0, 2.0, 1.0], 3)),
        Probe::hard("points far from zero", {
            let far = cloud(&mut Numbers::stream(542), [6, 3], &[3.0, 2.0, 1.0]) + 1000.0;
            vec![far.into(), Value::Int(2)]
        }),
        Probe::hard("two points", vec![array![[1.0, 2.0, 5.0], [3.0, 1.0, 3.0]].into(), Value::Int(1)]),
        Probe::hard("one feature", vec![array![[2.0], [5.0], [11.0]].into(), Value::Int(1)]),
        Probe::hard("as much variance one way as the other", {
            vec![array![[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]].into(), Value::Int(2)]
        }),
        Probe::hard("no component", vec![four().into(), Value::Int(0)]),
        Probe::hard("more components than features", vec![four().into(), Value::Int(3)]),
    ]
}

/// What `fit` makes of the cloud and k, unless k does not fit.
fn model(arguments: &[Value], fit: impl FnOnce(ArrayView2<'_, f64>, usize) -> Components) -> Outcome {
    let x = floats::<Ix2>(arguments, 0);
    let most = x.nrows().min(x.ncols());
    match usize::try_from(int(arguments, 1)) {
        Ok(k) if (1..=most).contains(&k) => {
            let Components { mean, axes, variances } = fit(x, k);
            returns(Value::Tuple(vec![mean.into(), axes.into(), variances.into()]))
        }
        _ => rejects(format!("1 to {most} components can be found")),
    }
}

fn first(all: Components, k: usize) -> Components {
    Components {
        axes: all.axes.slice(s![..k, ..]).to_owned(),
        variances: all.variances.slice(s![..k]).to_owned(),
        ..all
    }
}

/// The right model, changed.
fn changed(arguments: &[Value], change: impl FnOnce(ArrayView2<'_, f64>, Components) -> Components) -> Outcome {
    model(arguments, |x, k| change(x, first(components(x), k)))
}

fn reference(arguments: &[Value]) -> Outcome {
    changed(arguments, |_, right| right)
}

/// One sign and one basis; whoever has the components in columns keeps them there, with the signs of that form.
fn aligned(arguments: &[Value], value: Value) -> Value {
    let x = floats::<Ix2>(arguments, 0);
    let Value::Tuple(parts) = &value else { return value };
    let [mean_found, axes, variances] = &parts[..] else { return value };
    let Some(arrays) = float_parts(&Value::Tuple(vec![axes.clone(), variances.clone()])) else { return value };
    let (Ok(axes), Ok(mut variances)) =
        (arrays[0].clone().into_dimensionality::<Ix2>(), arrays[1].clone().into_dimensionality::<Ix1>())
    else {
        return value;
    };
    let k = variances.len();
    let centered = &x - &mean(x);
    let own_directions = |columns: ArrayView2<'_, f64>| {
        columns.nrows() == x.ncols() && columns.ncols() == variances.len() && {
            let image = centered.t().dot(&centered.dot(&columns));
            let along = (&image * &columns).sum_axis(Axis(0));
            // In the order of the variances that came with them.
            let in_order = (1..along.len()).all(|i| {
                let step = along[i] - along[i - 1];
                step.abs() <= 1e-6 * along[0].abs() || step * (variances[i] - variances[i - 1]) >= 0.0
            });
            in_order && largest((&image - &(&columns * &along)).view()) <= 1e-6 * largest(image.view())
        }
    };
    let in_columns =
        axes.nrows() != k || (axes.ncols() == k && !own_directions(axes.t()) && own_directions(axes.view()));
    let mut columns = if in_columns { axes } else { axes.t().to_owned() };
    if columns.ncols() != k {
        return value;
    }
    // Directions in which the cloud does not spread are any basis of what is left over: all of them are written as zeros.
    let negligible = 1e-10 * components(x).variances[0];
    for i in 0..k {
        if variances[i].abs() <= negligible {
            variances[i] = 0.0;
            columns.column_mut(i).fill(0.0);
        }
    }
    align(&variances.to_vec(), &mut columns, None);
    let axes = if in_columns { columns } else { columns.t().to_owned() };
    Value::Tuple(vec![mean_found.clone(), axes.into(), variances.into()])
}

fn not_orthonormal(_: &[Value], result: &Value) -> Option<String> {
    let axes = float_parts(result)?.get(1)?.view().into_dimensionality::<Ix2>().ok()?.t().to_owned();
    (!has_orthonormal_columns(&axes)).then(|| format!("comps @ comps.T is {:?}", axes.t().dot(&axes)))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "mean-not-subtracted",
        title: "the mean is not subtracted before the directions are found",
        explanation: "Without centring the first direction points from the origin to the cloud, whatever the cloud's shape is. The \
                      spread is measured around the mean.",
        question: "What is your first component if all points are moved by (100, 100)?",
        see: ("ng-ml", "W8 Dimensionality reduction"),
        behaviour: |arguments| {
            model(arguments, |x, k| Components {
                mean: mean(x),
                ..first(components_around(x, &Array1::zeros(x.ncols())), k)
            })
        },
    },
    Misconception {
        id: "mean-over-everything",
        title: "one mean over all numbers is subtracted, not one per feature",
        explanation: "x.mean() is a single number; each feature has its own mean, x.mean(axis=0). Heights in metres and weights in \
                      kilograms have no mean in common.",
        question: "Which shape has your mean before it is subtracted?",
        see: ("numpy", "numpy.mean, argument axis"),
        behaviour: |arguments| {
            let everything = floats::<Ix2>(arguments, 0).mean().expect("there are examples");
            let outcome =
                model(arguments, |x, k| first(components_around(x, &Array1::from_elem(x.ncols(), everything)), k));
            match outcome {
                Outcome::Value(Value::Tuple(mut parts)) => {
                    parts[0] = Value::Float(everything);
                    returns(Value::Tuple(parts))
                }
                refused => refused,
            }
        },
    },
    Misconception {
        id: "smallest-kept",
        title: "the k weakest components are returned, in ascending order",
        explanation: "eigh sorts upwards: its first k columns are the directions in which the cloud is thinnest. Turn the order round \
                      before taking k.",
        question: "Is var[0] larger or smaller than var[1] in your result?",
        see: ("numpy", "numpy.linalg.eigh"),
        behaviour: |arguments| {
            model(arguments, |x, k| {
                // eigh knows all D directions; those without any variance come first.
                let all = all_directions(x);
                let last = all.variances.len();
                Components {
                    axes: all.axes.slice(s![last - k..;-1, ..]).to_owned(),
                    variances: all.variances.slice(s![last - k..;-1]).to_owned(),
                    ..all
                }
            })
        },
    },
    Misconception {
        id: "population-variance",
        title: "the variances are divided by N and not by N - 1",
        explanation: "The mean was computed from the same points, which takes one degree of freedom: N - 1 makes the estimate right on \
                      average. np.cov divides by N - 1, np.var by N unless told ddof=1.",
        question: "What is the variance of two points, 0 and 2, with N - 1 and with N?",
        see: ("numpy", "numpy.cov, argument ddof"),
        behaviour: |arguments| {
            changed(arguments, |x, right| {
                let n = x.nrows() as f64;
                Components { variances: right.variances * ((n - 1.0) / n), ..right }
            })
        },
    },
    Misconception {
        id: "components-in-columns",
        title: "the components stand in columns and not in rows",
        explanation: "eigh has them in columns, svd's vt and this exercise in rows: comps[0] is the first component. With k = D both \
                      have the same shape, and only a reconstruction tells.",
        question: "Is comps[0] a direction in the space of the features?",
        see: ("cs7015", "L6 PCA and its interpretations"),
        behaviour: |arguments| changed(arguments, |_, right| Components { axes: right.axes.t().to_owned(), ..right }),
    },
    Misconception {
        id: "singular-values-for-variances",
        title: "the singular values are returned as variances",
        explanation: "The singular values of the centred data are lengths that grow with the number of points: var = s^2 / (N - 1).",
        question: "If every point were there twice, should the variance double?",
        see: ("dlbook", "2.12 Example: principal components analysis"),
        behaviour: |arguments| {
            changed(arguments, |x, right| {
                let degrees_of_freedom = x.nrows() as f64 - 1.0;
                Components { variances: right.variances.mapv(|v| (v * degrees_of_freedom).sqrt()), ..right }
            })
        },
    },
    Misconception {
        id: "deviation-for-variance",
        title: "standard deviations are returned and not variances",
        explanation: "A variance is the square of a standard deviation; an eigenvalue of the covariance is a variance already. No root is \
                      asked for.",
        question: "In which unit is your var, if x is in metres?",
        see: ("cs229", "PCA notes"),
        behaviour: |arguments| {
            changed(arguments, |_, right| Components { variances: right.variances.mapv(f64::sqrt), ..right })
        },
    },
    Misconception {
        id: "variance-as-share",
        title: "the variances are divided by their total",
        explanation: "The share of the variance that each component explains is what one plots to choose k; asked for is the variance \
                      itself, in squared units of x.",
        question: "Do your variances of all components sum to 1, or to the total variance of the features?",
        see: ("ng-ml", "W8 Dimensionality reduction"),
        behaviour: |arguments| {
            model(arguments, |x, k| {
                let all = components(x);
                let total = all.variances.sum();
                let right = first(all, k);
                Components { variances: right.variances / total, ..right }
            })
        },
    },
    Misconception {
        id: "features-standardized",
        title: "each feature is divided by its standard deviation first",
        explanation: "Those are the components of the correlations, wise for features in different units. For pixels, which share a unit, \
                      it blows up the dark corner that hardly varies. Not asked for here.",
        question: "What do you do to x besides subtracting the mean?",
        see: ("ng-ml", "W8 Dimensionality reduction"),
        behaviour: |arguments| {
            model(arguments, |x, k| {
                let mean = mean(x);
                let deviations = x.std_axis(Axis(0), 1.0);
                let scaled = (&x - &mean) / &deviations;
                Components { mean, ..first(components(scaled.view()), k) }
            })
        },
    },
    Misconception {
        id: "scores-for-components",
        title: "the coordinates of the examples are returned and not the components",
        explanation: "Two things are called principal components: the directions (D numbers each), asked for here, and the coordinates of \
                      the examples along them (N numbers each), which is what encoding gives.",
        question: "How many numbers has one of your components, N or D?",
        see: ("cs7015", "L6 PCA and its interpretations"),
        behaviour: |arguments| {
            changed(arguments, |x, right| {
                let axes = right.axes.dot(&(&x - &right.mean).t());
                Components { axes, ..right }
            })
        },
    },
];

/// All D directions, also those in which the cloud does not spread.
fn all_directions(x: ArrayView2<'_, f64>) -> Components {
    let mean = mean(x);
    let centered = &x - &mean;
    let covariance: Array2<f64> = centered.t().dot(&centered) / (x.nrows() as f64 - 1.0);
    let pairs = crate::exercises::eigendecomposition::symmetric::eigenpairs(covariance.view());
    Components {
        mean,
        axes: pairs.vectors.slice(s![.., ..;-1]).t().to_owned(),
        variances: pairs.values.slice(s![..;-1]).to_owned(),
    }
}
