//! The gradients of a normalisation. Two sums per group and channel serve all of them: that of
//! `grad_output` and that of `grad_output * x_hat`, with `x_hat = (input - mean) * inv_std` (Ioffe
//! and Szegedy 2015, section 3).

mod second;

pub use second::{InvStd, RowPad, SelectRow};

use super::reduce::reduce;
use super::statistics::PixelChunks;
use super::{PIXELS, StatisticsOf, check_stats};
use crate::gpu::{OffsetStride, Pad, shader};
use crate::tape::Op;
use crate::tape::vector_width::{VectorWidth, vectors_stored};
use crate::tape::{Dispatch, LowerContext, Lowered, Operand, Slot};
use crate::tape::{ShapeError, same, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// `[grad_output, input, stats]` to `[groups, 1, 2, channels]`: row 0 `sum(grad_output)`, row 1
/// `sum(grad_output * x_hat)`.
#[derive(Debug, Clone, Copy)]
pub struct GradSums {
    /// Where the statistics come from, for the gradient of these sums.
    pub from: StatisticsOf,
}

crate::params! {
    struct SumsParams {
        channels4: u32,
        groups: u32,
        pixels: u32,
        chunks: u32,
        chunk_pixels: u32,
        grad_output: OffsetStride,
        input: OffsetStride,
        stats: OffsetStride,
        output: OffsetStride,
        value: OffsetStride,
        slope: f32,
    }
}

impl Op for GradSums {
    fn name(&self) -> &'static str {
        "norm_grad_sums"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [grad_output, input, stats] = take(inputs)?;
        same("gradient and input", grad_output, input)?;
        check_stats(input, stats)?;
        Ok(stats)
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        wanted: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        second::of_sums(self.from, tape, inputs, grad_output, wanted)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        lower_sums(context, None)
    }

    /// As those of [`GradInput`].
    fn stops_gradient(&self, input: usize) -> bool {
        input == 2
    }

    fn is_precise(&self) -> bool {
        true
    }
}

/// [`GradSums`] of what a leaky ReLU with this slope lets through of `grad_output`:
/// `[grad_output, input, stats, value]`, value being the activation's output.
#[derive(Debug, Clone, Copy)]
pub struct MaskedGradSums {
    /// Slope of the negative side.
    pub slope: f32,
}

impl Op for MaskedGradSums {
    fn name(&self) -> &'static str {
        "activation_backward+norm_grad_sums"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [grad_output, input, stats, value] = take(inputs)?;
        same("gradient and value", grad_output, value)?;
        GradSums {
            from: StatisticsOf::Input,
        }
        .output_shape(&[grad_output, input, stats])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        lower_sums(
            context,
            Some(Mask {
                slope: self.slope,
                value: 3,
            }),
        )
    }

    fn is_precise(&self) -> bool {
        true
    }
}

/// What a gradient passes before it is summed: a leaky ReLU.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mask {
    /// Slope of the negative side.
    pub slope: f32,
    /// Position of the activation's output among the inputs.
    pub value: usize,
}

fn lower_sums(context: &LowerContext, mask: Option<Mask>) -> Lowered {
    let [input, stats] = [1, 2].map(|position| context.inputs[position]);
    let chunks = PixelChunks::new(input.shape, stats.shape.batch(), context.profile);
    let partial = chunks.partial(input.shape.channels());
    let second = reduce(
        Slot::Scratch,
        partial,
        context.output,
        0,
        chunks.chunks,
        2 * chunks.groups,
    );
    chunks.lower(
        partial,
        |slot, to| chunk_sums(context, mask, chunks, slot, to),
        second,
        context.output,
    )
}

/// The launch that sums each chunk of `[grad_output, input, stats, ...]`.
pub(super) fn chunk_sums(
    context: &LowerContext,
    mask: Option<Mask>,
    chunks: PixelChunks,
    slot: Slot,
    to: Operand,
) -> Dispatch {
    let [grad_output, input, stats] = [0, 1, 2].map(|position| context.inputs[position]);
    let value = mask.map_or(0, |mask| mask.value);
    let params = SumsParams {
        channels4: input.shape.channels4() as u32,
        groups: chunks.groups as u32,
        pixels: chunks.pixels as u32,
        chunks: chunks.chunks as u32,
        chunk_pixels: chunks.chunk_pixels as u32,
        grad_output: grad_output.place(),
        input: input.place(),
        stats: stats.place(),
        output: to.place(),
        value: context.inputs[value].place(),
        slope: mask.map_or(1.0, |mask| mask.slope),
    };
    let slots = vec![
        Slot::Input(0),
        Slot::Input(1),
        Slot::Input(2),
        Slot::Input(value),
        slot,
    ];
    let width = VectorWidth::of(
        context.profile,
        &[grad_output, input, stats, context.inputs[value], to],
    );
    let kernel = width
        .kernel(shader!("batch_norm/grad_sums"))
        .flag("MASKED", mask.is_some());
    let kernel = vectors_stored(kernel, input.dtype);
    Dispatch::new(
        kernel,
        &params,
        slots,
        width.groups(chunks.chunks * chunks.groups, input.shape),
    )
}

