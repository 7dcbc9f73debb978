use striate_array::Array;

pub fn denoise(noisy: &Array<f64>, kind: &str) -> Array<f64> {
    match kind {
        "gaussian" => bilateral(noisy, 1.5, 50.0),
        "salt-pepper" => without_dots(noisy),
        "mixed" => bilateral(&without_dots(noisy), 1.3, 28.0), // dots first: smoothing would smear them
        _ => panic!("there is no noise {kind:?}"),
    }
}

/// Pixels that are exactly 0 or 255 know nothing: ask their neighbours, and change no other pixel.
fn without_dots(img: &Array<f64>) -> Array<f64> {
    let [height, width] = img.dims();
    let is_dot = |x: f64| x == 0.0 || x == 255.0;
    Array::from_fn([height, width], |[i, j]| {
        if !is_dot(img[[i, j]]) {
            return img[[i, j]];
        }
        // A larger window where all of the smaller one was hit.
        for r in 1..=3 {
            let mut near: Vec<f64> =
                window(img, [i, j], r).map(|(_, value)| value).filter(|&value| !is_dot(value)).collect();
            if !near.is_empty() {
                let middle = near.len() / 2;
                return *near.select_nth_unstable_by(middle, f64::total_cmp).1;
            }
        }
        img[[i, j]]
    })
}

/// A mean over what is near in place and in brightness: noise is averaged, edges are not crossed.
fn bilateral(img: &Array<f64>, place: f64, brightness: f64) -> Array<f64> {
    let [height, width] = img.dims();
    let r = (2.0 * place).ceil() as i64;
    Array::from_fn([height, width], |[i, j]| {
        let (mut sum, mut weights) = (0.0, 0.0);
        for (distance, value) in window(img, [i, j], r) {
            let difference = value - img[[i, j]];
            let weight = (-distance / (2.0 * place * place)
                - difference * difference / (2.0 * brightness * brightness))
                .exp();
            sum += weight * value;
            weights += weight;
        }
        sum / weights
    })
}

/// The neighbours of a pixel, each with its squared distance; outside lies the reflection.
fn window(img: &Array<f64>, [i, j]: [usize; 2], r: i64) -> impl Iterator<Item = (f64, f64)> + '_ {
    let [height, width] = img.dims();
    let reflected = |index: i64, length: usize| {
        let n = length as i64;
        let folded = index.rem_euclid(2 * n);
        folded.min(2 * n - 1 - folded) as usize
    };
    (-r..=r).flat_map(move |y| {
        (-r..=r).map(move |x| {
            let value = img[[reflected(i as i64 + y, height), reflected(j as i64 + x, width)]];
            ((y * y + x * x) as f64, value)
        })
    })
}
