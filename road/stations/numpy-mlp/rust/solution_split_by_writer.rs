use striate_array::Array;

pub fn split_by_writer(
    writers: &Array<i64>,
    order: &Array<i64>,
    validation: i64,
    test: i64,
) -> (Array<i64>, Array<i64>, Array<i64>) {
    let (validation, test) = (validation as usize, test as usize);
    assert!(validation + test < order.len(), "no writer is left for training");
    // Writers are split; their images follow.
    let (in_test, rest) = order.data().split_at(test);
    let (in_validation, in_train) = rest.split_at(validation);
    let images_of = |part: &[i64]| {
        let images: Vec<i64> = (0..writers.len() as i64).filter(|&i| part.contains(&writers[[i as usize]])).collect();
        Array::from_vec(&[images.len()], images)
    };
    (images_of(in_train), images_of(in_validation), images_of(in_test))
}
