//! The cache folder: decoded copies of what the program carries. Everything in it can be deleted at any time.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The user's cache folder for Striate; `STRIATE_CACHE` moves it. `None` if the system names none.
pub fn folder() -> Option<PathBuf> {
    match std::env::var_os("STRIATE_CACHE") {
        Some(folder) if !folder.is_empty() => Some(PathBuf::from(folder)),
        _ => directories::ProjectDirs::from("", "", "striate").map(|dirs| dirs.cache_dir().to_path_buf()),
    }
}

/// The bytes of `file`: from `folder` if a sound copy is there, else decoded and, where possible, kept there.
///
/// A copy with the wrong size or checksum is replaced. A folder that cannot be written to only costs the time of
/// decoding again.
pub fn decoded(file: &striate_mnist::File, folder: Option<&Path>) -> Result<Vec<u8>, striate_mnist::DecodeError> {
    let path = folder.map(|folder| folder.join("mnist").join(file.name));
    let kept = path.as_deref().and_then(|path| fs::read(path).ok());
    if let Some(bytes) = kept.filter(|bytes| bytes.len() == file.len && sha256(bytes) == file.sha256) {
        return Ok(bytes);
    }
    let bytes = file.decode()?;
    if let Some(path) = path {
        // Not being able to cache is no failure: the bytes are here.
        let _ = keep(&path, &bytes);
    }
    Ok(bytes)
}

/// Writes `path` so that no other process ever sees half a file.
fn keep(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_copy_is_replaced_and_a_sound_one_used() {
        let dir = tempfile::tempdir().unwrap();
        let file = striate_mnist::TEST_LABELS;
        let path = dir.path().join("mnist").join(file.name);
        let bytes = decoded(&file, Some(dir.path())).unwrap();
        assert_eq!(sha256(&bytes), file.sha256);
        assert_eq!(fs::read(&path).unwrap(), bytes);

        let mut damaged = bytes.clone();
        damaged[5000] ^= 1;
        fs::write(&path, damaged).unwrap();
        assert_eq!(decoded(&file, Some(dir.path())).unwrap(), bytes);
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_no_failure() {
        let dir = tempfile::tempdir().unwrap();
        let blocked = dir.path().join("a-file");
        fs::write(&blocked, "in the way").unwrap();
        let file = striate_mnist::TEST_LABELS;
        assert_eq!(decoded(&file, Some(&blocked)).unwrap().len(), file.len);
        assert_eq!(decoded(&file, None).unwrap().len(), file.len);
    }
}
