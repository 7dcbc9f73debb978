use striate_array::Array;

pub fn kfold(order: &Array<i64>, k: i64) -> Array<bool> {
    let n = order.len();
    assert!(2 <= k && k as usize <= n, "{n} samples make 2 to {n} folds, not {k}");
    let k = k as usize;
    let mut validates = Array::zeros(&[k, n]);
    let mut place = 0;
    for fold in 0..k {
        // The first n % k folds have one sample more.
        let size = n / k + usize::from(fold < n % k);
        for _ in 0..size {
            validates[[fold, order[[place]] as usize]] = true;
            place += 1;
        }
    }
    validates
}
