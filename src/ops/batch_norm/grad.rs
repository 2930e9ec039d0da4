//! The gradients of a normalisation. Two sums per group and channel serve all of them: that of `grad_output` and that of
//! `grad_output * x_hat`, with `x_hat = (input - mean) * inv_std` (Ioffe and Szegedy 2015, section 3).

use super::{PIXELS, Split, StatisticsOf, check_stats, groups_for, stats_shape};
use crate::gpu::KernelSpec;
use crate::ops::Op;
use crate::ops::error::{ShapeError, same, take};
use crate::ops::lower::{Dispatch, LowerContext, Lowered, Operand, Slot};
use crate::shader;
use crate::tensor::Shape;
use bytemuck::{Pod, Zeroable};

/// `[grad_output, input, stats]` to `[groups, 1, 2, channels]`: row 0 `sum(grad_output)`, row 1 `sum(grad_output * x_hat)`.
#[derive(Debug, Clone, Copy)]
pub struct GradSums;

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct SumsParams {
    channels4: u32,
    groups: u32,
    pixels: u32,
    chunks: u32,
    chunk_pixels: u32,
    grad_output: [u32; 2],
    input: [u32; 2],
    stats: [u32; 2],
    output: [u32; 2],
    pad: [u32; 3],
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

    fn lower(&self, context: &LowerContext) -> Lowered {
        let [grad_output, input, stats] = [0, 1, 2].map(|position| context.inputs[position]);
        let split = Split::new(input.shape, stats.shape.batch(), context.profile);
        let partial = split.partial(input.shape.channels());
        let first = |slot, to: Operand| {
            let params = SumsParams {
                channels4: input.shape.channels4() as u32,
                groups: split.groups as u32,
                pixels: split.pixels as u32,
                chunks: split.chunks as u32,
                chunk_pixels: split.chunk_pixels as u32,
                grad_output: grad_output.place(),
                input: input.place(),
                stats: stats.place(),
                output: to.place(),
                pad: [0; 3],
            };
            let slots = vec![Slot::Input(0), Slot::Input(1), Slot::Input(2), slot];
            let threads = groups_for(split.chunks * split.groups, input.shape);
            Dispatch::new(KernelSpec::new(shader!("batch_norm/grad_sums")), &params, slots, threads)
        };
        let second = reduce(Slot::Workspace, partial, context.output, 0, split.chunks, 2 * split.groups);
        split.lower(partial, first, second, context.output)
    }
}

/// Gradient with respect to the input, of the input's shape. Takes `[grad_output, stats]`, then for [`StatisticsOf::Input`]
/// `input, sums`, then for `affine` `weight`.
#[derive(Debug, Clone, Copy)]
pub struct GradInput {
    /// Where the statistics come from.
    pub from: StatisticsOf,
    /// Whether the normalisation has weight and bias.
    pub affine: bool,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct InputParams {
    channels4: u32,
    groups: u32,
    pixels: u32,
    grad_output: [u32; 2],
    stats: [u32; 2],
    input: [u32; 2],
    sums: [u32; 2],
    weight: u32,
    grad_input: [u32; 2],
    pad: [u32; 2],
}

impl GradInput {
    /// Positions of input, sums and weight; those that are not there point to the statistics, which the shader then leaves alone.
    fn positions(&self) -> [usize; 3] {
        let from_input = self.from == StatisticsOf::Input;
        let weight = if from_input { 4 } else { 2 };
        [if from_input { 2 } else { 1 }, if from_input { 3 } else { 1 }, if self.affine { weight } else { 1 }]
    }

    fn arity(&self) -> usize {
        2 + if self.from == StatisticsOf::Input { 2 } else { 0 } + usize::from(self.affine)
    }
}

impl Op for GradInput {
    fn name(&self) -> &'static str {
        "normalize_backward"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        if inputs.len() != self.arity() {
            return Err(ShapeError::Arity { expected: self.arity(), given: inputs.len() });
        }
        let (grad_output, stats) = (inputs[0], inputs[1]);
        check_stats(grad_output, stats)?;
        let [input, sums, weight] = self.positions();
        if self.from == StatisticsOf::Input {
            same("gradient and input", grad_output, inputs[input])?;
            same("statistics and sums", stats, inputs[sums])?;
        }
        if self.affine {
            same("weight and channels", inputs[weight], Shape::vector(grad_output.channels()))?;
        }
        Ok(grad_output)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (inputs, output) = (context.inputs, context.output);
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
            weight: inputs[weight].offset,
            grad_input: output.place(),
            pad: [0; 2],
        };
        let kernel = KernelSpec::new(shader!("batch_norm/grad_input"))
            .flag("FROM_INPUT", self.from == StatisticsOf::Input)
            .flag("AFFINE", self.affine)
            .uint("PIXELS", PIXELS);
        let mut slots: Vec<Slot> = [0, 1, input, sums, weight].map(Slot::Input).into();
        slots.push(Slot::Output);
        Dispatch::new(kernel, &params, slots, groups_for(groups * pixels.div_ceil(PIXELS), output.shape)).into()
    }
}

/// Which of the two parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affine {
    /// The factor.
    Weight,
    /// The addend.
    Bias,
}

/// Gradient with respect to weight or bias, `[1, 1, 1, channels]`: one row of the sums, added over the groups.
#[derive(Debug, Clone, Copy)]
pub struct GradAffine {
    /// Which of the two.
    pub of: Affine,
}

impl Op for GradAffine {
    fn name(&self) -> &'static str {
        match self.of {
            Affine::Weight => "norm_grad_weight",
            Affine::Bias => "norm_grad_bias",
        }
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [sums] = take(inputs)?;
        same("sums of the groups", sums, stats_shape(sums.batch(), sums.channels()))?;
        Ok(Shape::vector(sums.channels()))
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let row = match self.of {
            Affine::Weight => 1,
            Affine::Bias => 0,
        };
        let sums = context.inputs[0];
        reduce(Slot::Input(0), sums, context.output, row, sums.shape.batch(), 2).into()
    }
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct ReduceParams {
    rows: u32,
    channels4: u32,
    terms: u32,
    step: u32,
    input: [u32; 2],
    output: [u32; 2],
}

/// Each row of `output` is the sum of `terms` rows of `input`, `step` rows apart, the first output row from row `first` on.
fn reduce(slot: Slot, input: Operand, output: Operand, first: u32, terms: usize, step: usize) -> Dispatch {
    let params = ReduceParams {
        rows: output.shape.rows() as u32,
        channels4: output.shape.channels4() as u32,
        terms: terms as u32,
        step: step as u32,
        input: [input.offset + first * input.stride, input.stride],
        output: output.place(),
    };
    let threads = groups_for(output.shape.rows(), output.shape);
    Dispatch::new(KernelSpec::new(shader!("batch_norm/reduce")), &params, vec![slot, Slot::Output], threads)
}
