//! The idx format of MNIST: a header of big-endian sizes, then bytes. Plain or gzip, told apart by content.
//!
//! Layout: `00 00 08 d`, then `d` sizes of four bytes each, then the unsigned bytes in row-major order (08 is the code
//! for unsigned bytes, the only element type image sets use).

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::{DataError, Dataset};

/// An array of unsigned bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array {
    /// Size of each dimension.
    pub shape: Vec<usize>,
    /// The values, row-major.
    pub data: Vec<u8>,
}

/// Reads one idx file, plain or gzip.
pub fn read(path: &Path) -> Result<Array, DataError> {
    let bytes = fs::read(path).map_err(DataError::io(path))?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return parse(bytes, path);
    }
    let mut decoded = Vec::new();
    match flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut decoded) {
        Ok(_) => parse(decoded, path),
        Err(error) => Err(DataError::Damaged { path: path.to_path_buf(), reason: error.to_string() }),
    }
}

/// Reads the bytes of an idx file; `path` is for the error texts.
pub fn parse(mut bytes: Vec<u8>, path: &Path) -> Result<Array, DataError> {
    let header = header_len(&bytes, path)?;
    let data = bytes.split_off(header);
    with_header(&bytes, data, path)
}

/// [`parse`] of a file whose header was read apart from its data.
pub(crate) fn with_header(header: &[u8], data: Vec<u8>, path: &Path) -> Result<Array, DataError> {
    let sizes = header[4..header_len(header, path)?].chunks_exact(4);
    let shape: Vec<u64> =
        sizes.map(|size| u64::from(u32::from_be_bytes([size[0], size[1], size[2], size[3]]))).collect();
    let expected = shape.iter().try_fold(1u64, |product, &size| product.checked_mul(size)).unwrap_or(u64::MAX);
    let found = data.len() as u64;
    if expected != found {
        return Err(DataError::WrongLength { path: path.to_path_buf(), expected, found });
    }
    Ok(Array { shape: shape.iter().map(|&size| size as usize).collect(), data })
}

/// Length of the header that `bytes` begin with.
fn header_len(bytes: &[u8], path: &Path) -> Result<usize, DataError> {
    let path = path.to_path_buf();
    match *bytes {
        [0, 0, 8, dimensions @ 1..=4, ..] => {
            let header = 4 + 4 * usize::from(dimensions);
            if bytes.len() < header {
                return Err(DataError::WrongLength {
                    path,
                    expected: header as u64 - 4,
                    found: bytes.len() as u64 - 4,
                });
            }
            Ok(header)
        }
        _ => Err(DataError::NotIdx { path, start: bytes[..bytes.len().min(4)].to_vec() }),
    }
}

/// Puts an array of images and one of labels together. `class_names` may be empty: the classes are then `0` to the
/// largest label.
pub fn dataset(
    (images, images_path): (Array, &Path),
    (labels, labels_path): (Array, &Path),
    class_names: Vec<String>,
    source: String,
) -> Result<Dataset, DataError> {
    let wrong = |path: &Path, array: &Array, expected| DataError::WrongIdxKind {
        path: path.to_path_buf(),
        found: format!("the file holds an array of shape {:?}", array.shape),
        expected,
    };
    let (count, channels, height, width) = match images.shape[..] {
        [count, height, width] => (count, 1, height, width),
        [count, channels @ (1 | 3), height, width] => (count, channels, height, width),
        _ => return Err(wrong(images_path, &images, "an array of images, [count, height, width]")),
    };
    if count == 0 || height == 0 || width == 0 {
        return Err(wrong(images_path, &images, "at least one image"));
    }
    let [label_count] = labels.shape[..] else {
        return Err(wrong(labels_path, &labels, "a list of labels, [count]"));
    };
    if label_count != count {
        let (images_path, labels_path) = (images_path.to_path_buf(), labels_path.to_path_buf());
        return Err(DataError::CountMismatch { images_path, labels_path, images: count, labels: label_count });
    }
    let largest = labels.data.iter().copied().max().map_or(0, usize::from);
    let class_names: Vec<String> =
        if class_names.is_empty() { (0..=largest).map(|class| class.to_string()).collect() } else { class_names };
    if largest >= class_names.len() {
        let reason =
            format!("label {largest} in {}, but there are {} classes", labels_path.display(), class_names.len());
        return Err(DataError::PartsDiffer { path: labels_path.to_path_buf(), reason });
    }
    let labels = labels.data.into_iter().map(i64::from).collect();
    Ok(Dataset { images: images.data, labels, channels, height, width, class_names, source })
}

