//! Checkpoints: everything that a run needs to go on with the same bits, and the networks alone in
//! the reference's format.
//!
//! | file | keys |
//! |---|---|
//! | `checkpoints/step-N.safetensors` | the generator's state dict as it is |
//! | | `net_D.*`, `optimizer_{G,D}.{exp_avg,exp_avg_sq,momentum_buffer}.*`, `image_pool.*` |
//! | | with an average of the generator `training_G.*` |
//! | | in the metadata configuration, step and loss scales |
//! | `generator.safetensors`, `discriminator.safetensors` | exactly the reference's state dict |
//!
//! Where an average of the generator is kept, both files have it under the generator's keys: it is
//! what translates. Random draws are counted by seed and step, so these two numbers are all of the
//! generator's state.

use super::config::{Config, ModelConfig};
use super::error::TrainError;
use super::objective::UpdateOrder;
use super::recipe::{Optimizer, Recipe};
use super::run::write_atomic;
use super::schedule::Plateau;
use super::session::Session;
use crate::contraction::{Choice, with_current_names};
use crate::data::Pixels;
use crate::gpu::Gpu;
use crate::interop::{
    InteropError, TensorFile, TensorWriter, WriteError, load_network, reference_shape,
};
use crate::nn::{
    Fit, Generator, GeneratorConfig, PatchGan, PatchGanConfig, Shapes, TestTime, Upsample,
};
use crate::ops::loss_scale::Scaling;
use crate::state::{ArenaId, StateList};
use crate::tape::ArenaPart;
use crate::tensor::DType;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;

/// Key of [`ModelConfig`] in a file's metadata.
pub(super) const MODEL: &str = "pix2pix.model";
/// Key of [`Progress`] in a checkpoint's metadata.
const PROGRESS: &str = "pix2pix.training";
/// Key of the networks' [`Scaling`] in a checkpoint's metadata.
const SCALING: &str = "pix2pix.loss_scale";

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The run's configuration.
    pub config: Config,
    /// Steps done.
    pub step: u64,
    /// Seconds of training so far.
    pub seconds: f64,
    /// Number of training pairs.
    pub pairs: usize,
    /// The adapter's name and driver.
    pub adapter: String,
    /// The kernel of each contraction: another one means another order of summation, so a resumed
    /// run takes the same again.
    #[serde(default)]
    pub choices: BTreeMap<String, String>,
    /// What the schedule remembers of the held-out scores.
    #[serde(default)]
    pub plateau: Plateau,
}

/// The kernel of each contraction, as [`Profile::tuned`](crate::gpu::Profile::tuned) takes them.
pub fn kernel_choices(choices: &[Choice]) -> BTreeMap<String, String> {
    choices
        .iter()
        .map(|choice| (choice.key.to_string(), choice.kernel.clone()))
        .collect()
}

/// Where the tensors of one network lie in a checkpoint and on the device.
struct Section {
    /// In front of the keys of the network itself.
    prefix: &'static str,
    /// In front of the keys of its optimiser.
    optimizer: &'static str,
    parameters: ArenaId,
    statistics: ArenaId,
    /// How often its running statistics move in a step.
    updates: i64,
    /// The file with this network alone.
    file: &'static str,
}

/// The generator, and the discriminator if there is one.
fn sections(session: &Session, config: &Config) -> Vec<Section> {
    let section =
        |prefix, optimizer, [parameters, statistics]: [ArenaId; 2], updates, file| Section {
            prefix,
            optimizer,
            parameters,
            statistics,
            updates,
            file,
        };
    let (g, d) = (&session.generator, &session.discriminator);
    let batches = config.recipe.accumulate.max(1) as i64;
    let judgements = if config.objective.order == UpdateOrder::Pytorch {
        3
    } else {
        2
    } + i64::from(config.objective.has_penalty());
    let judge = |d: &PatchGan| {
        section(
            DISCRIMINATOR,
            "optimizer_D.",
            [d.parameters(), d.statistics()],
            batches * judgements,
            NetworkKind::Discriminator.file_name(),
        )
    };
    let generator = section(
        "",
        "optimizer_G.",
        [g.parameters(), g.statistics()],
        batches,
        NetworkKind::Generator.file_name(),
    );
    std::iter::once(generator)
        .chain(d.as_ref().map(judge))
        .collect()
}

