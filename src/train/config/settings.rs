//! What somebody asks for, and the configuration that it makes. Everything that is left out takes
//! its default, which may depend on the rest.

use super::pixels::{LookUpError, PixelSettings};
use super::rules::{DEEPEST_NAMED, check_number};
use super::{Architecture, Config, ConfigError, Length, Preset, ValueSettings};
use crate::data::{Direction, PairReading, Preprocess, SuspectMark};
use crate::nn::{
    DropoutAt, Fit, Initialisation, Norm, PatchGanConfig, TestNorm, TestTime, Upsample,
};
use crate::tensor::DType;
use crate::train::losses::{Distance, GanLoss};
use crate::train::objective::{Objective, PaperObjective, UpdateOrder};
use crate::train::recipe::{Optimizer, Recipe};
use crate::train::schedule::Policy;
use crate::train::score::EvalMetric;
use std::path::PathBuf;

/// Halvings for sizes that are no multiple of 32, unless a number is asked for. They are few, so
/// that little is padded or cut off.
const FEWEST_DOWNS: usize = 5;

/// The fewest steps from one score to the next, unless a number is asked for. A score goes through
/// up to a hundred pairs, so that more of them would take most of the time.
const SHOWN_APART: u64 = 50;

/// Settings of a run. They have the names of the fields of [`Config`]: see
/// [`FIELDS`](super::FIELDS) and [`SHORTHANDS`](super::SHORTHANDS). What is `None` was not asked
/// for.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(
    missing_docs,
    reason = "FIELDS and SHORTHANDS say what each of them is"
)]
pub struct Settings {
    /// Whose defaults; `None` for those of a run on [`Settings::dataset`].
    pub preset: Option<Preset>,
    /// Networks without pairs: nothing is looked up in images.
    pub networks_alone: bool,
    pub dataset: Option<PathBuf>,
    pub adapter: Option<String>,
    pub direction: Option<Direction>,
    pub pixels: PixelSettings,
    pub values: ValueSettings,
    pub size: Option<u32>,
    pub fit: Option<Fit>,
    pub preprocess: Option<Preprocess>,
    pub load_size: Option<u32>,
    pub mirror: Option<bool>,
    pub ignore_orientation: Option<bool>,
    pub max_pixels: Option<u64>,
    pub ngf: Option<usize>,
    pub ndf: Option<usize>,
    pub num_downs: Option<usize>,
    pub d_layers: Option<usize>,
    pub patch: Option<usize>,
    pub discriminators: Option<usize>,
    pub norm: Option<Norm>,
    pub architecture: Option<Architecture>,
    pub upsample: Option<Upsample>,
    pub dropout: Option<bool>,
    pub dropout_at: Option<DropoutAt>,
    pub test_norm: Option<TestNorm>,
    pub test_dropout: Option<bool>,
    pub precision: Option<DType>,
    pub batch_size: Option<usize>,
    pub recompute: Option<bool>,
    pub length: Option<Length>,
    pub learning_rate: Option<f64>,
    pub objective: Option<PaperObjective>,
    pub gan_loss: Option<GanLoss>,
    pub lambda_gp: Option<f32>,
    pub lambda_gan: Option<f32>,
    pub distance: Option<Distance>,
    pub lambda_l1: Option<f32>,
    pub lambda_feat: Option<f32>,
    pub order: Option<UpdateOrder>,
    pub beta1: Option<f64>,
    pub beta2: Option<f64>,
    pub schedule: Option<Policy>,
    pub lr_step: Option<u64>,
    pub init: Option<Initialisation>,
    pub init_gain: Option<f32>,
    pub optimizer: Option<Optimizer>,
    pub momentum: Option<f64>,
    pub pool: Option<usize>,
    pub accumulate: Option<usize>,
    pub ema: Option<f64>,
    pub pretrained: Option<PathBuf>,
    pub pretrained_discriminator: Option<PathBuf>,
    pub seed: Option<u64>,
    pub sample_every: Option<u64>,
    pub checkpoint_every: Option<u64>,
    pub eval_metric: Option<EvalMetric>,
    pub patience: Option<u64>,
    pub tensorboard: Option<bool>,
}

