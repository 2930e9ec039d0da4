//! `--precision`: a model remembers how it is stored, and a device without 16-bit floats refuses or
//! falls back.

use crate::{
    TINY, config, copy_folder, dataset, fail_cleanly, open, picture, run, stderr, stdout, succeed,
    temporary,
};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

/// Step of the checkpoint in the middle of a run.
const MIDDLE: &str = "runs/h/checkpoints/step-000002.safetensors";
/// The last one.
const END: &str = "runs/h/checkpoints/step-000004.safetensors";
const TRAINING: &str = "pix2pix.training";
const NOTE: &str = "note: without 16-bit floats weights and activations are stored as f32\n";

/// A finished run of four steps in f16, made once: `runs/h` in this folder. None where the device
/// has no 16-bit floats; then a line on stderr, past the test runner's capture, says so.
fn finished_in_f16() -> Option<&'static Path> {
    static FINISHED: OnceLock<Option<TempDir>> = OnceLock::new();
    let made = FINISHED.get_or_init(|| {
        let folder = temporary();
        dataset(&folder.path().join("pairs"), 2);
        let options = "--name h --precision f16 --checkpoint-every 2";
        let line = format!("train pairs --steps 4 {options} {TINY}");
        let output = run(folder.path(), &line);
        if stderr(&output).contains("no 16-bit floats") {
            let message = fail_cleanly(folder.path(), 1, &line);
            assert!(
                message.contains("use --precision f32 or another --adapter"),
                "{message}"
            );
            let skipped = format!("SKIPPED: the command line in f16: {message}");
            std::io::stderr().write_all(skipped.as_bytes()).unwrap();
            return None;
        }
        assert!(output.status.success(), "{}", stderr(&output));
        Some(folder)
    });
    made.as_ref().map(TempDir::path)
}

/// A JSON text among the metadata of a file of tensors.
fn metadata(path: &Path, key: &str) -> Value {
    let bytes = fs::read(path).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    serde_json::from_str(&header.metadata().as_ref().unwrap()[key]).unwrap()
}

/// A copy of the run as it was when its checkpoint in the middle was the newest, and it resumed
/// with `options`.
fn resumed(finished: &Path, options: &str) -> (TempDir, String) {
    let folder = temporary();
    copy_folder(finished, folder.path());
    fs::remove_file(folder.path().join(END)).unwrap();
    let output = succeed(folder.path(), &format!("train --resume h {options}"));
    (folder, stderr(&output))
}

#[test]
#[ignore = "second tier: kernels in two precisions"]
fn a_run_in_f16_says_so_and_goes_on_so_without_an_option() {
    let Some(finished) = finished_in_f16() else {
        return;
    };
    assert_eq!(config(finished, "h")["precision"], "f16");
    assert_eq!(
        metadata(&finished.join(MIDDLE), TRAINING)["config"]["precision"],
        "f16"
    );
    assert_eq!(
        metadata(&finished.join(MIDDLE), "pix2pix.loss_scale")
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        metadata(
            &finished.join("runs/h/generator.safetensors"),
            "pix2pix.model"
        )["precision"],
        "f16"
    );

    let (folder, text) = resumed(finished, "");
    assert!(!text.contains(NOTE), "{text}");
    assert_eq!(
        metadata(&folder.path().join(END), TRAINING)["config"]["precision"],
        "f16"
    );
    let kept = |root: &Path| fs::read(root.join("runs/h/generator.safetensors")).unwrap();
    assert!(
        kept(folder.path()) == kept(finished),
        "it went on as if it had never stopped"
    );
    let refused = run(folder.path(), "train --resume h --precision f32");
    assert!(
        refused.status.code() == Some(2) && stderr(&refused).contains("--precision"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn without_16_bit_floats_a_run_is_in_f32_with_a_note() {
    let folder = temporary();
    let root = folder.path();
    dataset(&root.join("pairs"), 2);
    let line = format!("train pairs --steps 1 --name t --precision f16 --no-f16 {TINY}");
    assert!(stderr(&succeed(root, &line)).contains(NOTE));
    assert_eq!(config(root, "t")["precision"], "f32");
    picture(&root.join("a.png"), 32, 32);
    let text = stderr(&succeed(
        root,
        "translate a.png --model runs/t --out out --precision f16 --no-f16",
    ));
    assert_eq!(text, NOTE);
}

#[test]
#[ignore = "second tier: kernels in two precisions"]
fn a_run_in_f16_goes_on_in_f32_where_there_are_no_16_bit_floats() {
    let Some(finished) = finished_in_f16() else {
        return;
    };
    let (folder, text) = resumed(finished, "--no-f16");
    assert!(text.contains(NOTE), "{text}");
    assert_eq!(
        metadata(&folder.path().join(END), TRAINING)["config"]["precision"],
        "f32"
    );
}

#[test]
#[ignore = "second tier: kernels in two precisions"]
fn a_generator_trained_in_f16_translates_in_either() {
    let Some(finished) = finished_in_f16() else {
        return;
    };
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("a.png"), 33, 47);
    let model = finished.join("runs/h/generator.safetensors");
    let model = model.to_str().unwrap();
    let translate = |out: &str, options: &str| {
        let output = succeed(
            root,
            &format!("translate a.png --model '{model}' --out {out} {options}"),
        );
        assert_eq!(
            (stdout(&output), stderr(&output)),
            (format!("{out}/a.png\n"), String::new())
        );
        open(&root.join(out).join("a.png")).to_rgb8()
    };
    let half = translate("remembered", "");
    assert_eq!(half.dimensions(), (33, 47));
    assert_eq!(half, translate("asked", "--precision f16"));
    let single = translate("single", "--precision f32");
    // Rounding puts a number on the other side of one grey level (found: 1 at most, 0.4 % of all
    // numbers); two leave a margin.
    let apart = half
        .iter()
        .zip(single.iter())
        .map(|(a, b)| a.abs_diff(*b))
        .max()
        .unwrap();
    assert!(apart <= 2, "{apart} grey levels apart");
}
