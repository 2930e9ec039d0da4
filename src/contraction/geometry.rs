//! Kernel size, stride and padding, and the shapes that follow from them.

use crate::tape::ShapeError;
use crate::tensor::Shape;

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
