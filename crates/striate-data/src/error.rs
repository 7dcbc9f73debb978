//! What can be wrong with data: each text says what, where, and what to do.

use std::path::{Path, PathBuf};

/// Why data could not be read or used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file or folder cannot be opened or read.
    #[error("cannot read {}: {source}\nCheck the path and that you may read it.", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not an idx file.
    #[error(
        "{} is not an idx file: it starts with {}, an idx file with 00 00 08 and the number of dimensions\n\
         Give the files of the MNIST format (such as train-images-idx3-ubyte, plain or .gz), or a folder with one folder \
         of PNG or JPEG images per class.",
        path.display(), hex(start)
    )]
    NotIdx {
        /// The file.
        path: PathBuf,
        /// Its first bytes.
        start: Vec<u8>,
    },
    /// An idx file of another kind than wanted (labels for images, another element type).
    #[error("{}: {found}, but {expected} is needed here\nCheck that the file has the right name.", path.display())]
    WrongIdxKind {
        /// The file.
        path: PathBuf,
        /// What its header says.
        found: String,
        /// What is needed.
        expected: &'static str,
    },
    /// The file is shorter or longer than its header says.
    #[error(
        "{} is {}: its header promises {expected} bytes of data, it has {found}\nCopy or download the file again.",
        path.display(), if found < expected { "cut short" } else { "longer than it should be" }
    )]
    WrongLength {
        /// The file.
        path: PathBuf,
        /// Bytes of data the header announces.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// The compressed file does not decompress.
    #[error("{} is damaged: {reason}\nCopy or download the file again.", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        reason: String,
    },
    /// Images and labels do not belong together.
    #[error(
        "{} has {images} images but {} has {labels} labels\nThe two files must come from the same set.",
        images_path.display(), labels_path.display()
    )]
    CountMismatch {
        /// File of the images.
        images_path: PathBuf,
        /// File of the labels.
        labels_path: PathBuf,
        /// Number of images.
        images: usize,
        /// Number of labels.
        labels: usize,
    },
    /// There is no dataset in the folder.
    #[error(
        "no dataset in {}: {reason}\nStriate reads two layouts:\n  \
         idx files:            train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz] (and t10k-... for the test part)\n  \
         one folder per class: cats/*.png, dogs/*.jpg, ... (optionally below train/ and test/)",
        path.display()
    )]
    NoDataset {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// Fewer than two classes: nothing to tell apart.
    #[error(
        "{} has images of one class only ('{class}'): a classifier needs at least two\nAdd a folder of images for each further class.",
        path.display()
    )]
    SingleClass {
        /// The folder.
        path: PathBuf,
        /// The only class.
        class: String,
    },
    /// A class folder has no image.
    #[error(
        "the class folder {} has no PNG or JPEG image\nPut images of the class there, or remove the folder.",
        path.display()
    )]
    EmptyClass {
        /// The folder of the class.
        path: PathBuf,
    },
    /// An image file does not decode.
    #[error("cannot read the image {}: {reason}\nReplace or remove the file.", path.display())]
    UnreadableImage {
        /// The image.
        path: PathBuf,
        /// What the decoder said.
        reason: String,
    },
    /// The parts of a dataset do not fit each other.
    #[error("{}: {reason}", path.display())]
    PartsDiffer {
        /// The dataset's folder.
        path: PathBuf,
        /// How they differ and what to do.
        reason: String,
    },
    /// Too few images to hold some out.
    #[error("{0}")]
    TooFewImages(String),
    /// Fashion-MNIST is nowhere to be found.
    #[error(
        "Fashion-MNIST is not on this computer. Put the four files train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, \
         t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz (from github.com/zalandoresearch/fashion-mnist, folder \
         data/fashion, 31 MB) into one of these folders, or set STRIATE_DATA to the folder that contains fashion-mnist/:\n{}",
        tried.iter().map(|path| format!("  {}", path.display())).collect::<Vec<_>>().join("\n")
    )]
    FashionMissing {
        /// The folders that were looked at.
        tried: Vec<PathBuf>,
    },
    /// The picture shows nothing.
    #[error(
        "no digit in the picture: {0}\nUse a picture of one digit that is clearly darker or lighter than its background."
    )]
    Blank(String),
    /// The program's own copy of MNIST is damaged.
    #[error(transparent)]
    Embedded(#[from] striate_mnist::DecodeError),
}

impl DataError {
    /// An [`Io`](DataError::Io) error about `path`, for `map_err`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> DataError + '_ {
        move |source| DataError::Io { path: path.to_path_buf(), source }
    }
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing (it is empty)".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}
