//! Exported generators give in onnxruntime what they give here. `scripts/onnx-parity setup` fetches
//! it; without it the comparison is skipped with a line that says so, unless `PIX2PIX_REQUIRE_ONNX`
//! is set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use pix2pix::data::Pixels;
use pix2pix::data::Split;
use pix2pix::data::{DataOptions, Dataset};
use pix2pix::gpu::{DeviceOptions, Gpu};
use pix2pix::interop::onnx::Export;
use pix2pix::interop::{TensorFile, load_network, reference_shape, to_reference};
use pix2pix::nn::{
    DropoutAt, Fit, Generator, GeneratorConfig, Norm, ResNetConfig, TestNorm, TestTime, UNetConfig,
    Upsample,
};
use pix2pix::ops::activation::{Activation, activate};
use pix2pix::ops::add;
use pix2pix::ops::resample::Resample;
use pix2pix::program::{Program, Store};
use pix2pix::state::{StateList, StateSpec};
use pix2pix::tape::Tape;
use pix2pix::tape::{ArenaPart, StepState};
use pix2pix::tensor::{DType, Shape};
use pix2pix::train::{ModelConfig, Translator, onnx};
use safetensors::tensor::{Dtype, TensorView};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `scripts/onnx-parity` ends with where nothing is set up.
const NOT_SET_UP: i32 = 77;

