//! What fusion makes of a normalisation and its neighbours (rules: [`crate::program::fuse`]). These
//! operations have no gradient rules, since a tape is differentiated before it is fused. The
//! activation is a leaky ReLU, given by the slope of its negative side; slope 1 is none.

use super::grad::{Mask, chunk_sums};
use super::{
    Chunks, GradInput, Normalize, RunningStatistics, Statistics, StatisticsOf, check_stats,
    groups_for, lower_normalize, stats_shape,
};
use crate::gpu::{DeviceClass, KernelSpec, Profile};
use crate::shader;
use crate::tape::Op;
use crate::tape::vector_width;
use crate::tape::{Dispatch, LowerContext, Lowered, Operand, Slot, activations, gradients};
use crate::tape::{ShapeError, same};
use crate::tensor::{DType, Shape};
use bytemuck::{Pod, Zeroable};

/// `leaky_relu(normalize(inputs))`: takes and makes what [`Normalize`] does.
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
struct Small {
    kernel_workgroup: usize,
}

impl Small {
    /// Most pixels of a group that the threads of one launch walk over; beyond, launches with more
    /// threads win.
    const MOST_PIXELS: usize = 256;

    /// `Some` where one launch wins. On a CPU adapter a workgroup is a subgroup, so that every core
    /// gets some.
    fn of(pixels: usize, profile: &Profile) -> Option<Self> {
        let most = match profile.class {
            DeviceClass::Cpu => Self::MOST_PIXELS,
            DeviceClass::Gpu => 64,
        };
        (pixels <= most).then(|| Self {
            kernel_workgroup: vector_width::run(profile),
        })
    }

