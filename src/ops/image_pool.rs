//! The image pool (arXiv 1612.07828, section 2.3; the reference's `ImagePool`): a discriminator
//! that also sees older fakes.

use crate::gpu::{KernelSpec, OffsetStride, Pad, shader};
use crate::tape::Op;
use crate::tape::vector_width::WORKGROUP;
use crate::tape::{Dispatch, LowerContext, Lowered, Slot, activations};
use crate::tape::{ShapeError, same, take};
use crate::tensor::Shape;

/// `[image, pool]` to what the discriminator sees in place of
/// `image [batch, height, width, channels]`: itself, or with probability 1/2 an older one out of
/// `pool [capacity, height, width, channels]`, a state, whose place it takes. Pools that are asked
/// in one step with the same numbers answer with images of the same age. No gradient passes.
#[derive(Debug, Clone, Copy)]
pub struct ImagePool {
    /// Images of the step before these.
    pub first: usize,
    /// Images of the whole step.
    pub images_per_step: usize,
}

crate::params! {
    struct Params {
        batch: u32,
        pixels: u32,
        channels4: u32,
        capacity: u32,
        first: u32,
        images_per_step: u32,
        image: OffsetStride,
        output: OffsetStride,
        pad: Pad<2>,
    }
}

impl Op for ImagePool {
    fn name(&self) -> &'static str {
        "image_pool"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [image, pool] = take(inputs)?;
        same("images of a pool", pool.with_batch(1), image.with_batch(1))?;
        if pool.is_empty() {
            return Err(ShapeError::Invalid {
                what: "image pool",
                shape: pool,
                remedy: "a pool holds an image or more",
            });
        }
        match self.first.saturating_add(image.batch()) <= self.images_per_step {
            true => Ok(image),
            false => Err(ShapeError::Invalid {
                what: "images for a pool",
                shape: image,
                remedy: "count all images of the step",
            }),
        }
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (image, pool) = (context.inputs[0], context.inputs[1]);
        let pixels = image.shape.height() * image.shape.width();
        let params = Params {
            batch: image.shape.batch() as u32,
            pixels: pixels as u32,
            channels4: image.shape.channels4() as u32,
            capacity: pool.shape.batch() as u32,
            first: self.first as u32,
            images_per_step: self.images_per_step as u32,
            image: image.place(),
            output: context.output.place(),
            pad: Pad::default(),
        };
        let slots = vec![
            Slot::Input(0),
            Slot::Input(1),
            Slot::Output,
            Slot::Step,
            Slot::Monitor,
        ];
        let kernel = activations(KernelSpec::new(shader!("image_pool/exchange")), image.dtype);
        Dispatch::new(
            kernel,
            &params,
            slots,
            (pixels * image.shape.channels4()).div_ceil(WORKGROUP),
        )
        .into()
    }

    fn stops_gradient(&self, _: usize) -> bool {
        true
    }

    fn overwrites(&self) -> &[usize] {
        &[1]
    }
}
