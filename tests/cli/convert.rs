//! Weights between this program's files and PyTorch's.

use crate::{NARROW, dataset, fail, finished, generator, picture, succeed, temporary};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::fs;
use std::path::Path;

/// Keys, types, shapes and bytes of a safetensors file, in the order of the keys.
fn tensors(path: &Path) -> Vec<(String, String, Vec<u8>)> {
    let bytes = fs::read(path).unwrap();
    let mut tensors: Vec<_> = SafeTensors::deserialize(&bytes)
        .unwrap()
        .tensors()
        .into_iter()
        .map(|(key, tensor)| {
            (
                key,
                format!("{:?} {:?}", tensor.dtype(), tensor.shape()),
                tensor.data().to_vec(),
            )
        })
        .collect();
    tensors.sort();
    tensors
}

#[test]
fn weights_survive_the_way_to_pytorch_and_back() {
    let folder = temporary();
    let root = folder.path();
    let model = generator();
    succeed(root, &format!("convert '{model}' g.pth"));
    succeed(root, "convert g.pth back.safetensors");
    assert!(tensors(&root.join("back.safetensors")) == tensors(Path::new(&model)));

    // Both networks of a checkpoint are those that lie beside it.
    let run_folder = finished().join("runs/t");
    let checkpoint = run_folder.join("checkpoints/step-000004.safetensors");
    let checkpoint = checkpoint.display();
    for network in ["generator", "discriminator"] {
        let (chosen, name) = (
            format!("--network {network}"),
            format!("{network}.safetensors"),
        );
        succeed(
            root,
            &format!("convert '{checkpoint}' one.pth {chosen} --force"),
        );
        succeed(root, &format!("convert one.pth {name} {chosen}"));
        assert!(
            tensors(&root.join(&name)) == tensors(&run_folder.join(&name)),
            "{name}"
        );
    }

    // A .pth file is a model.
    picture(&root.join("a.png"), 33, 47);
    succeed(
        root,
        &format!("translate a.png --model '{model}' --out ours"),
    );
    succeed(root, "translate a.png --model g.pth --out theirs");
    assert_eq!(
        fs::read(root.join("ours/a.png")).unwrap(),
        fs::read(root.join("theirs/a.png")).unwrap()
    );
}

/// The one thing about a generator that a state dict does not say is said once, and then kept with
/// the weights.
#[test]
#[ignore = "second tier: networks that resize their maps"]
fn a_state_dict_with_resized_maps_is_used_as_it_is_said_to_be() {
    use_as_said("unet");
    let folder = temporary();
    let root = folder.path();
    succeed(root, &format!("convert '{}' d.pth", generator()));
    let message = fail(root, 1, "convert d.pth x.onnx --upsample nearest");
    assert!(message.contains("leave out --upsample"), "{message}");
}

#[test]
#[ignore = "second tier: the same of a ResNet"]
fn a_state_dict_of_a_resnet_with_resized_maps_is_used_as_it_is_said_to_be() {
    use_as_said("resnet6");
}

/// Trains a generator that interpolates, and uses its state dict with and without that word.
fn use_as_said(generator: &str) {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("a.png"), 32, 32);
    dataset(&root.join("pairs"), 2);
    let network = format!("{NARROW} --generator {generator} --upsample bilinear");
    succeed(
        root,
        &format!("train pairs --steps 1 --lr 0.1 --name {generator} {network}"),
    );
    let translated = |model: &str, options: &str| {
        succeed(
            root,
            &format!("translate a.png --out out --force --model {model} {options}"),
        );
        fs::read(root.join("out/a.png")).unwrap()
    };
    let run = format!("runs/{generator}");
    succeed(root, &format!("convert {run} g.pth --force"));
    let unsaid = fail(root, 1, "translate a.png --out out --model g.pth");
    assert!(
        unsaid.contains("--upsample nearest or --upsample bilinear"),
        "{unsaid}"
    );
    let own = translated(&run, "");
    assert!(
        translated("g.pth", "--upsample bilinear") == own,
        "{generator}"
    );
    assert!(
        translated("g.pth", "--upsample nearest") != own,
        "{generator}"
    );
    succeed(
        root,
        "convert g.pth g.safetensors --force --upsample bilinear",
    );
    assert!(
        translated("g.safetensors", "") == own,
        "{generator}: kept with the weights"
    );
    succeed(root, "convert g.pth g.onnx --force --upsample nearest");
    let again = fail(root, 2, "convert g.safetensors x.pth --upsample bilinear");
    assert!(again.contains("leave it out"), "{again}");
}

