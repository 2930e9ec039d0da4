//! Generators as ONNX files.

use crate::{fail, finished, generator, succeed, temporary, with_dropout};
use safetensors::SafeTensors;
use std::fs;

/// Whether the bytes of `text` are somewhere in `file`.
fn holds(file: &[u8], text: &str) -> bool {
    file.windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn a_generator_becomes_a_file_for_other_runtimes() {
    let folder = temporary();
    let root = folder.path();
    let convert = |output: &str, options: &str| {
        let model = generator();
        succeed(root, &format!("convert '{model}' {output} {options}"));
        fs::read(root.join(output)).unwrap()
    };
    let image = convert("image.onnx", "");
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
    let running = convert("running.onnx", "--test-norm running");
    assert!(
        holds(&running, "BatchNormalization")
            && holds(&running, "running_mean")
            && !holds(&running, "InstanceNormalization")
    );
    assert!(holds(
        &convert("batch.onnx", "--test-norm batch"),
        "ReduceMean"
    ));

    // Checkpoints and run folders are models too.
    let run_folder = finished().join("runs/t");
    for input in [
        run_folder.clone(),
        run_folder.join("checkpoints/step-000004.safetensors"),
    ] {
        let input = input.display();
        succeed(root, &format!("convert '{input}' image.onnx --force"));
        assert!(fs::read(root.join("image.onnx")).unwrap() == image);
    }
}

#[test]
fn an_exported_generator_is_used_as_its_model_says_unless_told_otherwise() {
    let folder = temporary();
    let root = folder.path();
    let run = with_dropout();
    let convert = |options: &str| {
        succeed(root, &format!("convert '{run}' g.onnx --force {options}"));
        fs::read(root.join("g.onnx")).unwrap()
    };
    let operators = [
        "InstanceNormalization",
        "BatchNormalization",
        "ReduceMean",
        "Dropout",
    ];
    let recorded = convert("");
    for (options, norm, normalisation, dropout) in [
        ("", "batch", "ReduceMean", true),
        ("--no-dropout", "batch", "ReduceMean", false),
        ("--test-norm image", "image", "InstanceNormalization", true),
        (
            "--test-norm running --no-dropout",
            "running",
            "BatchNormalization",
            false,
        ),
    ] {
        let file = convert(options);
        let mode = format!(r#""test":{{"norm":"{norm}","dropout":{dropout}}}"#);
        assert!(
            holds(&file, &mode),
            "{options}: the file does not say {mode}"
        );
        for operator in operators {
            let expected = operator == normalisation || operator == "Dropout" && dropout;
            assert_eq!(holds(&file, operator), expected, "{options}: {operator}");
        }
    }
    let file = convert("--fit crop");
    for (text, expected) in [
        (r#""fit":"crop""#, true),
        ("shows the middle of the input", true),
        ("Gather", false),
    ] {
        assert_eq!(holds(&file, text), expected, "{text}");
    }
    // What is not named is as recorded, and a seed is one of the recorded dropout too.
    assert!(convert("--test-norm batch --dropout --seed 0") == recorded);
    assert!(convert("--seed 1") != recorded);
    let message = fail(
        root,
        2,
        &format!("convert '{run}' x.onnx --no-dropout --seed 1"),
    );
    assert!(message.contains("add --dropout"), "{message}");
}
