//! One pix2pix training step as nodes of a tape (paper, section 3; order of the reference).

use super::losses::{Distance, GanLoss, Verdict, distance, fool, gan};
use crate::nn::{Generator, Mode, PatchGan};
use crate::ops::adam::{self, Adam};
use crate::ops::elementwise::{add, scale};
use crate::ops::loss_scale::LossScale;
use crate::ops::monitor::watch;
use crate::ops::{Assemble, BatchSlice, Concat, Detach};
use crate::state::{ArenaId, StateList};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::{DType, Shape};
use serde::{Deserialize, Serialize};

/// The objective of a step (paper, section 3.1 and table 1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Objective {
    /// The adversarial loss.
    pub gan_loss: GanLoss,
    /// Its weight in the generator's loss; 0 for a generator that learns from the distance alone, without a discriminator.
    pub lambda_gan: f32,
    /// The distance of the output to the target.
    pub distance: Distance,
    /// Weight of the distance.
    pub lambda_l1: f32,
    /// Whether the discriminator sees the input image beside the output (cGAN) or the output alone (GAN).
    pub conditional: bool,
    /// Which network learns from what.
    pub order: UpdateOrder,
    /// Adam's decay rates.
    pub betas: [f64; 2],
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            gan_loss: GanLoss::Vanilla,
            lambda_gan: 1.0,
            distance: Distance::L1,
            lambda_l1: 100.0,
            conditional: true,
            order: UpdateOrder::Pytorch,
            betas: [0.5, 0.999],
        }
    }
}

/// In which order the networks of a step learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpdateOrder {
    /// As the PyTorch reference: the discriminator learns from half the sum of its losses, fake pairs before real ones; then the
    /// generator learns from the judgement of the updated discriminator.
    Pytorch,
    /// As the Lua Torch reference: the discriminator learns from the whole sum, real pairs before fake ones; the generator learns from
    /// the same judgement, made before the update.
    Torch,
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

/// Records one step: the discriminator learns to tell real pairs from fake ones, and the generator to fool it and to stay near the
/// target, in the objective's order. The losses go to the monitor in the order of [`LOSSES`], without their weights, the
/// L1 distance also where another is learnt; without an adversarial loss it alone.
///
/// # Errors
/// Those of recording, for example images too small for the networks.
pub fn record_step(
    tape: &mut Tape,
    states: &StateList,
    generator: &Generator,
    discriminator: &PatchGan,
    shape: PairShape,
    objective: &Objective,
    mode: &Mode,
) -> Result<StepVars, TapeError> {
    let input = tape.input("input", shape.input);
    let target = tape.input("target", shape.target);
    let fake = generator.forward(tape, states, input, mode)?;
    let vars = StepVars { input, target, fake };
    let step = Step { states, discriminator, vars, objective, mode };

    let generator = generator.parameters();
    if objective.lambda_gan == 0.0 {
        let loss = step.generator_loss(tape, None)?;
        let gradients = step.gradients(tape, generator, loss)?;
        step.update(tape, generator, &gradients)?;
        return Ok(vars);
    }
    let judge = discriminator.parameters();
    match objective.order {
        UpdateOrder::Pytorch => {
            let detached = tape.record(Detach, &[fake])?;
            let [fake_logits, real_logits] = step.judge_both(tape, [detached, target])?;
            let loss = step.discriminator_loss(tape, fake_logits, real_logits)?;
            let halved = scale(tape, loss, 0.5)?;
            let gradients = step.gradients(tape, judge, halved)?;
            step.update(tape, judge, &gradients)?;

            let judged = step.judge_fake(tape)?;
            let loss = step.generator_loss(tape, Some(judged))?;
            let gradients = step.gradients(tape, generator, loss)?;
            step.update(tape, generator, &gradients)?;
        }
        UpdateOrder::Torch => {
            let [real_logits, fake_logits] = step.judge_both(tape, [target, fake])?;
            let loss = step.discriminator_loss(tape, fake_logits, real_logits)?;
            let of_judge = step.gradients(tape, judge, loss)?;
            let loss = step.generator_loss(tape, Some(fake_logits))?;
            let of_generator = step.gradients(tape, generator, loss)?;
            step.update(tape, judge, &of_judge)?;
            step.update(tape, generator, &of_generator)?;
        }
    }
    Ok(vars)
}

