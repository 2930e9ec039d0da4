//! LeakyReLU, ReLU, tanh and sigmoid.

use super::elementwise::{add, multiply};
use crate::gpu::{KernelSpec, OffsetStride, Pad, shader};
use crate::tape::Op;
use crate::tape::vector_width::{self, VectorWidth, streaming_groups, vectors_stored};
use crate::tape::{Dispatch, LowerContext, Lowered, Slot, activations};
use crate::tape::{ShapeError, same, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// Which activation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// `x > 0 ? x : slope * x`; slope 0 is ReLU.
    LeakyRelu {
        /// Slope of the negative side.
        slope: f32,
    },
    /// Hyperbolic tangent.
    Tanh,
    /// Logistic function.
    Sigmoid,
}

impl Activation {
    /// One of each kind, with and without a slope.
    pub const ALL: [Self; 4] = [
        Self::LeakyRelu { slope: 0.2 },
        Self::LeakyRelu { slope: 0.0 },
        Self::Tanh,
        Self::Sigmoid,
    ];

    fn kind(self) -> usize {
        match self {
            Self::LeakyRelu { .. } => 0,
            Self::Tanh => 1,
            Self::Sigmoid => 2,
        }
    }

    fn slope(self) -> f32 {
        match self {
            Self::LeakyRelu { slope } => slope,
            Self::Tanh | Self::Sigmoid => 0.0, // not read
        }
    }

    fn names(self) -> [&'static str; 2] {
        match self {
            Self::LeakyRelu { slope: 0.0 } => ["relu", "relu_backward"],
            Self::LeakyRelu { .. } => ["leaky_relu", "leaky_relu_backward"],
            Self::Tanh => ["tanh", "tanh_backward"],
            Self::Sigmoid => ["sigmoid", "sigmoid_backward"],
        }
    }
}

/// Records `activation(input)`; same shape.
///
/// # Errors
/// Those of recording.
pub fn activate(tape: &mut Tape, input: Var, activation: Activation) -> Result<Var, TapeError> {
    tape.record(Activate { activation }, &[input])
}

/// `activation(input)`.
#[derive(Debug, Clone, Copy)]
pub struct Activate {
    /// Which one.
    pub activation: Activation,
}

crate::params! {
    struct ForwardParams {
        rows: u32,
        channels: u32,
        input: OffsetStride,
        output: OffsetStride,
        slope: f32,
        pad: Pad<1>,
    }
}

impl Op for Activate {
    fn name(&self) -> &'static str {
        self.activation.names()[0]
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input] = take(inputs)?;
        Ok(input)
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        output: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let value = match self.activation {
            Activation::LeakyRelu { .. } => inputs[0],
            Activation::Tanh | Activation::Sigmoid => output,
        };
        Ok(vec![Some(tape.record(
            ActivateBackward {
                activation: self.activation,
            },
            &[grad_output, value],
        )?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let shape = context.output.shape;
        let params = ForwardParams {
            rows: shape.rows() as u32,
            channels: shape.channels() as u32,
            input: context.inputs[0].place(),
            output: context.output.place(),
            slope: self.activation.slope(),
            pad: Pad::default(),
        };
        let kernel =
            KernelSpec::new(shader!("activation/forward")).uint("KIND", self.activation.kind());
        let kernel = activations(kernel, context.output.dtype);
        Dispatch::new(
            kernel,
            &params,
            vec![Slot::Input(0), Slot::Output],
            streaming_groups(shape),
        )
        .into()
    }
}

/// `grad_output * activation'`, from the input (LeakyReLU) or the output (tanh, sigmoid).
#[derive(Debug, Clone, Copy)]
pub struct ActivateBackward {
    /// Which one.
    pub activation: Activation,
}

crate::params! {
    struct BackwardParams {
        rows: u32,
        channels4: u32,
        grad_output: OffsetStride,
        value: OffsetStride,
        grad_input: OffsetStride,
        slope: f32,
        pad: Pad<3>,
    }
}

impl Op for ActivateBackward {
    fn name(&self) -> &'static str {
        self.activation.names()[1]
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [grad_output, value] = take(inputs)?;
        same("gradient and value", grad_output, value)
    }

    /// Linear in the gradient. In the value it is piecewise constant (LeakyReLU),
    /// `grad * (1 - y^2)` (tanh) or `grad * (y - y^2)` (sigmoid).
    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        wanted: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let (grad, value) = (inputs[0], inputs[1]);
        let mut grads = vec![None, None];
        if wanted[0] {
            grads[0] = Some(tape.record(*self, &[grad_output, value])?);
        }
        if wanted[1] {
            let product = multiply(tape, grad_output, grad, 1.0)?;
            let curved = multiply(tape, product, value, -2.0)?;
            grads[1] = match self.activation {
                // Piecewise constant; see `stops_gradient`.
                Activation::LeakyRelu { .. } => None,
                Activation::Tanh => Some(curved),
                Activation::Sigmoid => Some(add(tape, product, curved)?),
            };
        }
        Ok(grads)
    }

    fn stops_gradient(&self, input: usize) -> bool {
        input == 1 && matches!(self.activation, Activation::LeakyRelu { .. })
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let shape = context.output.shape;
        let params = BackwardParams {
            rows: shape.rows() as u32,
            channels4: shape.channels4() as u32,
            grad_output: context.inputs[0].place(),
            value: context.inputs[1].place(),
            grad_input: context.output.place(),
            slope: self.activation.slope(),
            pad: Pad::default(),
        };
        let width = VectorWidth::of(
            context.profile,
            &[context.inputs[0], context.inputs[1], context.output],
        );
        let kernel = width
            .kernel(shader!("activation/backward"))
            .uint("KIND", self.activation.kind())
            .uint("COALESCED", vector_width::coalesced(context.profile));
        let kernel = vectors_stored(kernel, context.output.dtype);
        let slots = vec![Slot::Input(0), Slot::Input(1), Slot::Output];
        Dispatch::new(kernel, &params, slots, width.streaming_groups(shape)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// By their names, and none is missing in [`Activation::ALL`].
    #[test]
    fn kinds_are_those_of_the_shaders() {
        let part = include_str!("../../shaders/parts/activation_kinds.wgsl");
        let constants = part.lines().filter(|line| line.starts_with("const "));
        let kinds: BTreeSet<usize> = Activation::ALL.map(Activation::kind).into();
        assert_eq!(kinds.len(), constants.count());
        for activation in Activation::ALL {
            let name = match activation.names()[0] {
                "relu" => "LEAKY_RELU".to_owned(),
                name => name.to_uppercase(),
            };
            for shader in [
                shader!("activation/forward"),
                shader!("activation/backward"),
            ] {
                assert_eq!(shader.constant(&name), Some(activation.kind()), "{name}");
            }
        }
    }
}
