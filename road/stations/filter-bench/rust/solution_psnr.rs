use striate_array::Array;

pub fn psnr(clean: &Array<f64>, out: &Array<f64>, peak: f64) -> f64 {
    let squares = clean.zip_map(out, |clean, out| (clean - out) * (clean - out));
    let error = squares.iter().sum::<f64>() / squares.len() as f64;
    10.0 * (peak * peak / error).log10() // a division by zero is infinite, and so is its logarithm
}
