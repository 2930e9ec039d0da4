//! What fusion makes of a normalisation and the activation behind it (rules:
//! [`crate::program::fuse`]). Such an operation has no gradient rule, since a tape is
//! differentiated before it is fused; `norm_grad.rs` has what is made of the gradients. The
//! activation is a leaky ReLU, given by the slope of its negative side; slope 1 is none.

use super::{Normalize, RunningStatistics, Statistics, StatisticsOf, lower_normalize};
use crate::gpu::{DeviceClass, HostShareable, KernelSpec, OffsetStride, Pad, Profile, shader};
use crate::tape::Op;
use crate::tape::ShapeError;
use crate::tape::vector_width;
use crate::tape::{Dispatch, LowerContext, Lowered, Operand, Slot, activations};
use crate::tensor::Shape;
use bytemuck::Pod;

/// `leaky_relu(normalize(inputs))`: takes and makes what [`Normalize`] does. Fusion makes it, after
/// the tape was differentiated, so it has no gradient rule.
#[derive(Debug, Clone, Copy)]
pub struct NormalizeActivate {
    /// The normalisation.
    pub normalize: Normalize,
    /// Slope of the negative side.
    pub slope: f32,
}

impl Op for NormalizeActivate {
    fn name(&self) -> &'static str {
        if self.slope == 0.0 {
            "normalize+relu"
        } else {
            "normalize+leaky_relu"
        }
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        self.normalize.output_shape(inputs)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        lower_normalize(context, self.slope)
    }
}

/// How a map's normalisation is launched.
pub(super) struct Small {
    kernel_workgroup: usize,
}

impl Small {
    /// Most pixels of a group that the threads of one launch walk over; beyond, launches with more
    /// threads win.
    const MOST_PIXELS: usize = 256;

    /// `Some` where one launch wins. On a CPU adapter a workgroup is a subgroup, so that every core
    /// gets some.
    pub fn of(pixels: usize, profile: &Profile) -> Option<Self> {
        let most = match profile.class {
            DeviceClass::Cpu => Self::MOST_PIXELS,
            DeviceClass::Gpu => 64,
        };
        (pixels <= most).then(|| Self {
            kernel_workgroup: vector_width::coalesced(profile),
        })
    }

    pub fn launch<P: Pod + HostShareable>(
        &self,
        kernel: KernelSpec,
        params: &P,
        slots: Vec<Slot>,
        threads: usize,
    ) -> Lowered {
        let kernel = kernel.uint("WORKGROUP", self.kernel_workgroup);
        Dispatch::new(
            kernel,
            params,
            slots,
            threads.div_ceil(self.kernel_workgroup),
        )
        .into()
    }
}

/// Statistics, normalisation and activation: `[input]` or `[input, weight, bias]` to the statistics
/// `[groups, 1, 2, channels]`; byproduct 0 is the activated output, of the input's shape. With
/// `running` the last two inputs are running mean and variance (states), updated in place.
#[derive(Debug, Clone, Copy)]
pub struct FusedNorm {
    /// The statistics.
    pub statistics: Statistics,
    /// Whether the normalisation has weight and bias.
    pub affine: bool,
    /// Slope of the negative side.
    pub slope: f32,
    /// The update of running statistics.
    pub running: Option<RunningStatistics>,
}

crate::params! {
    struct ForwardParams {
        channels: u32,
        groups: u32,
        pixels: u32,
        input: OffsetStride,
        weight_offset: u32,
        bias_offset: u32,
        stats: OffsetStride,
        output: OffsetStride,
        eps: f32,
        slope: f32,
        momentum: f32,
        unbias: f32,
        pad: Pad<1>,
    }
}

impl FusedNorm {
    /// Position of the running mean; the running variance follows.
    fn running_mean(&self) -> usize {
        if self.affine { 3 } else { 1 }
    }

