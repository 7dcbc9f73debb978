//! Fashion-MNIST: ten kinds of clothing in MNIST's format (H. Xiao, K. Rasul, R. Vollgraf, 2017). Not carried by the
//! program (31 MB): looked for beside it.

use std::path::PathBuf;

use crate::{DataError, Parts, idx};

/// The ten classes, in the order of the labels.
pub const CLASS_NAMES: [&str; 10] =
    ["T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

/// Folders that may hold the four files, in the order in which they are tried: `$STRIATE_DATA/fashion-mnist`,
/// `$STRIATE_DATA`, `data/fashion-mnist` below the current folder, then beside the program and its parent folders.
pub fn candidates() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Some(data) = std::env::var_os("STRIATE_DATA").filter(|value| !value.is_empty()).map(PathBuf::from) {
        folders.extend([data.join("fashion-mnist"), data]);
    }
    if let Ok(current) = std::env::current_dir() {
        folders.push(current.join("data").join("fashion-mnist"));
    }
    let program = std::env::current_exe().and_then(|path| path.canonicalize()).unwrap_or_default();
    // A build in a clone lies in target/<profile>/ or target/<profile>/deps/: the repository is up to four steps above.
    folders.extend(program.ancestors().skip(1).take(5).map(|above| above.join("data").join("fashion-mnist")));
    folders.dedup();
    folders
}

/// Reads the set from the first folder that has it.
pub fn read() -> Result<Parts, DataError> {
    read_from(candidates())
}

fn read_from(folders: Vec<PathBuf>) -> Result<Parts, DataError> {
    let is_there = |folder: &&PathBuf| idx::find(folder, "train", "images", 3).is_some();
    let Some(folder) = folders.iter().find(is_there) else { return Err(DataError::FashionMissing { tried: folders }) };
    let part = |name: &str| {
        let names = CLASS_NAMES.map(str::to_owned).to_vec();
        let missing = || DataError::NoDataset { path: folder.clone(), reason: format!("the part '{name}' is missing") };
        idx::read_part(folder, name, names, "Fashion-MNIST")?.ok_or_else(missing)
    };
    Ok(Parts { train: part("train")?, test: Some(part("t10k")?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_to_put_it() {
        let tried = vec![PathBuf::from("a/fashion-mnist"), PathBuf::from("b")];
        let text = read_from(tried).unwrap_err().to_string();
        assert!(text.contains("train-images-idx3-ubyte.gz") && text.contains("\n  a/fashion-mnist\n  b"), "{text}");
    }
}
