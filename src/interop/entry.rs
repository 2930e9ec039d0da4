//! A tensor that is to be written, and what can stop the writing.

use super::InteropError;
use super::layout::to_reference;
use crate::gpu::Gpu;
use crate::program::Store;
use crate::state::StateSpec;
use crate::tape::ArenaPart;
use safetensors::tensor::Dtype;
use std::{fmt, io};

/// One tensor of a file.
pub(super) struct TensorEntry<'a> {
    pub key: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub values: Values<'a>,
}

/// Where the values of a tensor come from.
pub(super) enum Values<'a> {
    /// A part of a state on the device, read when its turn comes.
    Device {
        from: (&'a Gpu, &'a Store),
        state: &'a StateSpec,
        part: ArenaPart,
    },
    /// Little-endian bytes in row-major order, made when their turn comes.
    Host(Box<dyn Fn() -> Vec<u8> + 'a>),
}

impl fmt::Debug for TensorEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.key, self.dtype, self.shape)
    }
}

/// Why a file could not be written to its end.
#[derive(Debug)]
pub enum WriteError {
    /// The file.
    Io(io::Error),
    /// A tensor that cannot be read back, or must not be saved.
    Tensor(InteropError),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl TensorEntry<'_> {
    /// Bytes of its values.
    pub fn size(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.bitsize() / 8
    }

    /// Its little-endian bytes in row-major order.
    ///
    /// # Errors
    /// Those of reading back, and [`InteropError::Unsavable`] for values that are not finite.
    pub async fn bytes(&self) -> Result<Vec<u8>, InteropError> {
        let (gpu, store, state, part) = match &self.values {
            Values::Host(make) => return Ok(make()),
            Values::Device { from, state, part } => (from.0, from.1, state, *part),
        };
        let values = store.read(gpu, state.id, part).await?;
        match values.iter().all(|v| v.is_finite()) {
            true => Ok(bytemuck::pod_collect_to_vec(&to_reference(
                state.shape,
                state.transposed,
                &values,
            ))),
            false => Err(InteropError::Unsavable {
                key: self.key.clone(),
            }),
        }
    }
}
