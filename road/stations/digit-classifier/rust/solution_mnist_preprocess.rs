use striate_array::Array;

pub fn mnist_preprocess(canvas: &Array<u8>) -> Array<f32> {
    let [canvas_height, canvas_width] = canvas.dims();
    let inked_row = |i: &usize| (0..canvas_width).any(|j| canvas[[*i, j]] > 0);
    let inked_column = |j: &usize| (0..canvas_height).any(|i| canvas[[i, *j]] > 0);
    let top = (0..canvas_height).find(inked_row).expect("the canvas is empty");
    let bottom = (0..canvas_height).rev().find(inked_row).expect("found from above as well");
    let left = (0..canvas_width).find(inked_column).expect("an inked row has an inked column");
    let right = (0..canvas_width).rev().find(inked_column).expect("found from the left as well");
    let cut = Array::from_fn([bottom - top + 1, right - left + 1], |[i, j]| canvas[[top + i, left + j]] as f64);

    // One factor for both sides, so that a 1 stays thin.
    let [height, width] = cut.dims();
    let longer = height.max(width) as f64;
    let side = |length: usize| ((20.0 * length as f64 / longer + 0.5).floor() as usize).max(1);
    let digit = scale_rows(&transpose(&scale_rows(&cut, side(height))), side(width));
    let digit = transpose(&digit);

    let [height, width] = digit.dims();
    let mass: f64 = digit.iter().sum();
    let (mut cy, mut cx) = (0.0, 0.0);
    for i in 0..height {
        for j in 0..width {
            cy += i as f64 * digit[[i, j]] / mass;
            cx += j as f64 * digit[[i, j]] / mass;
        }
    }
    let place = |center: f64, length: usize| (14.0 - center).floor().clamp(0.0, (28 - length) as f64) as usize;
    let (top, left) = (place(cy, height), place(cx, width));
    let mut image = Array::zeros(&[28, 28]);
    for i in 0..height {
        for j in 0..width {
            image[[top + i, left + j]] = digit[[i, j]];
        }
    }
    image.map(|v| ((v / 255.0 - 0.1307) / 0.3081) as f32)
}

/// Scales the rows of an image to `new` rows: each becomes the mean of the old rows it covers.
fn scale_rows(image: &Array<f64>, new: usize) -> Array<f64> {
    let [old, width] = image.dims();
    let scale = old as f64 / new as f64;
    Array::from_fn([new, width], |[i, j]| {
        let (start, end) = (i as f64 * scale, (i + 1) as f64 * scale);
        let covered = |s: usize| (end.min((s + 1) as f64) - start.max(s as f64)).max(0.0);
        (0..old).map(|s| covered(s) * image[[s, j]]).sum::<f64>() / scale
    })
}

fn transpose(image: &Array<f64>) -> Array<f64> {
    let [height, width] = image.dims();
    Array::from_fn([width, height], |[i, j]| image[[j, i]])
}
