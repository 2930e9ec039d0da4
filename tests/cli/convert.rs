//! Weights between this program's files and PyTorch's.

use crate::{fail, finished, generator, picture, succeed, temporary};
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
    succeed(root, &["convert", &generator(), "g.pth"]);
    succeed(root, &["convert", "g.pth", "back.safetensors"]);
    assert!(tensors(&root.join("back.safetensors")) == tensors(Path::new(&generator())));

    // Both networks of a checkpoint are those that lie beside it.
    let run_folder = finished().join("runs/t");
    let checkpoint = run_folder.join("checkpoints/step-000004.safetensors");
    for (name, network) in [
        ("generator.safetensors", "generator"),
        ("discriminator.safetensors", "discriminator"),
    ] {
        succeed(
            root,
            &[
                "convert",
                checkpoint.to_str().unwrap(),
                "one.pth",
                "--network",
                network,
                "--force",
            ],
        );
        succeed(root, &["convert", "one.pth", name, "--network", network]);
        assert!(
            tensors(&root.join(name)) == tensors(&run_folder.join(name)),
            "{name}"
        );
    }

    // A .pth file is a model.
    picture(&root.join("a.png"), 33, 47);
    succeed(
        root,
        &[
            "translate",
            "a.png",
            "--model",
            &generator(),
            "--out",
            "ours",
        ],
    );
    succeed(
        root,
        &["translate", "a.png", "--model", "g.pth", "--out", "theirs"],
    );
    assert_eq!(
        fs::read(root.join("ours/a.png")).unwrap(),
        fs::read(root.join("theirs/a.png")).unwrap()
    );
}

