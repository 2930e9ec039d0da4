//! Inputs with their values.

use pix2pix::tensor::{DType, Shape};
use pix2pix_twins::{Dims, uniform};

/// An input with its logical values, which are exact in the type that stores them.
#[derive(Clone)]
pub struct Tensor {
    /// The logical shape.
    pub shape: Shape,
    /// The values in logical order.
    pub values: Vec<f32>,
    /// How a device stores them.
    pub dtype: DType,
}

impl Tensor {
    /// Values from a fixed pseudo-random sequence in about -1..1, other ones for each `seed`.
    pub fn random(shape: Shape, seed: u32) -> Self {
        Self::new(shape, uniform(shape.len(), seed))
    }

    /// Given values.
    pub fn new(shape: Shape, values: Vec<f32>) -> Self {
        assert_eq!(values.len(), shape.len());
        Self {
            shape,
            values,
            dtype: DType::F32,
        }
    }

    /// The same stored as `dtype`, its values rounded.
    pub fn stored(self, dtype: DType) -> Self {
        Self {
            values: dtype.decode(&dtype.encode(&self.values)),
            dtype,
            ..self
        }
    }

    /// The values in f64, for twins.
    pub fn f64(&self) -> Vec<f64> {
        self.values.iter().map(|&v| v.into()).collect()
    }
}

/// The shapes of these maps.
pub fn maps<const N: usize>(table: [Dims; N]) -> [Shape; N] {
    table.map(|[batch, height, width, channels]| Shape::nhwc(batch, height, width, channels))
}
