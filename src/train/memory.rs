//! Whether a run fits the device, found out before anything is allocated. If it does not fit: what
//! would.

use super::config::Config;
use super::error::TrainError;
use super::monitor;
use super::pair_translator::PairUse;
use super::recording::{Recording, UPLOADS};
use super::sizes::{KEPT_PROGRAMS, Sizes};
use super::translator::Forward;
use crate::contraction::Choice;
use crate::data::default_load_size;
use crate::gpu::{GpuError, Profile, buffer_bytes};
use crate::nn::{Fit, Generator, Mode};
use crate::program::{Memory, ONE_OPERATION_BYTES, Plan, ProgramError, Programs, WorkspacePlan};
use crate::state::StateList;
use crate::tensor::Shape;
use std::collections::BTreeMap;

/// Sizes are tried at multiples of this.
const SIZE_STEP: u32 = 32;

/// What a training run needs of a device. It is known before anything is allocated.
#[derive(Debug)]
pub struct RunPlan {
    /// By purpose.
    pub memory: Memory,
    /// What the steps of all sizes work in.
    pub steps: WorkspacePlan,
    /// The same for the programs that translate samples.
    pub samples: WorkspacePlan,
    /// The largest upload of a step, in bytes.
    pub(super) upload_bytes: u64,
    /// The contractions of the steps, each once, with their kernels.
    pub choices: Vec<Choice>,
}

impl RunPlan {
    /// Plans the programs of all `sizes`.
    ///
    /// # Errors
    /// Networks that do not fit the images, or values that no single buffer or binding of the
    /// device can hold.
    pub fn new(config: &Config, sizes: &Sizes, profile: &Profile) -> Result<Self, TrainError> {
        let recording = Recording::at(config, sizes.largest())?;
        let Recording {
            states, generator, ..
        } = &recording;
        let (mut steps, mut samples, mut upload_bytes) =
            (Programs::default(), Programs::default(), 0);
        let mut choices: BTreeMap<String, Choice> = BTreeMap::new();
        for size in &sizes.training {
            let step = Recording::at(config, size.sides).map_err(|error| size.cause(error))?;
            let plan = step.plan(profile).map_err(|error| size.cause(error))?;
            steps.add(&plan, profile);
            upload_bytes = step.upload_bytes().max(upload_bytes);
            choices.extend(
                plan.choices()
                    .into_iter()
                    .map(|choice| (choice.key.to_string(), choice)),
            );
        }
        for size in &sizes.shown {
            let forward = Forward::record(
                states,
                generator,
                PairUse::of(config).shape(size.sides),
                config.fit,
                &config.test.mode(),
            );
            let plan = forward
                .and_then(|forward| forward.plan(states, profile))
                .map_err(|error| size.cause(error))?;
            samples.add(&plan, profile);
        }
        let mut memory = Memory::of_states(states, true, profile)?;
        memory.add_programs(&steps, KEPT_PROGRAMS);
        memory.add_samples(&samples, KEPT_PROGRAMS);
        if let Some(swap) = recording.swap()? {
            memory.add_samples(
                &Programs::one(&Plan::new(&swap, states, &[], profile)?, profile),
                1,
            );
        }
        memory.staging += UPLOADS as u64 * buffer_bytes(upload_bytes);
        memory.staging += monitor::staging_bytes()
            + largest_transfer(states, [&steps.workspace, &samples.workspace]);
        Ok(Self {
            memory,
            steps: steps.workspace,
            samples: samples.workspace,
            upload_bytes,
            choices: choices.into_values().collect(),
        })
    }
}
/// The memory of a training run as [`super::Trainer`] allocates it, on images of the
/// configuration's size.
///
/// # Errors
/// Those of [`RunPlan::new`].
pub fn plan_training(config: &Config, profile: &Profile) -> Result<Memory, TrainError> {
    Ok(RunPlan::new(config, &Sizes::one(config), profile)?.memory)
}

