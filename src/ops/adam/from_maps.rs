//! The part of Adam that computes a convolution's weight gradient itself, in the launch that
//! consumes it.

use super::super::conv2d_grad_weight::Conv2dGradWeight;
use super::super::loss_scale;
use super::super::optimizer;
use super::Adam;
use crate::gpu::{OffsetStride, Pad, shader};
use crate::state::StateId;
use crate::tape::vector_width::VectorWidth;
use crate::tape::{ArenaPart, Dispatch, LowerContext, Slot, activations, weights};
use crate::tensor::DType;

/// Threads of a workgroup.
const WORKGROUP: usize = 64;
/// Threads side by side.
const COALESCED: usize = 8;
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

crate::params! {
    struct Params {
        batch: u32,
        large_height: u32,
        large_width: u32,
        small_height: u32,
        small_width: u32,
        stride: u32,
        padding: u32,
        transposed_output: u32,
        rows4: u32,
        columns4: u32,
        row: OffsetStride,
        column: OffsetStride,
        row_slope: f32,
        column_slope: f32,
        beta1: f32,
        beta2: f32,
        rest1: f32,
        rest2: f32,
        eps: f32,
        scale_word: u32,
        pad: Pad<2>,
    }
}

impl FromMaps {
    /// The launch that updates the weight of `adam`'s arena, whose maps are the inputs from number
    /// `position` on; or, to `check` that the gradient is finite, one that moves nothing.
    pub(super) fn launch(
        &self,
        adam: &Adam,
        context: &LowerContext,
        position: usize,
        check: bool,
    ) -> Dispatch {
        let geometry = self.gradient.geometry;
        let [rows, columns] = self.maps(position).map(|(input, _)| context.inputs[input]);
        let width = match optimizer::width(context) {
            VectorWidth::Eight if columns.shape.channels4().is_multiple_of(2) => VectorWidth::Eight,
            _ => VectorWidth::Four,
        };
        let all_columns = columns.shape.channels4() / width.vectors();
        let tile_columns = all_columns.div_ceil(COALESCED).min(TILE_COLUMNS);
        let tiles = geometry.kernel.pow(2)
            * rows.shape.channels4()
            * all_columns.div_ceil(COALESCED * tile_columns);
        let kernel = width
            .kernel(shader!("adam/from_maps"))
            .uint("KERNEL", geometry.kernel)
            .uint("TILE_COLUMNS", tile_columns);
        let kernel = if context.states.precision() == DType::F16 {
            weights(kernel.flag("HALF", true).flag("CHECK", check), DType::F16)
        } else {
            kernel
        };
        Dispatch::new(
            activations(kernel, context.inputs[position].dtype),
            &self.params(adam, context, position),
            self.slots(adam, context, position, check),
            (tiles * COALESCED).div_ceil(WORKGROUP),
        )
    }

    /// The inputs that hold the map of the weight's rows and that of its columns, each with its
    /// slope.
    fn maps(&self, position: usize) -> [(usize, f32); 2] {
        let [large, small] = [(position, self.slopes[0]), (position + 1, self.slopes[1])];
        if self.gradient.transposed_output {
            [small, large]
        } else {
            [large, small]
        }
    }

    fn params(&self, adam: &Adam, context: &LowerContext, position: usize) -> Params {
        let (large, small) = (context.inputs[position], context.inputs[position + 1]);
        let Conv2dGradWeight {
            geometry,
            transposed_output,
        } = self.gradient;
        let [rows, columns] = self.maps(position);
        let (row_map, column_map) = (context.inputs[rows.0], context.inputs[columns.0]);
        let ([beta1, beta2], [rest1, rest2]) = adam.decays();
        Params {
            batch: large.shape.batch() as u32,
            large_height: large.shape.height() as u32,
            large_width: large.shape.width() as u32,
            small_height: small.shape.height() as u32,
            small_width: small.shape.width() as u32,
            stride: geometry.stride as u32,
            padding: geometry.padding as u32,
            transposed_output: transposed_output.into(),
            rows4: row_map.shape.channels4() as u32,
            columns4: column_map.shape.channels4() as u32,
            row: row_map.place(),
            column: column_map.place(),
            row_slope: rows.1,
            column_slope: columns.1,
            beta1,
            beta2,
            rest1,
            rest2,
            eps: adam.eps,
            scale_word: loss_scale::word(context.states.trainable_index(adam.arena)),
            pad: Pad::default(),
        }
    }

    fn slots(
        &self,
        adam: &Adam,
        context: &LowerContext,
        position: usize,
        check: bool,
    ) -> Vec<Slot> {
        let states = context.states;
        let part = |part| optimizer::part(states, adam.arena, part, states.range(self.state));
        let [value, moment1, moment2] =
            [ArenaPart::Value, ArenaPart::Moment1, ArenaPart::Moment2].map(part);
        let moved = match (check, states.precision() == DType::F16) {
            (true, _) => [0, 1, 2, 3].map(Slot::Unused),
            (false, true) => [value, moment1, moment2, part(ArenaPart::Half)],
            (false, false) => [value, moment1, moment2, Slot::Unused(0)],
        };
        let [rows, columns] = self.maps(position);
        let read = [
            Slot::Step,
            Slot::Monitor,
            Slot::Input(rows.0),
            Slot::Input(columns.0),
        ];
        read.into_iter().chain(moved).collect()
    }
}
