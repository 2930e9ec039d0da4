//! Shapes that an operation cannot take.

use crate::tensor::Shape;
use thiserror::Error;

/// What is wrong with the shapes of an operation's inputs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// Two inputs must agree.
    #[error("{what} must agree: {left} and {right}")]
    Mismatch {
        /// What must agree.
        what: &'static str,
        /// One shape.
        left: Shape,
        /// The other shape.
        right: Shape,
    },
    /// A wrong number of inputs.
    #[error("takes {expected} inputs, got {given}")]
    Arity {
        /// How many the operation takes.
        expected: usize,
        /// How many it got.
        given: usize,
    },
    /// A value out of its range.
    #[error("{what} of {shape}: {remedy}")]
    Invalid {
        /// What is wrong.
        what: &'static str,
        /// The shape.
        shape: Shape,
        /// What to do.
        remedy: &'static str,
    },
}

/// The inputs as an array of `N` shapes.
///
/// # Errors
/// [`ShapeError::Arity`].
pub fn take<const N: usize>(inputs: &[Shape]) -> Result<[Shape; N], ShapeError> {
    inputs.try_into().map_err(|_| ShapeError::Arity {
        expected: N,
        given: inputs.len(),
    })
}

/// Checks that two shapes are the same.
///
/// # Errors
/// [`ShapeError::Mismatch`].
pub fn same(what: &'static str, left: Shape, right: Shape) -> Result<Shape, ShapeError> {
    if left == right {
        Ok(left)
    } else {
        Err(ShapeError::Mismatch { what, left, right })
    }
}