/// Bytes of the largest transfer: a state that is read back or drawn, or any value when a failed
/// step is examined.
fn largest_transfer(states: &StateList, workspaces: [&WorkspacePlan; 2]) -> u64 {
    let states = states.states().iter().map(|state| state.shape.bytes());
    let values = workspaces
        .iter()
        .flat_map(|workspace| workspace.buffers.iter().copied());
    buffer_bytes(states.chain(values).max().unwrap_or(0)) + ONE_OPERATION_BYTES
}

/// Checks that a run of `config` fits the device. This reads no data and allocates nothing. Whole
/// pictures are left to [`Session::of_sizes`](super::Session::of_sizes), since their sizes are not
/// known yet.
///
/// # Errors
/// Those of [`RunPlan::new`], with what would fit instead.
pub fn check_fits(config: &Config, profile: &Profile) -> Result<(), TrainError> {
    if config.preprocess.is_whole() {
        return Ok(());
    }
    plan_training(config, profile)
        .map(drop)
        .map_err(|error| explain(config, profile, error))
}

/// Adds to an error that says "too large" what would fit instead. Any other error stays as it is.
pub fn explain(config: &Config, profile: &Profile, error: TrainError) -> TrainError {
    explain_sizes(config, &Sizes::one(config), profile, error)
}

/// As [`explain`], for a run on images of `sizes`.
pub(super) fn explain_sizes(
    config: &Config,
    sizes: &Sizes,
    profile: &Profile,
    error: TrainError,
) -> TrainError {
    if !error.is_too_large() {
        return error;
    }
    let Config {
        size,
        batch_size,
        ngf,
        ..
    } = config;
    let pool = if config.recipe.pool > 0 {
        format!(" `recipe.pool` {}", config.recipe.pool)
    } else {
        String::new()
    };
    let budget = budget(&error);
    let largest = sizes
        .training
        .first()
        .and_then(|size| Some((size.pair.clone()?, size.sides)));
    let (picture, source) = match error {
        TrainError::Picture {
            pair,
            width,
            height,
            source,
        } => (Some((pair, (width, height))), source),
        other => (largest, Box::new(other)),
    };
    let (what, fitting) = match picture {
        Some((pair, (width, height))) => (
            format!("{pair} ({width}x{height} pixels) with `ngf` {ngf} does not fit this device"),
            whole_alternatives(config, &sizes.outermost(), profile, budget),
        ),
        None => (
            format!(
                "`size` {size} `batch_size` {batch_size} `ngf` {ngf}{pool} does not fit this device"
            ),
            alternatives(config, profile, budget),
        ),
    };
    TrainError::DoesNotFit {
        what,
        source,
        fitting,
    }
}

/// How many bytes the device gave before it refused more.
fn budget(error: &TrainError) -> Option<u64> {
    match error {
        TrainError::Gpu(GpuError::OutOfMemory { held, .. })
        | TrainError::Program(ProgramError::Gpu(GpuError::OutOfMemory { held, .. }))
        | TrainError::Program(ProgramError::Build {
            source: GpuError::OutOfMemory { held, .. },
            ..
        }) => Some(*held),
        _ => None,
    }
}

/// The nearest configurations that fit, each as the one field that has to change.
fn alternatives(config: &Config, profile: &Profile, budget: Option<u64>) -> Vec<String> {
    let fits = |config: &Config| fits(config, &Sizes::one(config), profile, budget);
    let with = |change: &dyn Fn(&mut Config)| {
        let mut other = config.clone();
        change(&mut other);
        fits(&other)
    };
    let mut found = Vec::new();
    let pool = largest(config.recipe.pool, |pool| with(&|c| c.recipe.pool = pool));
    found.extend(pool.map(|pool| format!("`recipe.pool` {pool}")));
    // What changes no result comes before what does.
    if !config.recompute && with(&|c| c.recompute = true) {
        found.push("`recompute`".to_owned());
    }
    let scales = largest(config.discriminators, |n| with(&|c| c.discriminators = n));
    found.extend(scales.map(|scales| format!("`discriminators` {scales}")));
    // Each size has a depth of its own, unless another one was asked for.
    let own_depth = Config::downs_for(config.size) == Some(config.num_downs);
    let step = if own_depth {
        SIZE_STEP
    } else {
        SIZE_STEP.max(config.generator().multiple() as u32)
    };
    let sizes = (1..config.size / step).rev().map(|i| i * step);
    let at_size = |size: u32| {
        let num_downs = Config::downs_for(size)
            .filter(|_| own_depth)
            .unwrap_or(config.num_downs);
        Config {
            size,
            num_downs,
            load_size: default_load_size(size),
            ..config.clone()
        }
    };
    found.extend(
        sizes
            .into_iter()
            .find(|&size| fits(&at_size(size)))
            .map(|size| format!("`size` {size}")),
    );
    let batch = largest(config.batch_size, |size| with(&|c| c.batch_size = size));
    found.extend(batch.map(|batch_size| format!("`batch_size` {batch_size}")));
    let narrower = largest(config.ngf, |ngf| fits(&narrower(config, ngf)));
    found.extend(narrower.map(|ngf| format!("`ngf` {ngf}")));
    found
}

