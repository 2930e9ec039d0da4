//! Losses: the mean over all elements as a scalar, and its gradient. The GAN losses compare logits
//! with a constant; L1 and the mean squared error of pairs compare two images (arXiv 1611.07004,
//! section 3.1; the reference's `GANLoss` and `L1Loss`).

use super::Fill;
use super::activation::{ActivateBackward, Activation, activate};
use super::channel_sum::{WORKGROUP, parts, sum_of_parts};
use super::elementwise::{multiply, scale};
use super::reduction::Sum;
use crate::gpu::{KernelSpec, OffsetStride, Pad, shader};
use crate::tape::Op;
use crate::tape::vector_width::streaming_groups;
use crate::tape::{Dispatch, LowerContext, Lowered, Operand, Slot, activations};
use crate::tape::{ShapeError, same, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// What is averaged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LossKind {
    /// Binary cross entropy of `sigmoid(input)` with a constant label (`vanilla`), from the logits,
    /// so that nothing overflows.
    BceWithLogits {
        /// The label: 1 for real, 0 for fake.
        target: f32,
    },
    /// `(input - target)^2` with a constant label (`lsgan`).
    Mse {
        /// The label: 1 for real, 0 for fake.
        target: f32,
    },
    /// `sign * input` (`wgangp`).
    WganMean {
        /// -1 for real, +1 for fake.
        sign: f32,
    },
    /// `max(1 + sign * input, 0)` (`hinge`, arXiv 1705.02894).
    Hinge {
        /// -1 for real, +1 for fake.
        sign: f32,
    },
    /// `|output - target|` of two images.
    L1,
    /// `(output - target)^2` of two images.
    MsePair,
}

impl LossKind {
    /// The shader constant `KIND`.
    fn kind(self) -> usize {
        match self {
            Self::BceWithLogits { .. } => 0,
            Self::Mse { .. } => 1,
            Self::WganMean { .. } => 2,
            Self::Hinge { .. } => 3,
            Self::L1 => 4,
            Self::MsePair => 5,
        }
    }

    fn constant(self) -> f32 {
        match self {
            Self::BceWithLogits { target } | Self::Mse { target } => target,
            Self::WganMean { sign } | Self::Hinge { sign } => sign,
            Self::L1 | Self::MsePair => 0.0,
        }
    }

    fn names(self) -> [&'static str; 2] {
        match self {
            Self::BceWithLogits { .. } => ["bce_with_logits", "bce_with_logits_backward"],
            Self::Mse { .. } | Self::MsePair => ["mse", "mse_backward"],
            Self::WganMean { .. } => ["wgan_mean", "wgan_mean_backward"],
            Self::Hinge { .. } => ["hinge", "hinge_backward"],
            Self::L1 => ["l1", "l1_backward"],
        }
    }

    /// Whether it compares two inputs.
    fn is_pair(self) -> bool {
        matches!(self, Self::L1 | Self::MsePair)
    }

    /// Position of the input that the shader binds as the desired value: a loss without one binds
    /// its only input there, unread.
    fn desired(self) -> usize {
        usize::from(self.is_pair())
    }
}

/// `[input]`, or for a pair `[output, target]`, to the mean of the loss over all elements: a
/// scalar.
#[derive(Debug, Clone, Copy)]
pub struct Loss {
    /// Which loss.
    pub kind: LossKind,
}

crate::params! {
    struct ForwardParams {
        rows: u32,
        channels: u32,
        input: OffsetStride,
        desired: OffsetStride,
        per_group: u32,
        constant: f32,
        scale: f32,
        factor: f32,
        grad_input: OffsetStride,
    }
}

