//! The adversarial losses (paper, section 3.1; the reference's `GANLoss`).

use crate::ops::loss::{Loss, LossKind};
use crate::tape::{Tape, TapeError, Var};
use serde::{Deserialize, Serialize};

/// What the discriminator is asked about its patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GanLoss {
    /// Binary cross-entropy on logits.
    Vanilla,
    /// Least squares.
    Lsgan,
    /// Hinge for the discriminator, the mean with a sign for the generator (arXiv 1705.02894).
    Hinge,
    /// Wasserstein: the mean with a sign. The reference never adds the gradient penalty, nor does this.
    Wgangp,
}

/// What the discriminator shall say.
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
pub enum Distance {
    /// Mean absolute difference, the paper's.
    L1,
    /// Mean squared difference.
    L2,
}

/// Records the discriminator's loss of `logits` against `verdict`, a scalar: the mean over all patches.
///
/// # Errors
/// Those of recording.
pub fn gan(tape: &mut Tape, logits: Var, verdict: Verdict, loss: GanLoss) -> Result<Var, TapeError> {
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

/// Records the generator's loss of the `logits` of its images, a scalar: it wants them judged real.
///
/// # Errors
/// Those of recording.
pub fn fool(tape: &mut Tape, logits: Var, loss: GanLoss) -> Result<Var, TapeError> {
    match loss {
        GanLoss::Hinge => tape.record(Loss { kind: LossKind::WganMean { sign: -1.0 } }, &[logits]),
        _ => gan(tape, logits, Verdict::Real, loss),
    }
}

/// Records the mean difference of `output` and `target`, a scalar.
///
/// # Errors
/// Those of recording.
pub fn distance(tape: &mut Tape, output: Var, target: Var, distance: Distance) -> Result<Var, TapeError> {
    let kind = match distance {
        Distance::L1 => LossKind::L1,
        Distance::L2 => LossKind::MsePair,
    };
    tape.record(Loss { kind }, &[output, target])
}
