//! Maps of another height and width: padded by reflection (the ResNet generator of the reference),
//! of twice the size (in place of transposed convolutions), or of half the size (for discriminators
//! of several scales). Each is linear, and its adjoint is another operation of this file.

use crate::gpu::{KernelSpec, OffsetStride, Pad, shader};
use crate::tape::Op;
use crate::tape::vector_width::{WORKGROUP, streaming_groups};
use crate::tape::{Dispatch, LowerContext, Lowered, Operand, Slot, activations};
use crate::tape::{ShapeError, same, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// `[batch, height, width, channels]` to a map of more pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resample {
    /// `pad` mirrored pixels on each side, fewer than the map has; the edge is not repeated
    /// (PyTorch's `ReflectionPad2d`).
    ReflectPad {
        /// How many.
        pad: usize,
    },
    /// Every pixel twice in both directions.
    Nearest,
    /// Twice the height and width between the pixels' centres, edges held (PyTorch's
    /// `align_corners=False`).
    Bilinear,
}

impl Resample {
    fn kind(self) -> usize {
        match self {
            Self::ReflectPad { .. } => 0,
            Self::Nearest => 1,
            Self::Bilinear => 2,
        }
    }

    fn pad(self) -> usize {
        match self {
            Self::ReflectPad { pad } => pad,
            Self::Nearest | Self::Bilinear => 0,
        }
    }

    fn names(self) -> [&'static str; 2] {
        match self {
            Self::ReflectPad { .. } => ["reflect_pad", "reflect_pad_backward"],
            Self::Nearest => ["nearest", "nearest_backward"],
            Self::Bilinear => ["bilinear", "bilinear_backward"],
        }
    }

    /// The shape that `small` becomes.
    fn enlarge(self, small: Shape) -> Result<Shape, ShapeError> {
        let [batch, height, width, channels] = small.dims();
        let (height, width) = match self {
            Self::Nearest | Self::Bilinear => (2 * height, 2 * width),
            Self::ReflectPad { pad } if pad < height && pad < width => {
                (height + 2 * pad, width + 2 * pad)
            }
            Self::ReflectPad { .. } => {
                let remedy = "a map is mirrored at its edges: pad by less than its height and \
                              width, or take a larger image";
                return Err(ShapeError::Invalid {
                    what: "padding by reflection",
                    shape: small,
                    remedy,
                });
            }
        };
        Ok(Shape::nhwc(batch, height, width, channels))
    }

    /// One launch between a small and a large map.
    fn launch(
        self,
        kernel: KernelSpec,
        maps: [Shape; 2],
        ends: [Operand; 2],
        groups: usize,
    ) -> Lowered {
        launch(
            kernel.uint("KIND", self.kind()),
            self.pad(),
            maps,
            ends,
            groups,
        )
    }
}

/// One launch between a small and a large map that may be padded by reflection.
fn launch(
    kernel: KernelSpec,
    reflected: usize,
    [small, large]: [Shape; 2],
    [from, to]: [Operand; 2],
    groups: usize,
) -> Lowered {
    let params = Params {
        rows: to.shape.rows() as u32,
        channels4: to.shape.channels4() as u32,
        small_height: small.height() as u32,
        small_width: small.width() as u32,
        large_height: large.height() as u32,
        large_width: large.width() as u32,
        from: from.place(),
        to: to.place(),
        reflected: reflected as u32,
        pad: Pad::default(),
    };
    let kernel = activations(kernel, to.dtype);
    Dispatch::new(kernel, &params, vec![Slot::Input(0), Slot::Output], groups).into()
}

/// Workgroups of a shader with a thread for each `vec4` of `shape`.
fn single_groups(shape: Shape) -> usize {
    (shape.rows() * shape.channels4()).div_ceil(WORKGROUP)
}

crate::params! {
    struct Params {
        rows: u32,
        channels4: u32,
        small_height: u32,
        small_width: u32,
        large_height: u32,
        large_width: u32,
        from: OffsetStride,
        to: OffsetStride,
        reflected: u32,
        pad: Pad<1>,
    }
}

