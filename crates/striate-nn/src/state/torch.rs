//! The two formats of `torch.save`: a zip archive (since PyTorch 1.6), and before that a row of pickles.
//!
//! Both hold one pickle with the names, types and shapes, and the numbers as records beside it. A tensor is a view of a
//! record: two tensors may share one, and its strides may be any.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::element::StoredType;
use super::pickle::{self, Objects, TensorPlan, Value, damaged};
use super::{Format, StateError, StoredTensor, WeightFile};

/// What every file of the old format begins with: a pickle of a large number.
pub(super) const LEGACY_MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// What a zip archive begins with.
pub(super) const ZIP_MAGIC: &[u8] = b"PK\x03\x04";

/// The largest pickle that is read. That of a state dictionary has about 200 bytes for each tensor.
const LARGEST_PICKLE: u64 = 32 << 20;
/// Tensors may share memory in the file but not here, so they can be larger than the file; more than so many times is
/// refused.
const MOST_GROWTH: usize = 8;
/// Always allowed, whatever the file's size.
const FREE_GROWTH: usize = 16 << 20;
/// Where checkpoints keep the weights, most telling first.
const USUAL_KEYS: [&str; 6] = ["state_dict", "model_state_dict", "model", "net", "network", "weights"];

/// The records of numbers, by name.
trait Records {
    fn bytes(&mut self, key: &str) -> Result<Vec<u8>, StateError>;
}

/// Reads a zip archive.
pub(super) fn read_zip(bytes: &[u8], key: Option<&str>) -> Result<WeightFile, StateError> {
    let archive = ZipArchive::new(Cursor::new(bytes)).map_err(zip_error("its list of records"))?;
    let names: Vec<String> = archive.file_names().flatten().map(|name| name.into_owned()).collect();
    if names.iter().any(|name| name.ends_with("/constants.pkl")) {
        return Err(StateError::Script);
    }
    let pickle = names.iter().find(|name| *name == "data.pkl" || name.ends_with("/data.pkl"));
    let Some(pickle) = pickle else { return Err(StateError::Unknown) };
    let folder = pickle.strip_suffix("data.pkl").unwrap_or_default().to_owned();
    let mut records = ZipRecords { archive, folder, file_size: bytes.len() as u64 };
    if records.archive.index_for_name(&format!("{}byteorder", records.folder)).is_some()
        && records.record("byteorder", 16)? != b"little"
    {
        return Err(damaged("its numbers are big-endian; save it again on a usual machine"));
    }
    let pickle = records.record("data.pkl", LARGEST_PICKLE)?;
    let mut objects = Objects::default();
    let (root, _) = pickle::read(&pickle, &mut objects)?;
    weights(&objects, root, key, Format::PyTorch, bytes.len(), &mut records)
}

struct ZipRecords<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// What the names of all records begin with.
    folder: String,
    file_size: u64,
}

impl ZipRecords<'_> {
    fn record(&mut self, name: &str, largest: u64) -> Result<Vec<u8>, StateError> {
        let path = format!("{}{name}", self.folder);
        let record = self.archive.by_name(&path).map_err(zip_error(name))?;
        let size = record.size();
        if size > largest {
            return Err(damaged(format!("its record `{name}` has {size} bytes, more than the {largest} it may have")));
        }
        let mut bytes = Vec::new();
        // Only stored records are read, so that this is no more than the file has.
        record
            .take(largest)
            .read_to_end(&mut bytes)
            .map_err(|error| damaged(format!("its record `{name}`: {error}")))?;
        Ok(bytes)
    }
}

impl Records for ZipRecords<'_> {
    fn bytes(&mut self, key: &str) -> Result<Vec<u8>, StateError> {
        self.record(&format!("data/{key}"), self.file_size)
    }
}

fn zip_error(what: &str) -> impl FnOnce(ZipError) -> StateError {
    let what = what.to_owned();
    move |error| match error {
        ZipError::FileNotFound => damaged(format!("it has no record `{what}`")),
        ZipError::UnsupportedArchive(reason) => {
            damaged(format!("its record `{what}` is not stored as PyTorch stores it ({reason})"))
        }
        other => damaged(format!("`{what}` cannot be read: {other}")),
    }
}

