//! Batch and instance normalisation (Ioffe and Szegedy 2015; Ulyanov, Vedaldi and Lempitsky 2016).
//! The statistics are a value of their own, `[groups, 1, 2, channels]`: row 0 the mean, row 1
//! `inv_std = 1 / sqrt(biased variance + eps)`. A group is what shares statistics: the whole batch,
//! or one image.

mod fused;
mod grad;
mod grad_affine;
mod norm_grad;
mod reduce;
mod running;
mod statistics;

pub use fused::{FusedNorm, NormalizeActivate};
pub use grad::{GradInput, GradSums, MaskedGradInput, MaskedGradSums};
pub use grad::{InvStd, RowPad, SelectRow};
pub use grad_affine::{Affine, GradAffine};
pub use norm_grad::NormGrad;
pub use running::{RunningStatistics, RunningToStats};
pub use statistics::Statistics;

use crate::gpu::{KernelSpec, OffsetStride, shader};
use crate::tape::Op;
use crate::tape::vector_width::VectorWidth;
use crate::tape::{Dispatch, LowerContext, Lowered, Slot, activations};
use crate::tape::{ShapeError, same, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// Pixels that a thread of the streaming shaders handles: they load a channel's constants once.
const PIXELS: usize = 8;

/// Which pixels share statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Groups {
    /// All of the batch: batch normalisation.
    Batch,
    /// Those of one image: instance normalisation.
    Instance,
    /// Those of each of so many equal parts of the batch, as if they were batches of their own.
    Parts(usize),
}

/// Where the statistics of a normalisation come from, which decides its gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatisticsOf {
    /// The input itself: they depend on it.
    Input,
    /// Running statistics: constants.
    Running,
}

/// Records normalisation by the input's own statistics: `weight * (input - mean) * inv_std + bias`.
/// The input is `[batch, height, width, channels]`. `affine` is weight and bias, each
/// `[1, 1, 1, channels]`. Returns the output and the statistics `[groups, 1, 2, channels]`, which
/// [`update_running_statistics`] takes.
///
/// # Errors
/// A single value per channel and group, and those of recording.
pub fn batch_norm(
    tape: &mut Tape,
    input: Var,
    affine: [Var; 2],
    groups: Groups,
    eps: f32,
) -> Result<(Var, Var), TapeError> {
    let stats = tape.record(Statistics { groups, eps }, &[input])?;
    let output = tape.record(
        Normalize {
            from: StatisticsOf::Input,
        },
        &[input, stats, affine[0], affine[1]],
    )?;
    Ok((output, stats))
}

/// Records normalisation by `running` mean and variance, each `[1, 1, 1, channels]`; the rest as in
/// [`batch_norm`].
///
/// # Errors
/// Those of recording.
pub fn batch_norm_running(
    tape: &mut Tape,
    input: Var,
    affine: [Var; 2],
    running: [Var; 2],
    eps: f32,
) -> Result<Var, TapeError> {
    let stats = tape.record(RunningToStats { eps }, &running)?;
    tape.record(
        Normalize {
            from: StatisticsOf::Running,
        },
        &[input, stats, affine[0], affine[1]],
    )
}

/// Records instance normalisation without weight and bias: `(input - mean) * inv_std` over each
/// image and channel.
///
/// # Errors
/// A single value per channel and image, and those of recording.
pub fn instance_norm(tape: &mut Tape, input: Var, eps: f32) -> Result<Var, TapeError> {
    let stats = tape.record(
        Statistics {
            groups: Groups::Instance,
            eps,
        },
        &[input],
    )?;
    tape.record(
        Normalize {
            from: StatisticsOf::Input,
        },
        &[input, stats],
    )
}

/// Records the update in place of `running` mean and variance (states) by `stats` of `count` values
/// per channel and group, with the `eps` that made them. Afterwards the two values are stale:
/// record the states again to read them.
///
/// # Errors
/// Fewer than two values, and those of recording.
pub fn update_running_statistics(
    tape: &mut Tape,
    stats: Var,
    running: [Var; 2],
    count: usize,
    momentum: f32,
    eps: f32,
) -> Result<(), TapeError> {
    tape.record(
        RunningStatistics {
            momentum,
            count,
            eps,
        },
        &[stats, running[0], running[1]],
    )?;
    Ok(())
}

fn stats_shape(groups: usize, channels: usize) -> Shape {
    Shape::nhwc(groups, 1, 2, channels)
}