impl Op for Resample {
    fn name(&self) -> &'static str {
        self.names()[0]
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input] = take(inputs)?;
        self.enlarge(input)
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let shape = tape.shape(inputs[0]);
        Ok(vec![Some(tape.record(
            ResampleBackward {
                resample: *self,
                shape,
            },
            &[grad_output],
        )?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (input, output) = (context.inputs[0], context.output);
        let kernel = KernelSpec::new(shader!("resample/forward"));
        self.launch(
            kernel,
            [input.shape, output.shape],
            [input, output],
            streaming_groups(output.shape),
        )
    }
}

/// The gradient of the input of a [`Resample`].
#[derive(Debug, Clone, Copy)]
pub struct ResampleBackward {
    /// Of which.
    pub resample: Resample,
    /// The input's shape.
    pub shape: Shape,
}

impl Op for ResampleBackward {
    fn name(&self) -> &'static str {
        self.resample.names()[1]
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [grad_output] = take(inputs)?;
        same(
            "the gradient and what the map becomes",
            grad_output,
            self.resample.enlarge(self.shape)?,
        )?;
        Ok(self.shape)
    }

    fn backward(
        &self,
        tape: &mut Tape,
        _: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        Ok(vec![Some(tape.record(self.resample, &[grad_output])?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (input, output) = (context.inputs[0], context.output);
        let kernel = KernelSpec::new(shader!("resample/backward"));
        let groups = single_groups(output.shape);
        self.resample
            .launch(kernel, [output.shape, input.shape], [input, output], groups)
    }
}

/// `[batch, height, width, channels]` to a map of half the height and width, rounded up. Each pixel
/// is the mean of the 3×3 pixels around its place that are there (PyTorch's `AvgPool2d(3, stride=2,
/// padding=1, count_include_pad=False)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AveragePool;

impl AveragePool {
    /// Height or width of the map that a map of this height or width becomes.
    pub fn side(side: usize) -> usize {
        side.div_ceil(2)
    }

    fn pooled(large: Shape) -> Shape {
        let [batch, height, width, channels] = large.dims();
        Shape::nhwc(batch, Self::side(height), Self::side(width), channels)
    }
}

impl Op for AveragePool {
    fn name(&self) -> &'static str {
        "average_pool"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input] = take(inputs)?;
        Ok(Self::pooled(input))
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let shape = tape.shape(inputs[0]);
        let backward = AveragePoolBackward { shape };
        Ok(vec![Some(tape.record(backward, &[grad_output])?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (input, output) = (context.inputs[0], context.output);
        launch(
            KernelSpec::new(shader!("resample/average")),
            0,
            [output.shape, input.shape],
            [input, output],
            single_groups(output.shape),
        )
    }
}

/// The gradient of the input of an [`AveragePool`].
#[derive(Debug, Clone, Copy)]
pub struct AveragePoolBackward {
    /// The input's shape.
    pub shape: Shape,
}

impl Op for AveragePoolBackward {
    fn name(&self) -> &'static str {
        "average_pool_backward"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [grad_output] = take(inputs)?;
        let pooled = AveragePool::pooled(self.shape);
        same("the gradient and the pooled map", grad_output, pooled)?;
        Ok(self.shape)
    }

    fn backward(
        &self,
        tape: &mut Tape,
        _: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        Ok(vec![Some(tape.record(AveragePool, &[grad_output])?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (input, output) = (context.inputs[0], context.output);
        launch(
            KernelSpec::new(shader!("resample/average_backward")),
            0,
            [input.shape, output.shape],
            [input, output],
            single_groups(output.shape),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_those_of_the_shaders() {
        let kinds = [
            (Resample::ReflectPad { pad: 1 }, "REFLECT_PAD"),
            (Resample::Nearest, "NEAREST"),
            (Resample::Bilinear, "BILINEAR"),
        ];
        for (resample, name) in kinds {
            for shader in [shader!("resample/forward"), shader!("resample/backward")] {
                assert_eq!(shader.constant(name), Some(resample.kind()), "{name}");
            }
        }
    }
}
