//! What fusion makes of the gradients of a normalisation and of the activation behind it.

use super::fused::Small;
use super::grad::{Mask, chunk_sums};
use super::statistics::PixelChunks;
use super::{GradInput, StatisticsOf, check_stats, groups_for, stats_shape};
use crate::gpu::{KernelSpec, OffsetStride, Pad, shader};
use crate::tape::Op;
use crate::tape::{Dispatch, LowerContext, Lowered, Operand, Slot, activations, gradients};
use crate::tape::{ShapeError, same};
use crate::tensor::{DType, Shape};

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

crate::params! {
    struct BackwardParams {
        channels4: u32,
        groups: u32,
        pixels: u32,
        grad_output: OffsetStride,
        value: OffsetStride,
        input: OffsetStride,
        stats: OffsetStride,
        weight_offset: u32,
        grad_input: OffsetStride,
        grad_weight_offset: u32,
        grad_bias_offset: u32,
        slope: f32,
        pad: Pad<3>,
    }
}

crate::params! {
    struct MergeParams {
        channels4: u32,
        groups: u32,
        chunks: u32,
        sums: OffsetStride,
        grad_weight_offset: u32,
        grad_bias_offset: u32,
        pad: Pad<1>,
    }
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
            weight_offset: inputs[weight].offset,
            grad_input: grad_input.place(),
            grad_weight_offset: grads.offsets[0],
            grad_bias_offset: grads.offsets[1],
            slope: self.slope.unwrap_or(1.0),
            pad: Pad::default(),
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
        let chunks = PixelChunks::in_chunks(inputs[1].shape, groups);
        let grads = AffineGrads::of(context);
        let params = MergeParams {
            channels4: sums.shape.channels4() as u32,
            groups: groups as u32,
            chunks: chunks.chunks as u32,
            sums: sums.place(),
            grad_weight_offset: grads.offsets[0],
            grad_bias_offset: grads.offsets[1],
            pad: Pad::default(),
        };
        let partial = chunks.partial(sums.shape.channels());
        let mask = self.slope.map(|slope| Mask { slope, value });
        let first = chunk_sums(context, mask, chunks, Slot::Scratch, partial);
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
