//! Slips in the model solutions of linear algebra, perceptrons and validation are named as the misconceptions they are.

mod common;

use common::slips::expect;

macro_rules! solution {
    ($station:literal, $exercise:literal) => {
        include_str!(concat!("../../../road/stations/", $station, "/python/solution_", $exercise, ".py"))
    };
}

#[test]
fn in_eigenvectors() {
    expect(
        "power_iteration",
        solution!("eigendecomposition", "power_iteration"),
        &[
            (
                "sign-not-handled",
                &[("image - value * v) <= tol * abs(value)", "image / np.linalg.norm(image) - v) <= tol")],
            ),
            ("tolerance-absolute", &[("tol * abs(value)", "tol")]),
            ("sign-lost", &[("return value, v", "return abs(value), v")]),
            ("rayleigh-not-divided", &[("return value, v", "return image @ a @ image, v")]),
            ("scaled-to-largest-entry", &[("return value, v", "return value, v / np.abs(v).max()")]),
        ],
    );
    expect(
        "jacobi_eigh",
        solution!("eigendecomposition", "jacobi_eigh"),
        &[
            ("vectors-transposed", &[("v[:, order]", "v[:, order].T")]),
            ("order-descending", &[("np.argsort(np.diag(a))", "np.argsort(np.diag(a))[::-1]")]),
            ("order-unsorted", &[("np.argsort(np.diag(a))", "np.arange(n)")]),
            ("order-by-magnitude", &[("np.argsort(np.diag(a))", "np.argsort(np.abs(np.diag(a)))")]),
            ("values-sorted-alone", &[("v[:, order]", "v")]),
            (
                "one-sweep-only",
                &[("while np.abs(a - np.diag(np.diag(a))).max() > 1e-15 * largest:", "for _ in range(1):")],
            ),
            ("rotations-multiplied-left", &[("v[:, pair] = v[:, pair] @ j", "v[pair] = j @ v[pair]")]),
            ("tolerance-absolute", &[("> 1e-15 * largest:", "> 1e-10:")]),
        ],
    );
    expect(
        "classify_quadratic",
        solution!("eigendecomposition", "classify_quadratic"),
        &[
            ("not-symmetrized", &[("np.linalg.eigvalsh((a + a.T) / 2)", "np.linalg.eigvals(a).real")]),
            ("one-triangle-read", &[("(a + a.T) / 2", "a")]),
            ("diagonal-as-eigenvalues", &[("np.linalg.eigvalsh((a + a.T) / 2)", "np.diag(a)")]),
            ("zero-compared-exactly", &[("1e-10 * np.abs(values).max()", "0")]),
            ("tolerance-absolute", &[("1e-10 * np.abs(values).max()", "1e-10")]),
            ("level-counted-as-rising", &[("values > negligible", "values >= -negligible"), ("if level", "if False")]),
        ],
    );
}

