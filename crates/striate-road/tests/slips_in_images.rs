//! Slips in the model solutions of the first stage, images as functions, are named as the misconceptions they are.

mod common;

use common::slips::{Edits, expect, solution};

#[track_caller]
fn named(exercise: &str, slips: &[(&str, Edits)]) {
    expect(exercise, &solution(exercise), slips);
}

#[test]
fn in_images_as_functions() {
    const MIXED: &str = "alpha * a.astype(float) + (1 - alpha) * b.astype(float)";
    const ROUNDED: &str = "np.floor(mixed + 0.5)";
    named(
        "blend",
        &[
            ("uint8-wraps", &[(MIXED, "b + alpha * (a - b)")]),
            ("uint8-saturates", &[(MIXED, "b + alpha * np.maximum(a.astype(float) - b, 0)")]),
            (
                "rounded-too-early",
                &[(MIXED, "(alpha * a).astype(np.uint8) + ((1 - alpha) * b).astype(np.uint8)"), (ROUNDED, "mixed")],
            ),
            ("truncated-not-rounded", &[(ROUNDED, "mixed")]),
            ("halves-to-even", &[(ROUNDED, "np.round(mixed)")]),
            ("weights-swapped", &[(MIXED, "(1 - alpha) * a + alpha * b")]),
            ("weights-not-complementary", &[(MIXED, "np.clip(alpha * a + b, 0, 255)")]),
            ("same-weight-twice", &[(MIXED, "np.clip(alpha * a + alpha * b, 0, 255)")]),
            ("alpha-ignored", &[(MIXED, "(a.astype(float) + b) / 2")]),
            ("range-not-restored", &[(MIXED, "alpha * (a / 255) + (1 - alpha) * (b / 255)")]),
            ("axes-swapped", &[("astype(np.uint8)", "astype(np.uint8).transpose(1, 0, 2)")]),
        ],
    );
    const Z: &str = "distance * np.cos(2 * np.pi * u2)";
    named(
        "add_gaussian_noise",
        &[
            ("uniform-noise", &[(Z, "u1 - 0.5")]),
            ("sigma-squared", &[("sigma * z", "sigma**2 * z")]),
            ("sigma-as-variance", &[("sigma * z", "np.sqrt(sigma) * z")]),
            ("noise-clipped", &[("img + sigma * z", "np.clip(img + sigma * z, 0, 255)")]),
            ("rounded-too-early", &[("img + sigma * z", "np.round(img + sigma * z)")]),
            ("angle-missing", &[(Z, "distance")]),
            ("degrees-not-radians", &[("2 * np.pi * u2", "360 * u2")]),
            ("log-base-ten", &[("np.log(", "np.log10(")]),
            ("factor-two-missing", &[("-2 * np.log", "-np.log")]),
            ("root-missing", &[("np.sqrt(-2 * np.log(u1))", "-2 * np.log(u1)")]),
            ("noise-multiplied", &[("img + sigma * z", "img * (1 + sigma * z)")]),
            ("one-draw-for-all", &[("sigma * z", "sigma * z[0, 0]")]),
        ],
    );
    const LEVEL: &str = "255 * ((img - low) / (high - low))";
    named(
        "normalize_for_display",
        &[
            ("truncated-not-rounded", &[("np.rint", "")]),
            ("negative-clipped", &[(LEVEL, "np.clip(255 * (img / high), 0, 255)")]),
            ("clipped-not-scaled", &[(LEVEL, "np.clip(img, 0, 255)")]),
            ("scaled-to-256", &[(LEVEL, "256 * ((img - low) / (high - low))")]),
            ("range-not-restored", &[("255 * ", "")]),
            (
                "extremes-per-row",
                &[
                    ("img.min(), img.max()", "img.min(axis=1, keepdims=True), img.max(axis=1, keepdims=True)"),
                    ("if low == high:", "if img.min() == img.max():"),
                    ("(high - low)", "np.where(high > low, high - low, 1)"),
                ],
            ),
            ("magnitude-shown", &[("    low,", "    img = np.abs(img)\n    low,")]),
            ("epsilon-in-denominator", &[("(high - low)", "(high - low + 1e-8)")]),
            ("colors-inverted", &[("(img - low)", "(high - img)")]),
        ],
    );
}

