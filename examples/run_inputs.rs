//! Writes what a run was trained on, for another program to train on the same: the initial weights
//! of both networks, and the batches of its first steps as they were drawn, cropped and mirrored.
//!
//! `cargo run --release --example run_inputs -- runs/demo out-folder 500`
//!
//! `batches.safetensors` holds `input` and `target`, both f32 in -1..1 and of PyTorch's layout,
//! `[steps, batch, channels, height, width]`. The weights are files as a run writes them.

use pix2pix::data::batch_sampler::BatchSampler;
use pix2pix::data::{Batch, Dataset, Split};
use pix2pix::gpu::{DeviceOptions, Gpu};
use pix2pix::interop::to_reference;
use pix2pix::tensor::Shape;
use pix2pix::train::checkpoint::{TrainingProgress, export};
use pix2pix::train::run::RunDir;
use pix2pix::train::{Config, Session};
use pollster::block_on;
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, out, steps] = arguments.as_slice() else {
        return Err("usage: run_inputs RUN OUT-FOLDER STEPS".into());
    };
    let (out, steps) = (PathBuf::from(out), steps.parse()?);
    let mut config = RunDir::config_of(Path::new(run))?;
    if config.recipe.pretrained.is_some() || config.recipe.pretrained_discriminator.is_some() {
        return Err("the run began with trained weights: take them from where it took them".into());
    }
    // An average is the weights themselves before the first step.
    config.recipe.ema = None;
    std::fs::create_dir_all(&out)?;
    write_weights(&config, &out)?;
    write_batches(&config, steps, &out.join("batches.safetensors"))?;
    println!("weights and {steps} batches, in {}", out.display());
    Ok(())
}

/// Draws the weights as a run does before its first step.
fn write_weights(config: &Config, out: &Path) -> Result<(), Box<dyn Error>> {
    let gpu = pollster::block_on(Gpu::open(&DeviceOptions {
        adapter: std::env::var("PIX2PIX_ADAPTER").ok(),
        ..DeviceOptions::default()
    }))?;
    let session = Session::new(&gpu, config)?;
    block_on(session.store.initialise(&gpu, config.seed))?;
    let progress = TrainingProgress {
        config: config.clone(),
        step: 0,
        seconds: 0.0,
        pairs: 0,
        fingerprint: None,
        adapter: String::new(),
        choices: BTreeMap::new(),
        plateau: Default::default(),
        best: None,
        unscored: None,
    };
    Ok(block_on(export(&gpu, &session, &progress, out))?)
}

/// Draws the batches as the run's loader does.
fn write_batches(config: &Config, steps: u64, file: &Path) -> Result<(), Box<dyn Error>> {
    let options = config.data_options();
    let dataset = match &config.dataset {
        Some(folder) => Dataset::open(folder, &options)?,
        None => Dataset::bundled(&options)?,
    };
    let pairs = dataset.require(Split::Train)?;
    let sampler = BatchSampler::new(pairs, config.pairs_per_step(), config.seed)?;
    let batch = |step| pairs.batch(&sampler.samples(step));
    let sides = batch(0)?.sides;
    let write = |of: fn(&Batch) -> &[f32], channels| -> Result<_, Box<dyn Error>> {
        let (width, height) = (sides.0 as usize, sides.1 as usize);
        let shape = [config.pairs_per_step(), channels, height, width];
        let here = Shape::nhwc(shape[0], height, width, channels);
        let mut values = Vec::new();
        for step in 0..steps {
            let batch = batch(step)?;
            if batch.sides != sides {
                return Err("the run's images have several sizes, and a tensor has one".into());
            }
            values.extend(to_reference(here, false, of(&batch)));
        }
        let shape = [&[steps as usize], &shape[..]].concat();
        Ok((shape, values))
    };
    let (input_shape, input) = write(|batch| &batch.input, config.input.channels())?;
    let (target_shape, target) = write(|batch| &batch.target, config.output.channels())?;
    let view = |shape, values| TensorView::new(Dtype::F32, shape, bytemuck::cast_slice(values));
    let tensors = [
        ("input", view(input_shape, &input)?),
        ("target", view(target_shape, &target)?),
    ];
    Ok(serialize_to_file(tensors, None, file)?)
}