/// The same where pictures are whole. After each of these changes all sizes fit.
fn whole_alternatives(
    config: &Config,
    sizes: &Sizes,
    profile: &Profile,
    budget: Option<u64>,
) -> Vec<String> {
    let mut found = Vec::new();
    if !config.recompute
        && fits(
            &Config {
                recompute: true,
                ..config.clone()
            },
            sizes,
            profile,
            budget,
        )
    {
        found.push("`recompute`".to_owned());
    }
    let widest = sizes
        .training
        .iter()
        .map(|size| size.sides.0)
        .max()
        .unwrap_or(0);
    let scaled = largest(widest.div_ceil(SIZE_STEP) as usize, |steps| {
        let width = SIZE_STEP * steps as u32;
        fits(config, &sizes.scaled(width), profile, budget)
    });
    found.extend(scaled.map(|steps| {
        let width = SIZE_STEP * steps as u32;
        format!("`preprocess` scale-width `load_size` {width}")
    }));
    let narrower = largest(config.ngf, |ngf| {
        fits(&narrower(config, ngf), sizes, profile, budget)
    });
    found.extend(narrower.map(|ngf| format!("`ngf` {ngf}")));
    found
}

/// Networks of that width.
fn narrower(config: &Config, ngf: usize) -> Config {
    Config {
        ngf,
        ndf: (config.ndf * ngf / config.ngf).max(1),
        ..config.clone()
    }
}

/// The largest number below `limit` that fits. If a number fits, every smaller one fits too.
fn largest(limit: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
    let (mut good, mut bad) = (0, limit);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if fits(middle) {
            good = middle
        } else {
            bad = middle
        }
    }
    (good > 0).then_some(good)
}

fn fits(config: &Config, sizes: &Sizes, profile: &Profile, budget: Option<u64>) -> bool {
    let within = |plan: &RunPlan| budget.is_none_or(|budget| plan.memory.total() <= budget);
    // First without recomputation: planning is faster then, and single values are as large.
    match RunPlan::new(
        &Config {
            recompute: false,
            ..config.clone()
        },
        sizes,
        profile,
    ) {
        Ok(plan) if within(&plan) => true,
        Ok(_) if config.recompute => {
            RunPlan::new(config, sizes, profile).is_ok_and(|plan| within(&plan))
        }
        _ => false,
    }
}

/// The largest image of about the same proportions as `shape` that the generator translates on this
/// device: width and height.
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
    let scaled =
        |side: usize, steps: usize| (side * steps / longest / multiple * multiple).max(multiple);
    let fits = |&[width, height]: &[usize; 2]| {
        let shape = Shape::nhwc(shape.batch(), height, width, shape.channels());
        let plan = Forward::record(states, generator, shape, Fit::Pad, mode)
            .ok()
            .and_then(|forward| forward.plan(states, profile).ok());
        let memory = plan
            .zip(Memory::of_states(states, false, profile).ok())
            .map(|(plan, mut memory)| {
                memory.add_programs(&Programs::one(&plan, profile), 1);
                memory
            });
        memory.is_some_and(|memory| budget.is_none_or(|budget| memory.total() <= budget))
    };
    (1..longest)
        .rev()
        .map(|steps| [scaled(shape.width(), steps), scaled(shape.height(), steps)])
        .find(fits)
}