/// What the optimiser keeps beside the weights, under PyTorch's names.
fn moments(recipe: &Recipe) -> &'static [(ArenaPart, &'static str)] {
    match recipe.optimizer {
        Optimizer::Adam => &[
            (ArenaPart::Moment1, "exp_avg."),
            (ArenaPart::Moment2, "exp_avg_sq."),
        ],
        Optimizer::Sgd { momentum: 0.0 } => &[],
        Optimizer::Sgd { .. } => &[(ArenaPart::Moment1, "momentum_buffer.")],
    }
}

/// The weights that a network is used with: their average where there is one.
fn used_part(session: &Session, parameters: ArenaId) -> ArenaPart {
    if session.store.states().get_arena(parameters).averaged {
        ArenaPart::Average
    } else {
        ArenaPart::Value
    }
}

pub(super) fn json<T: Serialize>(value: &T) -> String {
    // Plain structs of numbers and strings: serialising them cannot fail, and an empty entry is
    // reported when the file is read.
    serde_json::to_string(value).unwrap_or_default()
}

fn model_of(config: &Config) -> ModelConfig {
    ModelConfig {
        generator: config.generator(),
        input: config.input.clone(),
        output: config.output.clone(),
        size: config.size,
        fit: config.fit,
        test: config.test,
        precision: config.precision,
    }
}

/// Writes everything to `path`.
///
/// # Errors
/// Those of reading back, and a folder or disk that cannot take the file.
pub fn save(
    gpu: &Gpu,
    session: &Session,
    progress: &Progress,
    path: &Path,
) -> Result<(), TrainError> {
    let mut writer = TensorWriter::default();
    let from = (gpu, &session.store);
    writer.metadata(MODEL, json(&model_of(&progress.config)));
    writer.metadata(PROGRESS, json(progress));
    writer.metadata(SCALING, json(&session.store.scaling(gpu)?));
    for Section {
        prefix,
        optimizer,
        parameters,
        statistics,
        updates,
        ..
    } in sections(session, &progress.config)
    {
        let used = used_part(session, parameters);
        writer.network(from, parameters, used, prefix, None);
        writer.network(
            from,
            statistics,
            ArenaPart::Value,
            prefix,
            Some(progress.step as i64 * updates),
        );
        if used != ArenaPart::Value {
            writer.network(from, parameters, ArenaPart::Value, TRAINED, None);
        }
        for &(part, moment) in moments(&progress.config.recipe) {
            writer.network(
                from,
                parameters,
                part,
                &format!("{optimizer}{moment}"),
                None,
            );
        }
    }
    if let Some(pool) = &session.pool {
        writer.network(from, pool.arena(), ArenaPart::Value, POOL, None);
    }
    write(writer, path)
}

/// Writes each network alone, as `generator.safetensors` and, if there is one,
/// `discriminator.safetensors` in `folder`.
///
/// # Errors
/// Those of [`save`].
pub fn export(
    gpu: &Gpu,
    session: &Session,
    progress: &Progress,
    folder: &Path,
) -> Result<(), TrainError> {
    let from = (gpu, &session.store);
    for Section {
        parameters,
        statistics,
        updates,
        file,
        ..
    } in sections(session, &progress.config)
    {
        let mut writer = TensorWriter::default();
        writer.metadata(MODEL, json(&model_of(&progress.config)));
        writer.network(from, parameters, used_part(session, parameters), "", None);
        writer.network(
            from,
            statistics,
            ArenaPart::Value,
            "",
            Some(progress.step as i64 * updates),
        );
        write(writer, &folder.join(file))?;
    }
    Ok(())
}

/// Which network of a file with both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum NetworkKind {
    /// The generator
    Generator,
    /// The discriminator
    Discriminator,
}

impl NetworkKind {
    /// The file in a run folder with this network alone.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Generator => "generator.safetensors",
            Self::Discriminator => "discriminator.safetensors",
        }
    }
}

/// What stands in front of the discriminator's keys in a checkpoint.
const DISCRIMINATOR: &str = "net_D.";
/// The same of the weights that are trained, where the generator's own keys hold their average.
const TRAINED: &str = "training_G.";
/// The same of the image pool.
const POOL: &str = "image_pool.";

/// What stands in front of the keys of a network in `file`, a checkpoint or a network alone.
pub(super) fn prefix_of(file: &TensorFile, kind: NetworkKind) -> &'static str {
    let has_discriminator = file.shapes().any(|(key, _)| key.starts_with(DISCRIMINATOR));
    if kind == NetworkKind::Discriminator && has_discriminator {
        DISCRIMINATOR
    } else {
        ""
    }
}