#[test]
fn a_tensor_without_a_place_is_refused_by_its_name() {
    let folder = temporary();
    let root = folder.path();
    let file = fs::read(generator()).unwrap();
    let (count, more) = (0i64.to_le_bytes(), [0; 64]);
    let mut extra = SafeTensors::deserialize(&file).unwrap().tensors();
    for (key, dtype, shape, data) in [
        ("model.model.99.weight", Dtype::F32, vec![16], &more[..]),
        ("other.num_batches_tracked", Dtype::I64, vec![], &count),
        (
            "model.model.0.num_batches_tracked",
            Dtype::I64,
            vec![8],
            &more,
        ),
    ] {
        extra.push((key.to_owned(), TensorView::new(dtype, shape, data).unwrap()));
    }
    let metadata = SafeTensors::read_metadata(&file)
        .unwrap()
        .1
        .metadata()
        .clone();
    fs::write(
        root.join("extra.safetensors"),
        safetensors::serialize(extra, metadata).unwrap(),
    )
    .unwrap();
    for line in [
        "convert extra.safetensors g.pth",
        "convert extra.safetensors g.onnx",
        "translate absent.png --model extra.safetensors --out x",
    ] {
        let message = fail(root, 1, line);
        assert!(
            message.contains("model.model.0.num_batches_tracked of [8] is none of this network's"),
            "{message}"
        );
        for remedy in ["use another file", "without this tensor", "--network NAME"] {
            assert!(message.contains(remedy), "{message}");
        }
    }
}

/// An exit code, a line, and a part of its message.
const REFUSED: [(i32, &str, &str); 19] = [
    (
        1,
        "convert text.pth x.safetensors",
        "text.pth is no weight file that is known here (text)",
    ),
    (
        1,
        "convert half.pth x.safetensors",
        "half.pth is not a complete PyTorch file",
    ),
    (1, "convert absent.pth x.safetensors", "absent.pth"),
    (
        1,
        "convert g.pth x.pth --network discriminator",
        "it holds a generator",
    ),
    (1, "convert d.safetensors x.pth", "--network discriminator"),
    (
        1,
        "convert some.safetensors x.pth",
        "model.model.3.bias is missing",
    ),
    (1, "convert flat.safetensors x.pth", "PyTorch code wrote"),
    (
        1,
        "translate absent.png --model flat.safetensors --out x",
        "flat.safetensors",
    ),
    (2, "convert g.pth x.pt", ".onnx"),
    (
        2,
        "convert d.safetensors x.onnx --network discriminator",
        "use .pth",
    ),
    (1, "convert d.safetensors x.onnx", "d.safetensors"),
    (
        1,
        "convert some.safetensors x.onnx",
        "model.model.3.bias is missing",
    ),
    (
        2,
        "convert g.pth x.pth --test-norm running",
        "hold weights alone",
    ),
    (
        2,
        "convert g.pth x.safetensors --no-dropout",
        "hold weights alone",
    ),
    (2, "convert g.pth x.onnx --seed 1", "--dropout"),
    (2, "convert g.pth x.safetensors --fit pad", "leave them out"),
    (
        2,
        "convert g.pth x.onnx --dropout",
        "no dropout that could stay on; leave it off",
    ),
    (2, "convert g.pth there.onnx", "--force"),
    (2, "convert g.pth there.pth", "--force"),
];

/// A safetensors file of these tensors.
fn write_tensors<'d>(path: &Path, tensors: impl IntoIterator<Item = (String, TensorView<'d>)>) {
    fs::write(path, safetensors::serialize(tensors, None).unwrap()).unwrap();
}

/// A generator's file without one of its tensors.
fn write_incomplete(path: &Path, missing: &str) {
    let whole = fs::read(generator()).unwrap();
    let tensors = SafeTensors::deserialize(&whole).unwrap().tensors();
    write_tensors(path, tensors.into_iter().filter(|(key, _)| key != missing));
}

/// The layers of a ResNet without blocks, one of them a vector.
fn write_flat(path: &Path) {
    let zeros = [0; 4 * 3 * 7 * 7 * 4];
    let layers = [
        ("model.1.weight", &[4, 3, 7, 7][..]),
        ("model.17.weight", &[3, 4, 7, 7]),
        ("model.13.weight", &[4]),
    ];
    let tensors = layers.map(|(key, shape)| {
        let data = &zeros[..shape.iter().product::<usize>() * 4];
        let tensor = TensorView::new(Dtype::F32, shape.to_vec(), data).unwrap();
        (key.to_owned(), tensor)
    });
    write_tensors(path, tensors);
}

#[test]
fn what_is_no_network_is_not_converted() {
    let folder = temporary();
    let root = folder.path();
    fs::write(root.join("text.pth"), "no tensors").unwrap();
    fs::write(root.join("there.pth"), "precious").unwrap();
    fs::write(root.join("there.onnx"), "precious").unwrap();
    succeed(root, &format!("convert '{}' g.pth", generator()));
    fs::copy(
        finished().join("runs/t/discriminator.safetensors"),
        root.join("d.safetensors"),
    )
    .unwrap();
    write_incomplete(&root.join("some.safetensors"), "model.model.3.bias");
    write_flat(&root.join("flat.safetensors"));
    let mut damaged = fs::read(root.join("g.pth")).unwrap();
    damaged.truncate(damaged.len() / 2);
    fs::write(root.join("half.pth"), damaged).unwrap();
    for (code, line, expected) in REFUSED {
        let message = fail(root, code, line);
        assert!(message.contains(expected), "{line}: {message}");
    }
    assert_eq!(fs::read(root.join("there.pth")).unwrap(), b"precious");
    assert!(
        !root.join("x.safetensors").exists()
            && !root.join("x.onnx").exists()
            && !root.join("x.pth").exists()
    );
}
