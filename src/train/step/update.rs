//! Gradients over the batches of a step, and the update of a network by their mean.

use super::StepRecorder;
use crate::ops::Fill;
use crate::ops::adam::{self, Adam};
use crate::ops::elementwise::{add, scale};
use crate::ops::ema::Average;
use crate::ops::loss_scale::LossScale;
use crate::ops::monitor::watch;
use crate::ops::sgd::{self, Sgd};
use crate::state::ArenaId;
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::DType;
use crate::train::recipe::Optimizer;

/// Added to the root of Adam's second moment.
const ADAM_EPSILON: f32 = 1e-8;

/// What was accumulated for one network so far.
#[derive(Default)]
pub(super) struct Accumulated {
    /// The gradient of each parameter.
    gradients: Vec<Var>,
    /// The sums of the losses that are watched, as (column, loss).
    losses: Vec<(u32, Var)>,
}

impl StepRecorder<'_> {
    /// Records the gradients of one batch's loss and adds them to those of earlier batches. If
    /// losses are scaled, the gradients are scaled too.
    pub(super) fn learn(
        &self,
        tape: &mut Tape,
        arena: ArenaId,
        loss: Var,
        accumulated: &mut Accumulated,
    ) -> Result<(), TapeError> {
        let parameters: Vec<Var> = self
            .states
            .in_arena(arena)
            .map(|state| tape.state(self.states, state.id))
            .collect();
        let loss = self.mean(tape, loss)?;
        let start = match self.states.precision() {
            DType::F32 => tape.record(
                Fill {
                    value: 1.0,
                    shape: tape.shape(loss),
                },
                &[],
            )?,
            DType::F16 => tape.record(
                LossScale {
                    slot: self.states.trainable_index(arena),
                },
                &[],
            )?,
        };
        accumulated.gradients =
            tape.backward_onto(loss, start, &parameters, &accumulated.gradients)?;
        Ok(())
    }

    /// Records that the monitor watches the mean losses.
    pub(super) fn watch(
        &self,
        tape: &mut Tape,
        accumulated: &Accumulated,
    ) -> Result<(), TapeError> {
        let means = accumulated
            .losses
            .iter()
            .map(|&(column, sum)| Ok((column, self.mean(tape, sum)?)))
            .collect::<Result<Vec<_>, TapeError>>()?;
        for neighbours in means.chunk_by(|left, right| left.0 + 1 == right.0) {
            watch(
                tape,
                neighbours[0].0,
                &neighbours.iter().map(|&(_, loss)| loss).collect::<Vec<_>>(),
            )?;
        }
        Ok(())
    }

    /// A sum over the batches divided by their number.
    pub(super) fn mean(&self, tape: &mut Tape, sum: Var) -> Result<Var, TapeError> {
        let count = self.recipe.accumulate.max(1);
        if count == 1 {
            Ok(sum)
        } else {
            scale(tape, sum, 1.0 / count as f32)
        }
    }

    /// Records the step of the moving average of the parameters of `arena`, if there is one.
    pub(super) fn average(&self, tape: &mut Tape, arena: ArenaId) -> Result<(), TapeError> {
        if let Some(decay) = self.recipe.ema {
            tape.set_scope(&self.states.get_arena(arena).name);
            tape.record(Average { arena, decay }, &[])?;
            tape.set_scope("");
        }
        Ok(())
    }

    /// Records one update of all parameters of `arena`.
    pub(super) fn update(
        &self,
        tape: &mut Tape,
        arena: ArenaId,
        accumulated: &Accumulated,
    ) -> Result<(), TapeError> {
        let gradients = &accumulated.gradients;
        tape.set_scope(&self.states.get_arena(arena).name);
        match self.recipe.optimizer {
            Optimizer::Adam => adam::update(
                tape,
                self.states,
                Adam::new(arena, self.objective.betas, ADAM_EPSILON),
                gradients,
            )?,
            Optimizer::Sgd { momentum } => {
                sgd::update(tape, self.states, Sgd { arena, momentum }, gradients)?
            }
        }
        tape.set_scope("");
        Ok(())
    }
}

impl Accumulated {
    /// Adds the losses of another batch.
    pub(super) fn add_losses(
        &mut self,
        tape: &mut Tape,
        losses: &[(u32, Var)],
    ) -> Result<(), TapeError> {
        if self.losses.is_empty() {
            self.losses = losses.to_vec();
            return Ok(());
        }
        for ((_, sum), &(_, loss)) in self.losses.iter_mut().zip(losses) {
            *sum = add(tape, *sum, loss)?;
        }
        Ok(())
    }
}
