//! PyTorch's files: what is written is read again, both containers and views are understood, and no
//! hostile file does harm.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use super::TensorFile;
use super::entry::{TensorEntry, Values, WriteError};
use super::pickle::{Pickle, Value};
use super::tensor::StoredTensor;
use super::torch::{self, read_stream, read_zip};
use pollster::block_on;
use safetensors::tensor::Dtype;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Seek, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fn floats(values: &[f32]) -> Vec<u8> {
    bytemuck::pod_collect_to_vec(values)
}

fn entry(key: &str, dtype: Dtype, shape: &[usize], bytes: Vec<u8>) -> TensorEntry<'static> {
    TensorEntry {
        key: key.to_owned(),
        dtype,
        shape: shape.to_vec(),
        values: Values::Host(Box::new(move || bytes.clone())),
    }
}

/// A zip archive with a matrix, a counter and a vector of halves.
fn archive() -> Vec<u8> {
    let entries = [
        entry(
            "module.weight",
            Dtype::F32,
            &[2, 3],
            floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        ),
        entry(
            "module.count",
            Dtype::I64,
            &[],
            7_i64.to_le_bytes().to_vec(),
        ),
        entry(
            "module.half",
            Dtype::F16,
            &[2],
            [0x00, 0x3c, 0x00, 0xc0].to_vec(),
        ),
    ];
    let mut file = Cursor::new(Vec::new());
    pollster::block_on(torch::write(&entries, &mut file)).unwrap();
    file.into_inner()
}

/// An older file: a transposed view of the last six of eight floats, behind pickles of magic
/// number, version and machine.
fn stream() -> Vec<u8> {
    let object = b"\x80\x02}(X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(\
        (X\x07\0\0\0storagectorch\nFloatStorage\n\
        X\x01\0\0\0kX\x03\0\0\0cpuK\x08NtQK\x02K\x03K\x02\x86K\x01K\x03\x86\x89}tRu.";
    let pickles: [&[u8]; 5] = [
        torch::STREAM,
        b"\x80\x02M\xe9\x03.",
        b"\x80\x02}.",
        object,
        b"\x80\x02](X\x01\0\0\0ke.",
    ];
    let values: Vec<f32> = (0..8).map(|i| i as f32).collect();
    [
        &pickles.concat()[..],
        &8_u64.to_le_bytes(),
        &floats(&values),
    ]
    .concat()
}

#[test]
fn a_zip_archive_comes_back_without_the_wrappers_prefix() {
    let bytes = archive();
    assert!(bytes.starts_with(torch::ZIP));
    let file = TensorFile::parse(Path::new("a.pth"), bytes.clone()).unwrap();
    assert_eq!(file.prefix(), "module.");
    let tensors: BTreeMap<&str, &StoredTensor> = file.tensors().collect();
    assert_eq!(
        tensors.keys().copied().collect::<Vec<_>>(),
        ["count", "half", "weight"]
    );
    assert_eq!(
        tensors["weight"].values(&bytes).unwrap(),
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    );
    assert_eq!(tensors["half"].values(&bytes).unwrap(), [1.0, -2.0]);
    assert_eq!(
        (
            tensors["count"].values(&bytes),
            tensors["count"].bytes(&bytes)
        ),
        (None, 7_i64.to_le_bytes().to_vec())
    );
}

