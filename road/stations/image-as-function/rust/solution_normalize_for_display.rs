use striate_array::Array;

pub fn normalize_for_display(img: &Array<f64>) -> Array<u8> {
    let low = img.iter().copied().fold(f64::INFINITY, f64::min);
    let high = img.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low == high {
        return Array::zeros(img.shape());
    }
    img.map(|x| (255.0 * ((x - low) / (high - low))).round() as u8)
}
