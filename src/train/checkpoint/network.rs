//! One network in a file of tensors: what the file says about it, and which keys belong to it. Also
//! a copy of its weights alone.

use crate::data::Pixels;
use crate::interop::{InteropError, TensorFile, TensorWriter, WriteError};
use crate::nn::{
    Discriminator, DiscriminatorConfig, Fit, Generator, GeneratorConfig, Shapes, TestTime, Upsample,
};
use crate::state::StateList;
use crate::tensor::DType;
use crate::train::config::{ConfigError, ModelConfig};
use crate::train::error::TrainError;
use crate::train::run::{AtomicFile, RunError};
use serde::Serialize;
use std::collections::BTreeMap;
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

/// A network whose states were recorded.
pub(super) struct Recorded {
    /// How it is built, if it is a generator.
    pub generator: Option<GeneratorConfig>,
    /// As [`Generator::unused_keys`].
    pub unused: Vec<String>,
}

/// Adds the states of the network of this kind, the only one in `file`.
///
/// # Errors
/// A file that holds the other network, or none.
pub(super) fn record_network(
    states: &mut StateList,
    file: &TensorFile,
    kind: NetworkKind,
    upsample: Option<Upsample>,
) -> Result<Recorded, TrainError> {
    let shapes = &file.shapes().collect();
    let discriminator = DiscriminatorConfig::from_shapes(shapes);
    let generator = match file.metadata(MODEL) {
        // A discriminator's file notes its generator too.
        Ok(text) if discriminator.is_none() => serde_json::from_str::<ModelConfig>(text)
            .map(|model| model.generator)
            .map_err(|error| file.bad_metadata(error.to_string())),
        _ => foreign_generator(file, shapes, upsample),
    };
    let other = |wanted, hint| Err(file.other_network(wanted, hint).into());
    match (kind, generator, discriminator) {
        (NetworkKind::Generator, Ok(generator), _) => {
            let unused = Generator::new(states, &generator)?.unused_keys().to_vec();
            Ok(Recorded {
                generator: Some(generator),
                unused,
            })
        }
        (NetworkKind::Discriminator, _, Some(discriminator)) => {
            let unused = Discriminator::new(states, &discriminator)?
                .unused_keys()
                .to_vec();
            Ok(Recorded {
                generator: None,
                unused,
            })
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
pub(super) fn foreign_model(generator: GeneratorConfig) -> ModelConfig {
    let [input, output] = generator.channels().map(Pixels::of_channels);
    ModelConfig {
        size: generator.multiple() as u32,
        resized: false,
        generator,
        input,
        output,
        direction: None,
        value_range: None,
        output_value_range: None,
        nodata: None,
        fit: Fit::default(),
        test: TestTime::default(),
        precision: DType::F32,
    }
}

/// Writes a file as a whole or not at all. An error of a tensor is reported as such, not as an
/// error of the file.
pub(super) async fn write(writer: TensorWriter<'_>, path: &Path) -> Result<(), TrainError> {
    let is_torch = path.extension().is_some_and(|extension| extension == "pth");
    let mut file = AtomicFile::create(path)?;
    let written = match is_torch {
        true => writer.write_torch(&mut file).await,
        false => writer.write(&mut file).await,
    };
    match written {
        Ok(()) => Ok(file.commit()?),
        Err(WriteError::Io(error)) => Err(RunError::write(path, error).into()),
        Err(WriteError::Tensor(error)) => Err(error.into()),
    }
}

/// The bytes of a safetensors file with this `name`, which is for errors.
pub(super) async fn to_bytes(writer: TensorWriter<'_>, name: &str) -> Result<Vec<u8>, TrainError> {
    writer.bytes().await.map_err(|error| match error {
        WriteError::Io(error) => RunError::write(Path::new(name), error).into(),
        WriteError::Tensor(error) => error.into(),
    })
}

/// Refuses an `upsample` if the file itself says how its generator is built. Files of this program
/// do. State dicts of PyTorch do not.
pub(super) fn refuse_needless_upsample(
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

/// What a file without a network holds, and the remedy.
pub(super) fn unknown(file: &TensorFile) -> String {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, _) in file.shapes() {
        *names
            .entry(key.split('.').next().unwrap_or(key))
            .or_default() += 1;
    }
    let listed: Vec<String> = names
        .iter()
        .take(6)
        .map(|(name, count)| format!("{name} ({count})"))
        .collect();
    format!(
        "; its tensors are {}{}; take a file that `pix2pix train` or the PyTorch code wrote",
        listed.join(", "),
        if names.len() > listed.len() {
            ", .."
        } else {
            ""
        }
    )
}

/// The generator that a state dict belongs to.
fn foreign_generator(
    file: &TensorFile,
    shapes: &Shapes,
    upsample: Option<Upsample>,
) -> Result<GeneratorConfig, InteropError> {
    let of = |upsample| GeneratorConfig::from_shapes(shapes, upsample);
    let refuse = |hint: &str| Err(file.other_network("generator", hint));
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
        (None, None, _) => refuse(&unknown(file)),
    }
}
