//! The rules of a whole configuration. It may come from the command line, from a file that somebody
//! edited, or from a caller of the library.

use super::field::{Field, Range};
use super::fields::{FIELDS, find};
use super::{Architecture, Config, ConfigError, Length};
use crate::data::{Pixels, Preprocess};
use crate::nn::{Discriminator, DiscriminatorConfig, Fit, Generator, NetworkError, PatchGanConfig};
use crate::state::StateList;
use crate::train::objective::UpdateOrder;
use crate::train::recipe::Optimizer;
use crate::train::schedule::Policy;

/// Strided convolutions of the discriminator with the largest patches that `patch` names.
pub(in crate::train) const DEEPEST_NAMED: usize = 5;

impl Config {
    /// Checks every range and every rule between fields. Device and data set have limits of their
    /// own.
    ///
    /// # Errors
    /// The first field that breaks a rule, with the nearest valid choice.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_whole_images()?;
        self.check_ranges()?;
        self.check_losses()?;
        self.check_optimizer()?;
        self.check_generator()?;
        self.check_discriminator()?;
        self.check_schedule()?;
        self.check_values()?;
        self.test.check(&self.generator())?;
        Ok(Pixels::check(&self.input, &self.output)?)
    }

    /// The number of a field, or of a shorthand that is a part of one, if this configuration has
    /// it.
    pub(super) fn number(&self, field: &str) -> Option<f64> {
        let (objective, recipe) = (&self.objective, &self.recipe);
        Some(match field {
            "size" => self.size.into(),
            "load_size" => self.load_size.into(),
            "ngf" => self.ngf as f64,
            "ndf" => self.ndf as f64,
            "num_downs" => self.num_downs as f64,
            "batch_size" => self.batch_size as f64,
            "learning_rate" => self.learning_rate,
            "objective.lambda_gp" => objective.lambda_gp.into(),
            "objective.lambda_gan" => objective.lambda_gan.into(),
            "objective.lambda_l1" => objective.lambda_l1.into(),
            "objective.lambda_feat" => objective.lambda_feat.into(),
            "recipe.init_gain" => recipe.init_gain.into(),
            "recipe.pool" => recipe.pool as f64,
            "recipe.accumulate" => recipe.accumulate as f64,
            "recipe.ema" => return recipe.ema,
            "reading.max_pixels" => return self.reading.max_pixels.map(|pixels| pixels as f64),
            "reading.nodata" => return self.reading.nodata,
            "sample_every" => self.sample_every as f64,
            "checkpoint_every" => self.checkpoint_every as f64,
            "patience" => return self.patience.map(|scores| scores as f64),
            "seed" => self.seed as f64,
            "d_layers" => self.d_layers as f64,
            "discriminators" => self.discriminators as f64,
            "beta1" => objective.betas[0],
            "beta2" => objective.betas[1],
            "epochs" | "steps" => match (field, self.length) {
                ("epochs", Length::Epochs(number)) | ("steps", Length::Steps(number)) => {
                    number as f64
                }
                _ => return None,
            },
            _ => return None,
        })
    }

    fn check_ranges(&self) -> Result<(), ConfigError> {
        let with_parts = |field: &'static Field| {
            let parts = field.range.parts().iter().filter_map(|part| find(part));
            std::iter::once(field).chain(parts)
        };
        for field in FIELDS.iter().flat_map(with_parts) {
            // These two are bounded by the size of the images, too.
            if !["d_layers", "load_size"].contains(&field.name)
                && let Some(number) = self.number(field.name)
            {
                check_number(field.name, number)?;
            }
        }
        let [load, size] = [self.load_size, self.size].map(u64::from);
        let most = super::MOST_PIXELS.into();
        if !(size..=most).contains(&load) {
            return Err(ConfigError::range("load_size", load, size, most));
        }
        Ok(())
    }

    /// Images of different sizes go through the networks one at a time.
    fn check_whole_images(&self) -> Result<(), ConfigError> {
        if !self.preprocess.is_whole() {
            return Ok(());
        }
        let (field, one) = match self {
            _ if self.batch_size > 1 => ("batch_size", 1),
            _ if self.recipe.accumulate > 1 => ("recipe.accumulate", 1),
            _ if self.recipe.pool > 0 => ("recipe.pool", 0),
            _ => return Ok(()),
        };
        Err(ConfigError::new(
            field,
            "images of `preprocess` none and scale-width have sizes of their own and go through \
             the networks one at a time",
            format!("use `{field}` {one}, or `preprocess` crop"),
        ))
    }

    fn check_losses(&self) -> Result<(), ConfigError> {
        let objective = &self.objective;
        if objective.lambda_gan + objective.lambda_l1 == 0.0 {
            return Err(ConfigError::new(
                "objective.lambda_l1",
                "every loss has the weight 0",
                "leave `objective.lambda_l1` or `objective.lambda_gan` above it",
            ));
        }
        let without_gan = objective.lambda_gan == 0.0;
        let needs_gan = |field, given: bool| {
            if without_gan && given {
                let rule = format!("`{field}` does nothing with `objective` l1");
                let remedy = "leave it out or use l1+cgan";
                return Err(ConfigError::without_use(field, rule, remedy));
            }
            Ok(())
        };
        let recipe = &self.recipe;
        needs_gan("objective.lambda_feat", objective.lambda_feat > 0.0)?;
        needs_gan("recipe.pool", recipe.pool > 0)?;
        if recipe.pool > 0 && objective.order == UpdateOrder::Torch {
            return Err(ConfigError::new(
                "recipe.pool",
                "`recipe.pool` needs `objective.order` pytorch: in the other order both networks \
                 learn from one pass over the same fakes",
                "",
            ));
        }
        needs_gan(
            "recipe.pretrained_discriminator",
            recipe.pretrained_discriminator.is_some(),
        )
    }

    fn check_optimizer(&self) -> Result<(), ConfigError> {
        match self.recipe.optimizer {
            Optimizer::Sgd { momentum } => check_number("momentum", momentum),
            Optimizer::Adam => Ok(()),
        }
    }

    fn check_generator(&self) -> Result<(), ConfigError> {
        let is_resnet = self.architecture.is_resnet();
        if is_resnet && self.fit == Fit::Crop {
            return Err(ConfigError::new(
                "fit",
                "`fit` crop is the U-Net's own rule",
                "a ResNet takes `fit` pad",
            ));
        }
        Generator::new(&mut StateList::default(), &self.generator())?;
        let most = self.size.checked_ilog2().unwrap_or(0) as usize;
        if !is_resnet && !self.preprocess.is_whole() && self.num_downs > most {
            let depth = self.num_downs;
            return Err(ConfigError::new(
                "num_downs",
                format!(
                    "`num_downs` {depth} is too deep for images of {}",
                    self.size
                ),
                format!("the nearest is `num_downs` {most}"),
            ));
        }
        Ok(())
    }

    fn check_discriminator(&self) -> Result<(), ConfigError> {
        if self.objective.lambda_gan == 0.0 {
            return Ok(());
        }
        let whole = self.preprocess.is_whole();
        let deepest = self.deepest_discriminator();
        Discriminator::new(&mut StateList::default(), &self.discriminator())
            .map_err(|error| at_most(error, if whole { None } else { deepest }))?;
        // Pictures that keep their sizes are checked later, one by one. Of pictures that are scaled
        // to a width, the height is not known yet, but the width is.
        if whole && self.preprocess != Preprocess::ScaleWidth {
            return Ok(());
        }
        let (size, n_layers) = (self.size, self.d_layers);
        let side = PatchGanConfig::receptive_field;
        match deepest {
            Some(most) if n_layers <= most => Ok(()),
            _ if self.fitting_scales() > 0 => Err(self.too_many_scales()),
            Some(most) => {
                let named = if most <= DEEPEST_NAMED {
                    format!(" or `patch` {}", side(most))
                } else {
                    String::new()
                };
                Err(ConfigError::new(
                    "d_layers",
                    format!(
                        "a discriminator with {n_layers} strided convolutions (patches of {} \
                         pixels) is too deep for images of {size}",
                        side(n_layers)
                    ),
                    format!("the deepest that fits has {most} (`d_layers` {most}{named})"),
                ))
            }
            None => Err(ConfigError::new(
                "size",
                format!("images of {size} pixels are too small for any discriminator"),
                "",
            )),
        }
    }

    /// Strided convolutions of the deepest discriminator whose patches fit the images of every
    /// scale, if any does.
    fn deepest_discriminator(&self) -> Option<usize> {
        let size = DiscriminatorConfig::last_side(self.discriminators, self.shown_side());
        (0..=PatchGanConfig::MOST_LAYERS)
            .rev()
            .find(|&n_layers| PatchGanConfig::patches(n_layers, size) > 0)
    }

    /// Side of the images that the discriminator sees.
    fn shown_side(&self) -> usize {
        let multiple = self.generator().multiple();
        self.fit.output_side(self.size as usize, multiple)
    }

    /// The most scales, fewer than there are, whose images hold a patch.
    fn fitting_scales(&self) -> usize {
        let config = self.discriminator();
        let fits = |&scales: &usize| {
            let config = DiscriminatorConfig {
                scales,
                ..config.clone()
            };
            config.last_patches(self.shown_side()) > 0
        };
        (1..self.discriminators).rev().find(fits).unwrap_or(0)
    }

    /// The error for more scales than hold a patch.
    fn too_many_scales(&self) -> ConfigError {
        let (scales, n_layers, size) = (self.discriminators, self.d_layers, self.size);
        let last = DiscriminatorConfig::last_side(scales, self.shown_side());
        let shallower = match self.deepest_discriminator() {
            Some(most) => format!(", or `d_layers` {most}"),
            None => String::new(),
        };
        ConfigError::new(
            "discriminators",
            format!(
                "with `discriminators` {scales} the last one sees {last} pixels a side of images \
                 of {size}, too few for its {n_layers} strided convolutions"
            ),
            format!("use `discriminators` {}{shallower}", self.fitting_scales()),
        )
    }

    fn check_schedule(&self) -> Result<(), ConfigError> {
        if let Policy::Step { epochs } = self.recipe.schedule {
            check_number("lr_step", epochs as f64)?;
        }
        match (self.recipe.schedule, self.length) {
            (Policy::Step { epochs }, Length::Epochs(all)) if epochs > all => {
                Err(ConfigError::new(
                    "lr_step",
                    format!(
                        "`recipe.schedule` step drops the rate every {epochs} epochs, and the run \
                         has {all}"
                    ),
                    format!("use `lr_step` {all} or less, or `recipe.schedule` constant"),
                ))
            }
            _ => Ok(()),
        }
    }
}