impl Settings {
    /// The configuration that they make.
    ///
    /// # Errors
    /// A rule of [`Config::check`], or a setting that would do nothing beside the others.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let whole = self.preprocess.is_some_and(Preprocess::is_whole);
        let defaults = self.preset().config();
        self.refuse_sizes_without_use(whole)?;
        self.refuse_without_dropout(defaults.dropout)?;
        let objective = self.objective(&defaults.objective)?;
        if objective.lambda_gan == 0.0 {
            self.refuse_discriminator()?;
        }
        let mut size = self.size.unwrap_or(defaults.size);
        let num_downs = self.num_downs((!whole).then_some(size))?;
        let mut load_size = self.preset().load_size(size);
        if whole {
            size = self.load_size.unwrap_or(size);
            load_size = size;
        }
        let ngf = self.ngf.unwrap_or(defaults.ngf);
        let [input, output] = self.pixels.kinds()?;
        let config = Config {
            dataset: self.dataset.clone(),
            adapter: self.adapter.clone(),
            direction: self.direction.unwrap_or(defaults.direction),
            input,
            output,
            size,
            fit: self.fit.unwrap_or(defaults.fit),
            preprocess: self.preprocess.unwrap_or(defaults.preprocess),
            load_size: self.load_size.unwrap_or(load_size),
            mirror: self.mirror.unwrap_or(defaults.mirror),
            reading: self.reading()?,
            ngf,
            ndf: self.ndf.unwrap_or(self.preset().ndf(ngf)),
            num_downs,
            d_layers: self.d_layers(defaults.d_layers)?,
            discriminators: self.discriminators.unwrap_or(defaults.discriminators),
            norm: self.norm.unwrap_or(defaults.norm),
            architecture: self.architecture.unwrap_or(defaults.architecture),
            upsample: self.upsample.unwrap_or(defaults.upsample),
            dropout: self.dropout.unwrap_or(defaults.dropout),
            dropout_at: self.dropout_at.unwrap_or(defaults.dropout_at),
            test: TestTime {
                norm: self.test_norm.unwrap_or_default(),
                dropout: self.test_dropout.unwrap_or_default(),
            },
            precision: self.precision.unwrap_or(defaults.precision),
            batch_size: self.batch_size.unwrap_or(defaults.batch_size),
            recompute: self.recompute.unwrap_or(defaults.recompute),
            length: self.length.unwrap_or(defaults.length),
            learning_rate: self.learning_rate.unwrap_or(defaults.learning_rate),
            objective,
            recipe: self.recipe(&defaults.recipe)?,
            seed: self.seed.unwrap_or(defaults.seed),
            sample_every: self.sample_every.unwrap_or(defaults.sample_every),
            checkpoint_every: self.checkpoint_every.unwrap_or(defaults.checkpoint_every),
            eval_metric: self.eval_metric.unwrap_or(defaults.eval_metric),
            patience: self.patience,
            tensorboard: self.tensorboard.unwrap_or(defaults.tensorboard),
        };
        config.check()?;
        self.refuse_dropout_nowhere(&config.generator())?;
        Ok(config)
    }

    /// How image files are read.
    fn reading(&self) -> Result<PairReading, ConfigError> {
        let defaults = PairReading::default();
        self.values.reading(
            self.ignore_orientation
                .unwrap_or(defaults.ignore_orientation),
            self.max_pixels,
        )
    }

    fn preset(&self) -> Preset {
        self.preset.unwrap_or(Preset::of(self.dataset.as_deref()))
    }

    /// Finds in the images what [`PixelSettings`] and [`ValueSettings`] lack, the bundled pairs
    /// included.
    /// Returns what looks wrong with ranges that were measured.
    ///
    /// # Errors
    /// Those of [`PixelSettings::look_up`], and ranges that cannot be measured.
    pub fn look_up(&mut self) -> Result<Vec<SuspectMark>, LookUpError> {
        let dataset = self.dataset.as_deref();
        if self.networks_alone && dataset.is_none() {
            return Ok(Vec::new());
        }
        let direction = self.direction.unwrap_or_default();
        let max_pixels = self.max_pixels;
        let suspects = self
            .values
            .look_up(dataset, direction, &self.pixels, max_pixels)?;
        let reading = self.reading()?;
        self.pixels.look_up(dataset, direction, &reading)?;
        Ok(suspects)
    }

    /// Completes what depends on the data set: how often a run shows and saves. There are `pairs`
    /// training pairs.
    pub fn set_intervals(&self, config: &mut Config, pairs: usize) {
        let schedule = config.schedule((pairs / config.pairs_per_step()) as u64);
        let tenth = (schedule.total_steps / 10).max(1);
        let scored = match schedule.policy {
            // The reference's schedule by scores takes one score in each epoch.
            Policy::Plateau => schedule.steps_per_epoch,
            // Patience counts scores, so that a short run needs them too.
            _ if config.patience.is_some() => tenth,
            _ => tenth.max(SHOWN_APART),
        };
        config.sample_every = self.sample_every.unwrap_or(scored);
        config.checkpoint_every = self.checkpoint_every.unwrap_or(tenth);
    }

    /// Strided convolutions of the discriminator, from one of two settings.
    fn d_layers(&self, default: usize) -> Result<usize, ConfigError> {
        let Some(patch) = self.patch else {
            return Ok(self.d_layers.unwrap_or(default));
        };
        if self.d_layers.is_some() {
            return Err(ConfigError::new(
                "patch",
                "`patch` and `d_layers` both say how deep the discriminator is",
                "leave one of them out",
            ));
        }
        let (n_layers, side) = (0..=DEEPEST_NAMED)
            .map(|n_layers| (n_layers, PatchGanConfig::receptive_field(n_layers)))
            .min_by_key(|(_, side)| side.abs_diff(patch))
            .unwrap_or((3, 70));
        if side == patch {
            return Ok(n_layers);
        }
        Err(ConfigError::new(
            "patch",
            format!("`patch` {patch} is none of 1, 16, 34, 70, 142 and 286"),
            format!("the nearest is {side}"),
        ))
    }

    /// Halvings of the generator. `size` is `None` for images of several sizes. With a fit, `size`
    /// may be any number. Sizes and depths that no network has are left to [`Config::check`].
    fn num_downs(&self, size: Option<u32>) -> Result<usize, ConfigError> {
        let size = size.filter(|size| Config::SIZES.contains(size));
        if self.architecture.unwrap_or_default().is_resnet() {
            self.refuse_with_resnet()?;
            return match (self.fit, size) {
                (None, Some(size)) if !size.is_multiple_of(4) => {
                    Err(no_multiple(size, 4, "`fit` pad"))
                }
                _ => Ok(2),
            };
        }
        let Some(size) = size else {
            return Ok(self.num_downs.unwrap_or(FEWEST_DOWNS));
        };
        let Some(depth) = self.num_downs else {
            return Config::downs_for(size)
                .or(self.fit.map(|_| FEWEST_DOWNS))
                .ok_or_else(|| no_multiple(size, 32, EITHER_FIT));
        };
        let [halvings, even] =
            [size.checked_ilog2().unwrap_or(0), size.trailing_zeros()].map(|most| most as usize);
        let too_deep = |rule: &str, remedy: String| {
            let rule = format!("`num_downs` {depth} is too deep for images of {size}{rule}");
            Err(ConfigError::new("num_downs", rule, remedy))
        };
        match if self.fit.is_some() { halvings } else { even } {
            most if depth <= most.max(1) => Ok(depth),
            most @ 2.. => too_deep(
                &format!(", which are no multiple of 2^{depth}"),
                format!("the nearest is `num_downs` {most}"),
            ),
            // No depth divides it.
            _ if depth <= halvings => Err(no_multiple(size, 1 << depth, EITHER_FIT)),
            _ => too_deep(
                "",
                format!("the nearest is `num_downs` {halvings} with {EITHER_FIT}"),
            ),
        }
    }

    fn objective(&self, defaults: &Objective) -> Result<Objective, ConfigError> {
        let weights = [
            ("objective.lambda_l1", self.lambda_l1),
            ("objective.lambda_gan", self.lambda_gan),
            ("objective.lambda_gp", self.lambda_gp),
            ("objective.lambda_feat", self.lambda_feat),
        ];
        for (field, weight) in weights {
            weight.map_or(Ok(()), |weight| check_number(field, weight.into()))?;
        }
        let chosen = self.objective.unwrap_or_default();
        let has_distance = chosen.has_distance() && self.lambda_l1 != Some(0.0);
        let has_gan = chosen.has_gan() && self.lambda_gan != Some(0.0);
        self.refuse_without_loss(chosen, has_distance, has_gan)?;
        let weight = |has: bool, asked: Option<f32>, default: f32| {
            if has { asked.unwrap_or(default) } else { 0.0 }
        };
        Ok(Objective {
            gan_loss: self.gan_loss.unwrap_or(defaults.gan_loss),
            lambda_gp: self.lambda_gp.unwrap_or(defaults.lambda_gp),
            lambda_gan: weight(has_gan, self.lambda_gan, defaults.lambda_gan),
            distance: self.distance.unwrap_or(defaults.distance),
            lambda_l1: weight(has_distance, self.lambda_l1, defaults.lambda_l1),
            lambda_feat: weight(has_gan, self.lambda_feat, defaults.lambda_feat),
            conditional: chosen.is_conditional(),
            order: self.order.unwrap_or(defaults.order),
            betas: self.betas(defaults.betas)?,
        })
    }

    /// Adam's decay rates.
    fn betas(&self, [beta1, beta2]: [f64; 2]) -> Result<[f64; 2], ConfigError> {
        for (field, rate) in [("beta1", self.beta1), ("beta2", self.beta2)] {
            rate.map_or(Ok(()), |rate| check_number(field, rate))?;
            if rate.is_some() && matches!(self.optimizer, Some(Optimizer::Sgd { .. })) {
                return Err(ConfigError::without_use(
                    field,
                    format!("`{field}` does nothing with `recipe.optimizer` sgd"),
                    "leave it out or use `momentum`",
                ));
            }
        }
        Ok([self.beta1.unwrap_or(beta1), self.beta2.unwrap_or(beta2)])
    }

    fn recipe(&self, defaults: &Recipe) -> Result<Recipe, ConfigError> {
        let optimizer = match (self.optimizer, self.momentum) {
            (Some(Optimizer::Sgd { .. }), Some(momentum)) => Optimizer::Sgd { momentum },
            (asked, None) => asked.unwrap_or(defaults.optimizer),
            (_, Some(_)) => {
                return Err(ConfigError::without_use(
                    "momentum",
                    "`momentum` does nothing with Adam",
                    "use `recipe.optimizer` sgd or `beta1`",
                ));
            }
        };
        let schedule = match (self.schedule, self.lr_step) {
            (Some(Policy::Step { .. }), Some(epochs)) => Policy::Step { epochs },
            (asked, None) => asked.unwrap_or(defaults.schedule),
            (_, Some(_)) => {
                return Err(ConfigError::without_use(
                    "lr_step",
                    "`lr_step` does nothing without `recipe.schedule` step",
                    "leave it out or add that",
                ));
            }
        };
        Ok(Recipe {
            schedule,
            init: self.init.unwrap_or(defaults.init),
            init_gain: self.init_gain.unwrap_or(defaults.init_gain),
            optimizer,
            pool: self.pool.unwrap_or(defaults.pool),
            accumulate: self.accumulate.unwrap_or(defaults.accumulate),
            ema: self.ema.or(defaults.ema),
            pretrained: self.pretrained.clone(),
            pretrained_discriminator: self.pretrained_discriminator.clone(),
        })
    }
}

/// How images of other sizes go through a U-Net.
const EITHER_FIT: &str = "`fit` pad or `fit` crop";

/// The error for a size that is no multiple of `multiple`, and not smaller than it.
fn no_multiple(size: u32, multiple: u32, fits: &str) -> ConfigError {
    let below = size / multiple * multiple;
    let above = below + multiple;
    ConfigError::new(
        "size",
        format!("`size` {size} is no multiple of {multiple}"),
        format!("the nearest are {below} and {above}, or say how it shall fit: {fits}"),
    )
}