/// Reads the format before PyTorch 1.6: pickles of a magic number, a version, the machine, the object and the list of
/// records, then for each record its length and its bytes.
pub(super) fn read_legacy(bytes: &[u8], key: Option<&str>) -> Result<WeightFile, StateError> {
    let mut objects = Objects::default();
    let mut at = LEGACY_MAGIC.len();
    let mut next = |objects: &mut Objects| {
        let (value, length) = pickle::read(&bytes[at..], objects)?;
        at += length;
        Ok::<Value, StateError>(value)
    };
    let (_version, _machine) = (next(&mut objects)?, next(&mut objects)?);
    let root = next(&mut objects)?;
    let order = next(&mut objects)?;
    let order = objects.members(order).ok_or_else(|| damaged("it has no list of its records"))?;
    let order: Vec<&str> = order.iter().filter_map(|&key| objects.text(key)).collect();
    let sizes = objects.storage_sizes();
    let mut records = LegacyRecords { bytes, places: HashMap::new() };
    for key in order {
        let rest = &bytes[at..];
        let Some((length, rest)) = rest.split_first_chunk::<8>() else { return Err(cut(key)) };
        let element = sizes.get(key).copied().ok_or_else(|| damaged(format!("nothing uses its record `{key}`")))?;
        let length = usize::try_from(i64::from_le_bytes(*length)).ok().and_then(|count| count.checked_mul(element));
        let length = length.filter(|&length| length <= rest.len()).ok_or_else(|| cut(key))?;
        records.places.insert(key.to_owned(), at + 8..at + 8 + length);
        at += 8 + length;
    }
    weights(&objects, root, key, Format::PyTorchLegacy, bytes.len(), &mut records)
}

fn cut(key: &str) -> StateError {
    damaged(format!("it ends in the middle of its record `{key}`"))
}

struct LegacyRecords<'a> {
    bytes: &'a [u8],
    places: HashMap<String, std::ops::Range<usize>>,
}

impl Records for LegacyRecords<'_> {
    fn bytes(&mut self, key: &str) -> Result<Vec<u8>, StateError> {
        let place = self.places.get(key).ok_or_else(|| damaged(format!("it has no record `{key}`")))?;
        Ok(self.bytes[place.clone()].to_vec())
    }
}

/// Finds the state dictionary below `root` and reads its tensors.
fn weights(
    objects: &Objects,
    root: Value,
    key: Option<&str>,
    format: Format,
    file_size: usize,
    records: &mut dyn Records,
) -> Result<WeightFile, StateError> {
    let Found { entries, under, beside } = find(objects, root, key)?;
    let mut budget = file_size.saturating_mul(MOST_GROWTH).saturating_add(FREE_GROWTH);
    let mut gather = Gather { records, read: HashMap::new() };
    let mut tensors: Vec<StoredTensor> = Vec::with_capacity(entries.len());
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(entries.len());
    for (name, plan) in entries {
        let bytes = needed_bytes(name, plan)?;
        budget = budget.checked_sub(bytes).ok_or_else(|| {
            damaged(format!("its tensors would need more than {MOST_GROWTH} times the memory of the file"))
        })?;
        let tensor = plan.dtype.tensor(&gather.tensor(name, plan)?, &plan.shape);
        let stored = StoredTensor { name: name.to_owned(), dtype: plan.dtype, tensor };
        match places.get(name) {
            Some(&place) => tensors[place] = stored,
            None => {
                places.insert(name, tensors.len());
                tensors.push(stored);
            }
        }
    }
    Ok(WeightFile { format, under, beside, tensors })
}

/// The entries of a state dictionary, where it lies, and what lies beside it.
struct Found<'a> {
    entries: Vec<(&'a str, &'a TensorPlan)>,
    under: Option<String>,
    beside: Vec<String>,
}