    fn launch<P: Pod>(
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

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct ForwardParams {
    channels: u32,
    groups: u32,
    pixels: u32,
    input: [u32; 2],
    weight: u32,
    bias: u32,
    stats: [u32; 2],
    output: [u32; 2],
    eps: f32,
    slope: f32,
    momentum: f32,
    unbias: f32,
    pad: u32,
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
            weight: context.inputs[weight].offset,
            bias: context.inputs[bias].offset,
            stats: stats.place(),
            output: output.place(),
            eps: self.statistics.eps,
            slope: self.slope,
            momentum: self.running.map_or(0.0, |running| running.momentum),
            unbias: self.running.map_or(1.0, |running| running.unbias()),
            pad: 0,
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

/// The gradients of a normalisation by the input's own statistics with an activation behind it.
/// Takes `[grad_output, input, stats]`, then for `affine` `weight`, then for a `slope` the
/// activation's output. The value is the sums `[groups, 1, 2, channels]`, which a small map leaves
/// unwritten; byproducts are 0 the gradient of the input, 1 that of the weight, 2 that of the bias.
#[derive(Debug, Clone, Copy)]
pub struct NormGrad {
    /// Whether the normalisation has weight and bias.
    pub affine: bool,
    /// Slope of the negative side, if there is an activation.
    pub slope: Option<f32>,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct BackwardParams {
    channels4: u32,
    groups: u32,
    pixels: u32,
    grad_output: [u32; 2],
    value: [u32; 2],
    input: [u32; 2],
    stats: [u32; 2],
    weight: u32,
    grad_input: [u32; 2],
    grad_weight: u32,
    grad_bias: u32,
    slope: f32,
    pad: [u32; 3],
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct MergeParams {
    channels4: u32,
    groups: u32,
    chunks: u32,
    sums: [u32; 2],
    grad_weight: u32,
    grad_bias: u32,
    pad: u32,
}

/// The gradients of weight and bias that a launch writes: slots and first `vec4`s; unused ones
/// where neither is asked for.
struct AffineGrads {
    wanted: bool,
    slots: [Slot; 2],
    offsets: [u32; 2],
    /// Both are stored alike, as all gradients of parameters are.
    dtype: DType,
}

impl AffineGrads {
    fn of(context: &LowerContext) -> Self {
        let place = |number: usize| context.byproducts.get(number).copied().flatten();
        let slot = |number| {
            if place(number).is_some() {
                Slot::Byproduct(number)
            } else {
                Slot::Unused(number)
            }
        };
        let offset = |number| place(number).map_or(0, |operand| operand.offset);
        let dtype = place(1).map_or(DType::F32, |operand| operand.dtype);
        Self {
            wanted: place(1).is_some() && place(2).is_some(),
            slots: [1, 2].map(slot),
            offsets: [1, 2].map(offset),
            dtype,
        }
    }

    /// `kernel` with what it writes of these.
    fn of_kernel(&self, kernel: KernelSpec) -> KernelSpec {
        gradients(kernel.flag("GRAD_AFFINE", self.wanted), self.dtype)
    }
}

impl NormGrad {
    /// Positions of weight and value; what is not there points to the input, which the shader then
    /// leaves alone.
    fn positions(&self) -> [usize; 2] {
        let value = if self.affine { 4 } else { 3 };
        [
            if self.affine { 3 } else { 1 },
            if self.slope.is_some() { value } else { 1 },
        ]
    }

    fn small(&self, small: &Small, context: &LowerContext, grad_input: Operand) -> Lowered {
        let inputs = context.inputs;
        let [weight, value] = self.positions();
        let groups = inputs[2].shape.batch();
        let grads = AffineGrads::of(context);
        let params = BackwardParams {
            channels4: grad_input.shape.channels4() as u32,
            groups: groups as u32,
            pixels: (grad_input.shape.rows() / groups) as u32,
            grad_output: inputs[0].place(),
            value: inputs[value].place(),
            input: inputs[1].place(),
            stats: inputs[2].place(),
            weight: inputs[weight].offset,
            grad_input: grad_input.place(),
            grad_weight: grads.offsets[0],
            grad_bias: grads.offsets[1],
            slope: self.slope.unwrap_or(1.0),
            pad: [0; 3],
        };
        let kernel = activations(
            KernelSpec::new(shader!("batch_norm/small_backward")),
            grad_input.dtype,
        )
        .flag("MASKED", self.slope.is_some())
        .flag("AFFINE", self.affine);
        let kernel = grads.of_kernel(kernel);
        let slots = [0, value, 1, 2, weight]
            .map(Slot::Input)
            .into_iter()
            .chain([Slot::Byproduct(0)])
            .chain(grads.slots)
            .collect();
        small.launch(kernel, &params, slots, grad_input.shape.channels4())
    }

    /// Sums of chunks, then of groups and of weight and bias, then the input's gradient.
    fn large(&self, context: &LowerContext, grad_input: Operand) -> Lowered {
        let (inputs, sums) = (context.inputs, context.output);
        let [weight, value] = self.positions();
        let groups = sums.shape.batch();
        let split = Chunks::in_chunks(inputs[1].shape, groups);
        let grads = AffineGrads::of(context);
        let params = MergeParams {
            channels4: sums.shape.channels4() as u32,
            groups: groups as u32,
            chunks: split.chunks as u32,
            sums: sums.place(),
            grad_weight: grads.offsets[0],
            grad_bias: grads.offsets[1],
            pad: 0,
        };
        let partial = split.partial(sums.shape.channels());
        let mask = self.slope.map(|slope| Mask { slope, value });
        let first = chunk_sums(context, mask, split, Slot::Scratch, partial);
        let kernel = grads.of_kernel(KernelSpec::new(shader!("batch_norm/grad_merge")));
        let slots = [Slot::Scratch, Slot::Output]
            .into_iter()
            .chain(grads.slots)
            .collect();
        let second = Dispatch::new(kernel, &params, slots, groups_for(1, sums.shape));

        let mut operands = vec![
            (Slot::Input(0), inputs[0]),
            (Slot::Input(2), inputs[2]),
            (Slot::Input(1), inputs[1]),
            (Slot::Output, sums),
        ];
        operands.extend(self.affine.then_some((Slot::Input(weight), inputs[weight])));
        operands.extend(self.slope.map(|_| (Slot::Input(value), inputs[value])));
        let (slots, operands): (Vec<Slot>, Vec<Operand>) = operands.into_iter().unzip();
        let grad = GradInput {
            from: StatisticsOf::Input,
            affine: self.affine,
        };
        let third = grad.lower_masked(
            &LowerContext {
                inputs: &operands,
                output: grad_input,
                ..*context
            },
            self.slope,
        );
        let third = third.map_slots(|slot| match slot {
            Slot::Input(position) => slots[position].clone(),
            Slot::Output => Slot::Byproduct(0),
            other => other,
        });
        Lowered {
            dispatches: vec![first, second],
            scratch_bytes: partial.shape.bytes(),
            ..Lowered::default()
        }
        .then(third)
    }
}

impl Op for NormGrad {
    fn name(&self) -> &'static str {
        match self.slope {
            None => "norm_backward",
            Some(0.0) => "relu_backward+norm_backward",
            Some(_) => "leaky_relu_backward+norm_backward",
        }
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let expected = 3 + usize::from(self.affine) + usize::from(self.slope.is_some());
        if inputs.len() != expected {
            return Err(ShapeError::Arity {
                expected,
                given: inputs.len(),
            });
        }
        let (grad_output, input, stats) = (inputs[0], inputs[1], inputs[2]);
        let [weight, value] = self.positions();
        same("gradient and input", grad_output, input)?;
        check_stats(input, stats)?;
        if self.affine {
            same(
                "weight and channels",
                inputs[weight],
                Shape::vector(input.channels()),
            )?;
        }
        same("gradient and value", grad_output, inputs[value])?;
        Ok(stats_shape(stats.batch(), stats.channels()))
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let Some(&Some(grad_input)) = context.byproducts.first() else {
            return Lowered::default();
        };
        let pixels = grad_input.shape.rows() / context.output.shape.batch();
        match Small::of(pixels, context.profile) {
            Some(small) => self.small(&small, context, grad_input),
            None => self.large(context, grad_input),
        }
    }

    fn is_precise(&self) -> bool {
        true
    }
}
