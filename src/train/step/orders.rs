//! The orders of updates: which network learns from what, and when it is updated.

use super::losses::DiscriminatorOutputs;
use super::update::Accumulated;
use super::{BatchVars, StepRecorder};
use crate::nn::Discriminator;
use crate::ops::Detach;
use crate::tape::{Tape, TapeError, Var};
use crate::train::pool::Pool;

impl StepRecorder<'_> {
    /// The generator learns from the distance alone. Returns its last output.
    pub(super) fn generator_only(
        &self,
        tape: &mut Tape,
        batches: &[BatchVars],
        accumulated: &mut Accumulated,
    ) -> Result<Option<Var>, TapeError> {
        let mut last = None;
        for batch in batches {
            let fake = self.translate(tape, batch, &batch.mode)?;
            let loss = self.generator_loss(tape, batch, fake, None, accumulated)?;
            self.learn(tape, self.generator.parameters(), loss, accumulated)?;
            last = Some(fake);
        }
        self.watch(tape, accumulated)?;
        Ok(last)
    }

    /// The discriminator learns from half its loss and is updated. Then the generator learns from
    /// the updated discriminator. If there are several batches, the generator runs twice over each.
    /// So the values of only one batch are kept at a time.
    pub(super) fn alternating(
        &self,
        tape: &mut Tape,
        discriminator: &Discriminator,
        pool: Option<&Pool>,
        batches: &[BatchVars],
        accumulated: &mut Accumulated,
    ) -> Result<Option<Var>, TapeError> {
        let mut of_discriminator = Accumulated::default();
        let mut last = None;
        for batch in batches {
            let fake = self.translate(tape, batch, &batch.mode)?;
            let fresh = [batch.input, tape.record(Detach, &[fake])?];
            let images = batches.len() * tape.shape(fake).batch();
            let seen = pool.map_or(Ok(fresh), |pool| {
                pool.query(tape, self.states, fresh, batch.first, images)
            })?;
            let [of_fake, of_real] = self.discriminate_both(
                tape,
                discriminator,
                [seen, [batch.input, batch.target]],
                &batch.mode,
            )?;
            let loss = self.discriminator_loss(
                tape,
                discriminator,
                batch,
                seen,
                [&of_fake, &of_real],
                &mut of_discriminator,
            )?;
            self.learn(
                tape,
                discriminator.parameters(),
                loss,
                &mut of_discriminator,
            )?;
            last = Some(fake);
        }
        self.watch(tape, &of_discriminator)?;
        self.update(tape, discriminator.parameters(), &of_discriminator)?;
        for batch in batches {
            let again = batch.mode.again();
            let fake = match (batches, last) {
                ([_], Some(fake)) => fake,
                _ => self.translate(tape, batch, &again)?,
            };
            let outputs = self.discriminate_fake(tape, discriminator, batch, fake)?;
            let loss = self.generator_loss(tape, batch, fake, Some(&outputs), accumulated)?;
            self.learn(tape, self.generator.parameters(), loss, accumulated)?;
            last = Some(fake);
        }
        self.watch(tape, accumulated)?;
        Ok(last)
    }

    /// Both networks learn from the same pass of the discriminator, which learns from its whole
    /// loss. The caller updates the generator.
    pub(super) fn simultaneous(
        &self,
        tape: &mut Tape,
        discriminator: &Discriminator,
        batches: &[BatchVars],
        accumulated: &mut Accumulated,
    ) -> Result<Option<Var>, TapeError> {
        let mut of_discriminator = Accumulated::default();
        let mut last = None;
        for batch in batches {
            let &BatchVars {
                input,
                target,
                ref mode,
                ..
            } = batch;
            let fake = self.translate(tape, batch, mode)?;
            let [of_real, of_fake] = self.discriminate_both(
                tape,
                discriminator,
                [[input, target], [input, fake]],
                mode,
            )?;
            let loss = self.discriminator_loss(
                tape,
                discriminator,
                batch,
                [input, fake],
                [&of_fake, &of_real],
                &mut of_discriminator,
            )?;
            self.learn(
                tape,
                discriminator.parameters(),
                loss,
                &mut of_discriminator,
            )?;
            let outputs = DiscriminatorOutputs {
                fake: of_fake,
                real: self.objective.matches_features().then_some(of_real),
            };
            let loss = self.generator_loss(tape, batch, fake, Some(&outputs), accumulated)?;
            self.learn(tape, self.generator.parameters(), loss, accumulated)?;
            last = Some(fake);
        }
        self.watch(tape, &of_discriminator)?;
        self.watch(tape, accumulated)?;
        self.update(tape, discriminator.parameters(), &of_discriminator)?;
        Ok(last)
    }
}