/// Numbers in -1..1 from a fixed pseudo-random sequence, other ones for each seed.
fn random(count: usize, seed: u32) -> Vec<f32> {
    let draw = |i: usize| {
        let mut h = (i as u32).wrapping_mul(0x9E37_79B1) ^ seed.wrapping_mul(0x85EB_CA77);
        h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
        h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
        (h ^ (h >> 15)) as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    (0..count).map(draw).collect()
}

/// Values of a state that keep a signal's size from layer to layer, so that no output is trivial.
fn values(state: &StateSpec, seed: u32) -> Vec<f32> {
    let [kernel_h, kernel_w, in_channels, _] = state.shape.dims();
    let taps = if state.transposed {
        kernel_h * kernel_w / 4
    } else {
        kernel_h * kernel_w
    };
    let (middle, reach) = match state.name.rsplit('.').next().unwrap() {
        "weight" if state.shape == Shape::vector(state.shape.channels()) => (1.0, 0.3),
        "weight" => (0.0, (4.0 / (taps * in_channels) as f32).sqrt()),
        "running_var" => (1.0, 0.6),
        _ => (0.0, 0.3),
    };
    random(state.shape.len(), seed)
        .iter()
        .map(|value| middle + reach * value)
        .collect()
}

/// Writes tensors with their shapes.
fn write(path: &Path, tensors: &[(&str, Vec<usize>, &[f32])]) {
    let views = tensors.iter().map(|(key, shape, values)| {
        (
            *key,
            TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(values)).unwrap(),
        )
    });
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// A generator on the device and where its files are.
struct Model {
    folder: PathBuf,
    config: ModelConfig,
    generator: Generator,
    store: Store,
}

impl Model {
    /// Random weights, as a file and on the device, and the export.
    fn new(gpu: &Gpu, root: &Path, name: &str, config: ModelConfig) -> Self {
        let folder = root.join(name);
        fs::create_dir_all(&folder).unwrap();
        let mut states = StateList::default();
        let generator = Generator::new(&mut states, &config.generator).unwrap();
        let weights: Vec<_> = (states.states().iter().zip(0..))
            .map(|(state, seed)| {
                (
                    state,
                    to_reference(state.shape, state.transposed, &values(state, seed)),
                )
            })
            .collect();
        let tensors: Vec<_> = weights
            .iter()
            .map(|(state, values)| {
                (
                    state.name.as_str(),
                    reference_shape(state.shape, state.transposed),
                    &values[..],
                )
            })
            .collect();
        write(&folder.join("model.safetensors"), &tensors);
        let file = TensorFile::open(&folder.join("model.safetensors")).unwrap();
        let store = Store::new(gpu, states, false).unwrap();
        for arena in [generator.parameters(), generator.statistics()] {
            load_network(&file, gpu, &store, arena, ArenaPart::Value, "").unwrap();
        }
        onnx::export(&file, &config, 0, &folder.join("generator.onnx")).unwrap();
        Self {
            folder,
            config,
            generator,
            store,
        }
    }

    /// Writes images and what becomes of them.
    fn case(&self, gpu: &Gpu, name: &str, shape: Shape, images: &[f32]) {
        let translator = Translator::new(
            gpu,
            &self.store,
            &self.generator,
            shape,
            self.config.fit,
            &self.config.test.mode(),
        )
        .unwrap();
        let output = translator.translate(gpu, &self.store, images, 0).unwrap();
        let average = output.iter().map(|value| value.abs()).sum::<f32>() / output.len() as f32;
        assert!(
            (0.05..0.9).contains(&average),
            "{name}: outputs of {average} on average test nothing"
        );
        let to = translator.output_shape();
        let (input, output) = (
            to_reference(shape, false, images),
            to_reference(to, false, &output),
        );
        let tensors = [
            ("input", reference_shape(shape, false), &input[..]),
            ("output", reference_shape(to, false), &output[..]),
        ];
        write(
            &self.folder.join(format!("case-{name}.safetensors")),
            &tensors,
        );
    }

    /// Random and real images, one and several, of the size that the model says and of others, some
    /// of which it does not divide.
    fn cases(&self, gpu: &Gpu) {
        // A ResNet mirrors its innermost map.
        let smallest = match (self.config.fit, &self.config.generator) {
            (Fit::Crop, _) => [1, 63, 39],
            (Fit::Pad, GeneratorConfig::UNet(_)) => [1, 5, 1],
            (Fit::Pad, GeneratorConfig::ResNet(_)) => [1, 5, 6],
        };
        for (seed, [batch, height, width]) in (0..).zip([
            [1, 32, 32],
            [2, 32, 32],
            [1, 96, 64],
            [2, 64, 128],
            [2, 33, 100],
            smallest,
        ]) {
            let shape = Shape::nhwc(batch, height, width, 3);
            self.case(
                gpu,
                &format!("random-{seed}"),
                shape,
                &random(shape.len(), 1000 + seed),
            );
        }
        let dataset = Dataset::bundled(&DataOptions::new(64)).unwrap();
        for indices in [&[3][..], &[7, 11]] {
            let images = dataset
                .require(Split::Val)
                .unwrap()
                .plain(indices)
                .unwrap()
                .input;
            self.case(
                gpu,
                &format!("real-{}", indices.len()),
                Shape::nhwc(indices.len(), 64, 64, 3),
                &images,
            );
        }
    }
}

fn unet(norm: Norm) -> UNetConfig {
    let (dropout_at, upsample) = (DropoutAt::Pytorch, Upsample::Deconv);
    UNetConfig {
        in_channels: 3,
        out_channels: 3,
        num_downs: 5,
        ngf: 4,
        norm,
        dropout: true,
        dropout_at,
        skips: true,
        upsample,
    }
}

fn resnet(norm: Norm, upsample: Upsample) -> ResNetConfig {
    ResNetConfig {
        in_channels: 3,
        out_channels: 3,
        blocks: 2,
        ngf: 4,
        norm,
        dropout: true,
        upsample,
    }
}

fn model(generator: GeneratorConfig, norm: TestNorm, fit: Fit) -> ModelConfig {
    let (input, output) = (Pixels::default(), Pixels::default());
    let test = TestTime {
        norm,
        dropout: false,
    };
    ModelConfig {
        size: generator.multiple() as u32,
        generator,
        input,
        output,
        fit,
        test,
        precision: DType::F32,
    }
}

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

    let images = random(shape.len(), 6);
    let store = Store::new(gpu, states.clone(), false).unwrap();
    let program = Program::compile(gpu, &store, &tape, &[output]).unwrap();
    program.write(gpu, input, &images).unwrap();
    program
        .run(gpu, &store, &StepState::new(0, 0, 0.0, [0.0; 2]))
        .unwrap();
    let (to, made) = (tape.shape(output), program.read(gpu, output).unwrap());
    let [input, output] =
        [(shape, &images), (to, &made)].map(|(shape, values)| to_reference(shape, false, values));
    let tensors = [
        ("input", reference_shape(shape, false), &input[..]),
        ("output", reference_shape(to, false), &output[..]),
    ];
    write(&folder.join("case-random.safetensors"), &tensors);
}

