//! Checkpoints. They hold everything that a run needs to go on with the same bits. Other files hold
//! each network alone, in the reference's format.
//!
//! | file | keys |
//! |---|---|
//! | `checkpoints/step-N.safetensors` | the generator's state dict as it is |
//! | | `net_D.*`, `optimizer_{G,D}.{exp_avg,exp_avg_sq,momentum_buffer}.*`, `image_pool.*` |
//! | | with an average of the generator `training_G.*` |
//! | | with several discriminators `net_D.scale0.*`, `net_D.scale1.*` and so on |
//! | | in the metadata configuration, step and loss scales |
//! | `generator.safetensors`, `discriminator.safetensors` | exactly the reference's state dict |
//!
//! If an average is kept, both files hold it under the generator's keys. Translation uses it.
//! Random numbers depend on seed and step alone, so no other state of theirs is stored.

mod convert;
mod find;
mod network;

pub use convert::convert;
pub use find::{NetworkChoice, NetworkFile, WeightsNote, find_generator, find_network};
pub(super) use find::{choose, notes, refuse_surplus};
pub use network::NetworkKind;
pub(super) use network::{MODEL, json};

use super::config::{Config, ModelConfig};
use super::error::TrainError;
use super::monitor::Losses;
use super::objective::UpdateOrder;
use super::recipe::{Optimizer, Recipe};
use super::schedule::Plateau;
use super::score::Best;
use super::session::Session;
use crate::contraction::{Choice, with_current_names};
use crate::data::Preprocess;
use crate::gpu::Gpu;
use crate::interop::{TensorFile, TensorWriter, load_network};
use crate::nn::Discriminator;
use crate::ops::loss_scale::Scaling;
use crate::state::ArenaId;
use crate::tape::ArenaPart;
use network::{DISCRIMINATOR, POOL, TRAINED, to_bytes, write};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Key of [`TrainingProgress`] in a checkpoint's metadata.
const PROGRESS: &str = "pix2pix.training";
/// Key of the networks' [`Scaling`] in a checkpoint's metadata.
const SCALING: &str = "pix2pix.loss_scale";

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingProgress {
    /// The run's configuration.
    pub config: Config,
    /// Steps done.
    pub step: u64,
    /// Seconds of training so far.
    pub seconds: f64,
    /// Number of training pairs.
    pub pairs: usize,
    /// [`PairSet::fingerprint`](crate::data::PairSet::fingerprint) of them. Older files have none.
    #[serde(default)]
    pub fingerprint: Option<u64>,
    /// The adapter's name and driver.
    pub adapter: String,
    /// The kernel of each contraction. Another kernel sums in another order, so a resumed run takes
    /// the same kernels again.
    #[serde(default)]
    pub choices: BTreeMap<String, String>,
    /// What the schedule remembers of the held-out scores.
    #[serde(default)]
    pub plateau: Plateau,
    /// The best held-out score so far.
    #[serde(default)]
    pub best: Option<Best>,
    /// This step, if its held-out score was stopped. The run that goes on begins with this score.
    #[serde(default)]
    pub unscored: Option<UnscoredStep>,
}

/// A step whose held-out score was stopped. Its row is written with this score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct UnscoredStep {
    /// Its losses.
    pub losses: Losses,
    /// Its learning rate. In a run that has become longer the schedule says another one.
    pub learning_rate: f32,
}

/// The kernel of each contraction, as [`Profile::tuned`](crate::gpu::Profile::tuned) takes them.
pub fn kernel_choices(choices: &[Choice]) -> BTreeMap<String, String> {
    choices
        .iter()
        .map(|choice| (choice.key.to_string(), choice.kernel.clone()))
        .collect()
}