#[test]
fn a_generator_becomes_a_file_for_other_runtimes() {
    let folder = temporary();
    let root = folder.path();
    let convert = |output: &str, options: &[&str]| {
        succeed(
            root,
            &[&["convert", &generator(), output], options].concat(),
        );
        fs::read(root.join(output)).unwrap()
    };
    let holds = |file: &[u8], text: &str| {
        file.windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    let image = convert("image.onnx", &[]);
    for text in [
        "pix2pix-wgpu",
        "pix2pix.model",
        "model.model.0.weight",
        "ConvTranspose",
        "InstanceNormalization",
    ] {
        assert!(holds(&image, text), "{text}");
    }
    let model = fs::read(generator()).unwrap();
    let model = SafeTensors::deserialize(&model).unwrap();
    assert!(
        image
            .windows(256)
            .any(|window| window == &model.tensor("model.model.0.weight").unwrap().data()[..256])
    );
    let running = convert("running.onnx", &["--test-norm", "running"]);
    assert!(
        holds(&running, "BatchNormalization")
            && holds(&running, "running_mean")
            && !holds(&running, "InstanceNormalization")
    );
    assert!(holds(
        &convert("batch.onnx", &["--test-norm", "batch"]),
        "ReduceMean"
    ));

    // Checkpoints and run folders are models too.
    let run_folder = finished().join("runs/t");
    for input in [
        run_folder.clone(),
        run_folder.join("checkpoints/step-000004.safetensors"),
    ] {
        succeed(
            root,
            &["convert", input.to_str().unwrap(), "image.onnx", "--force"],
        );
        assert!(fs::read(root.join("image.onnx")).unwrap() == image);
    }
}

#[test]
fn an_exported_generator_is_used_as_its_model_says_unless_told_otherwise() {
    let folder = temporary();
    let root = folder.path();
    let options = [
        "--size",
        "64",
        "--ngf",
        "2",
        "--steps",
        "1",
        "--batch-size",
        "2",
        "--test-dropout",
        "--name",
        "r",
    ];
    succeed(
        root,
        &[&["train"], &options[..], &["--test-norm", "batch"]].concat(),
    );
    let convert = |options: &[&str]| {
        succeed(
            root,
            &[&["convert", "runs/r", "g.onnx", "--force"], options].concat(),
        );
        fs::read(root.join("g.onnx")).unwrap()
    };
    let operators = [
        "InstanceNormalization",
        "BatchNormalization",
        "ReduceMean",
        "Dropout",
    ];
    let recorded = convert(&[]);
    for (options, norm, normalisation, dropout) in [
        (&[][..], "batch", "ReduceMean", true),
        (&["--no-dropout"], "batch", "ReduceMean", false),
        (
            &["--test-norm", "image"],
            "image",
            "InstanceNormalization",
            true,
        ),
        (
            &["--test-norm", "running", "--no-dropout"],
            "running",
            "BatchNormalization",
            false,
        ),
    ] {
        let file = convert(options);
        let holds = |text: &str| {
            file.windows(text.len())
                .any(|window| window == text.as_bytes())
        };
        let mode = format!(r#""test":{{"norm":"{norm}","dropout":{dropout}}}"#);
        assert!(holds(&mode), "{options:?}: the file does not say {mode}");
        for operator in operators {
            let expected = operator == normalisation || operator == "Dropout" && dropout;
            assert_eq!(holds(operator), expected, "{options:?}: {operator}");
        }
    }
    let file = convert(&["--fit", "crop"]);
    let holds = |text: &str| {
        file.windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    assert!(holds(r#""fit":"crop""#) && holds("shows the middle of the input") && !holds("Gather"));
    // What is not named is as recorded, and a seed is one of the recorded dropout too.
    assert!(convert(&["--test-norm", "batch", "--dropout", "--seed", "0"]) == recorded);
    assert!(convert(&["--seed", "1"]) != recorded);
    assert!(
        fail(
            root,
            2,
            &["convert", "runs/r", "x.onnx", "--no-dropout", "--seed", "1"]
        )
        .contains("add --dropout")
    );
}

/// The one thing about a generator that a state dict does not say is said once, and then kept with
/// the weights.
#[test]
fn a_state_dict_with_resized_maps_is_used_as_it_is_said_to_be() {
    let folder = temporary();
    let root = folder.path();
    image::RgbImage::from_fn(32, 32, |x, y| {
        image::Rgb([(x * 7) as u8, (y * 5) as u8, 90])
    })
    .save(root.join("a.png"))
    .unwrap();
    let translated = |model: &str, options: &[&str]| {
        succeed(
            root,
            &[
                &["translate", "a.png", "--out", "out", "--model", model],
                options,
            ]
            .concat(),
        );
        fs::read(root.join("out/a.png")).unwrap()
    };
    for (name, generator) in [("u", "unet"), ("r", "resnet6")] {
        let network = [
            "--size",
            "32",
            "--ngf",
            "2",
            "--generator",
            generator,
            "--upsample",
            "bilinear",
        ];
        succeed(
            root,
            &[
                &["train", "--steps", "1", "--lr", "0.1", "--name", name],
                &network[..],
            ]
            .concat(),
        );
        let run = format!("runs/{name}");
        succeed(root, &["convert", &run, "g.pth", "--force"]);
        let unsaid = fail(
            root,
            1,
            &["translate", "a.png", "--out", "out", "--model", "g.pth"],
        );
        assert!(
            unsaid.contains("--upsample nearest or --upsample bilinear"),
            "{unsaid}"
        );
        let own = translated(&run, &[]);
        assert!(
            translated("g.pth", &["--upsample", "bilinear"]) == own,
            "{generator}"
        );
        assert!(
            translated("g.pth", &["--upsample", "nearest"]) != own,
            "{generator}"
        );
        succeed(
            root,
            &[
                "convert",
                "g.pth",
                "g.safetensors",
                "--force",
                "--upsample",
                "bilinear",
            ],
        );
        assert!(
            translated("g.safetensors", &[]) == own,
            "{generator}: kept with the weights"
        );
        succeed(
            root,
            &[
                "convert",
                "g.pth",
                "g.onnx",
                "--force",
                "--upsample",
                "nearest",
            ],
        );
        assert!(
            fail(
                root,
                2,
                &[
                    "convert",
                    "g.safetensors",
                    "x.pth",
                    "--upsample",
                    "bilinear"
                ]
            )
            .contains("leave it out")
        );
    }
    succeed(root, &["convert", &generator(), "d.pth"]);
    assert!(
        fail(
            root,
            1,
            &["convert", "d.pth", "x.onnx", "--upsample", "nearest"]
        )
        .contains("leave out --upsample")
    );
}

#[test]
fn only_the_network_is_converted() {
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
    succeed(root, &["convert", "extra.safetensors", "g.pth"]);
    succeed(root, &["convert", "g.pth", "g.safetensors"]);
    assert!(tensors(&root.join("g.safetensors")) == tensors(Path::new(&generator())));
}

#[test]
fn what_is_no_network_is_not_converted() {
    let folder = temporary();
    let root = folder.path();
    fs::write(root.join("text.pth"), "no tensors").unwrap();
    fs::write(root.join("there.pth"), "precious").unwrap();
    fs::write(root.join("there.onnx"), "precious").unwrap();
    succeed(root, &["convert", &generator(), "g.pth"]);
    fs::copy(
        finished().join("runs/t/discriminator.safetensors"),
        root.join("d.safetensors"),
    )
    .unwrap();
    let whole = fs::read(generator()).unwrap();
    let kept = SafeTensors::deserialize(&whole)
        .unwrap()
        .tensors()
        .into_iter()
        .filter(|(key, _)| key != "model.model.3.bias");
    fs::write(
        root.join("some.safetensors"),
        safetensors::serialize(kept, None).unwrap(),
    )
    .unwrap();
    // The layers of a ResNet without blocks, one of them a vector.
    let zeros = [0; 4 * 3 * 7 * 7 * 4];
    let flat = [
        ("model.1.weight", &[4, 3, 7, 7][..]),
        ("model.17.weight", &[3, 4, 7, 7]),
        ("model.13.weight", &[4]),
    ]
    .map(|(key, shape)| {
        (
            key,
            TensorView::new(
                Dtype::F32,
                shape.to_vec(),
                &zeros[..shape.iter().product::<usize>() * 4],
            )
            .unwrap(),
        )
    });
    fs::write(
        root.join("flat.safetensors"),
        safetensors::serialize(flat, None).unwrap(),
    )
    .unwrap();
    let mut damaged = fs::read(root.join("g.pth")).unwrap();
    damaged.truncate(damaged.len() / 2);
    fs::write(root.join("half.pth"), damaged).unwrap();
    for (code, arguments, expected) in [
        (
            1,
            &["convert", "text.pth", "x.safetensors"][..],
            "text.pth is not a complete safetensors file",
        ),
        (
            1,
            &["convert", "half.pth", "x.safetensors"],
            "half.pth is not a complete PyTorch file",
        ),
        (1, &["convert", "absent.pth", "x.safetensors"], "absent.pth"),
        (
            1,
            &["convert", "g.pth", "x.pth", "--network", "discriminator"],
            "it holds a generator",
        ),
        (
            1,
            &["convert", "d.safetensors", "x.pth"],
            "--network discriminator",
        ),
        (
            1,
            &["convert", "some.safetensors", "x.pth"],
            "model.model.3.bias is missing",
        ),
        (
            1,
            &["convert", "flat.safetensors", "x.pth"],
            "PyTorch code wrote",
        ),
        (
            1,
            &[
                "translate",
                "absent.png",
                "--model",
                "flat.safetensors",
                "--out",
                "x",
            ],
            "flat.safetensors",
        ),
        (2, &["convert", "g.pth", "x.pt"], ".onnx"),
        (
            2,
            &[
                "convert",
                "d.safetensors",
                "x.onnx",
                "--network",
                "discriminator",
            ],
            "use .pth",
        ),
        (1, &["convert", "d.safetensors", "x.onnx"], "d.safetensors"),
        (
            1,
            &["convert", "some.safetensors", "x.onnx"],
            "model.model.3.bias is missing",
        ),
        (
            2,
            &["convert", "g.pth", "x.pth", "--test-norm", "running"],
            "hold weights alone",
        ),
        (
            2,
            &["convert", "g.pth", "x.safetensors", "--no-dropout"],
            "hold weights alone",
        ),
        (
            2,
            &["convert", "g.pth", "x.onnx", "--seed", "1"],
            "--dropout",
        ),
        (
            2,
            &["convert", "g.pth", "x.safetensors", "--fit", "pad"],
            "leave them out",
        ),
        (
            2,
            &["convert", "g.pth", "x.onnx", "--dropout"],
            "no dropout that could stay on; leave it off",
        ),
        (2, &["convert", "g.pth", "there.onnx"], "--force"),
        (2, &["convert", "g.pth", "there.pth"], "--force"),
    ] {
        let message = fail(root, code, arguments);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    assert_eq!(fs::read(root.join("there.pth")).unwrap(), b"precious");
    assert!(
        !root.join("x.safetensors").exists()
            && !root.join("x.onnx").exists()
            && !root.join("x.pth").exists()
    );
}