    fn small(&self, small: &Small, context: &LowerContext, output: Operand) -> Lowered {
        let (input, stats) = (context.inputs[0], context.output);
        let groups = stats.shape.batch();
        let [weight, bias] = if self.affine { [1, 2] } else { [0, 0] };
        let params = ForwardParams {
            channels: input.shape.channels() as u32,
            groups: groups as u32,
            pixels: (input.shape.rows() / groups) as u32,
            input: input.place(),
            weight_offset: context.inputs[weight].offset,
            bias_offset: context.inputs[bias].offset,
            stats: stats.place(),
            output: output.place(),
            eps: self.statistics.eps,
            slope: self.slope,
            momentum: self.running.map_or(0.0, |running| running.momentum),
            unbias: self.running.map_or(1.0, |running| running.unbias()),
            pad: Pad::default(),
        };
        let kernel = activations(
            KernelSpec::new(shader!("batch_norm/small_forward")),
            input.dtype,
        );
        let kernel = kernel
            .flag("AFFINE", self.affine)
            .flag("RUNNING", self.running.is_some());
        let mut slots = vec![
            Slot::Input(0),
            Slot::Input(weight),
            Slot::Input(bias),
            Slot::Output,
            Slot::Byproduct(0),
        ];
        let mean = self.running_mean();
        slots.extend(match self.running {
            Some(_) => [Slot::Input(mean), Slot::Input(mean + 1)],
            None => [Slot::Unused(0), Slot::Unused(1)],
        });
        slots.push(Slot::Monitor);
        let threads = if self.running.is_some() { 1 } else { groups };
        small.launch(kernel, &params, slots, threads * input.shape.channels4())
    }
}

impl Op for FusedNorm {
    fn name(&self) -> &'static str {
        match (self.slope, self.running) {
            (1.0, None) => "norm",
            (0.0, None) => "norm+relu",
            (_, None) => "norm+leaky_relu",
            (1.0, Some(_)) => "norm+running",
            (0.0, Some(_)) => "norm+relu+running",
            (_, Some(_)) => "norm+leaky_relu+running",
        }
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let mean = self.running_mean();
        let expected = mean + if self.running.is_some() { 2 } else { 0 };
        if inputs.len() != expected {
            return Err(ShapeError::Arity {
                expected,
                given: inputs.len(),
            });
        }
        let stats = self.statistics.output_shape(&inputs[..1])?;
        Normalize {
            from: StatisticsOf::Input,
        }
        .output_shape(&[&[inputs[0], stats], &inputs[1..mean]].concat())?;
        if let Some(running) = &self.running {
            running.output_shape(&[stats, inputs[mean], inputs[mean + 1]])?;
        }
        Ok(stats)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (input, stats) = (context.inputs[0], context.output);
        let Some(&Some(output)) = context.byproducts.first() else {
            return Lowered::default();
        };
        if let Some(small) = Small::of(input.shape.rows() / stats.shape.batch(), context.profile) {
            return self.small(&small, context, output);
        }
        let mean = self.running_mean();
        let statistics = self.statistics.lower(&LowerContext {
            inputs: &[input],
            ..*context
        });
        let inputs = [&[input, stats], &context.inputs[1..mean]].concat();
        let normalize = lower_normalize(
            &LowerContext {
                inputs: &inputs,
                output,
                ..*context
            },
            self.slope,
        );
        let both = statistics.then(normalize.map_slots(|slot| match slot {
            Slot::Input(1) => Slot::Output,
            Slot::Input(position @ 2..) => Slot::Input(position - 1),
            Slot::Output => Slot::Byproduct(0),
            other => other,
        }));
        let Some(running) = &self.running else {
            return both;
        };
        let running = running.lower(&LowerContext {
            inputs: &[&[stats], &context.inputs[mean..]].concat(),
            ..*context
        });
        both.then(running.map_slots(|slot| match slot {
            Slot::Input(0) => Slot::Output,
            Slot::Input(position) => Slot::Input(mean + position - 1),
            other => other,
        }))
    }

    fn overwrites(&self) -> &[usize] {
        match (self.running, self.affine) {
            (None, _) => &[],
            (Some(_), true) => &[3, 4],
            (Some(_), false) => &[1, 2],
        }
    }

    fn is_precise(&self) -> bool {
        true
    }
}
