//! What the discriminator sees of a batch, and the losses of both networks.

use super::update::Accumulated;
use super::{BatchVars, LOSSES, StepRecorder};
use crate::nn::{Discriminator, DiscriminatorOutput, Mode};
use crate::ops::elementwise::{add, scale};
use crate::ops::random::RandomUniform;
use crate::ops::{Assemble, BatchSlice, Concat};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;
use crate::train::losses::{
    Distance, Verdict, distance, feature_distance, gan, generator_adversarial_loss,
    gradient_penalty, mix, total,
};
use crate::train::objective::{Objective, UpdateOrder};

/// Columns of the weighted losses, behind those of [`LOSSES`].
const G_LOSS: u32 = LOSSES.len() as u32;
const D_LOSS: u32 = G_LOSS + 1;

/// What the discriminator makes of the generator's images, and of the real ones if the generator
/// learns from its features.
pub(super) struct DiscriminatorOutputs {
    /// Of the generator's.
    pub fake: Vec<DiscriminatorOutput>,
    /// Of the real ones.
    pub real: Option<Vec<DiscriminatorOutput>>,
}

impl StepRecorder<'_> {
    /// What the discriminator makes of two sets of input and output images. They go through
    /// together, so that the weights are read once. Each set still has statistics of its own.
    pub(super) fn discriminate_both(
        &self,
        tape: &mut Tape,
        discriminator: &Discriminator,
        sets: [[Var; 2]; 2],
        mode: &Mode,
    ) -> Result<[Vec<DiscriminatorOutput>; 2], TapeError> {
        let images = sets.map(|[_, image]| image);
        let pairs = match self.objective.conditional {
            true => tape.record(Assemble { columns: 2 }, sets.as_flattened())?,
            false => tape.record(Assemble { columns: 1 }, &images)?,
        };
        let outputs = discriminator.forward(tape, self.states, pairs, &mode.for_parts(2))?;
        let batch = tape.shape(images[0]).batch();
        let mut of_set = |start| {
            let part = |output| self.part(tape, output, BatchSlice { start, batch });
            outputs.iter().map(part).collect::<Result<_, _>>()
        };
        Ok([of_set(0)?, of_set(batch)?])
    }

    /// What the discriminator makes of some of the images. In the PyTorch order nothing learns from
    /// the features of this pass, so they are left out.
    fn part(
        &self,
        tape: &mut Tape,
        output: &DiscriminatorOutput,
        images: BatchSlice,
    ) -> Result<DiscriminatorOutput, TapeError> {
        let logits = tape.record(images, &[output.logits])?;
        let Objective { order, .. } = self.objective;
        let learned = self.objective.matches_features() && *order == UpdateOrder::Torch;
        let features = match learned {
            true => output
                .features
                .iter()
                .map(|&feature| tape.record(images, &[feature]))
                .collect::<Result<_, _>>()?,
            false => Vec::new(),
        };
        Ok(DiscriminatorOutput {
            seen: output.seen,
            logits,
            features,
        })
    }

    /// What the discriminator makes of the generator's output, and of the real pairs if the
    /// generator learns from its features.
    pub(super) fn discriminate_fake(
        &self,
        tape: &mut Tape,
        discriminator: &Discriminator,
        batch: &BatchVars,
        fake: Var,
    ) -> Result<DiscriminatorOutputs, TapeError> {
        let mut of =
            |output| self.discriminate(tape, discriminator, [batch.input, output], &batch.mode);
        let fake = of(fake)?;
        let real = self.objective.matches_features().then(|| of(batch.target));
        Ok(DiscriminatorOutputs {
            fake,
            real: real.transpose()?,
        })
    }

    /// What the discriminator makes of input and output images.
    pub(super) fn discriminate(
        &self,
        tape: &mut Tape,
        discriminator: &Discriminator,
        pair: [Var; 2],
        mode: &Mode,
    ) -> Result<Vec<DiscriminatorOutput>, TapeError> {
        let seen = if self.objective.conditional {
            tape.record(Concat, &pair)?
        } else {
            pair[1]
        };
        discriminator.forward(tape, self.states, seen, mode)
    }

    /// The loss of the logits of all scales against `verdict`: the sum, as pix2pixHD's code has it.
    fn loss_against(
        &self,
        tape: &mut Tape,
        outputs: &[DiscriminatorOutput],
        verdict: Verdict,
    ) -> Result<Var, TapeError> {
        let losses = outputs
            .iter()
            .map(|one| gan(tape, one.logits, verdict, self.objective.gan_loss))
            .collect::<Result<Vec<_>, _>>()?;
        total(tape, &losses)
    }

    /// The discriminator's loss for `fake` pairs and the real pairs of the batch, of which it made
    /// what is given. In the PyTorch order the loss is half the sum of both losses, in the
    /// other order the whole sum. The gradient penalty, if there is one, is not halved.
    pub(super) fn discriminator_loss(
        &self,
        tape: &mut Tape,
        discriminator: &Discriminator,
        batch: &BatchVars,
        fake: [Var; 2],
        [of_fake, of_real]: [&[DiscriminatorOutput]; 2],
        accumulated: &mut Accumulated,
    ) -> Result<Var, TapeError> {
        let Objective {
            lambda_gp, order, ..
        } = *self.objective;
        let d_fake = self.loss_against(tape, of_fake, Verdict::Fake)?;
        let d_real = self.loss_against(tape, of_real, Verdict::Real)?;
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
            shown.extend([(4, d_gp), (D_LOSS, loss)]);
        }
        accumulated.add_losses(tape, &shown)?;
        Ok(loss)
    }

    /// The gradient penalty at points between `fake` pairs and the real pairs of the batch. Where
    /// the point of an image lies is drawn anew in each step. The network of each scale is a critic
    /// of its own: its slope is taken at what it sees, and the penalties are summed.
    pub(super) fn penalty(
        &self,
        tape: &mut Tape,
        discriminator: &Discriminator,
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
        let outputs = self.discriminate(tape, discriminator, pair, &batch.mode)?;
        let penalties = outputs
            .iter()
            .map(|one| gradient_penalty(tape, one.logits, one.seen))
            .collect::<Result<Vec<_>, _>>()?;
        total(tape, &penalties)
    }

    /// The generator's loss. It has an adversarial part if a discriminator has seen its images.
    pub(super) fn generator_loss(
        &self,
        tape: &mut Tape,
        batch: &BatchVars,
        fake: Var,
        outputs: Option<&DiscriminatorOutputs>,
        accumulated: &mut Accumulated,
    ) -> Result<Var, TapeError> {
        let Objective {
            lambda_gan,
            lambda_l1,
            lambda_feat,
            ..
        } = *self.objective;
        let g_gan = outputs
            .map(|outputs| self.adversarial(tape, &outputs.fake))
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
        shown.push((1, g_l1));
        if let Some(DiscriminatorOutputs {
            fake,
            real: Some(real),
        }) = outputs
        {
            let g_feat = feature_distance(tape, fake, real)?;
            let weighted = scale(tape, g_feat, lambda_feat)?;
            g_loss = add(tape, weighted, g_loss)?;
            shown.push((5, g_feat));
        }
        // The weighted sum is watched too: a finite loss times its weight may not be finite.
        shown.push((G_LOSS, g_loss));
        accumulated.add_losses(tape, &shown)?;
        Ok(g_loss)
    }

    /// The adversarial loss of the generator: the sum over all scales.
    fn adversarial(&self, tape: &mut Tape, fake: &[DiscriminatorOutput]) -> Result<Var, TapeError> {
        let losses = fake
            .iter()
            .map(|one| generator_adversarial_loss(tape, one.logits, self.objective.gan_loss))
            .collect::<Result<Vec<_>, _>>()?;
        total(tape, &losses)
    }
}