/// The archive of [`archive`] as PyTorch writes it: in a folder of the file's name, and with the
/// records of a large archive, 76 bytes, in front of the last one of 22.
fn archive_of_pytorch(folder: &str) -> Vec<u8> {
    let bytes = archive();
    let mut archive = torch::open_zip(&bytes).unwrap();
    let mut copy = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        let (_, name) = name.split_once('/').unwrap();
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        copy.start_file(format!("{folder}/{name}"), options)
            .unwrap();
        io::copy(&mut entry, &mut copy).unwrap();
    }
    let mut bytes = copy.finish().unwrap().into_inner();
    let end = bytes.split_off(bytes.len() - 22);
    let record = bytes.len() as u64;
    let count = u64::from(u16::from_le_bytes(end[10..12].try_into().unwrap()));
    let size = u64::from(u32::from_le_bytes(end[12..16].try_into().unwrap()));
    bytes.extend(b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x1e\x03\x2d\0\0\0\0\0\0\0\0\0");
    for number in [count, count, size, record - size] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend(record.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    [bytes, end].concat()
}

#[test]
fn names_of_any_length_are_read() {
    for length in 1..40 {
        let bytes = archive_of_pytorch(&"n".repeat(length));
        let tensors = read_zip(&bytes).unwrap_or_else(|error| panic!("{length}: {error}"));
        assert_eq!(tensors.len(), 3, "{length}");
    }
}

/// A disk on which nothing has place.
struct FullDisk;

impl Write for FullDisk {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for FullDisk {
    fn seek(&mut self, _: io::SeekFrom) -> io::Result<u64> {
        Ok(0)
    }
}

#[test]
fn a_full_disk_is_called_so() {
    match block_on(torch::write(&[], &mut FullDisk)) {
        Err(WriteError::Io(error)) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
        other => panic!("{other:?}"),
    }
}

/// A stream with the same view in `root`: what stands in front of it and behind it in the pickle.
fn stream_of(before: &[u8], behind: &[u8]) -> Vec<u8> {
    let tensor = b"X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(\
        (X\x07\0\0\0storagectorch\nFloatStorage\n\
        X\x01\0\0\0kX\x03\0\0\0cpuK\x08NtQK\x02K\x03K\x02\x86K\x01K\x03\x86\x89}tR";
    let pickles: [&[u8]; 7] = [
        torch::STREAM,
        b"\x80\x02M\xe9\x03.",
        b"\x80\x02}.",
        before,
        tensor,
        behind,
        b"\x80\x02](X\x01\0\0\0ke.",
    ];
    [&pickles.concat()[..], &8_u64.to_le_bytes(), &[0; 32]].concat()
}

#[test]
fn dictionaries_in_dictionaries_are_one() {
    let keys = |bytes: Vec<u8>| {
        let file = TensorFile::parse(Path::new("a.pth"), bytes).unwrap();
        let keys = file.shapes().map(|(key, _)| file.whole_key(key));
        keys.collect::<Vec<_>>()
    };
    let epoch = b"sX\x05\0\0\0epochK\x05s.";
    assert_eq!(keys(stream_of(b"}", epoch)), ["w"]);
    assert_eq!(
        keys(stream_of(
            b"}X\x04\0\0\0netG}",
            &[&b"s"[..], epoch].concat()
        )),
        ["netG.w"]
    );
    let twice = stream_of(b"}X\x0a\0\0\0state_dict}X\x01\0\0\0G}", b"sss.");
    assert_eq!(keys(twice), ["state_dict.G.w"]);
    // A number is no name: an optimiser counts its tensors.
    let numbered = stream_of(b"}K\x01}", b"ss.");
    let error = TensorFile::parse(Path::new("a.pth"), numbered).unwrap_err();
    assert!(error.to_string().contains("no state dict"), "{error}");
    let scalars = stream_of(b"}X\x05\0\0\0epochK\x05s(", b"1.");
    let error = TensorFile::parse(Path::new("a.pth"), scalars).unwrap_err();
    assert!(error.to_string().contains("only epoch"), "{error}");
}

/// A dictionary that holds itself, and one that stands at many places.
#[test]
fn dictionaries_that_hold_each_other_come_to_an_end() {
    let own = stream_of(b"}q\0X\x01\0\0\0ah\0sX\x01\0\0\0bh\0s", b"s.");
    let parsed = TensorFile::parse(Path::new("a.pth"), own);
    assert!(parsed.is_err_and(|error| error.to_string().contains("a.pth")));
    let many = [b"K\x01N".as_slice()].concat().repeat(2000);
    let places: Vec<u8> = (0..2000_u32)
        .flat_map(|i| {
            let name = format!("{i:04}");
            [b"X\x04\0\0\0", name.as_bytes(), b"h\0"].concat()
        })
        .collect();
    let before = [b"}(X\x01\0\0\0a}q\0(", &many[..], b"u", &places].concat();
    let error = TensorFile::parse(Path::new("a.pth"), stream_of(&before, b"u.")).unwrap_err();
    assert!(error.to_string().contains("without end"), "{error}");
}

#[test]
fn a_stream_of_pickles_with_a_view_is_understood() {
    let bytes = stream();
    let tensors = read_stream(&bytes).unwrap();
    assert_eq!(tensors["w"].shape, [3, 2]);
    assert_eq!(
        tensors["w"].values(&bytes).unwrap(),
        [2.0, 5.0, 3.0, 6.0, 4.0, 7.0]
    );
}

#[test]
fn views_stay_within_their_storage() {
    let new = |shape: &[usize], strides: &[usize], offset| {
        StoredTensor::new(Dtype::F32, shape.to_vec(), strides.to_vec(), offset, 0..24)
    };
    assert!(
        new(&[2, 3], &[3, 1], 0).is_ok() && new(&[], &[], 5).is_ok() && new(&[0], &[1], 9).is_ok()
    );
    for (shape, strides, offset) in [
        (&[2, 3][..], &[3, 1][..], 1),
        (&[6], &[usize::MAX], 0),
        (&[usize::MAX, usize::MAX], &[0, 0], 0),
        (&[1 << 40], &[0], 0),
        (&[2], &[1, 1], 0),
        (&[], &[], 6),
    ] {
        assert!(
            new(shape, strides, offset).is_err(),
            "{shape:?} {strides:?} {offset}"
        );
    }
}

#[test]
fn no_prefix_and_no_changed_byte_is_taken_for_granted() {
    for (bytes, read) in [
        (archive(), read_zip as fn(&[u8]) -> _),
        (stream(), read_stream),
    ] {
        for length in 0..bytes.len() {
            assert!(
                read(&bytes[..length]).is_err(),
                "cut to {length} of {}",
                bytes.len()
            );
        }
        // Every outcome will do, a panic will not; what can be read lies within the file.
        for at in 0..bytes.len() {
            for value in [0, 1, b'(', b'.', b'R', 0x7f, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                if let Ok(tensors) = read(&changed) {
                    tensors
                        .values()
                        .for_each(|tensor| drop(tensor.bytes(&changed)));
                }
            }
        }
    }
}

#[test]
fn a_pickle_calls_nothing_and_its_depth_costs_nothing() {
    // What would delete files in another reader is a note here.
    let pickle = Pickle::parse(b"cos\nsystem\n(X\x02\0\0\0rmtR.").unwrap();
    let Value::Call(function, arguments) = *pickle.get(pickle.root()) else {
        panic!("{:?}", pickle.get(pickle.root()))
    };
    assert_eq!(pickle.global(function), Some("os.system"));
    assert_eq!(
        pickle
            .sequence(arguments)
            .and_then(|list| pickle.text(list[0])),
        Some("rm")
    );

    let deep = [&b")"[..], &[0x85; 1_000_000], b"."].concat();
    assert_eq!(Pickle::parse(&deep).unwrap().len(), 1_000_001);
    // A value that contains itself.
    assert!(Pickle::parse(b"]q\0h\0a.").is_ok());
    for wrong in [
        &b""[..],
        b".",
        b"t.",
        b"(0.",
        b"a.",
        b"h\0.",
        b"K",
        b"X\xff\xff\xff\xff.",
        b"\x01",
        b"]K\0K\0s.",
    ] {
        assert!(Pickle::parse(wrong).is_err(), "{wrong:?}");
    }
    for (bytes, value) in [
        (&b"\x8a\x01\xff."[..], -1),
        (b"\x8a\0.", 0),
        (b"J\xfe\xff\xff\xff.", -2),
        (b"I12\n.", 12),
        (b"L3L\n.", 3),
    ] {
        let pickle = Pickle::parse(bytes).unwrap();
        assert_eq!(pickle.int(pickle.root()), Some(value));
    }
    assert_eq!(
        Pickle::parse(torch::STREAM).map(|pickle| pickle.int(pickle.root())),
        Ok(Some(i64::MAX))
    );
}

/// Files of a few hundred bytes that ask for more memory or stack than there is.
#[test]
fn what_grows_without_end_is_refused() {
    let doubling = [&b"N"[..], &b"2\x93".repeat(40), b"."].concat();
    assert!(
        Pickle::parse(&doubling)
            .unwrap_err()
            .contains("without a name")
    );
    let long = [&b"X"[..], &300_u32.to_le_bytes(), &[b'a'; 300], b"2\x93."].concat();
    assert!(Pickle::parse(&long).is_err());
    let pair = b"(NNt";
    let copies = [
        &b"ccollections\nOrderedDict\nq\x00(("[..],
        &pair.repeat(100),
        b"ltq\x010",
        &b"h\x00h\x01R0".repeat(100),
        b"N.",
    ]
    .concat();
    assert!(Pickle::parse(&copies).unwrap_err().contains("without end"));
    let parameter = b"ctorch._utils\n_rebuild_parameter\nq\x000";
    let deep = [
        &b"\x80\x02"[..],
        &parameter[..],
        b"N",
        &[b"q\x010h\x00h\x01\x85R".as_slice()]
            .concat()
            .repeat(100_000),
        b"q\x010}X\x01\0\0\0wh\x01s.",
    ]
    .concat();
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive
        .start_file(
            "a/data.pkl",
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored),
        )
        .unwrap();
    archive.write_all(&deep).unwrap();
    assert!(
        read_zip(&archive.finish().unwrap().into_inner())
            .unwrap_err()
            .contains("no state dict")
    );
    assert!(StoredTensor::new(Dtype::F32, vec![1; 9], vec![1; 9], 0, 0..4).is_err());
    let strange = [entry("w", Dtype::U32, &[1], vec![0; 4])];
    assert!(
        block_on(torch::write(&strange, &mut Cursor::new(Vec::new()))).is_err(),
        "PyTorch would read it as bytes"
    );
}

#[test]
fn the_first_bytes_tell_the_format() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, format) in [
        ("a.pth", archive(), "PyTorch"),
        ("b.pth", stream(), "PyTorch"),
        ("c.pth", b"text".to_vec(), "safetensors"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let message = TensorFile::open(&path).unwrap_err().to_string();
        assert!(
            message.contains(name) && message.contains(format),
            "{message}"
        );
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(
            TensorFile::open(&path).is_ok(),
            format == "PyTorch",
            "{name}"
        );
    }
}
