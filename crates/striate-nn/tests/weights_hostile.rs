//! Files made to do harm, and damaged ones: each is one clear error, at once.

use std::io::{Cursor, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use striate_nn::state::{StateError, WeightFile};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// An archive as PyTorch writes it.
fn archive(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in records {
        writer.start_file(format!("archive/{name}"), SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn text(text: &str) -> Vec<u8> {
    [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

fn int(value: i64) -> Vec<u8> {
    [&[0x8a, 8][..], &value.to_le_bytes()].concat()
}

fn tuple(values: &[i64]) -> Vec<u8> {
    [b"(".to_vec(), values.iter().flat_map(|&value| int(value)).collect(), b"t".to_vec()].concat()
}

/// A tensor of the record `0`, said to have `numel` numbers.
fn tensor(numel: i64, offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    [
        &b"ctorch._utils\n_rebuild_tensor_v2\n(("[..],
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text("0"),
        &text("cpu"),
        &int(numel),
        b"tQ",
        &int(offset),
        &tuple(shape),
        &tuple(strides),
        b"\x89}tR",
    ]
    .concat()
}

fn pickle(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries: Vec<u8> = entries.iter().flat_map(|(name, value)| [text(name), value.clone()].concat()).collect();
    [&b"\x80\x02}("[..], &entries, b"u."].concat()
}

fn file(pickle: &[u8]) -> Vec<u8> {
    archive(&[("data.pkl", pickle), ("data/0", &[0; 16])])
}

/// The text of the error, which must come at once.
fn refused(bytes: &[u8]) -> String {
    let began = Instant::now();
    let error = WeightFile::read(bytes).expect_err("hostile");
    assert!(began.elapsed() < Duration::from_secs(20));
    error.to_string()
}

#[test]
fn an_honest_file_of_this_maker_is_read() {
    let weights = file(&pickle(&[("weight", tensor(4, 0, &[2, 2], &[2, 1]))]));
    assert_eq!(WeightFile::read(&weights).unwrap().state_dict()["weight"].to_vec::<f32>(), [0.0; 4]);
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let huge = i64::MAX;
    let table = [
        (tensor(4, 0, &[5], &[1]), "reaches beyond the 4 numbers"),
        (tensor(4, 4, &[1], &[1]), "reaches beyond"),
        (tensor(4, huge, &[2], &[huge]), "reaches beyond"),
        (tensor(4, 0, &[2, 2], &[huge, huge]), "reaches beyond"),
        (tensor(huge, 0, &[8], &[1]), "reaches beyond the 4 numbers"),
        (tensor(4, 0, &[huge, huge], &[0, 0]), "is impossible"),
        (tensor(4, 0, &[huge, huge, 0], &[0, 0, 0]), "is impossible"),
        (tensor(4, 0, &[1 << 40], &[0]), "more than 8 times the memory of the file"),
        (tensor(4, 0, &[-1], &[1]), "a tensor has the size -1"),
        (tensor(4, 0, &[2], &[-1]), "a tensor has the size -1"),
        (tensor(4, 0, &[2, 2], &[1]), "has the strides [1]"),
        (tensor(4, 0, &[1; 65], &[1; 65]), "65 dimensions"),
    ];
    for (tensor, wanted) in table {
        let text = refused(&file(&pickle(&[("weight", tensor)])));
        assert!(text.starts_with("this PyTorch file is damaged: ") && text.contains(wanted), "{wanted}: {text}");
    }
}

#[test]
fn tensors_that_share_memory_are_bounded_together() {
    let record = vec![0; 4 << 20];
    let names: Vec<String> = (0..100).map(|index| format!("w{index}")).collect();
    let entries: Vec<(&str, Vec<u8>)> =
        names.iter().map(|name| (name.as_str(), tensor(1 << 20, 0, &[1 << 20], &[1]))).collect();
    let bytes = archive(&[("data.pkl", &pickle(&entries)), ("data/0", &record)]);
    assert!(refused(&bytes).contains("more than 8 times"));
    let few = archive(&[("data.pkl", &pickle(&entries[..3])), ("data/0", &record)]);
    assert_eq!(WeightFile::read(&few).unwrap().tensors.len(), 3);
}

#[test]
fn overlapping_strides_are_read_as_pytorch_reads_them() {
    let numbers: Vec<u8> = (0..4).flat_map(|value| (value as f32).to_le_bytes()).collect();
    let weights = pickle(&[("windows", tensor(4, 0, &[3, 2], &[1, 1]))]);
    let bytes = archive(&[("data.pkl", &weights), ("data/0", &numbers)]);
    let windows = &WeightFile::read(&bytes).unwrap().state_dict()["windows"];
    assert_eq!(windows.to_vec::<f32>(), [0.0, 1.0, 1.0, 2.0, 2.0, 3.0]);
}

#[test]
fn every_other_name_is_refused() {
    for (module, name) in [
        ("os", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("collections", "namedtuple"),
        ("numpy.core.multiarray", "scalar"),
        ("torch", "ComplexFloatStorage"),
    ] {
        let call = format!("c{module}\n{name}\n");
        let stacked = [text(module), text(name), b"\x93".to_vec()].concat();
        let instance = [b"(".to_vec(), text("ls"), format!("i{module}\n{name}\n").into_bytes()].concat();
        for way in [call.into_bytes(), stacked, instance] {
            let bytes = file(&pickle(&[("weight", tensor(4, 0, &[4], &[1])), ("extra", way)]));
            match WeightFile::read(&bytes) {
                Err(StateError::Refused { global }) => assert_eq!(global, format!("{module}.{name}")),
                other => panic!("{module}.{name}: {other:?}"),
            }
        }
    }
}

#[test]
fn pickles_that_go_wrong_are_damaged_not_a_crash() {
    let deep = [vec![b']'; 200_000], vec![b'a'; 199_999], b".".to_vec()].concat();
    // A list that holds itself, and a dictionary in itself.
    let cyclic = b"\x80\x02]q\x00h\x00a.".to_vec();
    let circle = [&b"\x80\x02}q\x00"[..], &text("state_dict"), b"h\x00s."].concat();
    // Each doubles the last: 2^60 elements, if anything copied them.
    let laughs = [b"\x80\x02]".to_vec(), b"q\x00(h\x00h\x00l".repeat(60), b".".to_vec()].concat();
    let table: Vec<(Vec<u8>, &str)> = vec![
        (deep, "no dictionary of tensors"),
        (cyclic, "no dictionary of tensors"),
        (circle, "no dictionary of tensors"),
        (laughs, "no dictionary of tensors"),
        (b"\x80\x02h\x07.".to_vec(), "refers to something it has not made"),
        (b"\x80\x02Nr\xff\xff\xff\xff.".to_vec(), "refers to something it has not made"),
        (b".".to_vec(), "empty stack"),
        (b"t.".to_vec(), "empty stack"),
        (b"\x87.".to_vec(), "empty stack"),
        (b"(0.".to_vec(), "empty stack"),
        (b"}(Nu.".to_vec(), "a key without a value"),
        (b"}Na.".to_vec(), "neither a list nor a dictionary"),
        (b"X\xff\xff\xff\xffabc.".to_vec(), "ends in the middle"),
        (b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc.".to_vec(), "ends in the middle"),
        (b"cposix".to_vec(), "ends in a name"),
        (b"".to_vec(), "ends in the middle"),
        (b"NQ.".to_vec(), "no storage of numbers"),
        (b"N)R.".to_vec(), "calls something that is no function"),
        (b"ctorch\nFloatStorage\n)R.".to_vec(), "calls a type"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n)R.".to_vec(), "too few arguments"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n(NNNNtR.".to_vec(), "no storage"),
        (b"ctorch._utils\n_rebuild_parameter\n)R.".to_vec(), "a parameter has no tensor"),
        (b"\x82\x01.".to_vec(), "the instruction 0x82"),
    ];
    for (pickle, wanted) in table {
        let text = refused(&file(&pickle));
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}

#[test]
fn too_many_objects_are_refused() {
    let pickle = [b"\x80\x02".to_vec(), b"]0".repeat(4_000_001), b"}.".to_vec()].concat();
    assert!(refused(&file(&pickle)).contains("more than 4000000 objects"));
    let pickle = vec![b'N'; (32 << 20) + 1];
    assert!(refused(&file(&pickle)).contains("more than the 33554432 it may have"));
}

#[test]
fn records_that_are_gone_compressed_or_changed_are_named() {
    let weights = pickle(&[("weight", tensor(4, 0, &[4], &[1]))]);
    assert!(refused(&archive(&[("data.pkl", &weights)])).contains("it has no record `data/0`"));
    assert!(refused(&archive(&[("other", b"")])).contains("neither a PyTorch nor a safetensors file"));
    let big = archive(&[("data.pkl", &weights), ("byteorder", b"big"), ("data/0", &[0; 16])]);
    assert!(refused(&big).contains("big-endian"));

    // The method of compression of the second record (its last 8 bytes of numbers are there once), set to deflate.
    let honest = archive(&[("data.pkl", &weights), ("data/0", b"numbers-numbers-")]);
    let at = |needle: &[u8]| honest.windows(needle.len()).rposition(|window| window == needle).unwrap();
    let mut deflated = honest.clone();
    let entry = at(b"archive/data/0") - 46;
    deflated[entry + 10] = 8;
    assert!(refused(&deflated).contains("compression method not supported"), "{}", refused(&deflated));
    // A size that claims more than there is: no memory is taken for it.
    let mut bomb = honest.clone();
    bomb[entry + 20..entry + 28].copy_from_slice(&[0xfe, 0xff, 0xff, 0x7f, 0xfe, 0xff, 0xff, 0x7f]);
    assert!(refused(&bomb).starts_with("this PyTorch file is damaged"), "{}", refused(&bomb));
    let mut changed = honest.clone();
    changed[honest.windows(7).position(|window| window == b"numbers").unwrap()] ^= 1;
    assert!(refused(&changed).contains("`data/0`"), "{}", refused(&changed));
}

/// Real files, cut at every length and with every byte changed in turn: no panic, no hang, no huge allocation.
#[test]
fn damage_anywhere_is_an_error_or_harmless() {
    for name in ["lstm_legacy.pth", "types.safetensors", "harmful_legacy.pt", "bare_tensor.pt", "tensors_4.pt"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/weights").join(name);
        let whole = std::fs::read(path).unwrap();
        for length in (0..whole.len()).step_by(1 + whole.len() / 500) {
            assert!(WeightFile::read(&whole[..length]).is_err(), "{name} cut at {length}");
        }
        let mut changed = whole.clone();
        for place in (0..whole.len()).step_by(1 + whole.len() / 3000) {
            for bit in [0x01, 0x80, 0xff] {
                changed[place] ^= bit;
                let _ = WeightFile::read(&changed);
                changed[place] = whole[place];
            }
        }
    }
}
