use striate_array::Array;

pub fn training_batch(
    x: &Array<f64>,
    y: &Array<i64>,
    order: &Array<i64>,
    shifts: &Array<i64>,
    size: i64,
    batch: i64,
    training: bool,
) -> (Array<f64>, Array<i64>) {
    let [n, height, width] = x.dims();
    let start = (batch * size) as usize;
    assert!(start < n, "there is no such batch");
    let places = start..n.min(start + size as usize);
    let indices: Vec<usize> = places.map(|place| if training { order[[place]] as usize } else { place }).collect();
    let images = Array::from_fn([indices.len(), height, width], |[place, i, j]| {
        let image = indices[place];
        let [rows, columns] = if training { [shifts[[image, 0]], shifts[[image, 1]]] } else { [0, 0] };
        // Where this pixel came from; outside the image there is nothing.
        let (row, column) = (i as i64 - rows, j as i64 - columns);
        let inside = (0..height as i64).contains(&row) && (0..width as i64).contains(&column);
        if inside { x[[image, row as usize, column as usize]] } else { 0.0 }
    });
    let labels = indices.iter().map(|&image| y[[image]]).collect();
    (images, Array::from_vec(&[indices.len()], labels))
}
