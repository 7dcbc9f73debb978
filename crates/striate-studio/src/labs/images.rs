//! The pictures that labs offer: a few photographs carried in the binary, and small ones whose numbers can be read.

use ndarray::Array2;

use super::control::{Choice, Picture};

/// Pictures to choose from.
pub const CHOICES: &[Choice] = &[
    ("camera", "Camera"),
    ("chelsea", "Cat"),
    ("coffee", "Coffee"),
    ("brick", "Bricks"),
    ("step", "Step, 8 × 10"),
    ("impulse", "Impulse, 9 × 9"),
    ("corner", "Corner, 9 × 9"),
];

/// The picture of that name (or the one the page sent) as grey levels 0 to 255.
pub fn load(name: &str) -> Result<Array2<f64>, String> {
    let bytes: &[u8] = match name {
        "camera" => include_bytes!("../../images/camera.png"),
        "chelsea" => include_bytes!("../../images/chelsea.png"),
        "coffee" => include_bytes!("../../images/coffee.png"),
        "brick" => include_bytes!("../../images/brick.png"),
        "step" => return Ok(Array2::from_shape_fn((8, 10), |(_, column)| if column < 5 { 20.0 } else { 220.0 })),
        "impulse" => return Ok(Array2::from_shape_fn((9, 9), |place| if place == (4, 4) { 255.0 } else { 0.0 })),
        "corner" => {
            return Ok(Array2::from_shape_fn((9, 9), |(row, column)| if row > 3 && column > 3 { 200.0 } else { 40.0 }));
        }
        other => {
            let picture = Picture::parse(other)?;
            let grey = picture.pixels.iter().copied().map(f64::from).collect();
            return Array2::from_shape_vec((picture.height, picture.width), grey).map_err(|error| error.to_string());
        }
    };
    let grey = image::load_from_memory(bytes).map_err(|error| format!("cannot decode {name}: {error}"))?.into_luma8();
    let (width, height) = grey.dimensions();
    Ok(Array2::from_shape_fn((height as usize, width as usize), |(row, column)| {
        f64::from(grey.get_pixel(column as u32, row as u32).0[0])
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_loads() {
        for (name, _) in CHOICES {
            let picture = load(name).unwrap();
            assert!(picture.iter().any(|value| *value > 100.0), "{name} is dark");
        }
        assert_eq!(load("2x1:AP8=").unwrap(), ndarray::array![[0.0, 255.0]]);
        assert!(load("nothing").is_err());
    }
}