/// Checks that the batch divides into the groups of `stats`.
fn check_stats(input: Shape, stats: Shape) -> Result<(), ShapeError> {
    same(
        "statistics and those of the input",
        stats,
        stats_shape(stats.batch(), input.channels()),
    )?;
    if stats.is_empty() || input.is_empty() || !input.batch().is_multiple_of(stats.batch()) {
        return Err(ShapeError::Mismatch {
            what: "the batch and the groups of its statistics",
            left: input,
            right: stats,
        });
    }
    Ok(())
}

/// Workgroups with a thread for each `vec4` of `rows` rows.
fn groups_for(rows: usize, channels: Shape) -> usize {
    VectorWidth::Four.groups(rows, channels)
}

/// `weight * (input - mean) * inv_std + bias` of `[input, stats, weight, bias]`, or without weight
/// and bias of `[input, stats]`; the input's shape.
#[derive(Debug, Clone, Copy)]
pub struct Normalize {
    /// Where the statistics come from.
    pub from: StatisticsOf,
}

crate::params! {
    struct NormalizeParams {
        channels4: u32,
        groups: u32,
        pixels: u32,
        slope: f32,
        input: OffsetStride,
        stats: OffsetStride,
        weight_offset: u32,
        bias_offset: u32,
        output: OffsetStride,
    }
}

impl Op for Normalize {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input, stats, ref affine @ ..] = *inputs else {
            return Err(ShapeError::Arity {
                expected: 4,
                given: inputs.len(),
            });
        };
        check_stats(input, stats)?;
        // A single value has statistics, and a tile may have to add them to the whole image's. But
        // normalised by them it is always 0.
        if self.from == StatisticsOf::Input && input.rows() <= stats.batch() {
            let remedy = "a normalised map needs two values per channel or more: use a larger \
                          image, fewer downs or a larger batch";
            return Err(ShapeError::Invalid {
                what: "number of values",
                shape: input,
                remedy,
            });
        }
        if !affine.is_empty() {
            let [weight, bias] = take(affine).map_err(|_| ShapeError::Arity {
                expected: 4,
                given: inputs.len(),
            })?;
            same(
                "weight and channels",
                weight,
                Shape::vector(input.channels()),
            )?;
            same("bias and channels", bias, Shape::vector(input.channels()))?;
        }
        Ok(input)
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        wanted: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let (input, stats, weight) = (inputs[0], inputs[1], inputs.get(2));
        let wants = |position: usize| wanted.get(position) == Some(&true);
        let mut grads = vec![None; inputs.len()];
        let through_statistics = wants(0) && self.from == StatisticsOf::Input;
        let sums = match through_statistics || wants(2) || wants(3) {
            true => Some(tape.record(GradSums { from: self.from }, &[grad_output, input, stats])?),
            false => None,
        };
        if wants(0) {
            let mut operands = vec![grad_output, stats];
            if through_statistics {
                operands.push(input);
                operands.extend(sums);
            }
            operands.extend(weight);
            grads[0] = Some(tape.record(
                GradInput {
                    from: self.from,
                    affine: weight.is_some(),
                },
                &operands,
            )?);
        }
        for (position, of) in [(2, Affine::Weight), (3, Affine::Bias)] {
            if let Some(sums) = sums.filter(|_| wants(position)) {
                grads[position] = Some(tape.record(GradAffine { of }, &[sums])?);
            }
        }
        Ok(grads)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        lower_normalize(context, 1.0)
    }
}

/// The launch of a normalisation with a leaky ReLU of this slope behind it; 1 is none.
pub(super) fn lower_normalize(context: &LowerContext, slope: f32) -> Lowered {
    let (inputs, output) = (context.inputs, context.output);
    let affine = inputs.len() == 4;
    let groups = inputs[1].shape.batch();
    let pixels = output.shape.rows() / groups;
    let params = NormalizeParams {
        channels4: output.shape.channels4() as u32,
        groups: groups as u32,
        pixels: pixels as u32,
        slope,
        input: inputs[0].place(),
        stats: inputs[1].place(),
        weight_offset: if affine { inputs[2].offset } else { 0 },
        bias_offset: if affine { inputs[3].offset } else { 0 },
        output: output.place(),
    };
    let kernel = KernelSpec::new(shader!("batch_norm/normalize"))
        .flag("AFFINE", affine)
        .uint("PIXELS", PIXELS);
    let kernel = activations(kernel, output.dtype);
    let or_stats = |position| Slot::Input(if affine { position } else { 1 });
    let slots = vec![
        Slot::Input(0),
        Slot::Input(1),
        or_stats(2),
        or_stats(3),
        Slot::Output,
    ];
    Dispatch::new(
        kernel,
        &params,
        slots,
        groups_for(groups * pixels.div_ceil(PIXELS), output.shape),
    )
    .into()
}
