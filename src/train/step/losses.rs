//! What the discriminator sees of a batch, and the losses of both networks.

use super::update::Accumulated;
use super::{BatchVars, LOSSES, StepRecorder};
use crate::nn::{Mode, PatchGan};
use crate::ops::elementwise::{add, scale};
use crate::ops::random::RandomUniform;
use crate::ops::{Assemble, BatchSlice, Concat};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;
use crate::train::losses::{
    Distance, Verdict, distance, gan, generator_adversarial_loss, gradient_penalty, mix,
};
use crate::train::objective::{Objective, UpdateOrder};

impl StepRecorder<'_> {
    /// The discriminator's logits for two sets of input and output images. They go through
    /// together, so that the weights are read once. Each set still has statistics of its own.
    pub(super) fn discriminate_both(
        &self,
        tape: &mut Tape,
        discriminator: &PatchGan,
        sets: [[Var; 2]; 2],
        mode: &Mode,
    ) -> Result<[Var; 2], TapeError> {
        let outputs = sets.map(|[_, output]| output);
        let pairs = match self.objective.conditional {
            true => tape.record(Assemble { columns: 2 }, sets.as_flattened())?,
            false => tape.record(Assemble { columns: 1 }, &outputs)?,
        };
        let logits = discriminator.forward(tape, self.states, pairs, &mode.for_parts(2))?;
        let batch = tape.shape(outputs[0]).batch();
        let mut part = |start| tape.record(BatchSlice { start, batch }, &[logits]);
        Ok([part(0)?, part(batch)?])
    }

    /// The discriminator's logits for the generator's output.
    pub(super) fn discriminate_fake(
        &self,
        tape: &mut Tape,
        discriminator: &PatchGan,
        batch: &BatchVars,
        fake: Var,
    ) -> Result<Var, TapeError> {
        Ok(self
            .discriminate(tape, discriminator, [batch.input, fake], &batch.mode)?
            .1)
    }

    /// What the discriminator sees of input and output images, and its logits.
    pub(super) fn discriminate(
        &self,
        tape: &mut Tape,
        discriminator: &PatchGan,
        pair: [Var; 2],
        mode: &Mode,
    ) -> Result<(Var, Var), TapeError> {
        let seen = if self.objective.conditional {
            tape.record(Concat, &pair)?
        } else {
            pair[1]
        };
        Ok((seen, discriminator.forward(tape, self.states, seen, mode)?))
    }

    /// The discriminator's loss for `fake` pairs and the real pairs of the batch. The logits are
    /// its results for both. In the PyTorch order the loss is half the sum of both losses, in the
    /// other order the whole sum. The gradient penalty, if there is one, is not halved.
    pub(super) fn discriminator_loss(
        &self,
        tape: &mut Tape,
        discriminator: &PatchGan,
        batch: &BatchVars,
        fake: [Var; 2],
        [fake_logits, real_logits]: [Var; 2],
        accumulated: &mut Accumulated,
    ) -> Result<Var, TapeError> {
        let Objective {
            gan_loss,
            lambda_gp,
            order,
            ..
        } = *self.objective;
        let d_fake = gan(tape, fake_logits, Verdict::Fake, gan_loss)?;
        let d_real = gan(tape, real_logits, Verdict::Real, gan_loss)?;
        let sum = add(tape, d_fake, d_real)?;
        let mut loss = if order == UpdateOrder::Pytorch {
            scale(tape, sum, 0.5)?
        } else {
            sum
        };
        let mut shown = vec![(2, d_real), (3, d_fake)];
        if self.objective.has_penalty() {
            let d_gp = self.penalty(tape, discriminator, batch, fake)?;
            let weighted = scale(tape, d_gp, lambda_gp)?;
            loss = add(tape, loss, weighted)?;
            shown.extend([(4, d_gp), (LOSSES.len() as u32 + 1, loss)]);
        }
        accumulated.add_losses(tape, &shown)?;
        Ok(loss)
    }

    /// The gradient penalty at points between `fake` pairs and the real pairs of the batch. Where
    /// the point of an image lies is drawn anew in each step.
    pub(super) fn penalty(
        &self,
        tape: &mut Tape,
        discriminator: &PatchGan,
        batch: &BatchVars,
        fake: [Var; 2],
    ) -> Result<Var, TapeError> {
        let images = tape.shape(fake[1]).batch();
        let of_the_step = Shape::nhwc(images * self.recipe.accumulate.max(1), 1, 1, 1);
        let draws = tape.record(RandomUniform::new("gradient_penalty", of_the_step), &[])?;
        let share = tape.record(
            BatchSlice {
                start: batch.first,
                batch: images,
            },
            &[draws],
        )?;
        let pair = [
            mix(tape, fake[0], batch.input, share)?,
            mix(tape, fake[1], batch.target, share)?,
        ];
        let (seen, logits) = self.discriminate(tape, discriminator, pair, &batch.mode)?;
        gradient_penalty(tape, logits, seen)
    }

    /// The generator's loss. It has an adversarial part if there are `logits` of the discriminator.
    pub(super) fn generator_loss(
        &self,
        tape: &mut Tape,
        batch: &BatchVars,
        fake: Var,
        logits: Option<Var>,
        accumulated: &mut Accumulated,
    ) -> Result<Var, TapeError> {
        let Objective {
            gan_loss,
            lambda_gan,
            lambda_l1,
            ..
        } = *self.objective;
        let g_gan = logits
            .map(|logits| generator_adversarial_loss(tape, logits, gan_loss))
            .transpose()?;
        let distant = distance(tape, fake, batch.target, self.objective.distance)?;
        // L1 is shown in any case, so that it can be compared with the held-out score and with
        // other runs.
        let is_l1 = self.objective.distance == Distance::L1;
        let g_l1 = if is_l1 {
            distant
        } else {
            distance(tape, fake, batch.target, Distance::L1)?
        };
        let mut g_loss = scale(tape, distant, lambda_l1)?;
        let mut shown = Vec::new();
        if let Some(g_gan) = g_gan {
            let weighted = if lambda_gan == 1.0 {
                g_gan
            } else {
                scale(tape, g_gan, lambda_gan)?
            };
            g_loss = add(tape, weighted, g_loss)?;
            shown.push((0, g_gan));
        }
        // The weighted sum is watched too: a finite loss times its weight may not be finite.
        shown.extend([(1, g_l1), (LOSSES.len() as u32, g_loss)]);
        accumulated.add_losses(tape, &shown)?;
        Ok(g_loss)
    }
}