#[test]
fn in_separable_kernels_and_borders() {
    const INDICES: &str = "padded = img[source(height, r, rule)][:, source(width, r, rule)]";
    const MIRROR: &str = "padded = np.pad(img, r, mode={'zero': 'constant', 'replicate': 'edge', 'reflect': 'reflect', \
                  'wrap': 'wrap'}[rule])";
    named(
        "pad2d",
        &[
            ("border-mirrored", &[(INDICES, MIRROR)]),
            ("reflect-replicates", &[("rule == \"reflect\"", "rule == \"never\"")]),
            ("border-ignored", &[("rule == \"zero\"", "True")]),
            (
                "corners-left-zero",
                &[(
                    "    return padded",
                    "    for i in (slice(0, r), slice(r + height, None)):\n        for j in \
                    (slice(0, r), slice(r + width, None)):\n            padded[i, j] = 0\n    return padded",
                )],
            ),
            ("one-axis-only", &[("[:, source(width, r, rule)]", ""), ("r : r + width", ":")]),
            (
                "padding-one-side",
                &[
                    ("np.arange(-r, length + r)", "np.arange(length + 2 * r)"),
                    ("padded[r : r + height, r : r + width]", "padded[:height, :width]"),
                ],
            ),
            ("padding-before-only", &[("length + r)", "length)")]),
            (
                "width-from-height",
                &[
                    ("source(width, r, rule)", "source(width, r, rule, width if rule == 'zero' else height)"),
                    ("def source(length, r, rule):", "def source(length, r, rule, limit=None):"),
                    ("length + r)\n", "length + r)\n    length = limit or length\n"),
                ],
            ),
        ],
    );
    named(
        "separate_kernel",
        &[
            ("strength-missing", &[("share * u[:, 0], share * vt[0]", "u[:, 0], vt[0]")]),
            ("strength-twice", &[("np.sqrt(s[0])", "s[0]")]),
            ("strength-on-one-side", &[("share * vt[0]", "vt[0]")]),
            ("sign-lost", &[("share * u[:, 0], share * vt[0]", "np.abs(share * u[:, 0]), np.abs(share * vt[0])")]),
            ("sums-as-factors", &[("share * u[:, 0], share * vt[0]", "k.sum(axis=1) / k.sum(), k.sum(axis=0)")]),
            (
                "cross-section-as-factors",
                &[(
                    "share * u[:, 0], share * vt[0]",
                    "k[:, k.shape[1] // 2] / k[k.shape[0] // 2, k.shape[1] // 2], k[k.shape[0] // 2]",
                )],
            ),
            ("smallest-singular-value", &[("s[0]", "s[-1]"), ("u[:, 0]", "u[:, -1]"), ("vt[0]", "vt[-1]")]),
            ("factors-swapped", &[("return column, row,", "return row, column,")]),
            ("spectral-not-frobenius", &[("np.outer(column, row))", "np.outer(column, row), 2)")]),
            ("singular-values-summed", &[("np.linalg.norm(k - np.outer(column, row))", "s[1:].sum()")]),
            ("norm-squared", &[("np.outer(column, row))", "np.outer(column, row)) ** 2")]),
            (
                "residual-is-largest",
                &[("np.linalg.norm(k - np.outer(column, row))", "np.abs(k - np.outer(column, row)).max()")],
            ),
        ],
    );
    named(
        "median_filter",
        &[
            ("mean-where-median", &[("np.median", "np.mean")]),
            ("border-zeros", &[("mode=\"symmetric\"", "mode=\"constant\"")]),
            ("border-mirrored", &[("mode=\"symmetric\"", "mode=\"reflect\"")]),
            ("border-replicated", &[("mode=\"symmetric\"", "mode=\"edge\"")]),
            ("border-wraps", &[("mode=\"symmetric\"", "mode=\"wrap\"")]),
            ("border-shrunk", &[("mode=\"symmetric\"", "constant_values=np.nan"), ("np.median", "np.nanmedian")]),
            ("window-one-short", &[("windows, axis", "windows[..., : 2 * r, : 2 * r], axis")]),
            (
                "median-separated",
                &[("np.median(windows, axis=(2, 3))", "separated(img, r)"), ("def median_filter", SEPARATED)],
            ),
            ("one-axis-only", &[("windows, axis=(2, 3)", "windows[:, :, r], axis=2")]),
        ],
    );
}

