//! What is measured of a denoised image.

use ndarray::{Array2, ArrayView2, Ix2};

use super::photographs::{Case, Noise, case_of};
use super::smoothing;
use crate::exercise::{Answer, Measure, Requirement};
use crate::project::Measured;

/// By how many decibels the best box filter has to be beaten.
const MARGIN: f64 = 1.0;
/// The share of the contrast that strong edges have to keep.
const CONTRAST: f64 = 0.4;
/// The share of white and black dots that may stay.
const DOTS: f64 = 0.1;
/// How far a dot must be from the clean pixel, in grey levels, to count.
const DOT: f64 = 60.0;
/// How much darker or brighter the border may become than the middle, and the whole image than the clean one.
const LEVELS: f64 = 5.0;

/// In the order in which they are asked for.
pub(super) const REQUIREMENTS: &[Requirement] = &[
    Requirement { id: "brightness-shifted", measure: Measure::Each(same_brightness) },
    Requirement { id: "border-darkened", measure: Measure::Each(even_border) },
    Requirement { id: "nothing-removed", measure: Measure::Each(less_noise) },
    Requirement { id: "edges-blurred", measure: Measure::Each(edges_kept) },
    Requirement { id: "dots-kept", measure: Measure::Each(dots_gone) },
    Requirement { id: "gaussian-not-beaten", measure: Measure::Each(|answer| beats_the_box(answer, Noise::Gaussian)) },
    Requirement {
        id: "salt-pepper-not-beaten",
        measure: Measure::Each(|answer| beats_the_box(answer, Noise::SaltPepper)),
    },
    Requirement { id: "mixed-not-beaten", measure: Measure::Each(|answer| beats_the_box(answer, Noise::Mixed)) },
];

/// The case of a call and its result.
fn of(answer: Answer<'_>) -> Option<(&'static Case, Array2<f64>)> {
    let out = answer.result.as_array()?.to_f64_array().into_dimensionality::<Ix2>().ok()?;
    Some((case_of(answer.arguments)?, out))
}

/// Of a case that is large enough and has this noise.
fn of_large(answer: Answer<'_>, noise: &[Noise]) -> Option<(&'static Case, Array2<f64>)> {
    of(answer).filter(|(case, _)| case.large && noise.contains(&case.noise))
}

fn measured(holds: bool, kept: &str, broken: String) -> Option<Measured> {
    Some(Measured { holds, text: if holds { kept.to_string() } else { broken } })
}

/// Peak signal-to-noise ratio of bytes, in decibels.
fn psnr(clean: &Array2<f64>, out: &Array2<f64>) -> f64 {
    let error = (clean - out).mapv(|x| x * x).sum() / clean.len() as f64;
    10.0 * (255.0 * 255.0 / error).log10()
}

fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = numbers.fold((0.0, 0), |(sum, count), x| (sum + x, count + 1));
    sum / f64::from(count)
}

fn less_noise(answer: Answer<'_>) -> Option<Measured> {
    let (case, out) = of(answer)?;
    let (before, after) = (psnr(&case.clean, &case.noisy), psnr(&case.clean, &out));
    let broken = format!("{}: {after:.2} dB after, {before:.2} dB before", case.label);
    measured(after > before + 0.1, "less noise than before", broken)
}

fn same_brightness(answer: Answer<'_>) -> Option<Measured> {
    let (case, out) = of_large(answer, &[Noise::Gaussian])?;
    let [wanted, found] = [&case.clean, &out].map(|image| mean(image.iter().copied()));
    let broken = format!("{}: mean brightness {found:.1}, that of the clean image is {wanted:.1}", case.label);
    measured((wanted - found).abs() <= LEVELS, "as bright as before", broken)
}

fn even_border(answer: Answer<'_>) -> Option<Measured> {
    let (case, out) = of_large(answer, &[Noise::Gaussian])?;
    let (height, width) = out.dim();
    let difference = &out - &case.clean;
    let at_border = |(i, j): (usize, usize)| i == 0 || j == 0 || i + 1 == height || j + 1 == width;
    let part =
        |border: bool| mean(difference.indexed_iter().filter(|(at, _)| at_border(*at) == border).map(|(_, x)| *x));
    let gap = part(true) - part(false);
    let broken = format!(
        "{}: the outermost pixels are {:.1} levels too {}, the others are not",
        case.label,
        gap.abs(),
        if gap < 0.0 { "dark" } else { "bright" }
    );
    measured(gap.abs() <= LEVELS, "the border as good as the middle", broken)
}

/// Central differences to the right and downwards, zero at the border.
fn gradient(image: ArrayView2<'_, f64>) -> Array2<[f64; 2]> {
    let (height, width) = image.dim();
    Array2::from_shape_fn((height, width), |(i, j)| {
        if i == 0 || j == 0 || i + 1 == height || j + 1 == width {
            return [0.0; 2];
        }
        [image[[i, j + 1]] - image[[i, j - 1]], image[[i + 1, j]] - image[[i - 1, j]]]
    })
}

fn edges_kept(answer: Answer<'_>) -> Option<Measured> {
    let (case, out) = of_large(answer, &Noise::ALL)?;
    let (clean, out) = (gradient(case.clean.view()), gradient(out.view()));
    let mut edges: Vec<(f64, f64)> = clean
        .iter()
        .zip(&out)
        .map(|(clean, out)| (clean[0] * clean[0] + clean[1] * clean[1], clean[0] * out[0] + clean[1] * out[1]))
        .collect();
    edges.sort_by(|one, other| other.0.total_cmp(&one.0));
    // The twentieth of the pixels where the clean image is steepest.
    edges.truncate(edges.len() / 20);
    let (steep, left) = edges.iter().fold((0.0, 0.0), |(steep, left), edge| (steep + edge.0, left + edge.1));
    let share = left / steep;
    let broken = format!(
        "{}: strong edges keep {:.0} % of their contrast, asked for: {:.0} %",
        case.label,
        100.0 * share,
        100.0 * CONTRAST
    );
    measured(share >= CONTRAST, "edges kept", broken)
}

fn dots_gone(answer: Answer<'_>) -> Option<Measured> {
    let (case, out) = of_large(answer, &[Noise::SaltPepper, Noise::Mixed])?;
    // A dot is still there where the result is nearer to it than to the clean pixel.
    let pixels = case.noisy.iter().zip(&case.clean).zip(&out);
    let dots = pixels.filter(|((noisy, clean), _)| [0.0, 255.0].contains(*noisy) && (*noisy - *clean).abs() > DOT);
    let share = mean(dots.map(|((noisy, clean), out)| f64::from(u8::from((out - noisy).abs() < (out - clean).abs()))));
    let broken = format!(
        "{}: {:.0} % of the white and black dots are still there, asked for: at most {:.0} %",
        case.label,
        100.0 * share,
        100.0 * DOTS
    );
    measured(share <= DOTS, "white and black dots gone", broken)
}

fn beats_the_box(answer: Answer<'_>, noise: Noise) -> Option<Measured> {
    let (case, out) = of_large(answer, &[noise])?;
    let boxes = (0..=3).map(|r| psnr(&case.clean, &smoothing::boxed(case.noisy.view(), r)));
    let best = boxes.fold(f64::NEG_INFINITY, f64::max);
    let found = psnr(&case.clean, &out);
    let text = format!("{}: {found:.2} dB, the best box {best:.2} dB, asked for: {:.2} dB", case.label, best + MARGIN);
    Some(Measured { holds: found >= best + MARGIN, text })
}