/// The script's judgement of all folders under `root`.
fn compare(root: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/onnx-parity");
    let folders = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let required = std::env::var_os("PIX2PIX_REQUIRE_ONNX").is_some();
    let status = Command::new("python3")
        .arg(script)
        .arg("check")
        .args(folders)
        .status();
    let code = status.as_ref().ok().and_then(|status| status.code());
    if code == Some(0) {
        return;
    }
    assert!(
        !required && (code == Some(NOT_SET_UP) || status.is_err()),
        "the comparison with onnxruntime failed: {status:?}"
    );
    let line = b"SKIPPED: the comparison of exported generators with onnxruntime; run \
        scripts/onnx-parity setup first\n";
    std::io::stderr().write_all(line).unwrap();
}

#[test]
fn exported_generators_give_the_same_elsewhere() {
    pix2pix::gpu::quiet_drivers();
    let options = DeviceOptions {
        adapter: std::env::var("PIX2PIX_ADAPTER").ok(),
        ..DeviceOptions::default()
    };
    let gpu = pollster::block_on(Gpu::open(&options)).expect("the comparison needs an adapter");
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("onnx");
    let _ = fs::remove_dir_all(&root);
    let (unets, resnets) = (GeneratorConfig::UNet, GeneratorConfig::ResNet);
    let resized = |upsample| UNetConfig {
        upsample,
        num_downs: 4,
        ..unet(Norm::Batch)
    };
    for (name, config, norm, fit) in [
        (
            "batch-image",
            unets(unet(Norm::Batch)),
            TestNorm::Image,
            Fit::Pad,
        ),
        (
            "batch-batch",
            unets(unet(Norm::Batch)),
            TestNorm::Batch,
            Fit::Crop,
        ),
        (
            "batch-running",
            unets(unet(Norm::Batch)),
            TestNorm::Running,
            Fit::Pad,
        ),
        (
            "instance",
            unets(unet(Norm::Instance)),
            TestNorm::Image,
            Fit::Crop,
        ),
        ("none", unets(unet(Norm::None)), TestNorm::Image, Fit::Pad),
        (
            "nearest",
            unets(resized(Upsample::Nearest)),
            TestNorm::Image,
            Fit::Pad,
        ),
        (
            "bilinear",
            unets(resized(Upsample::Bilinear)),
            TestNorm::Image,
            Fit::Crop,
        ),
        (
            "encoder-decoder",
            unets(UNetConfig {
                skips: false,
                ..unet(Norm::Batch)
            }),
            TestNorm::Image,
            Fit::Crop,
        ),
        (
            "resnet",
            resnets(resnet(Norm::Instance, Upsample::Deconv)),
            TestNorm::Image,
            Fit::Pad,
        ),
        (
            "resnet-batch",
            resnets(resnet(Norm::Batch, Upsample::Bilinear)),
            TestNorm::Batch,
            Fit::Pad,
        ),
        (
            "resnet-running",
            resnets(resnet(Norm::Batch, Upsample::Nearest)),
            TestNorm::Running,
            Fit::Pad,
        ),
    ] {
        Model::new(&gpu, &root, name, model(config, norm, fit)).cases(&gpu);
    }
    let paper = model(
        unets(UNetConfig {
            num_downs: 8,
            ngf: 64,
            ..unet(Norm::Batch)
        }),
        TestNorm::Image,
        Fit::Pad,
    );
    let shape = Shape::nhwc(1, 256, 256, 3);
    Model::new(&gpu, &root, "paper", paper).case(&gpu, "random", shape, &random(shape.len(), 7));
    operators(&gpu, &root);

    let deep = model(
        unets(UNetConfig {
            num_downs: 6,
            ..unet(Norm::Batch)
        }),
        TestNorm::Image,
        Fit::Pad,
    );
    let noisy = Model::new(&gpu, &root, "dropout", deep);
    let shape = Shape::nhwc(1, 64, 64, 3);
    noisy.case(&gpu, "random", shape, &random(shape.len(), 5));
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
        onnx::export(
            &file,
            &config,
            seed,
            &noisy.folder.join(format!("dropout-{seed}.onnx")),
        )
        .unwrap();
    }
    compare(&root);
    // Half a gigabyte, which only a failure makes worth looking at.
    fs::remove_dir_all(root.join("paper")).unwrap();
}