/// What all parts of a step need.
struct Step<'a> {
    states: &'a StateList,
    discriminator: &'a PatchGan,
    vars: StepVars,
    objective: &'a Objective,
    mode: &'a Mode,
}

impl Step<'_> {
    /// The judgement of two sets of output images. They are two batches with statistics of their own; as one batch they read the weights
    /// once.
    fn judge_both(&self, tape: &mut Tape, outputs: [Var; 2]) -> Result<[Var; 2], TapeError> {
        let (input, [first, second]) = (self.vars.input, outputs);
        let pairs = match self.objective.conditional {
            true => tape.record(Assemble { columns: 2 }, &[input, first, input, second])?,
            false => tape.record(Assemble { columns: 1 }, &outputs)?,
        };
        let logits = self.discriminator.forward(tape, self.states, pairs, &self.mode.for_parts(2))?;
        let batch = tape.shape(first).batch();
        let mut part = |start| tape.record(BatchSlice { start, batch }, &[logits]);
        Ok([part(0)?, part(batch)?])
    }

    /// The judgement of the generator's output.
    fn judge_fake(&self, tape: &mut Tape) -> Result<Var, TapeError> {
        let StepVars { input, fake, .. } = self.vars;
        let judged = if self.objective.conditional { tape.record(Concat, &[input, fake])? } else { fake };
        self.discriminator.forward(tape, self.states, judged, self.mode)
    }

    fn discriminator_loss(&self, tape: &mut Tape, fake_logits: Var, real_logits: Var) -> Result<Var, TapeError> {
        let d_fake = gan(tape, fake_logits, Verdict::Fake, self.objective.gan_loss)?;
        let d_real = gan(tape, real_logits, Verdict::Real, self.objective.gan_loss)?;
        watch(tape, 2, &[d_real, d_fake])?;
        add(tape, d_fake, d_real)
    }

    /// The generator's loss, with the adversarial one where there is a judgement.
    fn generator_loss(&self, tape: &mut Tape, judged: Option<Var>) -> Result<Var, TapeError> {
        let Objective { gan_loss, lambda_gan, lambda_l1, .. } = *self.objective;
        let g_gan = judged.map(|logits| fool(tape, logits, gan_loss)).transpose()?;
        let StepVars { fake, target, .. } = self.vars;
        let learnt = distance(tape, fake, target, self.objective.distance)?;
        // What is shown is L1 in any case, so that it compares with the held-out score and with other runs.
        let g_l1 = if self.objective.distance == Distance::L1 { learnt } else { distance(tape, fake, target, Distance::L1)? };
        let mut g_loss = scale(tape, learnt, lambda_l1)?;
        match g_gan {
            Some(g_gan) => {
                let weighted = if lambda_gan == 1.0 { g_gan } else { scale(tape, g_gan, lambda_gan)? };
                g_loss = add(tape, weighted, g_loss)?;
                watch(tape, 0, &[g_gan, g_l1])?;
            }
            None => watch(tape, 1, &[g_l1])?,
        }
        // The weighted sum is watched too: a finite loss times its weight may not be.
        watch(tape, LOSSES.len() as u32, &[g_loss])?;
        Ok(g_loss)
    }

    /// Records the gradients of `loss` with respect to all parameters of `arena`, times the loss scale where there is one.
    fn gradients(&self, tape: &mut Tape, arena: ArenaId, loss: Var) -> Result<Vec<Var>, TapeError> {
        let parameters: Vec<Var> = self.states.in_arena(arena).map(|state| tape.state(self.states, state.id)).collect();
        match self.states.precision() {
            DType::F32 => tape.backward(loss, &parameters),
            DType::F16 => {
                let scale = tape.record(LossScale { slot: self.states.trainable_index(arena) }, &[])?;
                tape.backward_from(loss, scale, &parameters)
            }
        }
    }

    /// Records one Adam update of all parameters of `arena`.
    fn update(&self, tape: &mut Tape, arena: ArenaId, gradients: &[Var]) -> Result<(), TapeError> {
        tape.set_scope(&self.states.get_arena(arena).name);
        adam::update(tape, self.states, Adam::new(arena, self.objective.betas, ADAM_EPSILON), gradients)?;
        tape.set_scope("");
        Ok(())
    }
}
