//! The MNIST digits, compressed, as one crate: 60 000 training and 10 000 test images of handwritten digits.
//!
//! The four standard idx files travel as xz inside the program, so nothing is ever downloaded. This crate only holds
//! and decodes them; `striate-data` caches the decoded files and turns them into a dataset.
//!
//! Source: Y. LeCun, C. Cortes, C. J. C. Burges, *The MNIST database of handwritten digits* (1998).
//!
//! ```
//! let labels = striate_mnist::TEST_LABELS.decode()?;
//! assert_eq!(labels.len(), 8 + 10_000);
//! assert_eq!(labels[8], 7); // the first test digit is a seven
//! # Ok::<(), striate_mnist::DecodeError>(())
//! ```

use std::io::Read;

/// One idx file of the set, held compressed.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// The file's name as published.
    pub name: &'static str,
    /// Size in bytes once decoded.
    pub len: usize,
    /// Bytes of them before the pixels or labels: kind and sizes.
    pub header_len: usize,
    /// SHA-256 of the decoded bytes, in lower-case hexadecimal.
    pub sha256: &'static str,
    /// CRC-32 of the decoded bytes (the one of zip and PNG): a check that costs milliseconds, for copies on the disk.
    pub crc32: u32,
    xz: &'static [u8],
}

/// The embedded bytes do not decode to the file they stand for: the program itself is damaged.
#[derive(Debug, thiserror::Error)]
#[error("the copy of {name} inside the program is damaged ({reason}): install Striate again")]
pub struct DecodeError {
    name: &'static str,
    reason: String,
}

impl File {
    /// Decompresses the file into memory.
    pub fn decode(&self) -> Result<Vec<u8>, DecodeError> {
        let mut bytes = Vec::with_capacity(self.len);
        let decoded = liblzma::read::XzDecoder::new(self.xz).read_to_end(&mut bytes);
        decoded.map_err(|error| DecodeError { name: self.name, reason: error.to_string() })?;
        if bytes.len() != self.len {
            let reason = format!("{} bytes, expected {}", bytes.len(), self.len);
            return Err(DecodeError { name: self.name, reason });
        }
        Ok(bytes)
    }

    /// Size in bytes as embedded.
    pub fn compressed_len(&self) -> usize {
        self.xz.len()
    }
}

/// Training images: 60 000 × 28 × 28 bytes after a 16-byte header.
pub const TRAIN_IMAGES: File = File {
    name: "train-images-idx3-ubyte",
    len: 47_040_016,
    header_len: 16,
    sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    crc32: 0xe9f4_d8b3,
    xz: include_bytes!("../files/train-images-idx3-ubyte.xz"),
};

/// Training labels: 60 000 bytes after an 8-byte header.
pub const TRAIN_LABELS: File = File {
    name: "train-labels-idx1-ubyte",
    len: 60_008,
    header_len: 8,
    sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    crc32: 0xe0cb_4ad2,
    xz: include_bytes!("../files/train-labels-idx1-ubyte.xz"),
};

/// Test images: 10 000 × 28 × 28 bytes after a 16-byte header.
pub const TEST_IMAGES: File = File {
    name: "t10k-images-idx3-ubyte",
    len: 7_840_016,
    header_len: 16,
    sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    crc32: 0x9137_3bdf,
    xz: include_bytes!("../files/t10k-images-idx3-ubyte.xz"),
};

/// Test labels: 10 000 bytes after an 8-byte header.
pub const TEST_LABELS: File = File {
    name: "t10k-labels-idx1-ubyte",
    len: 10_008,
    header_len: 8,
    sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    crc32: 0x4ab9_eff9,
    xz: include_bytes!("../files/t10k-labels-idx1-ubyte.xz"),
};

/// All four files.
pub const FILES: [File; 4] = [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_fits_a_package_registry() {
        let total: usize = FILES.iter().map(File::compressed_len).sum();
        assert!(total < 10_000_000, "{total} bytes");
    }

    #[test]
    fn labels_and_test_images_decode_to_idx_files() {
        for file in [TRAIN_LABELS, TEST_LABELS] {
            assert_eq!(file.decode().unwrap()[..4], [0, 0, 8, 1]);
        }
        let images = TEST_IMAGES.decode().unwrap();
        assert_eq!(images[..16], [0, 0, 8, 3, 0, 0, 0x27, 0x10, 0, 0, 0, 28, 0, 0, 0, 28]);
    }
}