/// The key without its prefix, of a tensor that belongs to a network of `file`.
pub(super) fn select<'k>(file: &TensorFile, kind: NetworkKind, key: &'k str) -> Option<&'k str> {
    match prefix_of(file, kind) {
        "" => (![DISCRIMINATOR, TRAINED, POOL, "optimizer_"]
            .iter()
            .any(|prefix| key.starts_with(prefix)))
        .then_some(key),
        prefix => key.strip_prefix(prefix),
    }
}

/// Copies the weights of one network to `path` without changing a bit, nothing beside them: as
/// `torch.save` writes them where that ends in `.pth`, else as safetensors. `file` is a checkpoint,
/// or a network alone, then `kind` must be what it is; `upsample` as in [`read_model`].
///
/// # Errors
/// A file without such a network, and a folder or disk that cannot take the new one.
pub fn convert(
    file: &TensorFile,
    kind: NetworkKind,
    upsample: Option<Upsample>,
    path: &Path,
) -> Result<(), TrainError> {
    let select = |key| select(file, kind, key);
    let shapes: Shapes = file
        .shapes()
        .filter_map(|(key, shape)| Some((select(key)?, shape)))
        .collect();
    let mut states = StateList::default();
    let mut writer = TensorWriter::default();
    let prefix = prefix_of(file, kind);
    let discriminator = PatchGanConfig::from_shapes(&shapes);
    let noted = file
        .metadata(MODEL)
        .ok()
        .and_then(|text| serde_json::from_str::<ModelConfig>(text).ok());
    let generator = match noted {
        // A discriminator's file notes its generator too.
        Some(model) if discriminator.is_none() => Ok(model.generator),
        _ => foreign_generator(file, &shapes, upsample),
    };
    match (kind, generator, discriminator) {
        (NetworkKind::Generator, Ok(generator), _) => {
            Generator::new(&mut states, &generator)?;
            let known = file.metadata(MODEL).map(str::to_owned);
            writer.metadata(
                MODEL,
                known.unwrap_or_else(|_| json(&foreign_model(generator))),
            );
        }
        (NetworkKind::Discriminator, _, Some(discriminator)) => {
            drop(PatchGan::new(&mut states, &discriminator)?)
        }
        (NetworkKind::Generator, Err(_), Some(_)) => {
            return Err(file
                .other_network(
                    "generator",
                    "; it holds a discriminator: `network` discriminator",
                )
                .into());
        }
        (NetworkKind::Generator, Err(error), None) => return Err(error.into()),
        (NetworkKind::Discriminator, Ok(_), None) => {
            return Err(file
                .other_network(
                    "discriminator",
                    "; it holds a generator: leave out `network` discriminator",
                )
                .into());
        }
        (NetworkKind::Discriminator, Err(_), None) => {
            return Err(file
                .other_network("discriminator", "; PatchGANs and PixelGANs are")
                .into());
        }
    }
    for state in states.states() {
        file.require(
            &format!("{prefix}{}", state.name),
            &reference_shape(state.shape, state.transposed),
        )?;
    }
    // Nothing but the network: many keys of a .pth file may name the same bytes.
    let known: HashSet<&str> = states
        .states()
        .iter()
        .map(|state| state.name.as_str())
        .collect();
    let counts = |name: &str| {
        let layer = name.strip_suffix(".num_batches_tracked");
        shapes.get(name).is_some_and(|shape| shape.is_empty())
            && layer.is_some_and(|layer| known.contains(&*format!("{layer}.running_var")))
    };
    writer.file(file, |key| {
        select(key).filter(|name| known.contains(name) || counts(name))
    });
    write(writer, path)
}

/// How a network of the reference is used. Its files do not name a size, so the smallest image of
/// its depth stands for it.
fn foreign_model(generator: GeneratorConfig) -> ModelConfig {
    let [input, output] = generator.channels().map(Pixels::of_channels);
    ModelConfig {
        size: generator.multiple() as u32,
        generator,
        input,
        output,
        fit: Fit::default(),
        test: TestTime::default(),
        precision: DType::F32,
    }
}

/// Writes a file as a whole or not at all. An error of a tensor is reported as such, not as an
/// error of the file.
fn write(writer: TensorWriter, path: &Path) -> Result<(), TrainError> {
    let mut unsavable = None;
    let is_torch = path.extension().is_some_and(|extension| extension == "pth");
    let written = write_atomic(path, |out| {
        let written = if is_torch {
            writer.write_torch(out)
        } else {
            writer.write(out)
        };
        written.map_err(|error| match error {
            WriteError::Io(error) => error,
            WriteError::Tensor(error) => {
                let stopped = io::Error::other(error.to_string());
                unsavable = Some(error);
                stopped
            }
        })
    });
    match unsavable {
        Some(error) => Err(error.into()),
        None => Ok(written?),
    }
}

