//! One pix2pix training step as nodes of a tape (paper, section 3; order of the reference).

use super::losses::{
    Distance, Verdict, distance, gan, generator_adversarial_loss, gradient_penalty, mix,
};
use super::objective::{Objective, UpdateOrder};
use super::pool::Pool;
use super::recipe::{Optimizer, Recipe};
use crate::nn::{Fit, Fitted, Generator, Mode, PatchGan};
use crate::ops::adam::{self, Adam};
use crate::ops::elementwise::{add, scale};
use crate::ops::ema::Average;
use crate::ops::loss_scale::LossScale;
use crate::ops::monitor::watch;
use crate::ops::random::RandomUniform;
use crate::ops::sgd::{self, Sgd};
use crate::ops::{Assemble, BatchSlice, Concat, Detach, Fill};
use crate::state::{ArenaId, StateList};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::{DType, Shape};

/// Added to the root of Adam's second moment.
const ADAM_EPSILON: f32 = 1e-8;

/// Names of the losses in the order of their columns in the monitor's ring; the last one only with
/// a gradient penalty.
pub const LOSSES: [&str; 5] = ["g_gan", "g_l1", "d_real", "d_fake", "d_gp"];
/// What the columns behind them watch: a finite loss times its weight may not be finite.
pub(super) const WEIGHTED: [&str; 2] = ["g_loss", "d_loss"];

/// The values of a recorded step that the host writes or may read.
#[derive(Debug, Clone, Copy)]
pub struct StepVars {
    /// `[batch, height, width, in_channels]`, -1..1.
    pub input: Var,
    /// `[batch, height, width, out_channels]`, -1..1.
    pub target: Var,
    /// The generator's output, before the update; of the last batch where several are accumulated.
    pub fake: Var,
}

/// The shapes of a step's images: of all batches that it accumulates, one behind the other.
#[derive(Debug, Clone, Copy)]
pub struct PairShape {
    /// Input images.
    pub input: Shape,
    /// Target images.
    pub target: Shape,
    /// How they go through the generator.
    pub fit: Fit,
}

/// The networks of a step, and what their discriminator remembers.
#[derive(Debug, Clone, Copy)]
pub struct Networks<'a> {
    /// What learns to translate.
    pub generator: &'a Generator,
    /// The discriminator. `None` for a generator that learns from the distance alone.
    pub discriminator: Option<&'a PatchGan>,
    /// Older fakes for the discriminator, in the PyTorch order of updates.
    pub pool: Option<&'a Pool>,
}

