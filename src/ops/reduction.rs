//! Sums over the pixels of each group of images, by channel or over the channels too, and their
//! adjoint, which broadcasts values over those pixels. With [`Binary`], whose right side may be
//! broadcast, they are closed under differentiation.

use crate::gpu::{DeviceClass, KernelSpec, OffsetStride, Profile, shader};
use crate::tape::Op;
use crate::tape::vector_width::{WORKGROUP, streaming_groups};
use crate::tape::{Dispatch, LowerContext, Lowered, Operand, Slot, activations, stored};
use crate::tape::{ShapeError, same, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::{Layout, Shape};

/// What is left of `[batch, height, width, channels]`: `[groups, 1, 1, channels]`, or
/// `[groups, 1, 1, 1]` where the channels are summed too. A group is so many equal parts of the
/// batch.
///
/// # Errors
/// [`ShapeError::Mismatch`] for any other pair of shapes.
pub(crate) fn check_reduced(map: Shape, reduced: Shape) -> Result<(), ShapeError> {
    let [groups, height, width, channels] = reduced.dims();
    let is_image = map.layout() == Layout::Nhwc && reduced.layout() == Layout::Nhwc;
    let divides = groups > 0 && map.batch().is_multiple_of(groups) && !map.is_empty();
    match is_image
        && divides
        && height == 1
        && width == 1
        && [1, map.channels()].contains(&channels)
    {
        true => Ok(()),
        false => Err(ShapeError::Mismatch {
            what: "a map and one value, or one a channel, for each of its groups",
            left: map,
            right: reduced,
        }),
    }
}

/// Whether the channels of a map are summed too.
pub(crate) fn is_total(map: Shape, reduced: Shape) -> bool {
    reduced.channels() != map.channels()
}

/// `scale * (left + right)` or `scale * left * right`. The right side has the left's shape, or one
/// value, or one a channel, for each group of pixels: `[groups, 1, 1, 1]` or
/// `[groups, 1, 1, channels]`, a group being so many equal parts of the batch.
///
/// It stands here because its gradients are sums, and those of a sum of products are products; its
/// rules and its launches are in `elementwise`.
#[derive(Debug, Clone, Copy)]
pub struct Binary {
    /// Multiply instead of add.
    pub product: bool,
    /// A factor on the result.
    pub scale: f32,
}

/// `scale` times the sum over the pixels of each group: `[input]`, or `[input, other]` for the
/// products of two maps, to `shape`, which is `[groups, 1, 1, channels]` or `[groups, 1, 1, 1]`.
#[derive(Debug, Clone, Copy)]
pub struct Sum {
    /// The output's shape.
    pub shape: Shape,
    /// A factor on the result, for example one over the number of terms.
    pub scale: f32,
}

crate::params! {
    struct SumParams {
        groups: u32,
        pixels: u32,
        chunks: u32,
        chunk_pixels: u32,
        channels4: u32,
        input: OffsetStride,
        other: OffsetStride,
        output: OffsetStride,
        scale: f32,
    }
}

impl Op for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let (&[input] | &[input, _]) = inputs else {
            return Err(ShapeError::Arity {
                expected: 1,
                given: inputs.len(),
            });
        };
        if let Some(&other) = inputs.get(1) {
            same("both factors", input, other)?;
        }
        check_reduced(input, self.shape)?;
        Ok(self.shape)
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        wanted: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        if let &[left, right] = inputs {
            let mut grads = vec![None, None];
            for (position, factor) in [(0, right), (1, left)]
                .into_iter()
                .filter(|&(position, _)| wanted[position])
            {
                let product = Binary {
                    product: true,
                    scale: self.scale,
                };
                grads[position] = Some(tape.record(product, &[factor, grad_output])?);
            }
            return Ok(grads);
        }
        let shape = tape.shape(inputs[0]);
        Ok(vec![Some(tape.record(
            Broadcast {
                shape,
                scale: self.scale,
            },
            &[grad_output],
        )?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (input, output) = (context.inputs[0], context.output);
        let total = is_total(input.shape, self.shape);
        let groups = self.shape.batch();
        let pixels = input.shape.rows() / groups;
        let other = context.inputs.len() - 1;
        let factors = [
            (Slot::Input(0), input),
            (Slot::Input(other), context.inputs[other]),
        ];
        let launch = SumLaunch {
            groups,
            chunk_pixels: chunk_pixels(pixels, input.shape, total, context.profile),
            total,
            scale: self.scale,
        };
        if launch.chunk_pixels == pixels {
            return launch
                .of(factors, other == 1, (Slot::Output, output))
                .into();
        }
        let chunks = pixels.div_ceil(launch.chunk_pixels);
        let partial = Operand::dense(Shape::nhwc(groups, 1, chunks, input.shape.channels()));
        let parts = (Slot::Scratch, partial);
        let first = SumLaunch {
            total: false,
            scale: 1.0,
            ..launch
        }
        .of(factors, other == 1, parts.clone());
        let second = SumLaunch {
            chunk_pixels: chunks,
            ..launch
        }
        .of([parts.clone(), parts], false, (Slot::Output, output));
        Lowered {
            dispatches: vec![first, second],
            scratch_bytes: partial.shape.bytes(),
        }
    }

    fn is_precise(&self) -> bool {
        true
    }
}

/// Pixels that a thread sums. All of a group where a second launch would cost more than it saves.
/// Otherwise the square root of their number: then a thread of either launch sums as many.
fn chunk_pixels(pixels: usize, map: Shape, total: bool, profile: &Profile) -> usize {
    let alone = match profile.class {
        DeviceClass::Cpu => 1024,
        DeviceClass::Gpu => 64,
    };
    let terms = pixels * if total { map.channels4() } else { 1 };
    if terms <= alone {
        pixels
    } else {
        pixels.isqrt()
    }
}

/// One launch of `sum.wgsl`.
#[derive(Clone, Copy)]
struct SumLaunch {
    groups: usize,
    chunk_pixels: usize,
    total: bool,
    scale: f32,
}

impl SumLaunch {
    /// Over the first of two maps, or over their product, to one row for each chunk.
    fn of(
        &self,
        [(from, input), (and, other)]: [(Slot, Operand); 2],
        product: bool,
        (to, output): (Slot, Operand),
    ) -> Dispatch {
        let (pixels, channels4) = (input.shape.rows() / self.groups, input.shape.channels4());
        let chunks = pixels.div_ceil(self.chunk_pixels);
        let params = SumParams {
            groups: self.groups as u32,
            pixels: pixels as u32,
            chunks: chunks as u32,
            chunk_pixels: self.chunk_pixels as u32,
            channels4: channels4 as u32,
            input: input.place(),
            other: other.place(),
            output: output.place(),
            scale: self.scale,
        };
        let kernel = KernelSpec::new(shader!("reduction/sum"))
            .flag("PRODUCT", product)
            .flag("TOTAL", self.total);
        let kernel = stored(
            activations(kernel, input.dtype),
            ["Other", "OtherScalar"],
            other.dtype,
        );
        let threads = chunks * self.groups * if self.total { 1 } else { channels4 };
        Dispatch::new(
            kernel,
            &params,
            vec![from, and, to],
            threads.div_ceil(WORKGROUP),
        )
    }
}

/// `scale` times each value of `[groups, 1, 1, channels]` or `[groups, 1, 1, 1]`, at every pixel of
/// its group in a map of `shape`.
#[derive(Debug, Clone, Copy)]
pub struct Broadcast {
    /// The output's shape.
    pub shape: Shape,
    /// A factor on the result.
    pub scale: f32,
}

crate::params! {
    struct BroadcastParams {
        rows: u32,
        channels: u32,
        pixels: u32,
        scale: f32,
        input: OffsetStride,
        output: OffsetStride,
    }
}

impl Op for Broadcast {
    fn name(&self) -> &'static str {
        "broadcast"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input] = take(inputs)?;
        check_reduced(self.shape, input)?;
        Ok(self.shape)
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let shape = tape.shape(inputs[0]);
        Ok(vec![Some(tape.record(
            Sum {
                shape,
                scale: self.scale,
            },
            &[grad_output],
        )?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (input, output) = (context.inputs[0], context.output);
        let params = BroadcastParams {
            rows: output.shape.rows() as u32,
            channels: output.shape.channels() as u32,
            pixels: (output.shape.rows() / input.shape.batch()) as u32,
            scale: self.scale,
            input: input.place(),
            output: output.place(),
        };
        let kernel = KernelSpec::new(shader!("reduction/broadcast"))
            .flag("TOTAL", is_total(output.shape, input.shape));
        let kernel = activations(kernel, output.dtype);
        Dispatch::new(
            kernel,
            &params,
            vec![Slot::Input(0), Slot::Output],
            streaming_groups(output.shape),
        )
        .into()
    }
}