impl Op for Loss {
    fn name(&self) -> &'static str {
        self.kind.names()[0]
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        if self.kind.is_pair() {
            let [output, target] = take(inputs)?;
            same("output and target", output, target)?;
        } else {
            let [_] = take(inputs)?;
        }
        Ok(Shape::scalar())
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        wanted: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let first = tape.record(
            LossBackward { kind: self.kind },
            &[inputs, &[grad_output]].concat(),
        )?;
        let mut grads = vec![Some(first)];
        if let Some(&wanted) = wanted.get(1) {
            // A pair's loss depends on the difference alone.
            grads.push(if wanted {
                Some(scale(tape, first, -1.0)?)
            } else {
                None
            });
        }
        Ok(grads)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        lower_loss(self.kind, context, None)
    }

    fn is_precise(&self) -> bool {
        true
    }
}

/// The loss and, with a place for it and the constant gradient of the loss, byproduct 0: the
/// gradient of the first input.
fn lower_loss(kind: LossKind, context: &LowerContext, gradient: Option<(Operand, f32)>) -> Lowered {
    let (input, desired) = (context.inputs[0], context.inputs[kind.desired()]);
    let vec4s = input.shape.rows() * input.shape.channels4();
    let parts = parts(vec4s, WORKGROUP);
    let params = ForwardParams {
        rows: input.shape.rows() as u32,
        channels: input.shape.channels() as u32,
        input: input.place(),
        desired: desired.place(),
        per_group: vec4s.div_ceil(parts) as u32,
        constant: kind.constant(),
        scale: 1.0 / input.shape.len() as f32,
        factor: gradient.map_or(0.0, |(_, grad_output)| {
            grad_output / input.shape.len() as f32
        }),
        grad_input: gradient.map_or(OffsetStride::default(), |(place, _)| place.place()),
    };
    let kernel = activations(KernelSpec::new(shader!("loss/forward")), input.dtype)
        .uint("KIND", kind.kind())
        .flag("GRADIENT", gradient.is_some());
    let grad_input = if gradient.is_some() {
        Slot::Byproduct(0)
    } else {
        Slot::Unused(0)
    };
    let slots = |target| {
        vec![
            Slot::Input(0),
            Slot::Input(kind.desired()),
            target,
            grad_input,
        ]
    };
    sum_of_parts(Operand::dense(Shape::scalar()), parts, |target, _| {
        Dispatch::new(kernel, &params, slots(target), parts)
    })
}

/// A loss whose own gradient is a constant: the inputs of [`Loss`] to the loss; byproduct 0 is what
/// [`LossBackward`] makes of them.
#[derive(Debug, Clone, Copy)]
pub struct LossWithGradient {
    /// Which loss.
    pub kind: LossKind,
    /// Gradient of the loss.
    pub grad_output: f32,
}

impl Op for LossWithGradient {
    fn name(&self) -> &'static str {
        match self.kind {
            LossKind::BceWithLogits { .. } => "bce_with_logits+backward",
            LossKind::Mse { .. } | LossKind::MsePair => "mse+backward",
            LossKind::WganMean { .. } => "wgan_mean+backward",
            LossKind::Hinge { .. } => "hinge+backward",
            LossKind::L1 => "l1+backward",
        }
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        Loss { kind: self.kind }.output_shape(inputs)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let place = context.byproducts.first().copied().flatten();
        lower_loss(
            self.kind,
            context,
            place.map(|place| (place, self.grad_output)),
        )
    }

    fn is_precise(&self) -> bool {
        true
    }
}

/// `[input(s)..., grad_output]` to the gradient of the loss with respect to the first input. At a
/// tie the gradient of L1 is 0.
#[derive(Debug, Clone, Copy)]
pub struct LossBackward {
    /// Which loss.
    pub kind: LossKind,
}

crate::params! {
    struct BackwardParams {
        rows: u32,
        channels: u32,
        input: OffsetStride,
        desired: OffsetStride,
        grad_input: OffsetStride,
        constant: f32,
        scale: f32,
        pad: Pad<2>,
    }
}

