//! A training step on a tape, before any device.

use super::config::Config;
use super::error::TrainError;
use super::pool::Pool;
use super::step::{Networks, PairShape, StepVars, record_step};
use crate::data::Pixels;
use crate::gpu::Profile;
use crate::nn::{Discriminator, Generator, Mode, set_initialisation};
use crate::ops::ema::Swap;
use crate::program::{Plan, recompute};
use crate::state::StateList;
use crate::tape::{StepState, Tape};
use crate::tensor::Shape;

/// Uploads in flight. The host is at most this many steps ahead. So the device stays busy, and
/// Ctrl-C still ends training soon.
pub(super) const UPLOADS: usize = 3;

/// The networks and their step on a tape, before any device.
#[derive(Debug)]
pub struct Recording {
    /// Parameters and statistics.
    pub states: StateList,
    /// The generator.
    pub generator: Generator,
    /// The discriminator, if the objective has an adversarial loss.
    pub discriminator: Option<Discriminator>,
    /// Older fakes for the discriminator, if the recipe asks for them.
    pub pool: Option<Pool>,
    /// The whole step.
    pub tape: Tape,
    /// Its inputs and outputs.
    pub vars: StepVars,
}

impl Recording {
    /// Builds the networks of `config` and records the step for images of its size.
    ///
    /// # Errors
    /// A configuration that breaks a rule, and networks that do not fit the images.
    pub fn new(config: &Config) -> Result<Self, TrainError> {
        Self::at(config, (config.size, config.size))
    }

    /// The same for images of this width and height. The states are the same for all sizes, except
    /// the images of a pool.
    ///
    /// # Errors
    /// Those of [`Recording::new`].
    pub fn at(config: &Config, sides: (u32, u32)) -> Result<Self, TrainError> {
        config.check()?;
        let mut states = StateList::new(config.precision);
        states.set_moments(config.recipe.optimizer.moments());
        let generator = Generator::new(&mut states, &config.generator())?;
        let has_discriminator = config.objective.lambda_gan != 0.0;
        let discriminator = has_discriminator
            .then(|| Discriminator::new(&mut states, &config.discriminator()))
            .transpose()?;
        set_initialisation(&mut states, config.recipe.init, config.recipe.init_gain);
        if config.recipe.ema.is_some() {
            states.average(generator.parameters());
        }
        let shape = pair_shape(config, sides);
        let fitted = config.fit.of(shape.input, generator.config());
        let input = config
            .objective
            .conditional
            .then_some(fitted.shown_shape(shape.input));
        let capacity = config.recipe.pool;
        let pool = (has_discriminator && capacity > 0).then(|| {
            Pool::new(
                &mut states,
                capacity,
                fitted.shown_shape(shape.target),
                input,
            )
        });
        let networks = Networks {
            generator: &generator,
            discriminator: discriminator.as_ref(),
            pool: pool.as_ref(),
        };
        let (tape, vars) = record(config, &states, &networks, shape)?;
        Ok(Self {
            states,
            generator,
            discriminator,
            pool,
            tape,
            vars,
        })
    }

    /// The step as it would be planned for a device.
    ///
    /// # Errors
    /// A step that does not fit it.
    pub fn plan(&self, profile: &Profile) -> Result<Plan, TrainError> {
        Ok(Plan::new(
            &self.tape,
            &self.states,
            &[self.vars.fake],
            profile,
        )?)
    }

    /// The exchange of the generator's weights with their average, if there is one.
    ///
    /// # Errors
    /// Those of recording.
    pub(super) fn swap(&self) -> Result<Option<Tape>, TrainError> {
        let arena = self.generator.parameters();
        if !self.states.get_arena(arena).averaged {
            return Ok(None);
        }
        let mut tape = Tape::default();
        tape.record(Swap { arena }, &[])?;
        Ok(Some(tape))
    }

    /// Bytes that go to the device in each step: both images and the step's uniform.
    pub(super) fn upload_bytes(&self) -> u64 {
        let images: u64 = [self.vars.input, self.vars.target]
            .iter()
            .map(|&var| self.tape.shape(var).bytes())
            .sum();
        size_of::<StepState>() as u64 + images
    }
}

/// The images of a step, of this width and height.
fn pair_shape(config: &Config, (width, height): (u32, u32)) -> PairShape {
    let images = |pixels: &Pixels| {
        Shape::nhwc(
            config.pairs_per_step(),
            height as usize,
            width as usize,
            pixels.channels(),
        )
    };
    PairShape {
        input: images(&config.input),
        target: images(&config.output),
        fit: config.fit,
    }
}

/// Records the step. If `config` asks for it, the step is rewritten: it computes values again
/// instead of keeping them.
fn record(
    config: &Config,
    states: &StateList,
    networks: &Networks,
    shape: PairShape,
) -> Result<(Tape, StepVars), TrainError> {
    let mut tape = Tape::default();
    let vars = record_step(
        &mut tape,
        states,
        networks,
        shape,
        &config.objective,
        &config.recipe,
        &Mode::training(),
    )?;
    if !config.recompute {
        return Ok((tape, vars));
    }
    let rewritten = recompute(&tape, states, &[vars.fake])?;
    let vars = StepVars {
        input: rewritten.at(vars.input),
        target: rewritten.at(vars.target),
        fake: rewritten.at(vars.fake),
    };
    Ok((rewritten.tape, vars))
}
