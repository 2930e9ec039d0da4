//! Running statistics: updated in place while training, read as the statistics of a normalisation
//! when evaluating.

use super::{groups_for, stats_shape};
use crate::gpu::{KernelSpec, OffsetStride, Pad, shader};
use crate::tape::Op;
use crate::tape::{Dispatch, LowerContext, Lowered, Slot};
use crate::tape::{ShapeError, same, take};
use crate::tensor::Shape;

/// `running = (1 - momentum) * running + momentum * new` in place, of
/// `[stats, running_mean, running_var]`, with the unbiased variance; several groups update one
/// after the other. It leaves the state alone where a new value is not finite and once the
/// monitor's flag is set. The output, a scalar, is not written: this runs for its effect.
#[derive(Debug, Clone, Copy)]
pub struct RunningStatistics {
    /// Weight of the new value: 0.1 in the reference.
    pub momentum: f32,
    /// Values per channel and group that the statistics were taken of.
    pub count: usize,
    /// What the statistics added to the variance.
    pub eps: f32,
}

crate::params! {
    struct UpdateParams {
        channels4: u32,
        groups: u32,
        stats: OffsetStride,
        momentum: f32,
        unbias: f32,
        eps: f32,
        pad: Pad<1>,
    }
}

impl RunningStatistics {
    /// From the biased variance to the unbiased one.
    pub(super) fn unbias(&self) -> f32 {
        (self.count as f64 / (self.count as f64 - 1.0)) as f32
    }
}

impl Op for RunningStatistics {
    fn name(&self) -> &'static str {
        "running_statistics"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [stats, running_mean, running_var] = take(inputs)?;
        same(
            "statistics of the groups",
            stats,
            stats_shape(stats.batch(), stats.channels()),
        )?;
        same(
            "running mean and channels",
            running_mean,
            Shape::vector(stats.channels()),
        )?;
        same(
            "running variance and channels",
            running_var,
            Shape::vector(stats.channels()),
        )?;
        if self.count < 2 {
            let remedy = "an unbiased variance needs two values per channel or more: use a larger \
                          image or a larger batch";
            return Err(ShapeError::Invalid {
                what: "number of values behind the statistics",
                shape: stats,
                remedy,
            });
        }
        Ok(Shape::scalar())
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let stats = context.inputs[0];
        let params = UpdateParams {
            channels4: stats.shape.channels4() as u32,
            groups: stats.shape.batch() as u32,
            stats: stats.place(),
            momentum: self.momentum,
            unbias: self.unbias(),
            eps: self.eps,
            pad: Pad::default(),
        };
        let slots = vec![
            Slot::Input(0),
            Slot::Input(1),
            Slot::Input(2),
            Slot::Monitor,
        ];
        let kernel = KernelSpec::new(shader!("batch_norm/running_update"));
        Dispatch::new(kernel, &params, slots, groups_for(1, stats.shape)).into()
    }

    fn is_precise(&self) -> bool {
        true
    }

    fn stops_gradient(&self, _: usize) -> bool {
        true
    }

    fn overwrites(&self) -> &[usize] {
        &[1, 2]
    }
}

/// `[running_mean, running_var]` to statistics `[1, 1, 2, channels]`: row 0 the mean, row 1
/// `1 / sqrt(running_var + eps)`.
#[derive(Debug, Clone, Copy)]
pub struct RunningToStats {
    /// Added to the variance.
    pub eps: f32,
}

crate::params! {
    struct ReadParams {
        channels: u32,
        output: OffsetStride,
        eps: f32,
    }
}

impl Op for RunningToStats {
    fn name(&self) -> &'static str {
        "running_to_stats"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [running_mean, running_var] = take(inputs)?;
        same(
            "running mean and running variance",
            running_mean,
            running_var,
        )?;
        same(
            "running mean and channels",
            running_mean,
            Shape::vector(running_mean.channels()),
        )?;
        Ok(stats_shape(1, running_mean.channels()))
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let output = context.output;
        let params = ReadParams {
            channels: output.shape.channels() as u32,
            output: output.place(),
            eps: self.eps,
        };
        let kernel = KernelSpec::new(shader!("batch_norm/running_read"));
        Dispatch::new(
            kernel,
            &params,
            vec![Slot::Input(0), Slot::Input(1), Slot::Output],
            groups_for(1, output.shape),
        )
        .into()
    }

    fn is_precise(&self) -> bool {
        true
    }

    fn stops_gradient(&self, _: usize) -> bool {
        true
    }
}