#[test]
fn in_singular_values() {
    expect(
        "svd_from_eigh",
        solution!("singular-value-decomposition", "svd_from_eigh"),
        &[
            ("v-for-vt", &[("return u, s, v.T", "return u, s, v")]),
            ("order-ascending", &[("return u, s, v.T", "return u[:, ::-1], s[::-1], v[:, ::-1].T")]),
            ("eigenvalues-not-rooted", &[("np.sqrt(np.maximum(values, 0))", "np.maximum(values, 0)")]),
            ("u-not-divided", &[("(a @ v) / s", "a @ v")]),
            ("rank-not-cut", &[("np.count_nonzero(s > 1e-6 * s[0])", "len(s)")]),
            ("rank-from-shape", &[("np.count_nonzero(s > 1e-6 * s[0])", "min(a.shape)")]),
            ("tolerance-absolute", &[("s > 1e-6 * s[0]", "s > 1e-6")]),
            ("u-and-v-swapped", &[("return u, s, v.T", "return v, s, u.T")]),
        ],
    );
    expect(
        "low_rank",
        solution!("singular-value-decomposition", "low_rank"),
        &[
            ("scaled-twice", &[("* s[:k]", "* s[:k] ** 2")]),
            ("singular-values-left-out", &[(" * s[:k]", "")]),
            ("one-component-more", &[(":k", ":k + 1")]),
            ("first-component-skipped", &[(":k", "1:k + 1")]),
            ("residual-returned", &[("return (u", "return a - (u")]),
            ("centered-first", &[("svd(a,", "svd(a - a.mean(axis=0),"), ("@ vt[:k]", "@ vt[:k] + a.mean(axis=0)")]),
        ],
    );
    expect(
        "condition_number",
        solution!("singular-value-decomposition", "condition_number"),
        &[
            ("zero-compared-exactly", &[("<= np.finfo(float).eps * max(a.shape) * s[0]", "== 0")]),
            ("ratio-unguarded", &[("s[-1] <= np.finfo(float).eps * max(a.shape) * s[0]", "False")]),
            ("tolerance-absolute", &[("<= np.finfo(float).eps * max(a.shape) * s[0]", "<= np.finfo(float).eps")]),
            ("ratio-inverted", &[("s[0] / s[-1]", "s[-1] / s[0]")]),
            ("frobenius-for-spectral", &[("s[0] / s[-1]", "np.linalg.norm(a) * np.linalg.norm(np.linalg.pinv(a))")]),
            ("eigenvalues-not-rooted", &[("s[0] / s[-1]", "s[0] ** 2 / s[-1] ** 2")]),
        ],
    );
}

#[test]
fn in_least_squares() {
    expect(
        "lstsq_qr",
        solution!("least-squares", "lstsq_qr"),
        &[
            ("normal-equations", &[("    q = column_basis(a)\n", "    return np.linalg.solve(a.T @ a, a.T @ b)\n")]),
            (
                "full-rank-assumed",
                &[(
                    "    q = column_basis(a)\n",
                    "    q, r = np.linalg.qr(a)\n    return np.linalg.solve(r, q.T @ b)\n",
                )],
            ),
            (
                "zero-compared-exactly",
                &[(
                    "    q = column_basis(a)\n",
                    "    u, s, vt = np.linalg.svd(a, full_matrices=False)\n    return vt.T @ (u.T @ b / s)\n",
                )],
            ),
            ("tolerance-absolute", &[("1e-10 * np.linalg.norm(a, axis=0).max()", "1e-10")]),
            ("cutoff-too-large", &[("1e-10 *", "1e-6 *")]),
            (
                "extra-equations-ignored",
                &[("    q = column_basis(a)\n", "    n = a.shape[1]\n    return np.linalg.solve(a[:n], b[:n])\n")],
            ),
        ],
    );
    expect(
        "ridge",
        solution!("least-squares", "ridge"),
        &[
            ("intercept-uncorrected", &[("mean_y - mean_x @ w", "mean_y")]),
            ("penalty-not-rooted", &[("np.sqrt(lam) * np", "lam * np")]),
            ("penalty-times-n", &[("np.sqrt(lam) * np", "np.sqrt(lam * len(x)) * np")]),
            ("only-targets-centered", &[("x - mean_x, np", "x, np")]),
            (
                "not-centered",
                &[("x - mean_x, np", "x, np"), ("y - mean_y, np", "y, np"), ("mean_y - mean_x @ w", "0.0")],
            ),
            (
                "singular-raises",
                &[(
                    "np.linalg.lstsq(rows, targets, rcond=1e-10)[0]",
                    "np.linalg.solve(rows.T @ rows, rows.T @ targets)",
                )],
            ),
        ],
    );
    expect(
        "polyfit_design",
        solution!("least-squares", "polyfit_design"),
        &[
            ("powers-descending", &[("np.arange(deg + 1)", "np.arange(deg, -1, -1)")]),
            ("constant-missing", &[("np.arange(deg + 1)", "np.arange(1, deg + 1)")]),
            ("highest-power-missing", &[("np.arange(deg + 1)", "np.arange(deg)")]),
            ("axes-swapped", &[("x[:, None] ** np.arange(deg + 1)", "x ** np.arange(deg + 1)[:, None]")]),
            ("multiples-for-powers", &[("**", "*")]),
            ("base-and-exponent-swapped", &[("x[:, None] ** np.arange(deg + 1)", "np.arange(deg + 1) ** x[:, None]")]),
            ("computed-in-integers", &[("x[:, None] **", "x.astype(int)[:, None] **")]),
            (
                "power-by-logarithm",
                &[("x[:, None] ** np.arange(deg + 1)", "np.exp(np.log(x)[:, None] * np.arange(deg + 1))")],
            ),
        ],
    );
}

