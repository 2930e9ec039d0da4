//! Random numbers, the same on every run with the same seed, whatever else is on the tape: initial
//! values, and draws of a step.

use crate::gpu::{KernelSpec, OffsetStride, Pad, shader};
use crate::tape::Op;
use crate::tape::vector_width::WORKGROUP;
use crate::tape::{Dispatch, LowerContext, Lowered, Operand, Slot};
use crate::tape::{ShapeError, take};
use crate::tensor::{Layout, Shape};

/// The key of a layer's or state's random draws: the 32-bit FNV-1a hash of its name.
pub(crate) fn key_of(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// Independent draws from a normal distribution, keyed by the run's seed and `key`; the step does
/// not matter.
#[derive(Debug, Clone, Copy)]
pub struct RandomNormal {
    /// Mean.
    pub mean: f32,
    /// Standard deviation.
    pub std: f32,
    /// The state's key: equal keys draw equal values.
    pub key: u32,
    /// The output's shape, activations or a weight.
    pub shape: Shape,
}

impl RandomNormal {
    /// Draws for what is called `name`; a state of the store is called by its arena too,
    /// `generator.model.model.0.weight`.
    pub fn new(mean: f32, std: f32, name: &str, shape: Shape) -> Self {
        Self {
            mean,
            std,
            key: key_of(name),
            shape,
        }
    }
}

crate::params! {
    struct Params {
        rows: u32,
        channels: u32,
        output: OffsetStride,
        period: u32,
        padded: u32,
        key: u32,
        mean: f32,
        deviation: f32,
        pad: Pad<3>,
    }
}

/// The launch that fills the output with draws of either distribution.
fn draw(output: Operand, key: u32, mean: f32, deviation: f32, uniform: bool) -> Lowered {
    let shape = output.shape;
    let period = shape.dims()[2];
    let padded = if shape.layout() == Layout::Hwio {
        period.next_multiple_of(4)
    } else {
        period
    };
    let params = Params {
        rows: shape.rows() as u32,
        channels: shape.channels() as u32,
        output: output.place(),
        period: period as u32,
        padded: padded as u32,
        key,
        mean,
        deviation,
        pad: Pad::default(),
    };
    let kernel = KernelSpec::new(shader!("random/draw")).flag("UNIFORM", uniform);
    let groups = (shape.rows() * shape.channels4()).div_ceil(WORKGROUP);
    Dispatch::new(kernel, &params, vec![Slot::Output, Slot::Step], groups).into()
}

impl Op for RandomNormal {
    fn name(&self) -> &'static str {
        "random_normal"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [] = take(inputs)?;
        Ok(self.shape)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        draw(context.output, self.key, self.mean, self.std, false)
    }
}

/// Independent draws from 0..1, keyed by the run's seed, the step and `key`.
#[derive(Debug, Clone, Copy)]
pub struct RandomUniform {
    /// The value's key: equal keys draw equal values in one step.
    pub key: u32,
    /// The output's shape, which is that of images or vectors.
    pub shape: Shape,
}

impl RandomUniform {
    /// Draws for the value called `name`.
    pub fn new(name: &str, shape: Shape) -> Self {
        Self {
            key: key_of(name),
            shape,
        }
    }
}

impl Op for RandomUniform {
    fn name(&self) -> &'static str {
        "random_uniform"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [] = take(inputs)?;
        match self.shape.layout() {
            Layout::Nhwc => Ok(self.shape),
            Layout::Hwio => Err(ShapeError::Invalid {
                what: "draws",
                shape: self.shape,
                remedy: "draw images or vectors, not weights",
            }),
        }
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        draw(context.output, self.key, 0.0, 1.0, true)
    }

    fn is_precise(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::key_of;

    #[test]
    fn keys_are_fnv_1a_hashes() {
        assert_eq!(
            ["", "a", "foobar"].map(key_of),
            [0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968]
        );
    }
}
