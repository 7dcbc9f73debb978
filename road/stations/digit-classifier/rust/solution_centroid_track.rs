use striate_array::Array;

pub fn centroid_track(frames: &Array<u8>, lo: &Array<f64>, hi: &Array<f64>) -> Array<f64> {
    let [count, height, width, _] = frames.dims();
    let mut track = Array::full(&[count, 2], f64::NAN);
    for t in 0..count {
        let mask = Array::from_fn([height, width], |[i, j]| {
            let [hue, saturation, value] =
                hue_saturation_value(frames[[t, i, j, 0]], frames[[t, i, j, 1]], frames[[t, i, j, 2]]);
            let in_hue = if lo[[0]] <= hi[[0]] {
                hue >= lo[[0]] && hue <= hi[[0]]
            } else {
                hue >= lo[[0]] || hue <= hi[[0]] // through 360, as red does
            };
            in_hue && (lo[[1]]..=hi[[1]]).contains(&saturation) && (lo[[2]]..=hi[[2]]).contains(&value)
        });
        let blob = largest_blob(mask);
        if !blob.is_empty() {
            track[[t, 0]] = blob.iter().map(|&[i, _]| i as f64).sum::<f64>() / blob.len() as f64;
            track[[t, 1]] = blob.iter().map(|&[_, j]| j as f64).sum::<f64>() / blob.len() as f64;
        }
    }
    track
}

fn hue_saturation_value(r: u8, g: u8, b: u8) -> [f64; 3] {
    let [r, g, b] = [r, g, b].map(|channel| channel as f64 / 255.0);
    let value = r.max(g).max(b);
    let spread = value - r.min(g).min(b);
    if spread == 0.0 {
        return [0.0, 0.0, value]; // grey: no hue
    }
    let hue = if value == r {
        60.0 * (g - b) / spread
    } else if value == g {
        120.0 + 60.0 * (b - r) / spread
    } else {
        240.0 + 60.0 * (r - g) / spread
    };
    [hue.rem_euclid(360.0), spread / value, value]
}

/// The pixels of the largest connected blob; empty if there is none.
fn largest_blob(mut unvisited: Array<bool>) -> Vec<[usize; 2]> {
    let [height, width] = unvisited.dims();
    let mut best = Vec::new();
    for i in 0..height {
        for j in 0..width {
            if !unvisited[[i, j]] {
                continue;
            }
            unvisited[[i, j]] = false;
            let mut blob = vec![[i, j]];
            let mut next = 0;
            while next < blob.len() {
                let [y, x] = blob[next];
                next += 1;
                for y in y.saturating_sub(1)..(y + 2).min(height) {
                    for x in x.saturating_sub(1)..(x + 2).min(width) {
                        if unvisited[[y, x]] {
                            unvisited[[y, x]] = false;
                            blob.push([y, x]);
                        }
                    }
                }
            }
            if blob.len() > best.len() {
                best = blob;
            }
        }
    }
    best
}