/// Where the tensors of one network are, in a checkpoint and on the device.
struct Section {
    /// In front of the keys of the network itself.
    prefix: &'static str,
    /// In front of the keys of its optimiser.
    optimizer: &'static str,
    parameters: ArenaId,
    statistics: ArenaId,
    /// How often its running statistics are updated in a step.
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
    let passes = if config.objective.order == UpdateOrder::Pytorch {
        3
    } else {
        2
    } + i64::from(config.objective.has_penalty());
    // In the PyTorch order the generator's own pass is over its images, and for features over the
    // real ones too.
    let features = config.objective.matches_features();
    let passes = passes + i64::from(features && config.objective.order == UpdateOrder::Pytorch);
    let of_discriminator = |d: &Discriminator| {
        section(
            DISCRIMINATOR,
            "optimizer_D.",
            [d.parameters(), d.statistics()],
            batches * passes,
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
        .chain(d.as_ref().map(of_discriminator))
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

/// The weights with which a network is used. This is their average, if there is one.
fn used_part(session: &Session, parameters: ArenaId) -> ArenaPart {
    if session.store.states().get_arena(parameters).averaged {
        ArenaPart::Average
    } else {
        ArenaPart::Value
    }
}

/// Whether images were resized to about the size of training. From far larger ones crops show
/// things larger than that size alone says.
fn is_resized(config: &Config) -> bool {
    let least_shown = 2 * u64::from(config.load_size) <= 3 * u64::from(config.size);
    config.preprocess == Preprocess::ResizeAndCrop && least_shown
}

fn model_of(config: &Config) -> ModelConfig {
    ModelConfig {
        generator: config.generator(),
        input: config.input.clone(),
        output: config.output.clone(),
        direction: Some(config.direction),
        value_range: config.reading.value_range,
        output_value_range: config.reading.output_value_range,
        nodata: config
            .reading
            .nodata
            .filter(|_| config.reading.value_range.is_some()),
        size: config.size,
        resized: is_resized(config),
        fit: config.fit,
        test: config.test,
        precision: config.precision,
    }
}

/// Writes everything to `path`.
///
/// # Errors
/// Those of reading back, and a folder or disk that cannot take the file.
pub async fn save(
    gpu: &Gpu,
    session: &Session,
    progress: &TrainingProgress,
    path: &Path,
) -> Result<(), TrainError> {
    write(checkpoint_writer(gpu, session, progress).await?, path).await
}

/// The bytes of the file that [`save`] writes, for where there are no files: all of it is in memory
/// at once. [`TensorFile::parse`], [`read_progress`] and [`load`] take them.
///
/// # Errors
/// Those of reading back.
pub async fn save_bytes(
    gpu: &Gpu,
    session: &Session,
    progress: &TrainingProgress,
) -> Result<Vec<u8>, TrainError> {
    let writer = checkpoint_writer(gpu, session, progress).await?;
    to_bytes(writer, "the checkpoint").await
}

/// All tensors of a checkpoint. Each is read from the device when it is written.
async fn checkpoint_writer<'a>(
    gpu: &'a Gpu,
    session: &'a Session,
    progress: &TrainingProgress,
) -> Result<TensorWriter<'a>, TrainError> {
    let mut writer = TensorWriter::default();
    let from = (gpu, &session.store);
    writer.metadata(MODEL, json(&model_of(&progress.config)));
    writer.metadata(PROGRESS, json(progress));
    writer.metadata(SCALING, json(&session.store.scaling(gpu).await?));
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
    Ok(writer)
}

/// Writes each network alone, as `generator.safetensors` and, if there is one,
/// `discriminator.safetensors` in `folder`.
///
/// # Errors
/// Those of [`save`].
pub async fn export(
    gpu: &Gpu,
    session: &Session,
    progress: &TrainingProgress,
    folder: &Path,
) -> Result<(), TrainError> {
    for section in sections(session, &progress.config) {
        let writer = network_writer(gpu, session, progress, &section);
        write(writer, &folder.join(section.file)).await?;
    }
    Ok(())
}

/// The bytes of the file with the network of this kind alone, as [`export`] writes it. `None` if
/// the session has no such network.
///
/// # Errors
/// Those of reading back.
pub async fn export_bytes(
    gpu: &Gpu,
    session: &Session,
    progress: &TrainingProgress,
    kind: NetworkKind,
) -> Result<Option<Vec<u8>>, TrainError> {
    let mut sections = sections(session, &progress.config).into_iter();
    let Some(section) = sections.find(|section| section.file == kind.file_name()) else {
        return Ok(None);
    };
    let writer = network_writer(gpu, session, progress, &section);
    to_bytes(writer, section.file).await.map(Some)
}

/// The tensors of one network.
fn network_writer<'a>(
    gpu: &'a Gpu,
    session: &'a Session,
    progress: &TrainingProgress,
    section: &Section,
) -> TensorWriter<'a> {
    let mut writer = TensorWriter::default();
    let (from, parameters) = ((gpu, &session.store), section.parameters);
    let updates = progress.step as i64 * section.updates;
    writer.metadata(MODEL, json(&model_of(&progress.config)));
    writer.network(from, parameters, used_part(session, parameters), "", None);
    let statistics = section.statistics;
    writer.network(from, statistics, ArenaPart::Value, "", Some(updates));
    writer
}

/// Reads how far the run of a checkpoint is. Kernels that were renamed get their new names.
///
/// # Errors
/// A file that cannot be read, is damaged or is no checkpoint, and
/// [`TrainError::CheckpointConfig`].
pub fn read_progress(file: &TensorFile) -> Result<TrainingProgress, TrainError> {
    let text = file.metadata(PROGRESS)?;
    let mut progress: TrainingProgress =
        serde_json::from_str(text).map_err(|e| file.bad_metadata(e.to_string()))?;
    if let Err(source) = progress.config.check() {
        return Err(TrainError::CheckpointConfig {
            file: file.path().to_owned(),
            source,
        });
    }
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

/// The loss scales of a checkpoint. Old checkpoints have none.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trained_size_is_known_where_images_were_resized_to_about_it() {
        for (preprocess, load_size, known) in [
            (Preprocess::ResizeAndCrop, 256, Some(256)),
            (Preprocess::ResizeAndCrop, 384, Some(256)),
            (Preprocess::ResizeAndCrop, 385, None),
            (Preprocess::Crop, 256, None),
            (Preprocess::None, 256, None),
        ] {
            let config = Config {
                preprocess,
                load_size,
                size: 256,
                ..Config::default()
            };
            let found = model_of(&config).trained_size();
            assert_eq!(found, known, "{preprocess:?} {load_size}");
        }
    }
}
