use striate_array::Array;

pub fn choose_epoch(validation: &Array<f64>, test: &Array<f64>) -> (i64, f64) {
    let epochs = (0..validation.len()).filter(|&epoch| !validation[[epoch]].is_nan());
    // Strictly better: the earliest of equals stays.
    let best = epochs.reduce(|best, epoch| if validation[[epoch]] > validation[[best]] { epoch } else { best });
    let best = best.expect("no epoch has a validation accuracy");
    (best as i64, test[[best]])
}
