//! The adversarial losses (paper, section 3.1; the reference's `GANLoss`).

use crate::nn::DiscriminatorOutput;
use crate::ops::elementwise::{Power, add, multiply, scale};
use crate::ops::loss::{Loss, LossKind};
use crate::ops::reduction::Sum;
use crate::ops::{Detach, Fill};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;
use serde::{Deserialize, Serialize};

/// The adversarial loss: how the discriminator's logits are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum GanLoss {
    /// Binary cross-entropy
    ///
    /// On logits.
    Vanilla,
    /// Least squares
    Lsgan,
    /// Hinge
    ///
    /// For the discriminator. The generator's loss is minus the mean of the logits (arXiv
    /// 1705.02894).
    Hinge,
    /// Wasserstein, with a gradient penalty
    ///
    /// The mean of the logits, with another sign for real and for fake images (arXiv 1701.07875).
    /// The discriminator's loss has a [`gradient_penalty`] as well.
    Wgangp,
}

/// Added to the square of a norm, because the norm of zero has no derivative. The reference adds
/// 1e-16 to each element instead.
const NORM_EPSILON: f32 = 1e-30;

/// What the discriminator should say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The pair comes from the data set.
    Real,
    /// The output image comes from the generator.
    Fake,
}

/// How far the output is from the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Distance {
    /// Mean absolute difference
    ///
    /// The paper's.
    L1,
    /// Mean squared difference
    L2,
}

/// Records the discriminator's loss of `logits` against `verdict`, a scalar: the mean over all
/// patches.
///
/// # Errors
/// Those of recording.
pub fn gan(
    tape: &mut Tape,
    logits: Var,
    verdict: Verdict,
    loss: GanLoss,
) -> Result<Var, TapeError> {
    let target = if verdict == Verdict::Real { 1.0 } else { 0.0 };
    let sign = 1.0 - 2.0 * target;
    let kind = match loss {
        GanLoss::Vanilla => LossKind::BceWithLogits { target },
        GanLoss::Lsgan => LossKind::Mse { target },
        GanLoss::Hinge => LossKind::Hinge { sign },
        GanLoss::Wgangp => LossKind::WganMean { sign },
    };
    tape.record(Loss { kind }, &[logits])
}

/// Records the generator's loss, a scalar. `logits` are the discriminator's results for the
/// generator's images. The generator wants them to be taken for real.
///
/// # Errors
/// Those of recording.
pub fn generator_adversarial_loss(
    tape: &mut Tape,
    logits: Var,
    loss: GanLoss,
) -> Result<Var, TapeError> {
    match loss {
        GanLoss::Hinge => tape.record(
            Loss {
                kind: LossKind::WganMean { sign: -1.0 },
            },
            &[logits],
        ),
        _ => gan(tape, logits, Verdict::Real, loss),
    }
}

/// Records `from + share * (to - from)` of images. `share` is `[batch, 1, 1, 1]`: one value for
/// each image. No gradient flows to the images.
///
/// # Errors
/// Those of recording.
pub fn mix(tape: &mut Tape, from: Var, to: Var, share: Var) -> Result<Var, TapeError> {
    if from == to {
        return Ok(from);
    }
    let from = tape.record(Detach, &[from])?;
    let minus = scale(tape, from, -1.0)?;
    let difference = add(tape, to, minus)?;
    let step = multiply(tape, difference, share, 1.0)?;
    add(tape, from, step)
}

/// Records the gradient penalty, a scalar: the mean over the images `seen` of `(|d sum(logits) / d
/// seen| - 1)^2` (arXiv 1704.00028, section 4; the reference's `cal_gradient_penalty`). `logits`
/// are the discriminator's results for `seen`. With batch norm, the images of a batch influence
/// each other's logits, so these gradients mix them too. The reference does the same.
///
/// # Errors
/// Those of recording.
pub fn gradient_penalty(tape: &mut Tape, logits: Var, seen: Var) -> Result<Var, TapeError> {
    // The gradient of the sum is stored in the type of the logits. It is the gradient of their
    // mean, times their number.
    let mean = tape.record(
        Loss {
            kind: LossKind::WganMean { sign: 1.0 },
        },
        &[logits],
    )?;
    let number = tape.record(
        Fill {
            value: tape.shape(logits).len() as f32,
            shape: Shape::scalar(),
        },
        &[],
    )?;
    let slope = tape.backward_from(mean, number, &[seen])?[0];
    let images = Shape::nhwc(tape.shape(seen).batch(), 1, 1, 1);
    let squares = tape.record(
        Sum {
            shape: images,
            scale: 1.0,
        },
        &[slope, slope],
    )?;
    let norms = tape.record(
        Power {
            halves: 1,
            shift: NORM_EPSILON,
            scale: 1.0,
        },
        &[squares],
    )?;
    tape.record(
        Loss {
            kind: LossKind::Mse { target: 1.0 },
        },
        &[norms],
    )
}

/// Records the mean difference of `output` and `target`, a scalar.
///
/// # Errors
/// Those of recording.
pub fn distance(
    tape: &mut Tape,
    output: Var,
    target: Var,
    distance: Distance,
) -> Result<Var, TapeError> {
    let kind = match distance {
        Distance::L1 => LossKind::L1,
        Distance::L2 => LossKind::MsePair,
    };
    tape.record(Loss { kind }, &[output, target])
}

/// Sum of the weights of all features of a scale. pix2pixHD's code gives each of them 4 over their
/// number.
const FEATURE_WEIGHT: f32 = 4.0;

/// Records the distance between the discriminator's features of generated and of real pairs, a
/// scalar (arXiv 1711.11585, section 3.3): the mean absolute difference of each feature, times 4
/// over the number of features of a scale, summed over the features and averaged over the scales.
/// No gradient flows to the features of the real pairs.
///
/// # Errors
/// Those of recording.
pub fn feature_distance(
    tape: &mut Tape,
    fake: &[DiscriminatorOutput],
    real: &[DiscriminatorOutput],
) -> Result<Var, TapeError> {
    let pairs: Vec<(Var, Var)> = (fake.iter().zip(real))
        .flat_map(|(fake, real)| {
            fake.features
                .iter()
                .copied()
                .zip(real.features.iter().copied())
        })
        .collect();
    let mut distances = Vec::new();
    for &(fake, real) in &pairs {
        let real = tape.record(Detach, &[real])?;
        distances.push(distance(tape, fake, real, Distance::L1)?);
    }
    let sum = total(tape, &distances)?;
    // Every scale has the same number of features.
    scale(tape, sum, FEATURE_WEIGHT / pairs.len() as f32)
}

/// Records the sum of scalars, of which there is at least one.
///
/// # Errors
/// Those of recording.
pub(super) fn total(tape: &mut Tape, scalars: &[Var]) -> Result<Var, TapeError> {
    let mut scalars = scalars.iter().copied();
    let first = match scalars.next() {
        Some(first) => first,
        None => tape.record(
            Fill {
                value: 0.0,
                shape: Shape::scalar(),
            },
            &[],
        )?,
    };
    scalars.try_fold(first, |sum, scalar| add(tape, sum, scalar))
}
