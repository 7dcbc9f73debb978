//! A dataset in a folder, of whichever layout: idx files, or one folder of images per class.

use std::path::Path;

use crate::folder::{self, Format};
use crate::{DataError, Parts, idx};

/// Reads the dataset in `path`: idx files with MNIST's names, class folders below `train/` and `test/`, or class folders.
pub fn open(path: &Path) -> Result<Parts, DataError> {
    if !path.is_dir() {
        let reason = if path.exists() { "it is a file, not a folder" } else { "there is no such folder" };
        return Err(DataError::NoDataset { path: path.to_path_buf(), reason: reason.to_owned() });
    }
    let source = path.display().to_string();
    if let Some(train) = idx::read_part(path, "train", Vec::new(), &source)? {
        let names = train.class_names.clone();
        let test = match idx::read_part(path, "t10k", names.clone(), &source)? {
            None => idx::read_part(path, "test", names, &source)?,
            test => test,
        };
        if train.classes() < 2 {
            return Err(DataError::SingleClass { path: path.to_path_buf(), class: train.class_names[0].clone() });
        }
        return checked(path, Parts { train, test });
    }
    if path.join("train").is_dir() && !folder::subfolders(&path.join("train"))?.is_empty() {
        let train = folder::read(&path.join("train"))?;
        let format = Format { channels: train.channels, height: train.height, width: train.width };
        let test = path.join("test");
        let test = if test.is_dir() { Some(folder::read_as(&test, Some(format))?) } else { None };
        return checked(path, Parts { train, test });
    }
    Ok(Parts { train: folder::read(path)?, test: None })
}

/// Both parts must show the same classes in the same format.
fn checked(path: &Path, parts: Parts) -> Result<Parts, DataError> {
    let Some(test) = &parts.test else { return Ok(parts) };
    let train = &parts.train;
    let differ = |reason: String| DataError::PartsDiffer { path: path.to_path_buf(), reason };
    if test.class_names != train.class_names {
        let (train, test) = (train.class_names.join(", "), test.class_names.join(", "));
        return Err(differ(format!(
            "the training part has the classes {train}; the test part has {test}\nBoth need the same class folders."
        )));
    }
    let size = |part: &crate::Dataset| (part.channels, part.height, part.width);
    if size(test) != size(train) {
        let (train, test) = (size(train), size(test));
        return Err(differ(format!(
            "training images are {train:?} (channels, height, width), test images {test:?}\nBoth files must come from the same set."
        )));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use image::{Rgb, RgbImage};

    use super::*;

    fn picture(dir: &Path, name: &str, width: u32, height: u32, colour: [u8; 3]) -> PathBuf {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        RgbImage::from_pixel(width, height, Rgb(colour)).save(&path).unwrap();
        path
    }

    fn error(dir: &Path) -> String {
        open(dir).unwrap_err().to_string()
    }

    #[test]
    fn class_folders_in_alphabetical_order() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        picture(dir, "zebra/1.png", 8, 6, [10, 10, 10]);
        picture(dir, "ant/b.png", 8, 6, [30, 30, 30]);
        picture(dir, "ant/a.PNG", 8, 6, [20, 20, 20]);
        fs::write(dir.join("ant/notes.txt"), "not an image").unwrap();
        let parts = open(dir).unwrap();
        let train = parts.train;
        assert_eq!((train.channels, train.height, train.width), (1, 6, 8));
        assert_eq!(train.class_names, ["ant", "zebra"]);
        assert_eq!(train.labels, [0, 0, 1]);
        assert_eq!((train.image(0)[0], train.image(1)[0], train.image(2)[0]), (20, 30, 10));
        assert!(parts.test.is_none());
    }

    #[test]
    fn several_sizes_are_fitted_and_colour_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        picture(dir, "train/a/1.png", 80, 40, [200, 0, 0]);
        picture(dir, "train/b/1.jpg", 10, 20, [0, 0, 200]);
        picture(dir, "test/a/1.png", 5, 5, [7, 7, 7]);
        picture(dir, "test/b/1.png", 5, 5, [7, 7, 7]);
        let parts = open(dir).unwrap();
        let test = parts.test.unwrap();
        assert_eq!((parts.train.channels, parts.train.height, parts.train.width), (3, 28, 28));
        assert_eq!((test.channels, test.height, test.width), (3, 28, 28));
        assert!(parts.train.image(0)[..784].iter().all(|&red| red == 200));
        assert!(test.images.iter().all(|&value| value == 7));
    }

    #[test]
    fn says_what_is_wrong_with_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        assert!(error(&dir.join("nowhere")).contains("there is no such folder"));
        assert!(error(dir).contains("it is empty"));
        fs::write(dir.join("readme.txt"), "no image").unwrap();
        assert!(error(dir).contains("neither idx files nor class folders"));
        let first = picture(dir, "a/1.png", 4, 4, [1, 1, 1]);
        assert!(error(&first).contains("it is a file, not a folder"));
        assert!(error(dir).contains("one class only ('a')"));
        fs::create_dir(dir.join("b")).unwrap();
        assert!(error(dir).contains("has no PNG or JPEG image"));
        fs::write(dir.join("b/broken.png"), b"\x89PNG\r\n\x1a\nrubbish").unwrap();
        let text = error(dir);
        assert!(text.contains("cannot read the image") && text.contains("broken.png"), "{text}");
        fs::write(dir.join("train-images-idx3-ubyte"), [0, 0, 8, 3]).unwrap();
        assert!(error(dir).contains("the labels of the part 'train' are missing"));
    }
}
