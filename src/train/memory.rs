//! Whether a run fits the device, before anything is allocated, and what would fit where it does not.

use super::config::TrainConfig;
use super::error::TrainError;
use super::monitor;
use super::recipe::Recipe;
use super::session::{Recording, UPLOADS};
use super::translator::Forward;
use crate::data::default_load_size;
use crate::gpu::{GpuError, Profile, buffer_bytes};
use crate::nn::{Fit, Generator, Mode};
use crate::program::{Memory, ONE_OPERATION_BYTES, Plan, ProgramError};
use crate::state::StateList;
use crate::tensor::Shape;

/// The memory of a training run as [`super::Trainer`] allocates it.
///
/// # Errors
/// Networks that do not fit the images, or values that no single buffer or binding of the device can hold.
pub fn plan_training(config: &TrainConfig, profile: &Profile) -> Result<Memory, TrainError> {
    let recording = Recording::new(config)?;
    plan_recording(config, &recording, profile)
}

/// As [`plan_training`], of `config`'s step that is recorded already.
///
/// # Errors
/// Those of [`plan_training`].
pub fn plan_recording(config: &TrainConfig, recording: &Recording, profile: &Profile) -> Result<Memory, TrainError> {
    let Recording { states, generator, tape, vars, .. } = recording;
    let mut memory = Memory::of_states(states, true, profile)?;
    let step = recording.plan(profile)?;
    let image = tape.shape(vars.input);
    let sample = Shape::nhwc(config.test_batch(), image.height(), image.width(), image.channels());
    let samples = Forward::record(states, generator, sample, config.fit, &config.test.mode())?.plan(states, profile)?;
    memory.add_program(&step, profile);
    memory.add_samples(&samples, profile);
    if let Some(swap) = recording.swap()? {
        memory.add_samples(&Plan::new(&swap, states, &[], profile)?, profile);
    }
    memory.staging += UPLOADS as u64 * buffer_bytes(recording.upload_bytes());
    memory.staging += monitor::staging_bytes() + largest_transfer(states, &[&step, &samples]);
    Ok(memory)
}

/// What is read back, or drawn before it is copied to its arena, at one time: a state, or when a step failed any value.
fn largest_transfer(states: &StateList, plans: &[&Plan]) -> u64 {
    let states = states.states().iter().map(|state| state.shape.bytes());
    let values = plans.iter().flat_map(|plan| plan.buffers.iter().copied());
    buffer_bytes(states.chain(values).max().unwrap_or(0)) + ONE_OPERATION_BYTES
}

/// Adds to an error that says "too large" what would fit instead; any other error stays as it is.
pub fn explain(config: &TrainConfig, profile: &Profile, error: TrainError) -> TrainError {
    if !error.is_too_large() {
        return error;
    }
    let TrainConfig { size, batch_size, ngf, .. } = config;
    let pool = if config.recipe.pool > 0 { format!(" --pool {}", config.recipe.pool) } else { String::new() };
    let budget = budget(&error);
    TrainError::DoesNotFit {
        what: format!("--size {size} --batch-size {batch_size} --ngf {ngf}{pool} does not fit this device"),
        source: Box::new(error),
        fitting: alternatives(config, profile, budget),
    }
}

/// All the bytes that the device gave before it gave no more.
fn budget(error: &TrainError) -> Option<u64> {
    match error {
        TrainError::Gpu(GpuError::OutOfMemory { held, .. })
        | TrainError::Program(ProgramError::Gpu(GpuError::OutOfMemory { held, .. }))
        | TrainError::Program(ProgramError::Build { source: GpuError::OutOfMemory { held, .. }, .. }) => Some(*held),
        _ => None,
    }
}

/// The nearest configurations that fit, each as the one flag that has to change.
fn alternatives(config: &TrainConfig, profile: &Profile, budget: Option<u64>) -> Vec<String> {
    let fits = |config: &TrainConfig| fits(config, profile, budget);
    let mut found = Vec::new();
    let with_pool = |pool| TrainConfig { recipe: Recipe { pool, ..config.recipe.clone() }, ..config.clone() };
    found.extend(largest(config.recipe.pool, |pool| fits(&with_pool(pool))).map(|pool| format!("--pool {pool}")));
    if !config.recompute && fits(&TrainConfig { recompute: true, ..config.clone() }) {
        found.push("--recompute".to_owned());
    }
    // A depth that is not the size's own was asked for.
    let own_depth = TrainConfig::downs_for(config.size) == Some(config.num_downs);
    let step = if own_depth { 32 } else { (config.generator().multiple() as u32).max(32) };
    let sizes = (1..config.size / step).rev().map(|i| i * step);
    let at_size = |size: u32| {
        let num_downs = TrainConfig::downs_for(size).filter(|_| own_depth).unwrap_or(config.num_downs);
        TrainConfig { size, num_downs, load_size: default_load_size(size), ..config.clone() }
    };
    found.extend(sizes.into_iter().find(|&size| fits(&at_size(size))).map(|size| format!("--size {size}")));
    let batch = largest(config.batch_size, |batch_size| fits(&TrainConfig { batch_size, ..config.clone() }));
    found.extend(batch.map(|batch_size| format!("--batch-size {batch_size}")));
    let narrower = largest(config.ngf, |ngf| fits(&TrainConfig { ngf, ndf: (config.ndf * ngf / config.ngf).max(1), ..config.clone() }));
    found.extend(narrower.map(|ngf| format!("--ngf {ngf}")));
    found
}

/// The largest number below `limit` that fits, where every smaller one does as well.
fn largest(limit: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
    let (mut good, mut bad) = (0, limit);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if fits(middle) { good = middle } else { bad = middle }
    }
    (good > 0).then_some(good)
}

fn fits(config: &TrainConfig, profile: &Profile, budget: Option<u64>) -> bool {
    let within = |memory: Memory| budget.is_none_or(|budget| memory.total() <= budget);
    // Without repeated values first: planning is faster, and single values are as large.
    match plan_training(&TrainConfig { recompute: false, ..config.clone() }, profile) {
        Ok(memory) if within(memory) => true,
        Ok(_) if config.recompute => plan_training(config, profile).is_ok_and(within),
        _ => false,
    }
}

/// The largest image of about the same proportions as `shape` that the generator translates on this device: width and height.
pub fn largest_image(
    states: &StateList,
    generator: &Generator,
    shape: Shape,
    mode: &Mode,
    profile: &Profile,
    error: &TrainError,
) -> Option<[usize; 2]> {
    let multiple = generator.multiple();
    let budget = budget(error);
    let longest = shape.height().max(shape.width()) / multiple;
    let scaled = |side: usize, steps: usize| (side * steps / longest / multiple * multiple).max(multiple);
    let fits = |&[width, height]: &[usize; 2]| {
        let shape = Shape::nhwc(shape.batch(), height, width, shape.channels());
        let plan = Forward::record(states, generator, shape, Fit::Pad, mode).ok().and_then(|forward| forward.plan(states, profile).ok());
        let memory = plan.zip(Memory::of_states(states, false, profile).ok()).map(|(plan, mut memory)| {
            memory.add_program(&plan, profile);
            memory
        });
        memory.is_some_and(|memory| budget.is_none_or(|budget| memory.total() <= budget))
    };
    (1..longest).rev().map(|steps| [scaled(shape.width(), steps), scaled(shape.height(), steps)]).find(fits)
}
