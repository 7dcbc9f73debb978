use striate_array::Array;

pub fn grad_check(f: &dyn Fn(&Array<f64>) -> Array<f64>, x: &Array<f64>, g: &Array<f64>, h: f64) -> f64 {
    let [rows, columns] = x.dims();
    let moved = |place: [usize; 2], step: f64| {
        let mut x = x.clone();
        x[place] += step;
        f(&x).data()[0]
    };
    let numeric = Array::from_fn([rows, columns], |place| (moved(place, h) - moved(place, -h)) / (2.0 * h));
    let length = |of: &dyn Fn(usize) -> f64| (0..columns).map(|i| of(i) * of(i)).sum::<f64>().sqrt();
    let row_error = |p: usize| {
        let distance = length(&|i| g[[p, i]] - numeric[[p, i]]);
        let lengths = length(&|i| g[[p, i]]) + length(&|i| numeric[[p, i]]);
        // Two zero gradients agree.
        if lengths > 0.0 { distance / lengths } else { 0.0 }
    };
    (0..rows).map(row_error).fold(0.0, f64::max)
}
