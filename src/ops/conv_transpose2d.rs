//! Transposed convolution: each output pixel gathers the few input pixels whose kernels reach it,
//! one parity class of output pixels at a time, so there are no atomics and no inserted zeros. Also
//! the input gradient of `conv2d`.

use super::channel_sum::ChannelSum;
use super::conv2d::{check_channels, lower_conv};
pub use crate::contraction::ConvTranspose2d;
use crate::contraction::{
    Candidate, Contraction, ContractionKey, Conv2d, Conv2dGradWeight, Family, Geometry, UNCHANGED,
};
use crate::tape::Op;
use crate::tape::ShapeError;
use crate::tape::{LowerContext, Lowered, Operand};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// Records a transposed convolution without output padding.
///
/// # Errors
/// Those of recording.
pub fn conv_transpose2d(
    tape: &mut Tape,
    input: Var,
    weight: Var,
    bias: Option<Var>,
    geometry: Geometry,
) -> Result<Var, TapeError> {
    let shape = tape.shape(input);
    conv_transpose2d_to(
        tape,
        input,
        weight,
        bias,
        geometry,
        [
            geometry.large(shape.height()),
            geometry.large(shape.width()),
        ],
    )
}

/// Records a transposed convolution to so many rows and columns, of the sizes that the convolution
/// maps to the input's.
///
/// # Errors
/// Those of recording.
pub fn conv_transpose2d_to(
    tape: &mut Tape,
    input: Var,
    weight: Var,
    bias: Option<Var>,
    geometry: Geometry,
    [out_height, out_width]: [usize; 2],
) -> Result<Var, TapeError> {
    let op = ConvTranspose2d {
        geometry,
        out_height,
        out_width,
        transposed_weight: false,
        name: "conv_transpose2d",
    };
    let inputs: Vec<Var> = [input, weight].into_iter().chain(bias).collect();
    tape.record(op, &inputs)
}

impl Op for ConvTranspose2d {
    fn name(&self) -> &'static str {
        self.name
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let out_channels = check_channels(inputs, self.transposed_weight)?;
        self.geometry.check_weight(inputs[1])?;
        let output = Shape::nhwc(
            inputs[0].batch(),
            self.out_height,
            self.out_width,
            out_channels,
        );
        let small = self.geometry.small_shape(output, inputs[0].channels())?;
        if small != inputs[0] {
            return Err(ShapeError::Mismatch {
                what: "input and the map that the output convolves to",
                left: inputs[0],
                right: small,
            });
        }
        Ok(output)
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        wanted: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let (input, weight, geometry) = (inputs[0], inputs[1], self.geometry);
        let mut grads = vec![None; inputs.len()];
        if wanted[0] {
            let op = Conv2d {
                geometry,
                transposed_weight: !self.transposed_weight,
            };
            grads[0] = Some(tape.record(op, &[grad_output, weight])?);
        }
        if wanted[1] {
            let op = Conv2dGradWeight {
                geometry,
                transposed_output: !self.transposed_weight,
            };
            grads[1] = Some(tape.record(op, &[grad_output, input])?);
        }
        if wanted.get(2) == Some(&true) {
            grads[2] = Some(tape.record(ChannelSum, &[grad_output])?);
        }
        Ok(grads)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        self.lower_chosen(context, UNCHANGED).0
    }

    fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        self.dense_key(inputs, output).macs()
    }
}

impl Contraction for ConvTranspose2d {
    fn key(&self, inputs: &[Operand], output: Operand) -> ContractionKey {
        let [large, small] = [output, inputs[0]];
        ContractionKey {
            transposed: self.transposed_weight,
            bias: inputs.len() == 3,
            ..ContractionKey::new(
                Family::ConvTranspose2d,
                self.geometry,
                large.shape,
                small.shape,
            )
        }
        .at(inputs[0].dtype, [large, small])
    }

    fn lower_with(
        &self,
        candidate: Candidate,
        context: &LowerContext,
        slopes: [f32; 2],
    ) -> Lowered {
        let key = self.key(context.inputs, context.output);
        lower_conv(context, &key, candidate, slopes)
    }

    fn activated_name(&self) -> &'static str {
        "activation+conv_transpose2d"
    }
}