/// The median along the rows, and then along the columns of the result.
const SEPARATED: &str = "\
def separated(img, r):
    for axis in (1, 0):
        width = [(r, r) if at == axis else (0, 0) for at in (0, 1)]
        padded = np.pad(img, width, mode='symmetric')
        img = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * r + 1, axis=axis), axis=-1)
    return img


def median_filter";

#[test]
fn in_template_matching() {
    const TOP: &str = "(w * d).sum(axis=inside)";
    named(
        "ncc_map",
        &[
            (
                "means-not-subtracted",
                &[
                    (" - windows.mean(axis=inside, keepdims=True)", ""),
                    (" - t.mean()", ""),
                    ("flat = ", "flat = (norms == 0)  # "),
                ],
            ),
            ("template-mean-only", &[(" - windows.mean(axis=inside, keepdims=True)", "")]),
            ("norms-missing", &[(" / np.where(flat, 1, norms)", "")]),
            ("kernel-flipped", &[("d = t - t.mean()", "d = (t - t.mean())[::-1, ::-1]")]),
            (
                "nan-on-flat",
                &[(
                    "return np.where(flat, 0, (w * d).sum(axis=inside) / np.where(flat, 1, norms))",
                    "return (w * d).sum(axis=inside) / norms",
                )],
            ),
            ("flat-is-one", &[("np.where(flat, 0, (", "np.where(flat, 1, (")]),
            ("output-size-off-by-one", &[("np.where(flat, 1, norms))", "np.where(flat, 1, norms))[:-1, :-1]")]),
            ("mean-missing", &[(TOP, "(w * d).sum(axis=inside) * t.size")]),
            ("sample-variance", &[(TOP, "(w * d).mean(axis=inside) * (t.size - 1)")]),
            ("root-missing", &[("np.sqrt(", "(")]),
            ("axes-swapped", &[("np.where(flat, 1, norms))", "np.where(flat, 1, norms)).T")]),
        ],
    );
    named(
        "find_template",
        &[
            ("suppression-missing", &[("left[top : i + min_dist, start : j + min_dist]", "left[i, j]")]),
            ("suppressed-to-zero", &[("= -np.inf\n    return", "= 0\n    return")]),
            ("exhausted-repeats", &[("if left[i, j] == -np.inf", "if False")]),
            (
                "distance-inclusive",
                &[
                    ("min_dist + 1)", "min_dist)"),
                    ("+ min_dist,", "+ min_dist + 1,"),
                    ("+ min_dist]", "+ min_dist + 1]"),
                ],
            ),
            ("suppression-one-side", &[("max(0, i - min_dist + 1), max(0, j - min_dist + 1)", "i, j")]),
            (
                "negative-slice-empty",
                &[("max(0, i - min_dist + 1), max(0, j - min_dist + 1)", "i - min_dist + 1, j - min_dist + 1")],
            ),
            ("axes-swapped", &[("places.append((i, j))", "places.append((j, i))")]),
            (
                "ties-by-column",
                &[(
                    "i, j = np.unravel_index(np.argmax(left), left.shape)",
                    "j, i = np.unravel_index(np.argmax(left.T), left.T.shape)",
                )],
            ),
            ("ties-last", &[("np.argmax(left)", "left.size - 1 - np.argmax(left.ravel()[::-1])")]),
            ("smallest-first", &[("left = scores.copy()", "left = -scores")]),
            (
                "either-axis-suffices",
                &[(
                    "left[top : i + min_dist, start : j + min_dist]",
                    "left[top : i + min_dist] = -np.inf\n        left[:, start : j + min_dist]",
                )],
            ),
            ("sorted-by-place", &[("np.array(places,", "np.array(sorted(places),")]),
        ],
    );
}

