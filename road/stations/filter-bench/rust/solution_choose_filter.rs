use striate_array::Array;

pub fn choose_filter(scores: &Array<f64>, photo: &Array<i64>, test: &Array<i64>) -> (i64, f64, f64) {
    let [settings, crops] = scores.dims();
    let (held_out, tuning): (Vec<usize>, Vec<usize>) =
        (0..crops).partition(|&crop| test.iter().any(|number| *number == photo[[crop]]));
    assert!(!held_out.is_empty() && !tuning.is_empty(), "crops are needed on both sides: for tuning and held out");
    let mean = |setting: usize, crops: &[usize]| {
        crops.iter().map(|&crop| scores[[setting, crop]]).sum::<f64>() / crops.len() as f64
    };
    let mut choice = 0;
    for setting in 1..settings {
        if mean(setting, &tuning) > mean(choice, &tuning) {
            choice = setting;
        }
    }
    // The held-out crops are looked at once, for one setting, when nothing is left to decide.
    let reported = mean(choice, &held_out);
    (choice as i64, reported, mean(choice, &tuning) - reported)
}