impl Architecture {
    /// Whether it is one of the ResNets.
    pub fn is_resnet(self) -> bool {
        matches!(self, Self::ResNet9 | Self::ResNet6)
    }
}

/// Checks a number against the range of its field or shorthand.
pub(super) fn check_number(field: &'static str, number: f64) -> Result<(), ConfigError> {
    let must = |inside: bool, what: &str| {
        // The device computes with f32.
        let shown = number as f32;
        let rule = if !inside || !number.is_finite() {
            // A field that is f32 itself is shown with its own digits.
            if f64::from(shown) == number {
                format!("`{field}` {shown} must be a number {what}")
            } else {
                format!("`{field}` {number} must be a number {what}")
            }
        } else if shown.is_infinite() {
            format!("`{field}` {number:e} is too large for 32-bit floats")
        } else {
            return Ok(());
        };
        Err(ConfigError::new(field, rule, ""))
    };
    match find(field).map(|field| field.range) {
        Some(Range::Whole(least, most)) if number < least as f64 || number > most as f64 => {
            Err(ConfigError::range(field, number as u64, least, most))
        }
        Some(Range::FromZero) => must(number >= 0.0, "from 0 on"),
        Some(Range::AboveZero) => must(number > 0.0, "above 0"),
        Some(Range::Number) => must(true, "that is finite"),
        Some(Range::Share) => must((0.0..1.0).contains(&number), "from 0 on and below 1"),
        // A name that is not in the tables must not pass for a number without a range.
        None => Err(ConfigError::new(
            field,
            format!("`{field}` is no field of a configuration"),
            "",
        )),
        Some(_) => Ok(()),
    }
}

/// The error with a smaller upper end of the range: the deepest discriminator that fits the images.
fn at_most(error: NetworkError, deepest: Option<usize>) -> ConfigError {
    match (error, deepest) {
        (
            NetworkError::Range {
                what: what @ "d_layers",
                given,
                least,
                ..
            },
            Some(most),
        ) => ConfigError::range(what, given as u64, least as u64, most as u64),
        (error, _) => error.into(),
    }
}
