//! One pix2pix training step as nodes of a tape (paper, section 3; order of the reference).

mod losses;
mod orders;
mod update;

use super::objective::{Objective, UpdateOrder};
use super::pool::Pool;
use super::recipe::Recipe;
use crate::nn::{Discriminator, Fit, Fitted, Generator, Mode};
use crate::ops::BatchSlice;
use crate::state::StateList;
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;
use update::Accumulated;

/// Names of the losses in the order of their columns in the monitor's ring. `d_gp` is there only
/// with a gradient penalty, and `g_feat` only if the generator learns from features.
pub const LOSSES: [&str; 6] = ["g_gan", "g_l1", "d_real", "d_fake", "d_gp", "g_feat"];
/// Names of the columns behind them: the weighted losses. They are watched too, because a finite
/// loss times its weight may not be finite.
pub(super) const WEIGHTED: [&str; 2] = ["g_loss", "d_loss"];

/// The values of a recorded step that the host writes or may read.
#[derive(Debug, Clone, Copy)]
pub struct StepVars {
    /// `[batch, height, width, in_channels]`, -1..1.
    pub input: Var,
    /// `[batch, height, width, out_channels]`, -1..1.
    pub target: Var,
    /// The generator's output before the update. If several batches are accumulated, it is that of
    /// the last one.
    pub fake: Var,
}

/// The shapes of a step's images. All batches that it accumulates lie one behind the other.
#[derive(Debug, Clone, Copy)]
pub struct PairShape {
    /// Input images.
    pub input: Shape,
    /// Target images.
    pub target: Shape,
    /// How they go through the generator.
    pub fit: Fit,
}

/// The networks of a step, and the image pool of the discriminator.
#[derive(Debug, Clone, Copy)]
pub struct Networks<'a> {
    /// The generator.
    pub generator: &'a Generator,
    /// The discriminator. `None` for a generator that learns from the distance alone.
    pub discriminator: Option<&'a Discriminator>,
    /// Older fakes for the discriminator, in the PyTorch order of updates.
    pub pool: Option<&'a Pool>,
}

/// Records one step. The discriminator learns to tell real pairs from fake ones. The generator
/// learns to make images that are taken for real and are near the target. The objective says in
/// which order. The losses go to the monitor in the order of [`LOSSES`], without their weights. The
/// L1 distance is always among them, even if another distance is minimised. Without an adversarial
/// loss it is the only one.
///
/// If the recipe accumulates, the images are those of several batches, and the networks learn from
/// the mean of their gradients. Each batch has statistics and dropout masks of its own.
///
/// # Errors
/// Those of recording, for example images too small for the networks.
pub fn record_step(
    tape: &mut Tape,
    states: &StateList,
    networks: &Networks,
    shape: PairShape,
    objective: &Objective,
    recipe: &Recipe,
    mode: &Mode,
) -> Result<StepVars, TapeError> {
    let input = tape.input("input", shape.input);
    let target = tape.input("target", shape.target);
    let fitted = shape.fit.of(shape.input, networks.generator.config());
    let step = StepRecorder {
        states,
        generator: networks.generator,
        fitted,
        objective,
        recipe,
    };
    let batches = step.batches(tape, [input, target], mode)?;
    let mut accumulated = Accumulated::default();
    let fake = match (networks.discriminator, objective.order) {
        (None, _) => step.generator_only(tape, &batches, &mut accumulated)?,
        (Some(discriminator), UpdateOrder::Pytorch) => step.alternating(
            tape,
            discriminator,
            networks.pool,
            &batches,
            &mut accumulated,
        )?,
        (Some(discriminator), UpdateOrder::Torch) => {
            step.simultaneous(tape, discriminator, &batches, &mut accumulated)?
        }
    };
    step.update(tape, networks.generator.parameters(), &accumulated)?;
    step.average(tape, networks.generator.parameters())?;
    // There is at least one batch.
    Ok(StepVars {
        input,
        target,
        fake: fake.unwrap_or(input),
    })
}

/// What all parts of a step need.
struct StepRecorder<'a> {
    states: &'a StateList,
    generator: &'a Generator,
    fitted: Fitted,
    objective: &'a Objective,
    recipe: &'a Recipe,
}

/// One of the batches whose gradients a step accumulates.
struct BatchVars {
    /// What the generator sees of the input images.
    given: Var,
    /// The part of the input images that the generator's results show. Discriminator and losses see
    /// this part.
    input: Var,
    /// The same of the target images.
    target: Var,
    /// How many images of the step come before this batch.
    first: usize,
    /// How the networks run over this batch. Each batch has dropout masks of its own.
    mode: Mode,
}

impl StepRecorder<'_> {
    /// The batches of a step.
    fn batches(
        &self,
        tape: &mut Tape,
        images: [Var; 2],
        mode: &Mode,
    ) -> Result<Vec<BatchVars>, TapeError> {
        let count = self.recipe.accumulate.max(1);
        let batch = tape.shape(images[0]).batch() / count;
        let mut part = |number: usize| {
            let first = number * batch;
            let mut slice = |image| {
                if count == 1 {
                    Ok(image)
                } else {
                    tape.record(
                        BatchSlice {
                            start: first,
                            batch,
                        },
                        &[image],
                    )
                }
            };
            let [input, target] = [slice(images[0])?, slice(images[1])?];
            let mode = if count == 1 {
                mode.clone()
            } else {
                mode.numbered(number)
            };
            let given = self.fitted.given(tape, input)?;
            Ok(BatchVars {
                given,
                input: self.fitted.shown(tape, input)?,
                target: self.fitted.shown(tape, target)?,
                first,
                mode,
            })
        };
        (0..count).map(&mut part).collect()
    }

    /// The generator's results for a batch.
    fn translate(&self, tape: &mut Tape, batch: &BatchVars, mode: &Mode) -> Result<Var, TapeError> {
        let output = self
            .generator
            .forward(tape, self.states, batch.given, mode)?;
        self.fitted.result(tape, output)
    }
}
