//! Convolution: each output pixel gathers the input under its kernel. Also the input gradient of
//! `conv_transpose2d`.

use super::channel_sum::ChannelSum;
pub use crate::contraction::Conv2d;
use crate::contraction::{
    Candidate, Contraction, ContractionKey, Conv2dGradWeight, ConvTranspose2d, Family, Geometry,
    Rung, UNCHANGED, weight_channels, winograd,
};
use crate::gpu::{KernelSpec, OffsetStride, Pad, shader};
use crate::tape::Op;
use crate::tape::ShapeError;
use crate::tape::{Dispatch, LowerContext, Lowered, Operand, Slot, activations, weights};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// Records a convolution.
///
/// # Errors
/// Those of recording.
pub fn conv2d(
    tape: &mut Tape,
    input: Var,
    weight: Var,
    bias: Option<Var>,
    geometry: Geometry,
) -> Result<Var, TapeError> {
    let inputs: Vec<Var> = [input, weight].into_iter().chain(bias).collect();
    tape.record(
        Conv2d {
            geometry,
            transposed_weight: false,
        },
        &inputs,
    )
}

crate::params! {
    /// Parameters of `conv2d` and `conv_transpose2d`, the same in every rung.
    pub(crate) struct ConvParams {
        batch: u32,
        in_height: u32,
        in_width: u32,
        in_channels4: u32,
        out_height: u32,
        out_width: u32,
        out_channels: u32,
        padding: u32,
        input: OffsetStride,
        output: OffsetStride,
        splits: u32,
        stride: u32,
        input_slope: f32,
        pad: u32,
    }
}

impl ConvParams {
    fn new(context: &LowerContext, geometry: Geometry, input_slope: f32) -> Self {
        let (input, output) = (context.inputs[0], context.output);
        Self {
            batch: input.shape.batch() as u32,
            in_height: input.shape.height() as u32,
            in_width: input.shape.width() as u32,
            in_channels4: input.shape.channels4() as u32,
            out_height: output.shape.height() as u32,
            out_width: output.shape.width() as u32,
            out_channels: output.shape.channels() as u32,
            padding: geometry.padding as u32,
            input: input.place(),
            output: output.place(),
            splits: 1,
            stride: geometry.stride as u32,
            input_slope,
            pad: 0,
        }
    }
}

/// The input channels must be the weight's, and the bias one value an output channel.
pub(crate) fn check_channels(
    inputs: &[Shape],
    transposed_weight: bool,
) -> Result<usize, ShapeError> {
    let (&[input, weight] | &[input, weight, _]) = inputs else {
        return Err(ShapeError::Arity {
            expected: 2,
            given: inputs.len(),
        });
    };
    let [in_channels, out_channels] = weight_channels(weight, transposed_weight);
    if input.channels() != in_channels {
        return Err(ShapeError::Mismatch {
            what: "input channels of input and weight",
            left: input,
            right: weight,
        });
    }
    match inputs.get(2) {
        Some(&bias) if bias != Shape::vector(out_channels) => Err(ShapeError::Mismatch {
            what: "output channels of weight and bias",
            left: weight,
            right: bias,
        }),
        _ => Ok(out_channels),
    }
}

/// The launches of `conv2d` and `conv_transpose2d`: they differ in shader and grid only.
pub(crate) fn lower_conv(
    context: &LowerContext,
    key: &ContractionKey,
    candidate: Candidate,
    slopes: [f32; 2],
) -> Lowered {
    if candidate.rung == Rung::Winograd {
        return winograd::lower_conv(context, key, candidate, slopes);
    }
    let kernel = candidate
        .specialised(key.geometry, &[("INPUT_SLOPE", slopes[0])])
        .flag("TRANSPOSED_WEIGHT", key.transposed);
    let kernel = weights(
        activations(kernel, context.output.dtype),
        context.inputs[1].dtype,
    );
    let params = ConvParams {
        splits: candidate.splits as u32,
        ..ConvParams::new(context, key.geometry, slopes[0])
    };
    let bias = Slot::Input(if key.bias { 2 } else { 1 });
    let operands = vec![Slot::Input(0), Slot::Input(1)];
    if candidate.splits == 1 {
        let slots = [operands, vec![bias, Slot::Output]].concat();
        let kernel = kernel.flag("HAS_BIAS", key.bias);
        return Dispatch::new(kernel, &params, slots, candidate.groups).into();
    }
    let slots = [operands, vec![Slot::Scratch]].concat();
    let sum = Dispatch::new(kernel, &params, slots, candidate.groups);
    let output = context.output;
    let size = output.shape.rows() * output.shape.channels4();
    Lowered {
        dispatches: vec![sum, reduce(output, key.bias, bias, candidate.splits)],
        scratch_bytes: (candidate.splits * size) as u64 * 16,
    }
}

crate::params! {
    struct ReduceParams {
        pixels: u32,
        channels: u32,
        output: OffsetStride,
        splits: u32,
        pad: Pad<3>,
    }
}

/// Threads of a workgroup of `reduce.wgsl`.
const REDUCE_WORKGROUP: usize = 64;

/// Adds the parts of a split contraction, and the bias.
fn reduce(output: Operand, has_bias: bool, bias: Slot, splits: usize) -> Dispatch {
    let params = ReduceParams {
        pixels: output.shape.rows() as u32,
        channels: output.shape.channels() as u32,
        output: output.place(),
        splits: splits as u32,
        pad: Pad::default(),
    };
    let kernel = activations(KernelSpec::new(shader!("conv2d/reduce")), output.dtype)
        .flag("HAS_BIAS", has_bias);
    let groups = (output.shape.rows() * output.shape.channels4()).div_ceil(REDUCE_WORKGROUP);
    Dispatch::new(
        kernel,
        &params,
        vec![Slot::Scratch, bias, Slot::Output],
        groups,
    )
}

impl Op for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let out_channels = check_channels(inputs, self.transposed_weight)?;
        self.geometry.check_weight(inputs[1])?;
        self.geometry.small_shape(inputs[0], out_channels)
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
            let shape = tape.shape(input);
            let op = ConvTranspose2d {
                geometry,
                out_height: shape.height(),
                out_width: shape.width(),
                transposed_weight: !self.transposed_weight,
                name: "conv2d_grad_input",
            };
            grads[0] = Some(tape.record(op, &[grad_output, weight])?);
        }
        if wanted[1] {
            let op = Conv2dGradWeight {
                geometry,
                transposed_output: self.transposed_weight,
            };
            grads[1] = Some(tape.record(op, &[input, grad_output])?);
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

impl Contraction for Conv2d {
    fn key(&self, inputs: &[Operand], output: Operand) -> ContractionKey {
        let [large, small] = [inputs[0], output];
        ContractionKey {
            transposed: self.transposed_weight,
            bias: inputs.len() == 3,
            ..ContractionKey::new(Family::Conv2d, self.geometry, large.shape, small.shape)
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
        "activation+conv2d"
    }
}
