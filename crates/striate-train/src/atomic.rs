//! Files that are either the old ones or the new ones, whatever happens in between.

use std::io::{self, Write};
use std::path::Path;

use crate::TrainError;

/// Replaces `path` by `bytes`: written beside it, forced to the disk, then renamed over it. A crash at any instant
/// leaves the old file or the new one.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    replace(path, bytes).map_err(TrainError::writing(path))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // The name starts with a dot: a leftover of a killed process is no file of the run.
    let mut file = tempfile::Builder::new().prefix(".write-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_folder(folder);
    Ok(())
}

/// Forces the rename itself to the disk, where the system offers that; elsewhere the rename is still atomic.
fn sync_folder(folder: &Path) {
    #[cfg(unix)]
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    #[cfg(not(unix))]
    let _ = folder;
}

/// Removes what interrupted writes left in `folder`.
pub(crate) fn remove_leftovers(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(".write-") {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn replaces_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::write(dir.path().join(".write-abc"), "half").unwrap();
        remove_leftovers(dir.path());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("digits-cnn-0001");
        fs::create_dir(&folder).unwrap();
        let checkpoint = folder.join("checkpoint.safetensors");
        let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap().write_all(b"x").unwrap_err();
        let text = TrainError::writing(&checkpoint)(full()).to_string();
        let start = format!("the disk is full: cannot write {}", checkpoint.display());
        assert!(text.starts_with(&start) && !text.contains("--resume"), "nothing to resume without settings: {text}");
        fs::write(folder.join("config.toml"), "").unwrap();
        let text = TrainError::writing(&checkpoint)(full()).to_string();
        assert!(text.contains("striate train --resume digits-cnn-0001"), "{text}");
    }
}
