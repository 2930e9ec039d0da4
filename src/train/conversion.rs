//! Copies of one network for other programs: which file is written, and what may be asked of it.

use super::checkpoint::{self, NetworkChoice, NetworkKind, WeightsNote};
use super::config::ConfigError;
use super::error::TrainError;
use super::onnx;
use crate::interop::{Rounding, TensorFile};
use crate::nn::{Fit, TestNorm, Upsample};
use crate::tensor::DType;
use std::ffi::OsStr;
use std::path::Path;

/// What somebody asks of a copy. What is `None` was not asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// Which network of a file with several.
    pub network: NetworkChoice,
    /// How the generator of a .pth file resizes its maps: the file itself does not say.
    pub upsample: Option<Upsample>,
    /// How the weights are stored in a file of weights.
    pub precision: Option<DType>,
    /// Of an ONNX file: where batch norm takes its statistics from.
    pub norm: Option<TestNorm>,
    /// Of an ONNX file: whether dropout stays on.
    pub dropout: Option<bool>,
    /// Of an ONNX file: how images of other sizes go through the generator.
    pub fit: Option<Fit>,
    /// Of an ONNX file: the seed of dropout.
    pub seed: Option<u64>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    /// What was left out.
    pub notes: Vec<WeightsNote>,
    /// What rounding changed, if the weights were to be stored in a certain precision.
    pub rounding: Option<Rounding>,
}

/// Whether a file holds weights alone, or a network that other programs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Weights,
    Onnx,
}

impl Conversion {
    /// Checks everything that can be known before a file is read. `path` is the file to write.
    ///
    /// # Errors
    /// An unknown ending, and what a file of this ending cannot hold.
    pub fn check(&self, path: &Path) -> Result<(), ConfigError> {
        self.content(path).map(drop)
    }

    fn content(&self, path: &Path) -> Result<Content, ConfigError> {
        let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        let content = match ending {
            "pth" | "safetensors" => Content::Weights,
            "onnx" => Content::Onnx,
            _ => {
                let rule = format!("{} must end in .pth, .safetensors or .onnx", path.display());
                return Err(ConfigError::new("path", rule, ""));
            }
        };
        if content == Content::Onnx
            && self.network == NetworkChoice::Kind(NetworkKind::Discriminator)
        {
            return Err(onnx_of_discriminator());
        }
        if content == Content::Onnx && self.precision.is_some() {
            return Err(ConfigError::new(
                "precision",
                "`precision` is for files of weights, and .onnx files hold f32",
                "leave it out",
            ));
        }
        let given = [
            ("test.norm", self.norm.is_some()),
            ("test.dropout", self.dropout.is_some()),
            ("fit", self.fit.is_some()),
            ("seed", self.seed.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some(&(field, _)) if content == Content::Weights => Err(ConfigError::new(
                field,
                "`test.norm`, `test.dropout`, `fit` and `seed` are for .onnx files",
                "the others hold weights alone: leave them out",
            )),
            _ => Ok(content),
        }
    }

    /// Copies the network of `file` to `path`. An ONNX file is used as its model records, unless
    /// something else was asked for.
    ///
    /// # Errors
    /// Those of [`Conversion::check`], [`checkpoint::find_network`], [`checkpoint::convert`] and
    /// [`onnx::export`], and what such a generator cannot do.
    pub async fn write(&self, file: &TensorFile, path: &Path) -> Result<Converted, TrainError> {
        let content = self.content(path)?;
        let network = checkpoint::find_network(file, &self.network, self.upsample)?;
        let mut model = match (content, &network.model) {
            (Content::Onnx, Some(model)) => model.clone(),
            (Content::Onnx, None) => return Err(onnx_of_discriminator().into()),
            (Content::Weights, None) if self.upsample.is_some() => {
                return Err(ConfigError::new(
                    "upsample",
                    "`upsample` is how a generator resizes its maps",
                    "leave it out for a discriminator",
                )
                .into());
            }
            (Content::Weights, _) => {
                let rounding = checkpoint::convert(&network, self.precision, path).await?;
                let notes = network.notes;
                return Ok(Converted { notes, rounding });
            }
        };
        model.test = model.test_as(self.norm, self.dropout, false)?;
        model.fit = model.fit_as(self.fit)?;
        if self.seed.is_some() && !model.test.dropout {
            return Err(ConfigError::new(
                "seed",
                "`seed` is the seed of dropout, which is off",
                "use `test.dropout` true or leave it out",
            )
            .into());
        }
        onnx::export(&network.file, &model, self.seed.unwrap_or(0), path)?;
        Ok(Converted {
            notes: network.notes,
            rounding: None,
        })
    }
}

fn onnx_of_discriminator() -> ConfigError {
    ConfigError::new(
        "network",
        "ONNX files are for use, which takes the generator alone",
        "for the discriminator use .pth",
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_cannot_hold_is_refused_by_its_ending() {
        let plain = Conversion {
            network: NetworkChoice::Kind(NetworkKind::Generator),
            upsample: None,
            precision: None,
            norm: None,
            dropout: None,
            fit: None,
            seed: None,
        };
        let (mut seeded, mut other) = (plain.clone(), plain.clone());
        let mut halved = plain.clone();
        halved.precision = Some(DType::F16);
        seeded.seed = Some(1);
        other.network = NetworkChoice::Kind(NetworkKind::Discriminator);
        for (conversion, path, field) in [
            (&plain, "g.bin", "path"),
            (&plain, "g", "path"),
            (&seeded, "g.pth", "seed"),
            (&seeded, "g.safetensors", "seed"),
            (&other, "d.onnx", "network"),
            (&halved, "g.onnx", "precision"),
        ] {
            let error = conversion.check(Path::new(path)).unwrap_err();
            assert_eq!(error.field, field, "{error}");
        }
        for (conversion, path) in [
            (&plain, "g.pth"),
            (&plain, "g.onnx"),
            (&seeded, "g.onnx"),
            (&other, "d.safetensors"),
            (&halved, "g.safetensors"),
            (&halved, "g.pth"),
        ] {
            assert_eq!(conversion.check(Path::new(path)), Ok(()));
        }
    }
}
