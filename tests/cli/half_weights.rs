//! `convert --precision f16`: weights that take half the space, and what every reader makes of
//! them.

use crate::trained::{finished, generator};
use crate::{copy_folder, fail, json, picture, refuse, stdout, succeed, temporary};
use half::f16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// A tensor: its key, type, shape and bytes.
type Tensor = (String, Dtype, Vec<usize>, Vec<u8>);

/// The tensors of a file in the order of their keys, and its metadata.
fn read(path: &Path) -> (Vec<Tensor>, Option<HashMap<String, String>>) {
    let bytes = fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let one = |(key, tensor): (String, TensorView)| {
        (
            key,
            tensor.dtype(),
            tensor.shape().to_vec(),
            tensor.data().to_vec(),
        )
    };
    let mut tensors: Vec<Tensor> = file.tensors().into_iter().map(one).collect();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    (tensors, header.metadata().clone())
}

/// Writes the generator of the finished run with other values. `change` gets the key and the values
/// of each tensor of floats.
fn write_changed(path: &Path, change: impl Fn(&str, &mut [f32])) {
    let (mut tensors, metadata) = read(Path::new(&generator()));
    for (key, dtype, _, bytes) in &mut tensors {
        if *dtype == Dtype::F32 {
            let mut values = floats(bytes);
            change(key, &mut values);
            *bytes = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
        }
    }
    let views = tensors.iter().map(|(key, dtype, shape, bytes)| {
        (key, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    fs::write(path, safetensors::serialize(views, metadata).unwrap()).unwrap();
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let four = bytes.chunks_exact(4);
    four.map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect()
}

/// Whether a key is that of the weights of a convolution, which alone are stored as f16.
fn is_kernel(tensor: &Tensor) -> bool {
    tensor.2.len() == 4
}

/// The same generator three times: as it was trained, with weights as f16, and with weights that
/// were rounded beforehand and are stored as f32.
fn three(root: &Path) {
    fs::copy(generator(), root.join("whole.safetensors")).unwrap();
    succeed(
        root,
        "convert whole.safetensors half.safetensors --precision f16",
    );
    let kernels: Vec<String> = read(&root.join("whole.safetensors"))
        .0
        .into_iter()
        .filter(is_kernel)
        .map(|tensor| tensor.0)
        .collect();
    write_changed(&root.join("rounded.safetensors"), |key, values| {
        if kernels.iter().any(|kernel| kernel == key) {
            for value in values {
                *value = f16::from_f32(*value).to_f32();
            }
        }
    });
}

#[test]
fn weights_as_f16_take_half_the_space_and_say_what_was_rounded() {
    let folder = temporary();
    let root = folder.path();
    let line = format!("convert '{}' half.safetensors --precision f16", generator());
    let told = stdout(&succeed(root, &line));
    let (whole, settings) = read(Path::new(&generator()));
    let (half, kept) = read(&root.join("half.safetensors"));
    assert_eq!(settings, kept, "the model's settings");
    assert_eq!(whole.len(), half.len());
    let mut largest = (0.0, "");
    for (whole, half) in whole.iter().zip(&half) {
        let (key, _, shape, bytes) = whole;
        assert_eq!((key, shape), (&half.0, &half.2));
        if !is_kernel(whole) {
            assert_eq!(whole, half);
            continue;
        }
        assert_eq!(half.1, Dtype::F16, "{key}");
        for (value, stored) in floats(bytes).iter().zip(half.3.chunks_exact(2)) {
            let stored = f16::from_le_bytes(stored.try_into().unwrap());
            assert_eq!(stored, nearest(*value), "{key}: {value}");
            let error = (f64::from(*value) - f64::from(stored)).abs();
            if error > largest.0 {
                largest = (error, key);
            }
        }
    }
    let size = fs::metadata(root.join("half.safetensors")).unwrap().len();
    let (error, key) = largest;
    let expected = format!(
        "half.safetensors: {:.2} MB, the largest rounding error is {error:.1e}, in {key}",
        size as f64 / 1e6
    );
    assert!(told.starts_with(&expected), "{told} is not {expected}");
    let before = fs::metadata(generator()).unwrap().len();
    assert!(size < before * 6 / 10, "{size} of {before}");
}

/// The number of f16 that is nearest, and the even one of two: found by looking at all neighbours.
fn nearest(value: f32) -> f16 {
    let near = f16::from_f32(value).to_bits();
    let candidates = [near.wrapping_sub(1), near, near.wrapping_add(1)];
    let distance = |bits: u16| (f64::from(f16::from_bits(bits)) - f64::from(value)).abs();
    let order = |a: &u16, b: &u16| {
        let by_distance = distance(*a).total_cmp(&distance(*b));
        by_distance.then((a & 1).cmp(&(b & 1)))
    };
    f16::from_bits(candidates.into_iter().min_by(order).unwrap())
}

#[test]
fn every_reader_takes_weights_as_f16_as_they_are() {
    let folder = temporary();
    let root = folder.path();
    three(root);
    copy_folder(&finished().join("pairs"), &root.join("pairs"));
    picture(&root.join("a.png"), 33, 47);
    succeed(root, "convert half.safetensors half.pth");
    succeed(root, "convert half.pth back.safetensors --precision f32");
    assert!(read(&root.join("back.safetensors")).0 == read(&root.join("rounded.safetensors")).0);
    // A .pth file keeps them too.
    succeed(root, "convert half.pth same.safetensors");
    assert!(read(&root.join("same.safetensors")).0 == read(&root.join("half.safetensors")).0);

    let translated = |model: &str| {
        succeed(
            root,
            &format!("translate a.png --model {model} --out out --force"),
        );
        fs::read(root.join("out/a.png")).unwrap()
    };
    let expected = translated("rounded.safetensors");
    assert!(translated("half.safetensors") == expected);
    assert!(translated("half.pth") == expected);

    let scores = |model: &str| {
        let line = format!("eval {model} pairs --direction AtoB --out scores --force");
        succeed(root, &line);
        json(&root.join("scores/scores.json"))["summary"].clone()
    };
    assert_eq!(scores("half.safetensors"), scores("rounded.safetensors"));

    for model in ["half", "rounded"] {
        succeed(root, &format!("convert {model}.safetensors {model}.onnx"));
        let line = format!("train pairs --steps 1 --name {model} {}", crate::NARROW);
        succeed(root, &format!("{line} --pretrained {model}.safetensors"));
    }
    let same = |name: &str| {
        [("half", name), ("rounded", name)]
            .map(|(model, name)| fs::read(root.join(name.replace('*', model))).unwrap())
    };
    let [half, rounded] = same("*.onnx");
    assert!(half == rounded, "ONNX files hold f32");
    let [half, rounded] = same("runs/*/generator.safetensors");
    assert!(half == rounded, "runs that start from it");
}

#[test]
fn statistics_keep_every_bit_and_what_becomes_zero_is_counted() {
    let folder = temporary();
    let root = folder.path();
    write_changed(&root.join("extreme.safetensors"), |key, values| {
        if key.ends_with("running_var") {
            values.fill(1e9);
            values[0] = 1e-20;
        } else if key == "model.model.0.weight" {
            values[..3].fill(1e-9);
        }
    });
    let line = "convert extreme.safetensors half.safetensors --precision f16";
    let told = stdout(&succeed(root, line));
    assert!(
        told.contains("; 3 of ") && told.contains(" weights became 0"),
        "{told}"
    );
    let [extreme, half] =
        ["extreme", "half"].map(|name| read(&root.join(name).with_extension("safetensors")).0);
    let of_statistics = |tensors: Vec<Tensor>| -> Vec<Tensor> {
        tensors
            .into_iter()
            .filter(|tensor| tensor.0.contains("running_"))
            .collect()
    };
    let (extreme, half) = (of_statistics(extreme), of_statistics(half));
    assert!(!half.is_empty() && extreme == half);
    // Nothing changes when there is nothing to round.
    let told = stdout(&succeed(
        root,
        "convert half.safetensors again.safetensors --precision f16",
    ));
    assert!(told.contains("no weight was changed"), "{told}");
}

#[test]
fn what_f16_cannot_hold_is_refused() {
    let folder = temporary();
    let root = folder.path();
    let first = |value: f32| {
        move |key: &str, values: &mut [f32]| {
            if key == "model.model.0.weight" {
                values[0] = value;
                values[1] = value / 2.0;
            }
        }
    };
    write_changed(&root.join("large.safetensors"), first(-150_000.0));
    write_changed(&root.join("nan.safetensors"), first(f32::NAN));
    fs::copy(generator(), root.join("g.safetensors")).unwrap();
    refuse(
        root,
        1,
        &[
            (
                "convert large.safetensors x.safetensors --precision f16",
                "2 values of tensor model.model.0.weight do not fit in F16, the largest is -1.5e5",
            ),
            (
                "convert nan.safetensors x.safetensors --precision f16",
                "model.model.0.weight holds values that are not finite",
            ),
        ],
    );
    let message = fail(root, 2, "convert g.safetensors x.onnx --precision f16");
    assert!(
        message.contains(".onnx files hold f32; leave it out"),
        "{message}"
    );
    // What is not rounded may be any size.
    succeed(
        root,
        "convert large.safetensors x.safetensors --precision f32",
    );
}

/// On the device `--precision f16` reads the same weights as f16 as the file stores so.
#[test]
#[ignore = "second tier: kernels in two precisions"]
fn a_translation_in_f16_is_the_same_from_both_files() {
    let folder = temporary();
    let root = folder.path();
    three(root);
    picture(&root.join("a.png"), 33, 47);
    let translated = |model: &str| {
        let line = format!("translate a.png --model {model}.safetensors --out out --force");
        let output = crate::run(root, &format!("{line} --precision f16"));
        let said = crate::stderr(&output);
        (!said.contains("no 16-bit floats")).then(|| {
            assert!(output.status.success(), "{said}");
            fs::read(root.join("out/a.png")).unwrap()
        })
    };
    assert!(translated("whole") == translated("half"));
}