#[test]
fn in_principal_components() {
    expect(
        "pca_fit",
        solution!("principal-components", "pca_fit"),
        &[
            ("mean-not-subtracted", &[("svd(x - mean", "svd(x")]),
            ("mean-over-everything", &[("x.mean(axis=0)", "x.mean()")]),
            ("population-variance", &[("/ (n - 1)", "/ n")]),
            ("components-in-columns", &[("vt[:k], s", "vt[:k].T, s")]),
            ("singular-values-for-variances", &[("s[:k] ** 2 / (n - 1)", "s[:k]")]),
            ("deviation-for-variance", &[("s[:k] ** 2 / (n - 1)", "s[:k] / np.sqrt(n - 1)")]),
            ("variance-as-share", &[("s[:k] ** 2 / (n - 1)", "s[:k] ** 2 / (s**2).sum()")]),
            ("features-standardized", &[("svd(x - mean", "svd((x - mean) / x.std(axis=0, ddof=1)")]),
            (
                "smallest-kept",
                &[(
                    "    return mean, vt[:k], s[:k] ** 2 / (n - 1)",
                    "    values, v = np.linalg.eigh(np.cov(x.T).reshape(len(mean), -1))\n    return mean, v.T[:k], values[:k]",
                )],
            ),
        ],
    );
    expect(
        "pca_transform_inverse",
        solution!("principal-components", "pca_transform_inverse"),
        &[
            ("mean-not-added-back", &[("z @ comps + mean", "z @ comps")]),
            ("mean-not-subtracted", &[("(x - mean) @", "x @")]),
            ("mean-ignored", &[("(x - mean) @", "x @"), ("z @ comps + mean", "z @ comps")]),
            ("test-statistics-used", &[("    z = ", "    mean = x.mean(axis=0)\n    z = ")]),
            ("components-transposed", &[("@ comps.T", "@ comps"), ("z @ comps + mean", "z @ comps.T + mean")]),
            ("decoded-with-transpose", &[("z @ comps + mean", "z @ comps.T + mean")]),
        ],
    );
    expect(
        "whiten",
        solution!("principal-components", "whiten"),
        &[
            ("multiplied-not-divided", &[("vt.T / np", "vt.T * np")]),
            ("divided-by-variance", &[("np.sqrt(variance + eps)", "(variance + eps)")]),
            ("eps-outside-root", &[("np.sqrt(variance + eps)", "(np.sqrt(variance) + eps)")]),
            ("eps-missing", &[("variance + eps", "variance")]),
            ("mean-not-subtracted", &[("x - x.mean(axis=0)", "x")]),
            ("population-variance", &[("(len(x) - 1)", "len(x)")]),
            ("rotated-back", &[("np.sqrt(variance + eps)", "np.sqrt(variance + eps) @ vt")]),
            (
                "order-ascending",
                &[("return centred @ vt.T", "return centred @ vt[::-1].T"), ("variance + eps", "variance[::-1] + eps")],
            ),
        ],
    );
}

