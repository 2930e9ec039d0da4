//! One network in a file of tensors: what the file says about it, and which keys belong to it. Also
//! a copy of its weights alone.

use crate::data::Pixels;
use crate::interop::{InteropError, TensorFile, TensorWriter, WriteError, reference_shape};
use crate::nn::{
    Fit, Generator, GeneratorConfig, PatchGan, PatchGanConfig, Shapes, TestTime, Upsample,
};
use crate::state::StateList;
use crate::tensor::DType;
use crate::train::config::{ConfigError, ModelConfig};
use crate::train::error::TrainError;
use crate::train::run::write_atomic;
use serde::Serialize;
use std::collections::HashSet;
use std::io;
use std::path::Path;

/// Key of [`ModelConfig`] in a file's metadata.
pub(in crate::train) const MODEL: &str = "pix2pix.model";
pub(in crate::train) fn json<T: Serialize>(value: &T) -> String {
    // These are plain structs of numbers and strings, which can always be serialised. An empty
    // entry would be reported when the file is read.
    serde_json::to_string(value).unwrap_or_default()
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
pub(super) const DISCRIMINATOR: &str = "net_D.";
/// The same for the weights in training. They are stored so if the generator's own keys hold their
/// average.
pub(super) const TRAINED: &str = "training_G.";
/// The same for the image pool.
pub(super) const POOL: &str = "image_pool.";

/// What stands in front of the keys of a network in `file`. The file is a checkpoint, or holds one
/// network alone.
pub(in crate::train) fn prefix_of(file: &TensorFile, kind: NetworkKind) -> &'static str {
    let has_discriminator = file.shapes().any(|(key, _)| key.starts_with(DISCRIMINATOR));
    if kind == NetworkKind::Discriminator && has_discriminator {
        DISCRIMINATOR
    } else {
        ""
    }
}

/// The key without its prefix, if its tensor belongs to this network of `file`.
pub(in crate::train) fn select<'k>(
    file: &TensorFile,
    kind: NetworkKind,
    key: &'k str,
) -> Option<&'k str> {
    match prefix_of(file, kind) {
        "" => (![DISCRIMINATOR, TRAINED, POOL, "optimizer_"]
            .iter()
            .any(|prefix| key.starts_with(prefix)))
        .then_some(key),
        prefix => key.strip_prefix(prefix),
    }
}

/// Copies the weights of one network to `path`, bit by bit, and nothing else. If `path` ends in
/// `.pth`, the new file is as `torch.save` writes it. Else it is a safetensors file. `file` is a
/// checkpoint or holds one network alone. `kind` must be a network that it holds. `upsample` is as
/// in [`read_model`], and for generators only.
///
/// # Errors
/// A file without such a network; an `upsample` that is not needed; a folder or disk that cannot
/// take the new file.
pub fn convert(
    file: &TensorFile,
    kind: NetworkKind,
    upsample: Option<Upsample>,
    path: &Path,
) -> Result<(), TrainError> {
    refuse_needless_upsample(file, upsample)?;
    if upsample.is_some() && kind == NetworkKind::Discriminator {
        return Err(ConfigError::new(
            "upsample",
            "`upsample` is how a generator resizes its maps",
            "leave it out for a discriminator",
        )
        .into());
    }
    let shapes: Shapes = file
        .shapes()
        .filter_map(|(key, shape)| Some((select(file, kind, key)?, shape)))
        .collect();
    let mut states = StateList::default();
    let mut writer = TensorWriter::default();
    if let Some(generator) = record_network(&mut states, file, kind, &shapes, upsample)? {
        let known = file.metadata(MODEL).map(str::to_owned);
        writer.metadata(
            MODEL,
            known.unwrap_or_else(|_| json(&foreign_model(generator))),
        );
    }
    let prefix = prefix_of(file, kind);
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
        select(file, kind, key).filter(|name| known.contains(name) || counts(name))
    });
    write(writer, path)
}

/// Adds the states of the network in `file` that `kind` names, whose keys have these `shapes`.
/// Returns how it is built if it is a generator.
///
/// # Errors
/// A file that holds the other network, or none.
fn record_network(
    states: &mut StateList,
    file: &TensorFile,
    kind: NetworkKind,
    shapes: &Shapes,
    upsample: Option<Upsample>,
) -> Result<Option<GeneratorConfig>, TrainError> {
    let discriminator = PatchGanConfig::from_shapes(shapes);
    let noted = file
        .metadata(MODEL)
        .ok()
        .and_then(|text| serde_json::from_str::<ModelConfig>(text).ok());
    let generator = match noted {
        // A discriminator's file notes its generator too.
        Some(model) if discriminator.is_none() => Ok(model.generator),
        _ => foreign_generator(file, shapes, upsample),
    };
    let other = |wanted, hint| Err(file.other_network(wanted, hint).into());
    match (kind, generator, discriminator) {
        (NetworkKind::Generator, Ok(generator), _) => {
            Generator::new(states, &generator)?;
            Ok(Some(generator))
        }
        (NetworkKind::Discriminator, _, Some(discriminator)) => {
            PatchGan::new(states, &discriminator)?;
            Ok(None)
        }
        (NetworkKind::Generator, Err(_), Some(_)) => other(
            "generator",
            "; it holds a discriminator: `network` discriminator",
        ),
        (NetworkKind::Generator, Err(error), None) => Err(error.into()),
        (NetworkKind::Discriminator, Ok(_), None) => other(
            "discriminator",
            "; it holds a generator: leave out `network` discriminator",
        ),
        (NetworkKind::Discriminator, Err(_), None) => {
            other("discriminator", "; PatchGANs and PixelGANs are")
        }
    }
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
pub(super) fn write(writer: TensorWriter, path: &Path) -> Result<(), TrainError> {
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

/// Refuses an `upsample` if the file itself says how its generator is built. Files of this program
/// do. State dicts of PyTorch do not.
fn refuse_needless_upsample(
    file: &TensorFile,
    upsample: Option<Upsample>,
) -> Result<(), ConfigError> {
    if upsample.is_some() && file.metadata(MODEL).is_ok() {
        return Err(ConfigError::new(
            "upsample",
            "`upsample` is for .pth files, and this one says how its generator is built",
            "leave it out",
        ));
    }
    Ok(())
}

/// Reads how the generator of a weight file or checkpoint is built. `upsample` says how it resizes
/// its maps if the file does not.
///
/// # Errors
/// A file that is neither ours nor the reference's, an `upsample` that is not needed, or a network
/// whose channels no kind of image has.
pub fn read_model(
    file: &TensorFile,
    upsample: Option<Upsample>,
) -> Result<ModelConfig, TrainError> {
    refuse_needless_upsample(file, upsample)?;
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
