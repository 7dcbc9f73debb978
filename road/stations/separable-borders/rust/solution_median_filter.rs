use striate_array::Array;

pub fn median_filter(img: &Array<f64>, r: i64) -> Array<f64> {
    assert!(r >= 0, "r must not be negative, it is {r}");
    let [height, width] = img.dims();
    // Forwards and backwards, again and again: the index of the pixel that lies there.
    let reflected = |index: i64, length: usize| {
        let n = length as i64;
        let folded = index.rem_euclid(2 * n);
        folded.min(2 * n - 1 - folded) as usize
    };
    let mut window = Vec::new();
    Array::from_fn([height, width], |[i, j]| {
        window.clear();
        for y in -r..=r {
            for x in -r..=r {
                window.push(img[[reflected(i as i64 + y, height), reflected(j as i64 + x, width)]]);
            }
        }
        let middle = window.len() / 2;
        *window.select_nth_unstable_by(middle, f64::total_cmp).1
    })
}