fn find<'a>(objects: &'a Objects, root: Value, key: Option<&str>) -> Result<Found<'a>, StateError> {
    let Some(dict) = objects.dict(root) else {
        return Err(StateError::NoWeights { found: Vec::new() });
    };
    let names = |dict: &[(Value, Value)]| -> Vec<String> {
        dict.iter().filter_map(|&(key, _)| objects.text(key)).map(str::to_owned).collect()
    };
    let tensors = |dict: &'a [(Value, Value)]| -> Vec<(&'a str, &'a TensorPlan)> {
        dict.iter().filter_map(|&(key, value)| Some((objects.text(key)?, objects.tensor(value)?))).collect()
    };
    let direct = tensors(dict);
    if key.is_none() && (!direct.is_empty() || dict.is_empty()) {
        let is_tensor = |name: &String| direct.iter().any(|(tensor, _)| tensor == name);
        let beside = if direct.len() == dict.len() { Vec::new() } else { names(dict) };
        let beside = beside.into_iter().filter(|name| !is_tensor(name)).collect();
        return Ok(Found { entries: direct, under: None, beside });
    }
    let inner = |wanted: &str| {
        let value = dict.iter().rev().find(|&&(key, _)| objects.text(key) == Some(wanted))?.1;
        Some(tensors(objects.dict(value)?)).filter(|tensors| !tensors.is_empty())
    };
    let all = names(dict);
    let found = match key {
        Some(key) => inner(key).map(|entries| (key.to_owned(), entries)),
        None => {
            let usual = USUAL_KEYS.iter().find_map(|key| Some(((*key).to_owned(), inner(key)?)));
            usual.or_else(|| {
                let mut holders = all.iter().filter_map(|key| Some((key.clone(), inner(key)?)));
                // One that is the only one to hold tensors is meant.
                holders.next().filter(|_| holders.next().is_none())
            })
        }
    };
    let Some((under, entries)) = found else { return Err(StateError::NoWeights { found: all }) };
    let beside = all.into_iter().filter(|name| *name != under).collect();
    Ok(Found { entries, under: Some(under), beside })
}

/// The bytes of a tensor once it is on its own.
fn needed_bytes(name: &str, plan: &TensorPlan) -> Result<usize, StateError> {
    // Sizes beside a 0 must be possible too: other code multiplies them.
    let possible = plan.shape.iter().filter(|&&size| size > 0).try_fold(plan.dtype.size(), |product, &size| {
        product.checked_mul(size).filter(|&product| isize::try_from(product).is_ok())
    });
    let possible = possible.ok_or_else(|| damaged(format!("the shape {:?} of `{name}` is impossible", plan.shape)))?;
    Ok(if plan.shape.contains(&0) { 0 } else { possible })
}

/// Brings the numbers of tensors into order.
struct Gather<'a> {
    records: &'a mut dyn Records,
    read: HashMap<String, Vec<u8>>,
}

impl Gather<'_> {
    /// The numbers of a tensor, row after row.
    fn tensor(&mut self, name: &str, plan: &TensorPlan) -> Result<Vec<u8>, StateError> {
        let TensorPlan { storage, dtype, offset, shape, strides } = plan;
        let size = dtype.size();
        if shape.contains(&0) {
            return Ok(Vec::new());
        }
        if !self.read.contains_key(&storage.key) {
            // Most records are of one tensor: one is kept, for the tensors that share it come one after the other.
            self.read.clear();
            self.read.insert(storage.key.clone(), self.records.bytes(&storage.key)?);
        }
        let bytes = &self.read[&storage.key];
        let numel = storage.numel.min(bytes.len() / size);
        let reach = shape.iter().zip(strides).try_fold(*offset, |last, (&size, &stride)| {
            (size - 1).checked_mul(stride).and_then(|step| last.checked_add(step))
        });
        let last = reach.filter(|&last| last < numel).ok_or_else(|| {
            let text =
                format!("`{name}`, {shape:?} with strides {strides:?} from {offset}, reaches beyond the {numel}");
            damaged(format!("{text} numbers of its record"))
        })?;
        if is_row_after_row(shape, strides) {
            return Ok(bytes[offset * size..(last + 1) * size].to_vec());
        }
        let count: usize = shape.iter().product();
        let mut out = Vec::with_capacity(count * size);
        let mut index = vec![0; shape.len()];
        let mut place = *offset;
        for _ in 0..count {
            out.extend_from_slice(&bytes[place * size..(place + 1) * size]);
            for d in (0..shape.len()).rev() {
                index[d] += 1;
                place += strides[d];
                if index[d] < shape[d] {
                    break;
                }
                place -= strides[d] * shape[d];
                index[d] = 0;
            }
        }
        Ok(out)
    }
}

fn is_row_after_row(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    shape.iter().zip(strides).rev().all(|(&size, &stride)| {
        let fits = size == 1 || stride == expected;
        expected *= size;
        fits
    })
}

impl Objects {
    /// Bytes of one number, by record.
    fn storage_sizes(&self) -> HashMap<&str, usize> {
        self.storages().map(|storage| (storage.key.as_str(), storage.dtype.map_or(1, StoredType::size))).collect()
    }
}
