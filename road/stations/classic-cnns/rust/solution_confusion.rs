use striate_array::Array;

pub fn confusion(y: &Array<i64>, p: &Array<i64>, k: i64) -> Array<i64> {
    let mut matrix = Array::zeros(&[k as usize, k as usize]);
    for (&truth, &predicted) in y.iter().zip(p.iter()) {
        assert!((0..k).contains(&truth) && (0..k).contains(&predicted), "labels lie between 0 and {}", k - 1);
        matrix[[truth as usize, predicted as usize]] += 1;
    }
    matrix
}