/// Reads where the run of a checkpoint stands. Kernels have their names of today.
///
/// # Errors
/// A file that cannot be read, is damaged or is no checkpoint.
pub fn read_progress(file: &TensorFile) -> Result<Progress, TrainError> {
    let text = file.metadata(PROGRESS)?;
    let mut progress: Progress =
        serde_json::from_str(text).map_err(|e| file.bad_metadata(e.to_string()))?;
    progress.config.check()?;
    progress.choices = with_current_names(progress.choices);
    Ok(progress)
}

/// Loads a checkpoint into a session of its configuration.
///
/// # Errors
/// Tensors that are missing, misshapen or not finite.
pub fn load(
    gpu: &Gpu,
    session: &Session,
    config: &Config,
    file: &TensorFile,
) -> Result<(), TrainError> {
    let store = &session.store;
    for Section {
        prefix,
        optimizer,
        parameters,
        statistics,
        ..
    } in sections(session, config)
    {
        let used = used_part(session, parameters);
        load_network(file, gpu, store, parameters, used, prefix)?;
        load_network(file, gpu, store, statistics, ArenaPart::Value, prefix)?;
        if used != ArenaPart::Value {
            load_network(file, gpu, store, parameters, ArenaPart::Value, TRAINED)?;
        }
        for &(part, moment) in moments(&config.recipe) {
            load_network(
                file,
                gpu,
                store,
                parameters,
                part,
                &format!("{optimizer}{moment}"),
            )?;
        }
    }
    if let Some(pool) = &session.pool {
        load_network(file, gpu, store, pool.arena(), ArenaPart::Value, POOL)?;
    }
    store.set_scaling(gpu, &read_scaling(file)?);
    Ok(())
}

/// The loss scales of a checkpoint; none in one that is older than they are.
fn read_scaling(file: &TensorFile) -> Result<Vec<Scaling>, TrainError> {
    let Ok(text) = file.metadata(SCALING) else {
        return Ok(Vec::new());
    };
    let scaling: Vec<Scaling> =
        serde_json::from_str(text).map_err(|e| file.bad_metadata(e.to_string()))?;
    match scaling
        .iter()
        .find(|scaling| !(scaling.scale.is_finite() && scaling.scale >= 1.0))
    {
        None => Ok(scaling),
        Some(bad) => Err(file
            .bad_metadata(format!("a loss scale of {}", bad.scale))
            .into()),
    }
}

/// Whether a file says itself how its generator is built: ours do, state dicts of PyTorch do not.
pub fn says_its_model(file: &TensorFile) -> bool {
    file.metadata(MODEL).is_ok()
}

/// Reads how the generator of a weight file or checkpoint is built. `upsample` says how it resizes
/// its maps if the file does not.
///
/// # Errors
/// A file that is neither ours nor the reference's, or a network whose channels no kind of image
/// has.
pub fn read_model(
    file: &TensorFile,
    upsample: Option<Upsample>,
) -> Result<ModelConfig, TrainError> {
    let model = match file.metadata(MODEL) {
        Ok(text) => serde_json::from_str(text).map_err(|e| file.bad_metadata(e.to_string()))?,
        Err(_) => foreign_model(foreign_generator(file, &file.shapes().collect(), upsample)?),
    };
    let channels = model.generator.channels();
    let (input, output) = (&model.input, &model.output);
    if channels != [input.channels(), output.channels()] {
        let reason = format!(
            "the network maps {} to {} channels, {input} to {output} images need others",
            channels[0], channels[1]
        );
        return Err(file.bad_metadata(reason).into());
    }
    Ok(model)
}

/// The generator that a state dict belongs to.
fn foreign_generator(
    file: &TensorFile,
    shapes: &Shapes,
    upsample: Option<Upsample>,
) -> Result<GeneratorConfig, InteropError> {
    let of = |upsample| GeneratorConfig::from_shapes(shapes, upsample);
    let refuse = |hint| Err(file.other_network("generator", hint));
    match (
        of(Upsample::Deconv),
        of(upsample.unwrap_or(Upsample::Nearest)),
        upsample,
    ) {
        (Some(generator), _, None) | (None, Some(generator), Some(_)) => Ok(generator),
        (Some(_), _, Some(_)) => refuse("; the one in it resizes no maps: leave out `upsample`"),
        (None, Some(_), None) => refuse(
            "; the one in it resizes its maps; say how: `upsample` nearest or `upsample` bilinear",
        ),
        (None, None, _) => refuse("; take a file that `pix2pix train` or the PyTorch code wrote"),
    }
}
