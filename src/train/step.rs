//! One pix2pix training step as nodes of a tape (paper, section 3; order of the reference).

use super::losses::{GanLoss, Verdict, gan, l1};
use crate::nn::{Mode, PatchGan, UNet};
use crate::ops::adam::{self, Adam};
use crate::ops::elementwise::{add, scale};
use crate::ops::loss_scale::LossScale;
use crate::ops::monitor::watch;
use crate::ops::{Assemble, BatchSlice, Concat, Detach};
use crate::state::{ArenaId, StateList};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::{DType, Shape};
use serde::{Deserialize, Serialize};

/// The objective of a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// The adversarial loss.
    pub gan_loss: GanLoss,
    /// Weight of the L1 distance to the target.
    pub lambda_l1: f32,
    /// Adam's decay rates.
    pub betas: [f64; 2],
}

impl Default for Objective {
    fn default() -> Self {
        Self { gan_loss: GanLoss::Vanilla, lambda_l1: 100.0, betas: [0.5, 0.999] }
    }
}

/// Added to the root of Adam's second moment.
const ADAM_EPSILON: f32 = 1e-8;

/// Names of the losses in the order of their columns in the monitor's ring.
pub const LOSSES: [&str; 4] = ["g_gan", "g_l1", "d_real", "d_fake"];

/// The values of a recorded step that the host writes or may read.
#[derive(Debug, Clone, Copy)]
pub struct StepVars {
    /// `[batch, height, width, in_channels]`, -1..1.
    pub input: Var,
    /// `[batch, height, width, out_channels]`, -1..1.
    pub target: Var,
    /// The generator's output, before the update.
    pub fake: Var,
}

/// The shapes of a batch.
#[derive(Debug, Clone, Copy)]
pub struct PairShape {
    /// Input images.
    pub input: Shape,
    /// Target images.
    pub target: Shape,
}

/// Records one step: the discriminator learns to tell real pairs from fake ones, then the generator learns to fool the updated
/// discriminator and to stay near the target. The losses go to the monitor in the order of [`LOSSES`]; `g_l1` without its weight.
///
/// # Errors
/// Those of recording, for example images too small for the networks.
pub fn record_step(
    tape: &mut Tape,
    states: &StateList,
    generator: &UNet,
    discriminator: &PatchGan,
    shape: PairShape,
    objective: &Objective,
    mode: &Mode,
) -> Result<StepVars, TapeError> {
    let input = tape.input("input", shape.input);
    let target = tape.input("target", shape.target);
    let fake = generator.forward(tape, states, input, mode)?;

    let detached = tape.record(Detach, &[fake])?;
    // Fake and real pairs are two batches with statistics of their own; as one batch they read the weights once.
    let pairs = tape.record(Assemble { columns: 2 }, &[input, detached, input, target])?;
    let logits = discriminator.forward(tape, states, pairs, &mode.for_parts(2))?;
    let batch = shape.input.batch();
    let fake_logits = tape.record(BatchSlice { start: 0, batch }, &[logits])?;
    let d_fake = gan(tape, fake_logits, Verdict::Fake, objective.gan_loss)?;
    let real_logits = tape.record(BatchSlice { start: batch, batch }, &[logits])?;
    let d_real = gan(tape, real_logits, Verdict::Real, objective.gan_loss)?;
    watch(tape, 2, &[d_real, d_fake])?;
    let sum = add(tape, d_fake, d_real)?;
    let d_loss = scale(tape, sum, 0.5)?;
    update(tape, states, discriminator.parameters(), d_loss, objective)?;

    let judged_pair = tape.record(Concat, &[input, fake])?;
    let judged = discriminator.forward(tape, states, judged_pair, mode)?;
    let g_gan = gan(tape, judged, Verdict::Real, objective.gan_loss)?;
    let g_l1 = l1(tape, fake, target)?;
    let weighted_l1 = scale(tape, g_l1, objective.lambda_l1)?;
    let g_loss = add(tape, g_gan, weighted_l1)?;
    watch(tape, 0, &[g_gan, g_l1])?;
    // The weighted sum is watched too: a finite loss times its weight may not be.
    watch(tape, LOSSES.len() as u32, &[g_loss])?;
    update(tape, states, generator.parameters(), g_loss, objective)?;
    Ok(StepVars { input, target, fake })
}

/// Records the gradients of `loss` and one Adam update of all parameters of `arena`.
fn update(tape: &mut Tape, states: &StateList, arena: ArenaId, loss: Var, objective: &Objective) -> Result<(), TapeError> {
    let parameters: Vec<Var> = states.in_arena(arena).map(|state| tape.state(states, state.id)).collect();
    let gradients = match states.precision() {
        DType::F32 => tape.backward(loss, &parameters)?,
        DType::F16 => {
            let scale = tape.record(LossScale { slot: states.trainable_index(arena) }, &[])?;
            tape.backward_from(loss, scale, &parameters)?
        }
    };
    tape.set_scope(&states.get_arena(arena).name);
    adam::update(tape, states, Adam::new(arena, objective.betas, ADAM_EPSILON), &gradients)?;
    tape.set_scope("");
    Ok(())
}
