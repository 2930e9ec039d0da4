//! A tensor that is to be written, and what can stop the writing.

use super::InteropError;
use safetensors::tensor::Dtype;
use std::{fmt, io};

/// One tensor of a file.
pub(super) struct TensorEntry<'a> {
    pub key: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// Its little-endian bytes in row-major order.
    pub read: Box<dyn Fn() -> Result<Vec<u8>, InteropError> + 'a>,
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
}
