use striate_array::Array;

pub fn ncc_map(img: &Array<f64>, t: &Array<f64>) -> Array<f64> {
    let [height, width] = img.dims();
    let [h, w] = t.dims();
    assert!(h <= height && w <= width, "a template of {h} by {w} does not fit into {height} by {width}");
    let template = deviations(t.data());
    Array::from_fn([height - h + 1, width - w + 1], |[i, j]| {
        let window: Vec<f64> = (0..h * w).map(|at| img[[i + at / w, j + at % w]]).collect();
        match (deviations(&window), &template) {
            (Some(window), Some(template)) => dot(&window, template) / (dot(&window, &window) * dot(template, template)).sqrt(),
            _ => 0.0, // no pattern to compare
        }
    })
}

/// What is left without the mean; nothing if all pixels are equal.
fn deviations(pixels: &[f64]) -> Option<Vec<f64>> {
    if pixels.iter().all(|x| *x == pixels[0]) {
        return None;
    }
    let mean = pixels.iter().sum::<f64>() / pixels.len() as f64;
    Some(pixels.iter().map(|x| x - mean).collect())
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}
