//! A folder of images per class: `cats/*.png`, `dogs/*.jpg`.
//!
//! The rule: classes are the folder names in alphabetical order. Images that all have one size of at most 64 × 64 keep
//! it; otherwise each is scaled to fit 28 × 28 with its proportions kept, on a ground of its own border's mean colour.
//! The dataset is grey if no image has a coloured pixel, otherwise red, green, blue.

use std::fs;
use std::path::{Path, PathBuf};

use image::{DynamicImage, RgbImage};

use crate::picture::{self, Plane};
use crate::{DataError, Dataset};

/// Images up to this size keep it if all agree.
const LARGEST_KEPT: u32 = 64;
/// Rows and columns that images of several or large sizes are brought to.
const COMMON_SIZE: usize = 28;

/// What every image of a dataset is brought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Reads a folder with one folder of PNG or JPEG images per class.
pub fn read(dir: &Path) -> Result<Dataset, DataError> {
    read_as(dir, None)
}

/// As [`read`], with every image brought to `format` where one is given: a test part must look like its training part.
pub fn read_as(dir: &Path, format: Option<Format>) -> Result<Dataset, DataError> {
    let classes = subfolders(dir)?;
    if classes.is_empty() {
        let is_empty = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none());
        let reason = if is_empty { "it is empty" } else { "it has neither idx files nor class folders" }.to_owned();
        return Err(DataError::NoDataset { path: dir.to_path_buf(), reason });
    }
    let mut files = Vec::new();
    for (label, class) in classes.iter().enumerate() {
        let images = images_in(class)?;
        if images.is_empty() {
            return Err(DataError::EmptyClass { path: class.clone() });
        }
        files.extend(images.into_iter().map(|path| (path, label as i64)));
    }
    let class_names: Vec<String> = classes.iter().map(|path| name(path)).collect();
    if let [class] = class_names.as_slice() {
        return Err(DataError::SingleClass { path: dir.to_path_buf(), class: class.clone() });
    }
    let [height, width] = match format {
        Some(format) => [format.height, format.width],
        None => common_size(&files)?,
    };
    let colour = Format { channels: 3, height, width };
    let mut images = Vec::with_capacity(files.len() * 3 * height * width);
    for (path, _) in &files {
        images.extend(fit(&picture::open(path)?, colour));
    }
    let plane = height * width;
    let coloured = |image: &[u8]| (0..plane).any(|i| image[i] != image[plane + i] || image[i] != image[2 * plane + i]);
    let channels = match format {
        Some(format) => format.channels,
        None if images.chunks_exact(3 * plane).any(coloured) => 3,
        None => 1,
    };
    if channels == 1 {
        images = images.chunks_exact(3 * plane).flat_map(|image| grey(image, plane)).collect();
    }
    let labels = files.iter().map(|&(_, label)| label).collect();
    Ok(Dataset { images, labels, channels, height, width, class_names, source: dir.display().to_string() })
}

/// One picture in `format`: `[channels, height, width]` bytes. The right size is kept as it is; another is scaled to fit
/// with its proportions kept, on a ground of its border's mean colour.
pub fn fit(image: &DynamicImage, format: Format) -> Vec<u8> {
    let image = picture::flatten(image);
    let colour: Vec<u8> = (0..3).flat_map(|c| fit_channel(&image, c, format.height, format.width)).collect();
    if format.channels == 3 { colour } else { grey(&colour, format.height * format.width) }
}

/// Reads one picture (PNG or JPEG), turned upright as its camera says.
pub fn open_image(path: &Path) -> Result<DynamicImage, DataError> {
    picture::open(path)
}

fn fit_channel(image: &RgbImage, channel: usize, height: usize, width: usize) -> Vec<u8> {
    let (from_width, from_height) = (image.width() as usize, image.height() as usize);
    let data = image.pixels().map(|pixel| f32::from(pixel.0[channel])).collect();
    let plane = Plane { width: from_width, height: from_height, data };
    let scale = (width as f64 / from_width as f64).min(height as f64 / from_height as f64);
    let side = |from: usize, most: usize| ((from as f64 * scale).round() as usize).clamp(1, most);
    let scaled = plane.resized(side(from_width, width), side(from_height, height));
    let (mut sum, mut count) = (0.0, 0);
    for y in 0..from_height {
        let step = if y == 0 || y == from_height - 1 { 1 } else { (from_width - 1).max(1) };
        for x in (0..from_width).step_by(step) {
            sum += f64::from(plane.at(x, y));
            count += 1;
        }
    }
    let mut out = vec![(sum / f64::from(count)).round() as u8; height * width];
    let (top, left) = ((height - scaled.height) / 2, (width - scaled.width) / 2);
    for y in 0..scaled.height {
        for x in 0..scaled.width {
            out[(top + y) * width + left + x] = scaled.at(x, y).round().clamp(0.0, 255.0) as u8;
        }
    }
    out
}

/// Luma (ITU-R BT.601) of a planar red, green, blue image.
fn grey(colour: &[u8], plane: usize) -> Vec<u8> {
    let at = |c: usize, i: usize| u32::from(colour[c * plane + i]);
    (0..plane).map(|i| ((299 * at(0, i) + 587 * at(1, i) + 114 * at(2, i) + 500) / 1000) as u8).collect()
}

fn common_size(files: &[(PathBuf, i64)]) -> Result<[usize; 2], DataError> {
    let mut common = None;
    for (path, _) in files {
        let unreadable =
            |error: image::ImageError| DataError::UnreadableImage { path: path.clone(), reason: error.to_string() };
        let reader = image::ImageReader::open(path).map_err(DataError::io(path))?;
        let reader = reader.with_guessed_format().map_err(DataError::io(path))?;
        let size = reader.into_dimensions().map_err(unreadable)?;
        if size.0 > LARGEST_KEPT || size.1 > LARGEST_KEPT || common.is_some_and(|common| common != size) {
            return Ok([COMMON_SIZE; 2]);
        }
        common = Some(size);
    }
    Ok(common.map_or([COMMON_SIZE; 2], |(width, height)| [height as usize, width as usize]))
}

/// Folders in `dir`, sorted by name, without hidden ones.
pub(crate) fn subfolders(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    entries(dir, |path| path.is_dir())
}

fn images_in(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    let is_image = |path: &Path| {
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        path.is_file()
            && extension.is_some_and(|extension| extension == "png" || extension == "jpg" || extension == "jpeg")
    };
    entries(dir, is_image)
}

fn entries(dir: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, DataError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(DataError::io(dir))? {
        let path = entry.map_err(DataError::io(dir))?.path();
        if !name(&path).starts_with('.') && wanted(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
