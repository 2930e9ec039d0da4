//! The statistics of a normalisation, and how the pixels of a group are split over threads.

use super::{Groups, groups_for, stats_shape};
use crate::gpu::{DeviceClass, KernelSpec, OffsetStride, Pad, Profile, shader};
use crate::tape::Op;
use crate::tape::vector_width::{VectorWidth, vectors_stored};
use crate::tape::{Dispatch, LowerContext, Lowered, Operand, Slot, activations};
use crate::tape::{ShapeError, take};
use crate::tensor::Shape;

/// How the pixels of the groups are split over threads.
#[derive(Debug, Clone, Copy)]
pub(super) struct PixelChunks {
    pub groups: usize,
    pub pixels: usize,
    pub chunks: usize,
    pub chunk_pixels: usize,
}

impl PixelChunks {
    /// One chunk where a second launch would cost more than it saves. Otherwise a chunk has the
    /// square root of the number of pixels: then a thread of either launch sums as many.
    pub fn new(input: Shape, groups: usize, profile: &Profile) -> Self {
        let alone = match profile.class {
            DeviceClass::Cpu => 1024,
            DeviceClass::Gpu => 64,
        };
        let pixels = input.rows() / groups;
        if pixels <= alone {
            Self {
                groups,
                pixels,
                chunks: 1,
                chunk_pixels: pixels,
            }
        } else {
            Self::in_chunks(input, groups)
        }
    }

    /// About as many chunks as pixels in a chunk, however few.
    pub fn in_chunks(input: Shape, groups: usize) -> Self {
        let pixels = input.rows() / groups;
        let chunk_pixels = pixels.isqrt().max(1);
        Self {
            groups,
            pixels,
            chunks: pixels.div_ceil(chunk_pixels),
            chunk_pixels,
        }
    }

    /// The partial results of `channels` channels: two rows a chunk and group.
    pub fn partial(&self, channels: usize) -> Operand {
        Operand::dense(stats_shape(self.chunks * self.groups, channels))
    }

    /// The launches of a first kernel into `target` and, where there is more than one chunk, of a
    /// second one behind it.
    pub fn lower(
        &self,
        partial: Operand,
        first: impl Fn(Slot, Operand) -> Dispatch,
        second: Dispatch,
        output: Operand,
    ) -> Lowered {
        if self.chunks == 1 {
            return first(Slot::Output, output).into();
        }
        Lowered {
            dispatches: vec![first(Slot::Scratch, partial), second],
            scratch_bytes: partial.shape.bytes(),
        }
    }
}

/// Mean and inv_std of each group: `[batch, height, width, channels]` to
/// `[groups, 1, 2, channels]`. No gradient flows through it: [`super::Normalize`] accounts for the
/// dependence.
#[derive(Debug, Clone, Copy)]
pub struct Statistics {
    /// Which pixels share statistics.
    pub groups: Groups,
    /// Added to the variance.
    pub eps: f32,
}

crate::params! {
    struct StatisticsParams {
        channels: u32,
        groups: u32,
        pixels: u32,
        chunks: u32,
        chunk_pixels: u32,
        input: OffsetStride,
        output: OffsetStride,
        eps: f32,
        pad: Pad<2>,
    }
}

impl Op for Statistics {
    fn name(&self) -> &'static str {
        "norm_statistics"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input] = take(inputs)?;
        let groups = match self.groups {
            Groups::Batch => 1,
            Groups::Instance => input.batch(),
            Groups::Parts(parts) => parts,
        };
        if groups == 0 || !input.batch().is_multiple_of(groups) {
            return Err(ShapeError::Invalid {
                what: "batch",
                shape: input,
                remedy: "it must divide into the parts that share statistics",
            });
        }
        if input.is_empty() {
            return Err(ShapeError::Invalid {
                what: "number of values",
                shape: input,
                remedy: "there are no statistics of nothing",
            });
        }
        Ok(stats_shape(groups, input.channels()))
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (input, output) = (context.inputs[0], context.output);
        let chunks = PixelChunks::new(input.shape, output.shape.batch(), context.profile);
        let params = |to: Operand| StatisticsParams {
            channels: input.shape.channels() as u32,
            groups: chunks.groups as u32,
            pixels: chunks.pixels as u32,
            chunks: chunks.chunks as u32,
            chunk_pixels: chunks.chunk_pixels as u32,
            input: input.place(),
            output: to.place(),
            eps: self.eps,
            pad: Pad::default(),
        };
        let partial = chunks.partial(input.shape.channels());
        let first = |slot, to| {
            let width = VectorWidth::of(context.profile, &[input, to]);
            let kernel = width
                .kernel(shader!("batch_norm/statistics"))
                .flag("SINGLE", chunks.chunks == 1);
            let kernel = vectors_stored(kernel, input.dtype);
            Dispatch::new(
                kernel,
                &params(to),
                vec![Slot::Input(0), slot],
                width.groups(chunks.chunks * chunks.groups, input.shape),
            )
        };
        let merge = activations(KernelSpec::new(shader!("batch_norm/merge")), input.dtype);
        let slots = vec![Slot::Scratch, Slot::Input(0), Slot::Output];
        let second = Dispatch::new(
            merge,
            &params(output),
            slots,
            groups_for(chunks.groups, input.shape),
        );
        chunks.lower(partial, first, second, output)
    }

    fn is_precise(&self) -> bool {
        true
    }

    fn stops_gradient(&self, _: usize) -> bool {
        true
    }
}
