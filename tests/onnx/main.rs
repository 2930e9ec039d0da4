//! Exported generators give in onnxruntime what they give here. `scripts/onnx-parity setup` fetches
//! it; without it the comparison is skipped with a line that says so, unless `PIX2PIX_REQUIRE_ONNX`
//! is set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod configs;
mod model;

use configs::{model, small_generators, unet};
use model::{Model, write};
use pix2pix::gpu::{DeviceOptions, Gpu};
use pix2pix::interop::onnx::Export;
use pix2pix::interop::{TensorFile, reference_shape, to_reference};
use pix2pix::nn::{Fit, GeneratorConfig, Norm, TestNorm, TestTime, UNetConfig};
use pix2pix::ops::activation::{Activation, activate};
use pix2pix::ops::add;
use pix2pix::ops::resample::Resample;
use pix2pix::program::{Program, Store};
use pix2pix::state::StateList;
use pix2pix::tape::StepState;
use pix2pix::tape::Tape;
use pix2pix::tensor::Shape;
use pix2pix::train::{ModelConfig, onnx};
use pix2pix_harness::twins::uniform;
use pollster::block_on;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `scripts/onnx-parity` ends with where nothing is set up.
const NOT_SET_UP: i32 = 77;

/// Operators that not every network has, without one: maps of other sizes, and what is added to
/// itself.
fn operators(gpu: &Gpu, root: &Path) {
    let folder = root.join("operators");
    fs::create_dir_all(&folder).unwrap();
    write(&folder.join("model.safetensors"), &[]);
    let file = TensorFile::open(&folder.join("model.safetensors")).unwrap();
    let (states, shape) = (StateList::default(), Shape::nhwc(2, 5, 7, 3));
    let mut tape = Tape::default();
    let input = tape.input("input", shape);
    let mut value = input;
    for resample in [
        Resample::ReflectPad { pad: 3 },
        Resample::Nearest,
        Resample::Bilinear,
        Resample::ReflectPad { pad: 1 },
    ] {
        value = tape.record(resample, &[value]).unwrap();
    }
    let value = add(&mut tape, value, value).unwrap();
    let output = activate(&mut tape, value, Activation::Sigmoid).unwrap();
    let channels = ["rgb", "rgb"].map(str::to_owned);
    let export = Export {
        tape: &tape,
        states: &states,
        input,
        output,
        channels,
        sizes: String::new(),
        multiple: 1,
        seed: 0,
    };
    let mut bytes = Vec::new();
    export
        .model(&file, vec![("pix2pix.model", String::new())])
        .unwrap()
        .write(&mut bytes)
        .unwrap();
    fs::write(folder.join("generator.onnx"), bytes).unwrap();

    let images = uniform(shape.len(), 6);
    let store = Store::new(gpu, states.clone(), false).unwrap();
    let program = Program::compile(gpu, &store, &tape, &[output]).unwrap();
    program.write(gpu, input, &images).unwrap();
    program
        .run(gpu, &store, &StepState::new(0, 0, 0.0, [0.0; 2]))
        .unwrap();
    let (to, made) = (
        tape.shape(output),
        block_on(program.read(gpu, output)).unwrap(),
    );
    let [input, output] =
        [(shape, &images), (to, &made)].map(|(shape, values)| to_reference(shape, false, values));
    let tensors = [
        ("input", reference_shape(shape, false), &input[..]),
        ("output", reference_shape(to, false), &output[..]),
    ];
    write(&folder.join("case-random.safetensors"), &tensors);
}

/// Runs the script over `folders`; its exit code, unless it could not be run.
fn check(folders: &[PathBuf]) -> Option<i32> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/onnx-parity");
    let mut command = Command::new("python3");
    let status = command.arg(script).arg("check").args(folders).status();
    status.ok().and_then(|status| status.code())
}

/// Whether onnxruntime is there; if not, says that the comparison is skipped.
fn is_set_up() -> bool {
    let code = check(&[]);
    let required = std::env::var_os("PIX2PIX_REQUIRE_ONNX").is_some();
    assert!(
        !required || code == Some(0),
        "the comparison with onnxruntime is not set up: {code:?}"
    );
    if code == Some(0) {
        return true;
    }
    assert!(
        code.is_none() || code == Some(NOT_SET_UP),
        "scripts/onnx-parity failed: {code:?}"
    );
    let line = b"SKIPPED: the comparison of exported generators with onnxruntime; run \
        scripts/onnx-parity setup first\n";
    std::io::stderr().write_all(line).unwrap();
    false
}

/// The script's verdict on all folders under `root`.
fn compare(root: &Path) {
    let folders = fs::read_dir(root).unwrap();
    let folders: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(
        check(&folders),
        Some(0),
        "the comparison with onnxruntime failed"
    );
}

fn open() -> Gpu {
    let options = DeviceOptions {
        adapter: std::env::var("PIX2PIX_ADAPTER").ok(),
        ..DeviceOptions::default()
    };
    pollster::block_on(Gpu::open(&options)).expect("the comparison needs an adapter")
}

/// An empty folder.
fn folder(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&root);
    root
}

/// Without onnxruntime they are exported and no more.
#[test]
fn exported_generators_give_the_same_elsewhere() {
    let (gpu, root) = (open(), folder("onnx"));
    let compared = is_set_up();
    for (name, config, norm, fit) in small_generators() {
        let model = Model::new(&gpu, &root, name, model(config, norm, fit));
        if compared {
            model.cases(&gpu);
        }
    }
    operators(&gpu, &root);
    with_dropout(&gpu, &root, compared);
    if compared {
        compare(&root);
    }
}

#[test]
#[ignore = "second tier: the paper's generator"]
fn the_papers_generator_gives_the_same_elsewhere() {
    if !is_set_up() {
        return;
    }
    let (gpu, root) = (open(), folder("onnx-paper"));
    let paper = GeneratorConfig::UNet(UNetConfig {
        num_downs: 8,
        ngf: 64,
        ..unet(Norm::Batch)
    });
    let paper = model(paper, TestNorm::Image, Fit::Pad);
    let shape = Shape::nhwc(1, 256, 256, 3);
    Model::new(&gpu, &root, "paper", paper).case(&gpu, "random", shape, &uniform(shape.len(), 7));
    compare(&root);
    // Half a gigabyte, which only a failure makes worth looking at.
    fs::remove_dir_all(root).unwrap();
}

/// A generator without dropout, and the same with dropout by two seeds.
fn with_dropout(gpu: &Gpu, root: &Path, compared: bool) {
    let deep = GeneratorConfig::UNet(UNetConfig {
        num_downs: 6,
        ..unet(Norm::Batch)
    });
    let noisy = Model::new(gpu, root, "dropout", model(deep, TestNorm::Image, Fit::Pad));
    let shape = Shape::nhwc(1, 64, 64, 3);
    if compared {
        noisy.case(gpu, "random", shape, &uniform(shape.len(), 5));
    }
    let file = TensorFile::open(&noisy.folder.join("model.safetensors")).unwrap();
    let test = TestTime {
        dropout: true,
        ..noisy.config.test
    };
    let config = ModelConfig {
        test,
        ..noisy.config
    };
    for seed in [1, 2] {
        let path = noisy.folder.join(format!("dropout-{seed}.onnx"));
        onnx::export(&file, &config, seed, &path).unwrap();
    }
}