/// The file `part`-images or -labels of the MNIST naming in `dir`, if it is there: `train-images-idx3-ubyte`, with
/// `.gz`, or with a dot as in `train-images.idx3-ubyte`.
pub fn find(dir: &Path, part: &str, what: &str, dimensions: u8) -> Option<PathBuf> {
    ["-", "."]
        .iter()
        .flat_map(|joint| ["", ".gz"].map(|end| dir.join(format!("{part}-{what}{joint}idx{dimensions}-ubyte{end}"))))
        .find(|path| path.is_file())
}

/// Reads images and labels of `part` (`train`, `t10k`) from `dir`, or `None` if neither file is there.
pub fn read_part(dir: &Path, part: &str, class_names: Vec<String>, source: &str) -> Result<Option<Dataset>, DataError> {
    let missing = |what: &str| DataError::NoDataset {
        path: dir.to_path_buf(),
        reason: format!("the {what} of the part '{part}' are missing"),
    };
    match (find(dir, part, "images", 3), find(dir, part, "labels", 1)) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(missing("labels")),
        (None, Some(_)) => Err(missing("images")),
        (Some(images), Some(labels)) => {
            let part = dataset((read(&images)?, &images), (read(&labels)?, &labels), class_names, source.to_owned())?;
            Ok(Some(part))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn idx(shape: &[u32], data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, shape.len() as u8];
        bytes.extend(shape.iter().flat_map(|size| size.to_be_bytes()));
        bytes.extend(data);
        bytes
    }

    fn message(bytes: Vec<u8>) -> String {
        parse(bytes, Path::new("some-file")).unwrap_err().to_string()
    }

    #[test]
    fn reads_plain_and_gzip() {
        let dir = tempfile::tempdir().unwrap();
        let bytes = idx(&[2, 3], &[1, 2, 3, 4, 5, 6]);
        let (plain, gzip) = (dir.path().join("plain"), dir.path().join("zipped"));
        fs::write(&plain, &bytes).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&bytes).unwrap();
        let zipped = encoder.finish().unwrap();
        fs::write(&gzip, &zipped).unwrap();
        let expected = Array { shape: vec![2, 3], data: vec![1, 2, 3, 4, 5, 6] };
        assert_eq!(read(&plain).unwrap(), expected);
        assert_eq!(read(&gzip).unwrap(), expected);

        fs::write(&gzip, &zipped[..zipped.len() - 9]).unwrap();
        assert!(read(&gzip).unwrap_err().to_string().contains("zipped is damaged"));
    }

    #[test]
    fn names_what_is_wrong() {
        assert!(message(b"PNG...".to_vec()).contains("some-file is not an idx file: it starts with 50 4e 47 2e"));
        assert!(message(vec![]).contains("it is empty"));
        assert!(message(idx(&[2, 2], &[1, 2, 3])).contains("cut short: its header promises 4 bytes of data, it has 3"));
        assert!(message(idx(&[2], &[1, 2, 3])).contains("longer than it should be"));
        assert!(message(vec![0, 0, 8, 3, 0, 0]).contains("cut short"));
        assert!(message(idx(&[u32::MAX; 4], &[1])).contains("cut short"));
        assert!(message(vec![0, 0, 13, 1, 0, 0, 0, 0]).contains("not an idx file"));
    }

    #[test]
    fn images_and_labels_must_belong_together() {
        let path = Path::new("f");
        let images = parse(idx(&[2, 1, 1], &[1, 2]), path).unwrap();
        let labels = parse(idx(&[3], &[0, 1, 1]), path).unwrap();
        let joined = |images: &Array, labels: &Array| {
            dataset((images.clone(), path), (labels.clone(), path), vec![], String::new())
                .map_err(|error| error.to_string())
        };
        assert!(joined(&images, &labels).unwrap_err().contains("2 images but f has 3 labels"));
        assert!(joined(&labels, &images).unwrap_err().contains("an array of images"));
    }
}
