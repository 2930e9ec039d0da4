//! Weights: pickles in both containers of PyTorch, and safetensors.

use crate::{asked, fuzz};
use pix2pix::interop::TensorFile;
use pix2pix::train::checkpoint::{NetworkChoice, NetworkKind, find_network};
use safetensors::tensor::{Dtype, TensorView};
use std::io::{Cursor, Write};
use std::path::Path;
use std::time::Duration;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The most that a byte of the file costs, and what every file costs.
const MEMORY: [usize; 2] = [200, 1 << 16];

fn read(bytes: Vec<u8>) {
    if let Ok(file) = TensorFile::parse(Path::new("file"), bytes) {
        for (key, shape) in file.shapes() {
            let _ = file.values(key, shape);
        }
        for kind in [NetworkKind::Generator, NetworkKind::Discriminator] {
            let _ = find_network(&file, &NetworkChoice::Kind(kind), None);
        }
    }
}

/// State dicts in both containers, and one that uses more of the language.
fn pickles() -> Vec<Vec<u8>> {
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    let object = b"\x80\x02}(X\x04\0\0\0netG}(X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(\
        (X\x07\0\0\0storagectorch\nFloatStorage\n\
        X\x01\0\0\0kX\x03\0\0\0cpuK\x08NtQK\x02K\x03K\x02\x86K\x01K\x03\x86\x89}tRuu.";
    let stream = [
        &magic[..],
        b"\x80\x02M\xe9\x03.",
        b"\x80\x02}.",
        object,
        b"\x80\x02](X\x01\0\0\0ke.",
        &8_u64.to_le_bytes(),
        &[0; 32],
    ]
    .concat();
    let other =
        b"\x80\x02}q\0(X\x01\0\0\0ah\0X\x01\0\0\0b]q\x01(K\x01ccollections\nOrderedDict\nq\x02)Re\
        ccollections\nOrderedDict\n(l(NNttR\x85\x86\x87u.";
    let shared = [
        &magic[..],
        b"\x80\x02M\xe9\x03.",
        b"\x80\x02}.",
        other,
        object,
    ]
    .concat();
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in [
        ("a/data.pkl", &object[..]),
        ("a/data/k", &[0; 32]),
        ("a/version", b"3"),
    ] {
        archive
            .start_file(name, SimpleFileOptions::default())
            .unwrap();
        archive.write_all(bytes).unwrap();
    }
    let archive = archive.finish().unwrap().into_inner();
    vec![stream, shared, archive]
}

fn safetensors_files() -> Vec<Vec<u8>> {
    let data = [0; 4 * 4 * 4 * 16];
    let file = |tensors: &[(&str, Dtype, &[usize])]| {
        let views = tensors.iter().map(|&(key, dtype, shape)| {
            let bytes = shape.iter().product::<usize>() * dtype.bitsize() / 8;
            let view = TensorView::new(dtype, shape.to_vec(), &data[..bytes]).unwrap();
            (key.to_owned(), view)
        });
        safetensors::serialize(views, None).unwrap()
    };
    vec![
        file(&[
            ("netG.model.model.0.weight", Dtype::F32, &[1, 3, 4, 4]),
            ("netG.model.model.3.weight", Dtype::F16, &[2, 3, 4, 4]),
            (
                "netG.model.model.1.model.1.weight",
                Dtype::F32,
                &[2, 1, 4, 4],
            ),
            (
                "netG.model.model.1.model.3.weight",
                Dtype::F32,
                &[2, 1, 4, 4],
            ),
        ]),
        file(&[
            ("model.0.weight", Dtype::F32, &[1, 6, 4, 4]),
            ("model.2.weight", Dtype::BF16, &[2, 1, 4, 4]),
            ("model.5.weight", Dtype::F64, &[1, 2, 4, 4]),
            ("model.3.num_batches_tracked", Dtype::I64, &[]),
        ]),
    ]
}

#[test]
fn mutated_pickles_do_no_harm() {
    fuzz(&pickles(), Duration::from_secs(1), MEMORY, read);
}

#[test]
fn mutated_safetensors_do_no_harm() {
    fuzz(&safetensors_files(), Duration::from_secs(1), MEMORY, read);
}

/// Pickles whose every byte makes a value, and a header of many small tensors.
#[test]
fn dense_files_cost_no_more_than_stated() {
    let magic = &pickles()[0][..15 + 5 + 4];
    for dense in [
        &b"N"[..],
        b")",
        b"]",
        b"(",
        b"N0",
        b"N\x85",
        b"NN\x86",
        b"K\x01",
        b"U\0",
        b"}",
    ] {
        let bytes = [magic, &dense.repeat(100_000)].concat();
        let length = bytes.len();
        let peak = crate::memory::peak(|| read(bytes));
        println!(
            "{}: {:.1} bytes a byte",
            dense.escape_ascii(),
            peak as f64 / length as f64
        );
        assert!(
            peak <= MEMORY[0] * length + MEMORY[1],
            "{}: {peak}",
            dense.escape_ascii()
        );
    }
    let keys: Vec<String> = (0..20_000).map(|i| format!("{i}.model.0.weight")).collect();
    let tensors = keys.iter().map(|key| {
        let view = TensorView::new(Dtype::F32, vec![0, 1, 4, 4], &[]).unwrap();
        (key.as_str(), view)
    });
    let bytes = safetensors::serialize(tensors, None).unwrap();
    let length = bytes.len();
    let peak = crate::memory::peak(|| read(bytes));
    println!("{:.1} bytes a byte", peak as f64 / length as f64);
    assert!(peak <= MEMORY[0] * length + MEMORY[1], "{peak}");
}

#[test]
#[ignore = "second tier: 20 seconds, or PIX2PIX_FUZZ_SECONDS"]
fn pickles_mutated_for_as_long_as_asked_do_no_harm() {
    fuzz(&pickles(), asked(), MEMORY, read);
}

#[test]
#[ignore = "second tier: 20 seconds, or PIX2PIX_FUZZ_SECONDS"]
fn safetensors_mutated_for_as_long_as_asked_do_no_harm() {
    fuzz(&safetensors_files(), asked(), MEMORY, read);
}
