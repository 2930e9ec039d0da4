//! The part of Adam that computes a convolution's weight gradient itself, in the launch that consumes it.

use super::super::conv2d_grad_weight::Conv2dGradWeight;
use super::super::loss_scale;
use super::super::lower::{ArenaPart, Dispatch, LowerContext, Slot, activations, weights};
use super::super::optimizer;
use super::Adam;
use crate::gpu::KernelSpec;
use crate::shader;
use crate::state::StateId;
use crate::tensor::DType;
use bytemuck::{Pod, Zeroable};

/// Threads of a workgroup.
const WORKGROUP: usize = 64;
/// Threads side by side.
const RUN: usize = 8;
/// Most `vec4`s of columns that a thread owns.
const TILE_COLUMNS: usize = 4;

/// A weight whose gradient is computed where it is used.
#[derive(Debug, Clone, Copy)]
pub struct FromMaps {
    /// The weight.
    pub state: StateId,
    /// How its gradient comes from the large and the small map.
    pub gradient: Conv2dGradWeight,
    /// Slopes of the leaky ReLUs that the large and the small map are read through; 1 for none.
    pub slopes: [f32; 2],
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    batch: u32,
    large_height: u32,
    large_width: u32,
    large_channels4: u32,
    small_height: u32,
    small_width: u32,
    small_channels4: u32,
    padding: u32,
    large: [u32; 2],
    small: [u32; 2],
    betas: [f32; 2],
    rests: [f32; 2],
    eps: f32,
    scale_word: u32,
    pad: [u32; 2],
}

impl FromMaps {
    /// The launch that updates the weight of `adam`'s arena, whose maps are the inputs from number `position` on; or, to `check` that the
    /// gradient is finite, one that moves nothing.
    pub(super) fn launch(&self, adam: &Adam, context: &LowerContext, position: usize, check: bool) -> Dispatch {
        let (large, small) = (context.inputs[position], context.inputs[position + 1]);
        let params = Params {
            batch: large.shape.batch() as u32,
            large_height: large.shape.height() as u32,
            large_width: large.shape.width() as u32,
            large_channels4: large.shape.channels4() as u32,
            small_height: small.shape.height() as u32,
            small_width: small.shape.width() as u32,
            small_channels4: small.shape.channels4() as u32,
            padding: self.gradient.geometry.padding as u32,
            large: large.place(),
            small: small.place(),
            betas: adam.betas.map(|beta| beta as f32),
            rests: adam.betas.map(|beta| (1.0 - beta) as f32),
            eps: adam.eps,
            scale_word: loss_scale::word(context.states.trainable_index(adam.arena)),
            pad: [0; 2],
        };
        let (kernel, transposed) = (self.gradient.geometry.kernel, self.gradient.transposed_output);
        let [rows, columns] = if transposed { [small, large] } else { [large, small] }.map(|map| map.shape.channels4());
        let wide = optimizer::wide(context) && columns.is_multiple_of(2);
        let columns = if wide { columns / 2 } else { columns };
        let tile_columns = columns.div_ceil(RUN).min(TILE_COLUMNS);
        let tiles = kernel.pow(2) * rows * columns.div_ceil(RUN * tile_columns);
        let kernel = KernelSpec::new(if wide { shader!("adam/from_maps_wide") } else { shader!("adam/from_maps") })
            .uint("KERNEL", kernel)
            .uint("STRIDE", self.gradient.geometry.stride)
            .flag("TRANSPOSED_OUTPUT", transposed)
            .uint("TILE_COLUMNS", tile_columns);
        let slopes = ["LARGE_SLOPE", "SMALL_SLOPE"].into_iter().zip(self.slopes).filter(|&(_, slope)| slope != 1.0);
        let kernel = slopes.fold(kernel, |kernel, (name, slope)| kernel.float(name, slope));
        let half = context.states.precision() == DType::F16;
        let kernel = if half { weights(kernel.flag("HALF", true).flag("CHECK", check), DType::F16) } else { kernel };
        let part = |part| optimizer::part(context.states, adam.arena, part, context.states.stretch(self.state));
        let [value, moment1, moment2] = [ArenaPart::Value, ArenaPart::Moment1, ArenaPart::Moment2].map(part);
        let moved = match (check, half) {
            (true, _) => [0, 1, 2, 3].map(Slot::Unused),
            (false, true) => [value, moment1, moment2, part(ArenaPart::Half)],
            (false, false) => [value, moment1, moment2, Slot::Unused(0)],
        };
        let read = [Slot::Step, Slot::Monitor, Slot::Input(position), Slot::Input(position + 1)];
        let slots = read.into_iter().chain(moved.into_iter().take(if wide { 3 } else { 4 })).collect();
        Dispatch::new(activations(kernel, large.dtype), &params, slots, (tiles * RUN).div_ceil(WORKGROUP))
    }
}