impl Op for LossBackward {
    fn name(&self) -> &'static str {
        self.kind.names()[1]
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let (input, grad_output) = if self.kind.is_pair() {
            let [output, target, grad_output] = take(inputs)?;
            (same("output and target", output, target)?, grad_output)
        } else {
            let [input, grad_output] = take(inputs)?;
            (input, grad_output)
        };
        same(
            "gradient of a loss and a scalar",
            grad_output,
            Shape::scalar(),
        )?;
        Ok(input)
    }

    /// Linear in the gradient of the loss; in the input as curved as the loss itself.
    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad: Var,
        wanted: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let [values @ .., grad_output] = inputs else {
            return Ok(Vec::new());
        };
        let mut grads = vec![None; inputs.len()];
        if wanted[values.len()] {
            let one = tape.record(
                Fill {
                    value: 1.0,
                    shape: Shape::scalar(),
                },
                &[],
            )?;
            let slope = tape.record(*self, &[values, &[one]].concat())?;
            grads[values.len()] = Some(tape.record(
                Sum {
                    shape: Shape::scalar(),
                    scale: 1.0,
                },
                &[grad, slope],
            )?);
        }
        if !wanted[..values.len()].contains(&true) {
            return Ok(grads);
        }
        let share = 1.0 / tape.shape(values[0]).len() as f32;
        let first = match self.kind {
            LossKind::BceWithLogits { .. } => {
                let probability = activate(tape, values[0], Activation::Sigmoid)?;
                let curved = tape.record(
                    ActivateBackward {
                        activation: Activation::Sigmoid,
                    },
                    &[grad, probability],
                )?;
                multiply(tape, curved, *grad_output, share)?
            }
            LossKind::Mse { .. } | LossKind::MsePair => {
                multiply(tape, grad, *grad_output, 2.0 * share)?
            }
            // Of straight pieces; see `stops_gradient`.
            LossKind::WganMean { .. } | LossKind::Hinge { .. } | LossKind::L1 => return Ok(grads),
        };
        for position in (0..values.len()).filter(|&position| wanted[position]) {
            // A pair's loss depends on the difference alone.
            grads[position] = Some(if position == 0 {
                first
            } else {
                scale(tape, first, -1.0)?
            });
        }
        Ok(grads)
    }

    /// Losses of straight pieces have no curvature.
    fn stops_gradient(&self, input: usize) -> bool {
        input <= self.kind.desired()
            && matches!(
                self.kind,
                LossKind::WganMean { .. } | LossKind::Hinge { .. } | LossKind::L1
            )
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (input, desired) = (context.inputs[0], context.inputs[self.kind.desired()]);
        let params = BackwardParams {
            rows: input.shape.rows() as u32,
            channels: input.shape.channels() as u32,
            input: input.place(),
            desired: desired.place(),
            grad_input: context.output.place(),
            constant: self.kind.constant(),
            scale: 1.0 / input.shape.len() as f32,
            pad: Pad::default(),
        };
        let kernel = activations(
            KernelSpec::new(shader!("loss/backward")).uint("KIND", self.kind.kind()),
            input.dtype,
        );
        let grad_output = Slot::Input(self.kind.desired() + 1);
        let slots = vec![
            Slot::Input(0),
            Slot::Input(self.kind.desired()),
            grad_output,
            Slot::Output,
        ];
        Dispatch::new(kernel, &params, slots, streaming_groups(input.shape)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_those_of_the_shaders() {
        let kinds = [
            (LossKind::BceWithLogits { target: 1.0 }, "BCE_WITH_LOGITS"),
            (LossKind::Mse { target: 1.0 }, "MSE"),
            (LossKind::WganMean { sign: 1.0 }, "MEAN"),
            (LossKind::Hinge { sign: 1.0 }, "HINGE"),
            (LossKind::L1, "L1"),
            (LossKind::MsePair, "MSE_PAIR"),
        ];
        for (kind, name) in kinds {
            for shader in [shader!("loss/forward"), shader!("loss/backward")] {
                assert_eq!(shader.constant(name), Some(kind.kind()), "{name}");
            }
        }
    }
}
