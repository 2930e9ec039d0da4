//! Generators with random weights, their export, and cases for them.

use pix2pix::data::Split;
use pix2pix::data::{DataOptions, Dataset};
use pix2pix::gpu::Gpu;
use pix2pix::interop::{TensorFile, load_network, reference_shape, to_reference};
use pix2pix::nn::{Fit, Generator, GeneratorConfig};
use pix2pix::program::Store;
use pix2pix::state::{StateList, StateSpec};
use pix2pix::tape::ArenaPart;
use pix2pix::tensor::Shape;
use pix2pix::train::{ModelConfig, Translator, onnx};
use pix2pix_harness::twins::uniform;
use pollster::block_on;
use safetensors::tensor::{Dtype, TensorView};
use std::fs;
use std::path::{Path, PathBuf};

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
    uniform(state.shape.len(), seed)
        .iter()
        .map(|value| middle + reach * value)
        .collect()
}

/// Writes tensors with their shapes.
pub fn write(path: &Path, tensors: &[(&str, Vec<usize>, &[f32])]) {
    let views = tensors.iter().map(|(key, shape, values)| {
        (
            *key,
            TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(values)).unwrap(),
        )
    });
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// A generator on the device and where its files are.
pub struct Model {
    pub folder: PathBuf,
    pub config: ModelConfig,
    generator: Generator,
    store: Store,
}

impl Model {
    /// Random weights, as a file and on the device, and the export.
    pub fn new(gpu: &Gpu, root: &Path, name: &str, config: ModelConfig) -> Self {
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
    pub fn case(&self, gpu: &Gpu, name: &str, shape: Shape, images: &[f32]) {
        let translator = Translator::new(
            gpu,
            &self.store,
            &self.generator,
            shape,
            self.config.fit,
            &self.config.test.mode(),
        )
        .unwrap();
        let output = block_on(translator.translate(gpu, &self.store, images, 0)).unwrap();
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
    pub fn cases(&self, gpu: &Gpu) {
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
                &uniform(shape.len(), 1000 + seed),
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
