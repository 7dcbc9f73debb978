//! The cache folder: decoded copies of what the program carries. Everything in it can be deleted at any time.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crc32fast::Hasher;
use striate_kernels::threads;

/// Bytes that one task reads and checks: few tasks, but enough for all threads to have some.
const BYTES_PER_TASK: usize = 1 << 20;

/// A decoded file in its two parts.
#[derive(Debug, PartialEq)]
pub struct Decoded {
    /// Kind and sizes.
    pub header: Vec<u8>,
    /// Pixels or labels.
    pub data: Vec<u8>,
}

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
pub fn decoded(file: &striate_mnist::File, folder: Option<&Path>) -> Result<Decoded, striate_mnist::DecodeError> {
    let path = folder.map(|folder| folder.join("mnist").join(file.name));
    if let Some(kept) = path.as_deref().and_then(|path| read(file, path).ok().flatten()) {
        return Ok(kept);
    }
    let mut header = file.decode()?;
    if let Some(path) = path {
        // Not being able to cache is no failure: the bytes are here.
        let _ = keep(&path, &header);
    }
    let data = header.split_off(file.header_len);
    Ok(Decoded { header, data })
}

/// The copy at `path`; `None` if it has another size or checksum than `file`.
fn read(file: &striate_mnist::File, path: &Path) -> io::Result<Option<Decoded>> {
    let mut copy = fs::File::open(path)?;
    if copy.metadata()?.len() != file.len as u64 {
        return Ok(None);
    }
    let mut header = vec![0; file.header_len];
    copy.read_exact(&mut header)?;
    let mut data = vec![0; file.len - file.header_len];
    let checksum = read_checked(&copy, &header, &mut data)?;
    Ok((checksum == file.crc32).then_some(Decoded { header, data }))
}

/// Fills `data` with what follows `header` in the file, on all threads, and gives the checksum of both.
fn read_checked(file: &fs::File, header: &[u8], data: &mut [u8]) -> io::Result<u32> {
    let tasks = data.len().div_ceil(BYTES_PER_TASK);
    let hashers: Mutex<Vec<io::Result<Hasher>>> = Mutex::new((0..tasks).map(|_| Ok(Hasher::new())).collect());
    threads::parallel_chunks_mut(data, BYTES_PER_TASK, &|task, piece| {
        let hasher = read_at(file, piece, header.len() + task * BYTES_PER_TASK).map(|()| {
            let mut hasher = Hasher::new();
            hasher.update(piece);
            hasher
        });
        hashers.lock().expect("no task panics with the lock")[task] = hasher;
    });
    let mut whole = Hasher::new();
    whole.update(header);
    for hasher in hashers.into_inner().expect("no task panics with the lock") {
        whole.combine(&hasher?);
    }
    Ok(whole.finalize())
}

#[cfg(unix)]
fn read_at(file: &fs::File, piece: &mut [u8], offset: usize) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, piece, offset as u64)
}

#[cfg(windows)]
fn read_at(file: &fs::File, mut piece: &mut [u8], mut offset: usize) -> io::Result<()> {
    while !piece.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_read(file, piece, offset as u64)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        piece = &mut piece[count..];
        offset += count;
    }
    Ok(())
}

/// Writes `path` so that no other process ever sees half a file.
fn keep(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn a_damaged_copy_is_replaced_and_a_sound_one_used() {
        let dir = tempfile::tempdir().unwrap();
        let file = striate_mnist::TEST_IMAGES;
        let path = dir.path().join("mnist").join(file.name);
        let first = decoded(&file, Some(dir.path())).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!([&first.header[..], &first.data].concat(), bytes);
        assert_eq!(read(&file, &path).unwrap().as_ref(), Some(&first));

        // In the header, in the first and in the last of the pieces that are read at once.
        for place in [7, 5000, bytes.len() - 1] {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            fs::write(&path, damaged).unwrap();
            assert_eq!(read(&file, &path).unwrap(), None);
            assert_eq!(decoded(&file, Some(dir.path())).unwrap(), first);
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        fs::write(&path, &bytes[1..]).unwrap();
        assert_eq!(read(&file, &path).unwrap(), None);
    }

    #[test]
    fn both_checksums_are_those_of_the_embedded_files() {
        for file in [striate_mnist::TEST_LABELS, striate_mnist::TRAIN_LABELS, striate_mnist::TEST_IMAGES] {
            let bytes = file.decode().unwrap();
            let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!((sha256.as_str(), crc32fast::hash(&bytes)), (file.sha256, file.crc32), "{}", file.name);
        }
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_no_failure() {
        let dir = tempfile::tempdir().unwrap();
        let blocked = dir.path().join("a-file");
        fs::write(&blocked, "in the way").unwrap();
        let file = striate_mnist::TEST_LABELS;
        assert_eq!(decoded(&file, Some(&blocked)).unwrap().data.len(), file.len - 8);
        assert_eq!(decoded(&file, None).unwrap().data.len(), file.len - 8);
    }
}
