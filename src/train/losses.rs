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

/// Records the loss of `logits` against `verdict`, a scalar: the mean over all patches.
///
/// # Errors
/// Those of recording.
pub fn gan(tape: &mut Tape, logits: Var, verdict: Verdict, loss: GanLoss) -> Result<Var, TapeError> {
    let target = if verdict == Verdict::Real { 1.0 } else { 0.0 };
    let kind = match loss {
        GanLoss::Vanilla => LossKind::BceWithLogits { target },
        GanLoss::Lsgan => LossKind::Mse { target },
        GanLoss::Wgangp => LossKind::WganMean { sign: 1.0 - 2.0 * target },
    };
    tape.record(Loss { kind }, &[logits])
}

/// Records the mean absolute difference of `output` and `target`, a scalar.
///
/// # Errors
/// Those of recording.
pub fn l1(tape: &mut Tape, output: Var, target: Var) -> Result<Var, TapeError> {
    tape.record(Loss { kind: LossKind::L1 }, &[output, target])
}