/// Gradient with respect to the input, of the input's shape. Takes `[grad_output, stats]`, then for
/// [`StatisticsOf::Input`] `input, sums`, then for `affine` `weight`.
#[derive(Debug, Clone, Copy)]
pub struct GradInput {
    /// Where the statistics come from.
    pub from: StatisticsOf,
    /// Whether the normalisation has weight and bias.
    pub affine: bool,
}

crate::params! {
    struct InputParams {
        channels4: u32,
        groups: u32,
        pixels: u32,
        grad_output: OffsetStride,
        stats: OffsetStride,
        input: OffsetStride,
        sums: OffsetStride,
        weight_offset: u32,
        grad_input: OffsetStride,
        value: OffsetStride,
        slope: f32,
        pad: Pad<3>,
    }
}

impl GradInput {
    /// Positions of input, sums and weight; those that are not there point to the statistics, which
    /// the shader then leaves alone.
    fn positions(&self) -> [usize; 3] {
        let from_input = self.from == StatisticsOf::Input;
        let weight = if from_input { 4 } else { 2 };
        [
            if from_input { 2 } else { 1 },
            if from_input { 3 } else { 1 },
            if self.affine { weight } else { 1 },
        ]
    }

    fn arity(&self) -> usize {
        2 + if self.from == StatisticsOf::Input {
            2
        } else {
            0
        } + usize::from(self.affine)
    }
}

impl Op for GradInput {
    fn name(&self) -> &'static str {
        "normalize_backward"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        if inputs.len() != self.arity() {
            return Err(ShapeError::Arity {
                expected: self.arity(),
                given: inputs.len(),
            });
        }
        let (grad_output, stats) = (inputs[0], inputs[1]);
        check_stats(grad_output, stats)?;
        let [input, sums, weight] = self.positions();
        if self.from == StatisticsOf::Input {
            same("gradient and input", grad_output, inputs[input])?;
            same("statistics and sums", stats, inputs[sums])?;
        }
        if self.affine {
            same(
                "weight and channels",
                inputs[weight],
                Shape::vector(grad_output.channels()),
            )?;
        }
        Ok(grad_output)
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        wanted: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        second::backward(*self, tape, inputs, grad_output, wanted)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        self.lower_masked(context, None)
    }

    /// Statistics and sums depend on input and gradient, whose rules account for that; running
    /// statistics are constants.
    fn stops_gradient(&self, input: usize) -> bool {
        input == 1 || input == 3 && self.from == StatisticsOf::Input
    }
}

/// [`GradInput`] of what a leaky ReLU with this slope lets through of `grad_output`. Takes the
/// activation's output as its last input.
#[derive(Debug, Clone, Copy)]
pub struct MaskedGradInput {
    /// What it is without the activation.
    pub grad: GradInput,
    /// Slope of the negative side.
    pub slope: f32,
}

impl Op for MaskedGradInput {
    fn name(&self) -> &'static str {
        "activation_backward+normalize_backward"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [rest @ .., value] = inputs else {
            return Err(ShapeError::Arity {
                expected: self.grad.arity() + 1,
                given: 0,
            });
        };
        same("gradient and value", self.grad.output_shape(rest)?, *value)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        self.grad.lower_masked(context, Some(self.slope))
    }
}

impl GradInput {
    /// The launch; with a slope the last input is the value that masks the gradient.
    pub(super) fn lower_masked(&self, context: &LowerContext, slope: Option<f32>) -> Lowered {
        let (inputs, output) = (context.inputs, context.output);
        let value = if slope.is_some() { inputs.len() - 1 } else { 0 };
        let [input, sums, weight] = self.positions();
        let groups = inputs[1].shape.batch();
        let pixels = output.shape.rows() / groups;
        let params = InputParams {
            channels4: output.shape.channels4() as u32,
            groups: groups as u32,
            pixels: pixels as u32,
            grad_output: inputs[0].place(),
            stats: inputs[1].place(),
            input: inputs[input].place(),
            sums: inputs[sums].place(),
            weight_offset: inputs[weight].offset,
            grad_input: output.place(),
            value: inputs[value].place(),
            slope: slope.unwrap_or(1.0),
            pad: Pad::default(),
        };
        let operands = [0, 1, input, sums, weight, value].map(|position| inputs[position]);
        let width = VectorWidth::of(context.profile, &[&operands[..], &[output]].concat());
        let kernel = width
            .kernel(shader!("batch_norm/grad_input"))
            .flag("FROM_INPUT", self.from == StatisticsOf::Input)
            .flag("AFFINE", self.affine)
            .flag("MASKED", slope.is_some())
            .uint("PIXELS", PIXELS);
        let kernel = vectors_stored(kernel, output.dtype);
        let mut slots: Vec<Slot> = [0, 1, input, sums, weight, value].map(Slot::Input).into();
        slots.push(Slot::Output);
        Dispatch::new(
            kernel,
            &params,
            slots,
            width.groups(groups * pixels.div_ceil(PIXELS), output.shape),
        )
        .into()
    }
}