#[test]
fn in_the_filter_bench() {
    const RATIO: &str = "10 * np.log10(peak**2 / error)";
    named(
        "psnr",
        &[
            ("peak-missing", &[(RATIO, "-10 * np.log10(error)")]),
            ("log-base-e", &[("np.log10", "np.log")]),
            ("factor-twenty", &[("10 * np.log10", "20 * np.log10")]),
            ("amplitude-with-ten", &[(RATIO, "10 * np.log10(peak / np.sqrt(error))")]),
            ("peak-not-squared", &[("peak**2", "peak")]),
            ("peak-from-data", &[("peak**2", "clean.max() ** 2")]),
            ("mean-missing", &[("np.mean", "np.sum")]),
            ("absolute-error", &[("np.mean((clean - out) ** 2)", "np.mean(np.abs(clean - out)) ** 2")]),
            ("square-after-mean", &[("np.mean((clean - out) ** 2)", "np.mean(clean - out) ** 2")]),
            ("mean-error-removed", &[("np.mean((clean - out) ** 2)", "np.var(clean - out)")]),
            ("sign-flipped", &[("peak**2 / error", "error / peak**2")]),
            ("identical-capped", &[("np.inf", "100.0")]),
            ("epsilon-in-denominator", &[("out) ** 2)", "out) ** 2) + 1e-10")]),
        ],
    );
    named(
        "choose_filter",
        &[
            ("tuned-on-test", &[("np.argmax(tuning)", "np.argmax(scores[:, held_out].mean(axis=1))")]),
            ("tuned-on-all", &[("np.argmax(tuning)", "np.argmax(scores.mean(axis=1))")]),
            ("split-leaks", &[("np.isin(photo, test)", "np.zeros(len(photo), bool)\n    held_out[test] = True")]),
            ("tuning-score-reported", &[("return choice, reported,", "return choice, tuning[choice],")]),
            ("best-test-reported", &[("scores[choice, held_out].mean()", "scores[:, held_out].mean(axis=1).max()")]),
            (
                "best-per-crop-reported",
                &[("scores[choice, held_out].mean()", "scores[:, held_out].max(axis=0).mean()")],
            ),
            ("best-single-crop", &[("np.argmax(tuning)", "np.argmax(scores[:, ~held_out].max(axis=1))")]),
            ("worst-crop-decides", &[("np.argmax(tuning)", "np.argmax(scores[:, ~held_out].min(axis=1))")]),
            ("smallest-first", &[("np.argmax", "np.argmin")]),
            ("sum-over-wrong-axis", &[("np.argmax(tuning)", "np.argmax(scores[:, ~held_out].mean(axis=0))")]),
            ("mean-missing", &[(".mean(axis=1)", ".sum(axis=1)"), (".mean()", ".sum()")]),
            ("sign-flipped", &[("tuning[choice] - reported", "reported - tuning[choice]")]),
        ],
    );
    named(
        "denoise",
        &[
            (
                "nothing-removed",
                &[("    if kind == \"gaussian\":", "    return noisy.copy()\n    if kind == \"gaussian\":")],
            ),
            ("brightness-shifted", &[(" / weights.sum(axis=-1)", " / np.exp(-distance / (2 * place**2)).sum()")]),
            ("dots-kept", &[("return without_dots(noisy)", "return bilateral(noisy, 1.5, 50)")]),
            (
                "mixed-not-beaten",
                &[("bilateral(without_dots(noisy), 1.3, 28)", "without_dots(bilateral(noisy, 1.3, 200))")],
            ),
        ],
    );
}
