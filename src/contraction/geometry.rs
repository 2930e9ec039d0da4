//! What the three contraction families share: the geometry, and reading through an activation.

use super::{ContractionKey, Family, wide};
use crate::gpu::KernelSpec;
use crate::tape::Op;
use crate::tape::ShapeError;
use crate::tape::{LowerContext, Lowered};
use crate::tensor::Shape;
use std::sync::Arc;

/// Kernel size, stride and padding of a convolution, the same in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Height and width of the kernel.
    pub kernel: usize,
    /// Stride in both directions.
    pub stride: usize,
    /// Zero padding on every side.
    pub padding: usize,
}

impl Geometry {
    /// `kernel`, `stride`, `padding`.
    pub const fn new(kernel: usize, stride: usize, padding: usize) -> Self {
        Self {
            kernel,
            stride,
            padding,
        }
    }

    /// Size of the small map that a convolution makes of a large one; `None` when the kernel does
    /// not fit.
    pub const fn small(&self, large: usize) -> Option<usize> {
        match (large + 2 * self.padding).checked_sub(self.kernel) {
            Some(room) => Some(room / self.stride + 1),
            None => None,
        }
    }

    /// Size of the large map that a transposed convolution makes of a small one.
    pub const fn large(&self, small: usize) -> usize {
        ((small - 1) * self.stride + self.kernel).saturating_sub(2 * self.padding)
    }

    /// The shape of the small map for a large one.
    ///
    /// # Errors
    /// [`ShapeError::Invalid`] when the kernel does not fit.
    pub fn small_shape(&self, large: Shape, channels: usize) -> Result<Shape, ShapeError> {
        match (self.small(large.height()), self.small(large.width())) {
            (Some(height), Some(width)) => Ok(Shape::nhwc(large.batch(), height, width, channels)),
            _ => Err(ShapeError::Invalid {
                what: "map",
                shape: large,
                remedy: "it is smaller than the kernel; use larger images",
            }),
        }
    }

    /// Checks that a weight is square with this kernel size.
    ///
    /// # Errors
    /// [`ShapeError::Invalid`].
    pub fn check_weight(&self, weight: Shape) -> Result<(), ShapeError> {
        let [kernel_h, kernel_w, ..] = weight.dims();
        if kernel_h == self.kernel && kernel_w == self.kernel {
            return Ok(());
        }
        Err(ShapeError::Invalid {
            what: "weight",
            shape: weight,
            remedy: "its kernel size must be the operation's",
        })
    }
}

/// Input and output channels that a weight has for an operation that reads it as it lies or
/// transposed.
pub(crate) fn weight_channels(weight: Shape, transposed: bool) -> [usize; 2] {
    let [_, _, first, second] = weight.dims();
    if transposed {
        [second, first]
    } else {
        [first, second]
    }
}

/// `kernel` for this geometry, with these slopes by which it reads its maps, as constants. The wide
/// rung, whose long code takes a CPU adapter's compiler long, reads all but the kernel's size from
/// its parameters: one pipeline serves every layer.
pub(crate) fn specialised(
    kernel: KernelSpec,
    geometry: Geometry,
    slopes: &[(&'static str, f32)],
) -> KernelSpec {
    let kernel = kernel.uint("KERNEL", geometry.kernel);
    if wide::is_rung(&kernel) {
        return kernel;
    }
    let slopes = slopes.iter().filter(|&&(_, slope)| slope != 1.0);
    slopes.fold(
        kernel.uint("STRIDE", geometry.stride),
        |kernel, &(name, slope)| kernel.float(name, slope),
    )
}

/// A contraction that reads its maps through a leaky ReLU, `x > 0 ? x : slope * x`, as fusion makes
/// it of one that reads what an activation made. Its kernel is chosen as without: what a map costs
/// is loading it.
#[derive(Debug, Clone)]
pub struct Activated {
    /// The contraction as it was recorded.
    pub contraction: Arc<dyn Op>,
    /// Slope of the negative side by position among the inputs; 1 for a map that is read as it is,
    /// and for weights.
    pub slopes: [f32; 2],
}

impl Activated {
    /// How many of a family's inputs, the first ones, are maps that may be read so.
    pub fn maps(family: Family) -> usize {
        if family == Family::Conv2dGradWeight {
            2
        } else {
            1
        }
    }
}

impl Op for Activated {
    fn name(&self) -> &'static str {
        match self.contraction.name() {
            "conv2d" => "activation+conv2d",
            "conv_transpose2d" => "activation+conv_transpose2d",
            "conv2d_grad_weight" => "activation+conv2d_grad_weight",
            other => other,
        }
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        self.contraction.output_shape(inputs)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        self.contraction.lower(&LowerContext {
            slopes: self.slopes,
            ..*context
        })
    }

    fn contraction(&self, inputs: &[Shape], output: Shape) -> Option<ContractionKey> {
        self.contraction.contraction(inputs, output)
    }

    fn is_gradient(&self) -> bool {
        self.contraction.is_gradient()
    }
}