/// Records one step: the discriminator learns to tell real pairs from fake ones, and the generator
/// to fool it and to stay near the target, in the objective's order. The losses go to the monitor
/// in the order of [`LOSSES`], without their weights. The L1 distance goes there also where another
/// distance is learnt. Without an adversarial loss it is the only one.
///
/// Where the recipe accumulates, the images are those of several batches, and networks learn from
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
    let step = Step {
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
        (Some(judge), UpdateOrder::Pytorch) => {
            step.alternating(tape, judge, networks.pool, &batches, &mut accumulated)?
        }
        (Some(judge), UpdateOrder::Torch) => {
            step.simultaneous(tape, judge, &batches, &mut accumulated)?
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
struct Step<'a> {
    states: &'a StateList,
    generator: &'a Generator,
    fitted: Fitted,
    objective: &'a Objective,
    recipe: &'a Recipe,
}

/// One of the batches whose gradients a step accumulates.
struct BatchVars {
    /// What the generator is given of the input images.
    given: Var,
    /// What its results show of them; that is what is judged and compared.
    input: Var,
    /// The same of the target images.
    target: Var,
    /// The images of the step before it.
    first: usize,
    /// How the networks run over it: each batch has dropout masks of its own.
    mode: Mode,
}

/// What the batches have brought for one network so far.
#[derive(Default)]
struct Accumulated {
    /// The gradient of each parameter.
    gradients: Vec<Var>,
    /// The sums of the losses that are watched, as (column, loss).
    losses: Vec<(u32, Var)>,
}

impl Step<'_> {
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

    /// The generator learns from the distance alone. Returns its last output.
    fn generator_only(
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

    /// The discriminator learns from half its loss and is updated; then the generator learns from
    /// the updated one. Where there are several batches the generator runs twice over each, so that
    /// the values of one at a time are kept.
    fn alternating(
        &self,
        tape: &mut Tape,
        discriminator: &PatchGan,
        pool: Option<&Pool>,
        batches: &[BatchVars],
        accumulated: &mut Accumulated,
    ) -> Result<Option<Var>, TapeError> {
        let mut judge = Accumulated::default();
        let mut last = None;
        for batch in batches {
            let fake = self.translate(tape, batch, &batch.mode)?;
            let fresh = [batch.input, tape.record(Detach, &[fake])?];
            let images = batches.len() * tape.shape(fake).batch();
            let judged = pool.map_or(Ok(fresh), |pool| {
                pool.query(tape, self.states, fresh, batch.first, images)
            })?;
            let logits = self.judge_both(
                tape,
                discriminator,
                [judged, [batch.input, batch.target]],
                &batch.mode,
            )?;
            let loss =
                self.discriminator_loss(tape, discriminator, batch, judged, logits, &mut judge)?;
            self.learn(tape, discriminator.parameters(), loss, &mut judge)?;
            last = Some(fake);
        }
        self.watch(tape, &judge)?;
        self.update(tape, discriminator.parameters(), &judge)?;
        for batch in batches {
            let again = batch.mode.again();
            let fake = match (batches, last) {
                ([_], Some(fake)) => fake,
                _ => self.translate(tape, batch, &again)?,
            };
            let judged = self.judge_fake(tape, discriminator, batch, fake)?;
            let loss = self.generator_loss(tape, batch, fake, Some(judged), accumulated)?;
            self.learn(tape, self.generator.parameters(), loss, accumulated)?;
            last = Some(fake);
        }
        self.watch(tape, accumulated)?;
        Ok(last)
    }

    /// Both networks learn from the same judgement, the discriminator from its whole loss; the
    /// generator is still to be updated.
    fn simultaneous(
        &self,
        tape: &mut Tape,
        discriminator: &PatchGan,
        batches: &[BatchVars],
        accumulated: &mut Accumulated,
    ) -> Result<Option<Var>, TapeError> {
        let mut judge = Accumulated::default();
        let mut last = None;
        for batch in batches {
            let &BatchVars {
                input,
                target,
                ref mode,
                ..
            } = batch;
            let fake = self.translate(tape, batch, mode)?;
            let [real_logits, fake_logits] =
                self.judge_both(tape, discriminator, [[input, target], [input, fake]], mode)?;
            let loss = self.discriminator_loss(
                tape,
                discriminator,
                batch,
                [input, fake],
                [fake_logits, real_logits],
                &mut judge,
            )?;
            self.learn(tape, discriminator.parameters(), loss, &mut judge)?;
            let loss = self.generator_loss(tape, batch, fake, Some(fake_logits), accumulated)?;
            self.learn(tape, self.generator.parameters(), loss, accumulated)?;
            last = Some(fake);
        }
        self.watch(tape, &judge)?;
        self.watch(tape, accumulated)?;
        self.update(tape, discriminator.parameters(), &judge)?;
        Ok(last)
    }

    /// The judgement of two sets of input and output images. They are two batches with statistics
    /// of their own; as one batch they read the weights once.
    fn judge_both(
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

    /// The judgement of the generator's output.
    fn judge_fake(
        &self,
        tape: &mut Tape,
        discriminator: &PatchGan,
        batch: &BatchVars,
        fake: Var,
    ) -> Result<Var, TapeError> {
        Ok(self
            .judge(tape, discriminator, [batch.input, fake], &batch.mode)?
            .1)
    }

    /// What the discriminator sees of input and output images, and its judgement.
    fn judge(
        &self,
        tape: &mut Tape,
        discriminator: &PatchGan,
        pair: [Var; 2],
        mode: &Mode,
    ) -> Result<(Var, Var), TapeError> {
        let judged = if self.objective.conditional {
            tape.record(Concat, &pair)?
        } else {
            pair[1]
        };
        Ok((
            judged,
            discriminator.forward(tape, self.states, judged, mode)?,
        ))
    }

    /// What the discriminator learns from `fake` pairs and the batch's, of which it made `logits`:
    /// half the sum of both losses in the PyTorch order, all of it in the other; and in either the
    /// whole gradient penalty where there is one.
    fn discriminator_loss(
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

    /// The gradient penalty between `fake` pairs and the batch's, with one share an image, drawn
    /// anew in each step.
    fn penalty(
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
        let (judged, logits) = self.judge(tape, discriminator, pair, &batch.mode)?;
        gradient_penalty(tape, logits, judged)
    }

    /// The generator's loss, with the adversarial one where there is a judgement.
    fn generator_loss(
        &self,
        tape: &mut Tape,
        batch: &BatchVars,
        fake: Var,
        judged: Option<Var>,
        accumulated: &mut Accumulated,
    ) -> Result<Var, TapeError> {
        let Objective {
            gan_loss,
            lambda_gan,
            lambda_l1,
            ..
        } = *self.objective;
        let g_gan = judged
            .map(|logits| generator_adversarial_loss(tape, logits, gan_loss))
            .transpose()?;
        let distant = distance(tape, fake, batch.target, self.objective.distance)?;
        // What is shown is L1 in any case, so that it compares with the held-out score and with
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
        // The weighted sum is watched too: a finite loss times its weight may not be.
        shown.extend([(1, g_l1), (LOSSES.len() as u32, g_loss)]);
        accumulated.add_losses(tape, &shown)?;
        Ok(g_loss)
    }

    /// Records the gradients of a batch's `loss` with respect to all parameters of `arena`, times
    /// the loss scale where there is one, on top of what is accumulated already: the gradients of the
    /// mean loss of all batches.
    fn learn(
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

    /// Records the watch over the mean losses.
    fn watch(&self, tape: &mut Tape, accumulated: &Accumulated) -> Result<(), TapeError> {
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
    fn mean(&self, tape: &mut Tape, sum: Var) -> Result<Var, TapeError> {
        let count = self.recipe.accumulate.max(1);
        if count == 1 {
            Ok(sum)
        } else {
            scale(tape, sum, 1.0 / count as f32)
        }
    }

    /// Records that the average of the parameters of `arena` follows them, if there is one.
    fn average(&self, tape: &mut Tape, arena: ArenaId) -> Result<(), TapeError> {
        if let Some(decay) = self.recipe.ema {
            tape.set_scope(&self.states.get_arena(arena).name);
            tape.record(Average { arena, decay }, &[])?;
            tape.set_scope("");
        }
        Ok(())
    }

    /// Records one update of all parameters of `arena`.
    fn update(
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
    fn add_losses(&mut self, tape: &mut Tape, losses: &[(u32, Var)]) -> Result<(), TapeError> {
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
