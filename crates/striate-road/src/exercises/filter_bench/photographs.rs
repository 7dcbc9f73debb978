//! What `denoise` is measured on: crops of photographs, with noise added to them.

use std::f64::consts::TAU;
use std::sync::LazyLock;

use ndarray::{Array2, s};

use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// A kind of noise, as the task names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noise {
    /// Gaussian, standard deviation 20.
    Gaussian,
    /// A tenth of the pixels 0 or 255.
    SaltPepper,
    /// Gaussian, standard deviation 10, and then a twentieth of the pixels 0 or 255.
    Mixed,
}

impl Noise {
    pub(super) const ALL: [Noise; 3] = [Noise::Gaussian, Noise::SaltPepper, Noise::Mixed];

    pub(super) fn name(self) -> &'static str {
        match self {
            Noise::Gaussian => "gaussian",
            Noise::SaltPepper => "salt-pepper",
            Noise::Mixed => "mixed",
        }
    }

    pub(super) fn named(name: &str) -> Option<Noise> {
        Noise::ALL.into_iter().find(|noise| noise.name() == name)
    }

    /// Standard deviation and share of impulses.
    fn strength(self) -> (f64, f64) {
        match self {
            Noise::Gaussian => (20.0, 0.0),
            Noise::SaltPepper => (0.0, 0.1),
            Noise::Mixed => (10.0, 0.05),
        }
    }

    fn added_to(self, clean: &Array2<f64>, numbers: &mut Numbers) -> Array2<f64> {
        let (sigma, share) = self.strength();
        clean.mapv(|x| {
            let (u1, u2, dot) = (1.0 - numbers.real(0.0, 1.0), numbers.real(0.0, 1.0), numbers.real(0.0, 1.0));
            let noisy = x + sigma * (-2.0 * u1.ln()).sqrt() * (TAU * u2).cos();
            if dot < share / 2.0 {
                0.0
            } else if dot < share {
                255.0
            } else {
                noisy
            }
        })
    }
}

/// A photograph with noise, and without it.
pub(super) struct Case {
    pub(super) label: String,
    pub(super) noise: Noise,
    pub(super) clean: Array2<f64>,
    pub(super) noisy: Array2<f64>,
    /// Large enough for what needs many pixels to be measured.
    pub(super) large: bool,
    pub(super) hard: bool,
}

impl Case {
    pub(super) fn arguments(&self) -> Vec<Value> {
        vec![self.noisy.clone().into(), Value::Text(self.noise.name().to_string())]
    }
}

/// All of them, in teaching order.
pub(super) fn cases() -> &'static [Case] {
    &CASES
}

/// The case that a call is about.
pub(super) fn case_of(arguments: &[Value]) -> Option<&'static Case> {
    CASES.iter().find(|case| case.arguments() == arguments)
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let mut numbers = Numbers::stream(1421);
    let rocket = photograph(include_bytes!("photographs/rocket.png"));
    let astronaut = photograph(include_bytes!("photographs/astronaut.png"));
    let galaxies = photograph(include_bytes!("photographs/galaxies.png"));
    let mut cases = Vec::new();
    for (name, clean, hard) in [
        ("a rocket", &rocket, false),
        ("an astronaut", &astronaut, false),
        ("galaxies, small and bright on black", &galaxies, true),
    ] {
        for noise in Noise::ALL {
            let noisy = noise.added_to(clean, &mut numbers);
            let label = format!("{name}, {} noise", noise.name());
            cases.push(Case { label, noise, clean: clean.clone(), noisy, large: true, hard });
        }
    }
    let clean = rocket.slice(s![20..25, 30..37]).to_owned();
    let (noise, label) = (Noise::SaltPepper, "a crop of 5 by 7 pixels, salt-pepper noise".to_string());
    let mut noisy = clean.clone();
    for (place, dot) in [([0, 0], 255.0), ([2, 4], 0.0), ([4, 1], 255.0)] {
        noisy[place] = dot;
    }
    cases.push(Case { label, noise, clean, noisy, large: false, hard: true });
    cases
});

fn photograph(png: &[u8]) -> Array2<f64> {
    let image = image::load_from_memory(png).expect("the photographs are right").to_luma8();
    let (width, height) = image.dimensions();
    Array2::from_shape_fn((height as usize, width as usize), |(i, j)| {
        f64::from(image.get_pixel(j as u32, i as u32).0[0])
    })
}
