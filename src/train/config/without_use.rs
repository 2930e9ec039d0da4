//! Settings that would do nothing beside the others: they are refused, and not ignored.

use super::{ConfigError, Settings};
use crate::data::Preprocess;
use crate::nn::GeneratorConfig;
use crate::train::losses::GanLoss;
use crate::train::objective::PaperObjective;

impl Settings {
    /// Sizes that the way of preparing images does not use.
    pub(super) fn refuse_sizes_without_use(&self, whole: bool) -> Result<(), ConfigError> {
        if whole && self.size.is_some() {
            return Err(ConfigError::without_use(
                "size",
                "`size` is of crops",
                "leave it out with `preprocess` none, and with scale-width use `load_size` for the \
                 width",
            ));
        }
        let (mode, other) = match (self.preprocess, self.load_size) {
            (Some(Preprocess::Crop), Some(_)) => ("crop", "scale-width-and-crop"),
            (Some(Preprocess::None), Some(_)) => ("none", "scale-width"),
            _ => return Ok(()),
        };
        Err(ConfigError::without_use(
            "load_size",
            format!("`preprocess` {mode} resizes nothing"),
            format!("leave out `load_size` or use `preprocess` {other}"),
        ))
    }

    /// A place for dropout where there is none.
    pub(super) fn refuse_without_dropout(&self, default: bool) -> Result<(), ConfigError> {
        if !self.dropout.unwrap_or(default) && self.dropout_at.is_some() {
            return Err(ConfigError::without_use(
                "dropout_at",
                "`dropout_at` does nothing without dropout",
                "leave it out or use `dropout` true",
            ));
        }
        Ok(())
    }

    /// Dropout that was asked for, in a generator that has no place for it.
    pub(super) fn refuse_dropout_nowhere(
        &self,
        generator: &GeneratorConfig,
    ) -> Result<(), ConfigError> {
        let given = match (self.dropout, self.dropout_at) {
            (Some(true), _) => Some(("dropout", "`dropout` true")),
            (_, Some(_)) => Some(("dropout_at", "`dropout_at`")),
            _ => None,
        };
        match given {
            Some((field, said)) if !generator.has_dropout() => Err(ConfigError::without_use(
                field,
                format!("{said} does nothing: this generator has no block for dropout"),
                format!("leave it out, or train {}", generator.dropout_remedy()),
            )),
            _ => Ok(()),
        }
    }

    /// Settings of a discriminator where there is none.
    pub(super) fn refuse_discriminator(&self) -> Result<(), ConfigError> {
        let given = [
            ("ndf", self.ndf.is_some()),
            ("d_layers", self.d_layers.is_some()),
            ("patch", self.patch.is_some()),
            ("discriminators", self.discriminators.is_some()),
        ];
        first_given(&given).map_or(Ok(()), |field| {
            Err(ConfigError::without_use(
                field,
                format!(
                    "`{field}` does nothing without an adversarial loss, which has the \
                     discriminator"
                ),
                "leave it out or use `objective` l1+cgan",
            ))
        })
    }

    /// A ResNet has one depth and one place for dropout.
    pub(super) fn refuse_with_resnet(&self) -> Result<(), ConfigError> {
        let given = [
            ("num_downs", self.num_downs.is_some()),
            ("dropout_at", self.dropout_at.is_some()),
        ];
        first_given(&given).map_or(Ok(()), |field| {
            Err(ConfigError::without_use(
                field,
                format!("`{field}` does nothing with a ResNet"),
                "leave it out or use `architecture` unet or encoder-decoder",
            ))
        })
    }

    /// A setting of a loss that is not part of the objective would do nothing.
    pub(super) fn refuse_without_loss(
        &self,
        chosen: PaperObjective,
        has_distance: bool,
        has_gan: bool,
    ) -> Result<(), ConfigError> {
        let weighs = |weight: Option<f32>| weight.is_some_and(|weight| weight != 0.0);
        let of_distance = first_given(&[
            ("objective.lambda_l1", weighs(self.lambda_l1)),
            ("objective.distance", self.distance.is_some()),
        ]);
        let of_gan = first_given(&[
            ("objective.lambda_gan", weighs(self.lambda_gan)),
            ("objective.gan_loss", self.gan_loss.is_some()),
            ("objective.lambda_feat", weighs(self.lambda_feat)),
            ("objective.order", self.order.is_some()),
        ]);
        let refuse = |field: &'static str, weight: &str, is_zero: bool, remedy: &str| {
            let (cause, remedy) = if is_zero {
                (format!("`{weight}` 0"), "a weight above it")
            } else {
                (format!("`objective` {}", chosen.name()), remedy)
            };
            Err(ConfigError::without_use(
                field,
                format!("`{field}` does nothing with {cause}"),
                format!("leave it out or use {remedy}"),
            ))
        };
        match (of_distance, of_gan) {
            (Some(field), _) if !has_distance => {
                let is_zero = self.lambda_l1 == Some(0.0);
                refuse(field, "objective.lambda_l1", is_zero, "l1+gan or l1+cgan")
            }
            (_, Some(field)) if !has_gan => {
                let is_zero = self.lambda_gan == Some(0.0);
                refuse(field, "objective.lambda_gan", is_zero, "l1+cgan")
            }
            _ if self.lambda_gp.is_some() && self.gan_loss != Some(GanLoss::Wgangp) => {
                Err(ConfigError::without_use(
                    "objective.lambda_gp",
                    "`objective.lambda_gp` is the weight of a penalty that only \
                     `objective.gan_loss` wgangp has",
                    "use both or neither",
                ))
            }
            _ => Ok(()),
        }
    }
}

/// The first of these settings that was asked for.
fn first_given(settings: &[(&'static str, bool)]) -> Option<&'static str> {
    settings
        .iter()
        .find(|(_, given)| *given)
        .map(|(field, _)| *field)
}
