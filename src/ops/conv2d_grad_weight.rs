//! Weight gradient of both convolutions: a sum over pixels of products of the large map, under the
//! kernel, and the small map.

use super::channel_sum::sum_of_parts;
pub use crate::contraction::Conv2dGradWeight;
use crate::contraction::{
    Candidate, Contraction, ContractionKey, Conv2d, ConvTranspose2d, Family, Rung, UNCHANGED,
    winograd,
};
use crate::gpu::OffsetStride;
use crate::tape::Op;
use crate::tape::{Dispatch, LowerContext, Lowered, Operand, Slot, activations, gradients};
use crate::tape::{ShapeError, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

crate::params! {
    struct Params {
        batch: u32,
        large_height: u32,
        large_width: u32,
        large_channels4: u32,
        small_height: u32,
        small_width: u32,
        small_channels4: u32,
        padding: u32,
        large: OffsetStride,
        small: OffsetStride,
        splits: u32,
        stride: u32,
        large_slope: f32,
        small_slope: f32,
    }
}

impl Op for Conv2dGradWeight {
    fn name(&self) -> &'static str {
        "conv2d_grad_weight"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [large, small] = take(inputs)?;
        let expected = self.geometry.small_shape(large, small.channels())?;
        if small != expected {
            return Err(ShapeError::Mismatch {
                what: "small map and what the large one convolves to",
                left: small,
                right: expected,
            });
        }
        let kernel = self.geometry.kernel;
        let [first, second] = if self.transposed_output {
            [small, large]
        } else {
            [large, small]
        };
        Ok(Shape::hwio(
            kernel,
            kernel,
            first.channels(),
            second.channels(),
        ))
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        wanted: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let (large, small, geometry) = (inputs[0], inputs[1], self.geometry);
        let mut grads = vec![None, None];
        if wanted[0] {
            let shape = tape.shape(large);
            let op = ConvTranspose2d {
                geometry,
                out_height: shape.height(),
                out_width: shape.width(),
                transposed_weight: !self.transposed_output,
                name: "conv_transpose2d",
            };
            grads[0] = Some(tape.record(op, &[small, grad_output])?);
        }
        if wanted[1] {
            let op = Conv2d {
                geometry,
                transposed_weight: self.transposed_output,
            };
            grads[1] = Some(tape.record(op, &[large, grad_output])?);
        }
        Ok(grads)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        self.lower_chosen(context, UNCHANGED).0
    }

    fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        self.dense_key(inputs, output).macs()
    }

    fn is_gradient(&self) -> bool {
        true
    }
}

impl Contraction for Conv2dGradWeight {
    fn key(&self, inputs: &[Operand], _: Operand) -> ContractionKey {
        let [large, small] = [inputs[0], inputs[1]];
        ContractionKey {
            transposed: self.transposed_output,
            ..ContractionKey::new(
                Family::Conv2dGradWeight,
                self.geometry,
                large.shape,
                small.shape,
            )
        }
        .at(large.dtype, [large, small])
    }

    fn lower_with(
        &self,
        candidate: Candidate,
        context: &LowerContext,
        slopes: [f32; 2],
    ) -> Lowered {
        if candidate.rung == Rung::Winograd {
            let key = self.key(context.inputs, context.output);
            return winograd::lower_grad_weight(context, &key, candidate, slopes);
        }
        let (large, small) = (context.inputs[0], context.inputs[1]);
        let params = Params {
            batch: large.shape.batch() as u32,
            large_height: large.shape.height() as u32,
            large_width: large.shape.width() as u32,
            large_channels4: large.shape.channels4() as u32,
            small_height: small.shape.height() as u32,
            small_width: small.shape.width() as u32,
            small_channels4: small.shape.channels4() as u32,
            padding: self.geometry.padding as u32,
            large: large.place(),
            small: small.place(),
            splits: candidate.splits as u32,
            stride: self.geometry.stride as u32,
            large_slope: slopes[0],
            small_slope: slopes[1],
        };
        let named = [("LARGE_SLOPE", slopes[0]), ("SMALL_SLOPE", slopes[1])];
        let kernel = candidate
            .specialised(self.geometry, &named)
            .flag("TRANSPOSED_OUTPUT", self.transposed_output);
        let kernel = activations(kernel, large.dtype);
        sum_of_parts(context.output, candidate.splits, |target, dtype| {
            Dispatch::new(
                gradients(kernel, dtype),
                &params,
                vec![Slot::Input(0), Slot::Input(1), target],
                candidate.groups,
            )
        })
    }

    fn activated_name(&self) -> &'static str {
        "activation+conv2d_grad_weight"
    }
}