#[test]
fn in_perceptrons_and_neighbours() {
    expect(
        "perceptron_train",
        solution!("perceptron", "perceptron_train"),
        &[
            ("zero-margin-accepted", &[("<= 0", "< 0")]),
            ("bias-not-trained", &[("b = b + float(label)", "pass")]),
            ("label-forgotten", &[("label * point\n", "point\n"), ("b + float(label)", "b + 1")]),
            (
                "rounds-counted",
                &[
                    ("mistakes += 1", "pass"),
                    ("before = mistakes", "start = w, b\n        mistakes += 1"),
                    ("mistakes == before", "start[0] is w"),
                ],
            ),
        ],
    );
    expect(
        "boolean_network",
        solution!("perceptron", "boolean_network"),
        &[
            ("hidden-units-joined-wrongly", &[("f == \"xor\"", "f == \"xnor\"")]),
            ("single-layer-for-xor", &[("[or_, nand]", "[or_, or_]"), ("[and_, nor]", "[nor, nor]")]),
            (
                "bias-one-step-high",
                &[("1.0], -1.5", "1.0], -1.0"), ("1.0], -0.5", "1.0], 0.0"), (" 1.5)", " 2.0)"), (" 0.5)", " 1.0)")],
            ),
        ],
    );
    expect(
        "knn_predict",
        solution!("knn-validation", "knn_predict"),
        &[
            ("nearest-skipped", &[("[:, :k]", "[:, 1 : k + 1]")]),
            ("farthest-vote", &[("[:, :k]", "[:, -k:]")]),
            ("nearest-only", &[("[:, :k]", "[:, :1]")]),
            (
                "manhattan-for-euclidean",
                &[("(xtr**2).sum(axis=1) - 2 * xte @ xtr.T", "np.abs(xte[:, None] - xtr).sum(axis=2)")],
            ),
            (
                "vote-tie-to-larger",
                &[("votes.sum(axis=1).argmax(axis=1)", "ytr.max() - votes.sum(axis=1)[:, ::-1].argmax(axis=1)")],
            ),
            (
                "labels-averaged",
                &[("votes.sum(axis=1).argmax(axis=1)", "np.round(ytr[nearest].mean(axis=1)).astype(int)")],
            ),
        ],
    );
    expect(
        "kfold",
        solution!("knn-validation", "kfold"),
        &[
            ("not-shuffled", &[("np.array_split(order, k)", "np.array_split(np.arange(n), k)")]),
            ("places-for-samples", &[("np.array_split(order, k)", "np.array_split(np.argsort(order), k)")]),
            ("dealt-in-turn", &[("np.array_split(order, k)", "[order[f::k] for f in range(k)]")]),
            ("remainder-left-out", &[("np.array_split(order, k)", "order[: n // k * k].reshape(k, -1)")]),
            ("training-mask-returned", &[("return validates", "return ~validates")]),
            ("axes-swapped", &[("return validates", "return validates.T")]),
        ],
    );
    expect(
        "honest_split",
        solution!("knn-validation", "honest_split"),
        &[
            ("rounded-down", &[(" + 0.5)", ")")]),
            ("not-shuffled", &[("in order:", "in range(len(order)):")]),
            ("not-stratified", &[("labels[sample]", "0")]),
            ("split-leaks", &[("    classes = {}", "    groups = np.arange(len(order))\n    classes = {}")]),
            ("fraction-of-the-rest", &[("dev * len(members)", "dev * (len(members) - tests)")]),
            ("parts-interchanged", &[("2 if", "1 if"), ("else 1 if", "else 2 if")]),
        ],
    );
    expect(
        "learning_curve",
        solution!("knn-validation", "learning_curve"),
        &[
            ("judged-on-all-training-examples", &[("x[:s], k) != y[:s])", "x, k) != y)")]),
            ("validation-shrinks", &[("x_val, k) != y_val", "x_val[:s], k) != y_val[:s]")]),
            ("last-examples-taken", &[("[:s]", "[-s:]")]),
            ("size-ignored", &[("(x[:s], y[:s], ", "(x, y, ")]),
            ("accuracy-for-error", &[("!=", "==")]),
            ("errors-counted", &[("np.mean(", "1.0 * np.sum(")]),
        ],
    );
}
