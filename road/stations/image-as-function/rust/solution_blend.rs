use striate_array::Array;

pub fn blend(a: &Array<u8>, b: &Array<u8>, alpha: f64) -> Array<u8> {
    assert_eq!(a.shape(), b.shape(), "the images have different shapes");
    a.zip_map(b, |a, b| {
        let mixed = alpha * f64::from(a) + (1.0 - alpha) * f64::from(b);
        (mixed + 0.5).floor() as u8
    })
}
