//! Floor 6: files that other programs read and write.

mod error;
mod layout;
mod weights;

pub use error::InteropError;
pub use layout::{from_reference, reference_shape, to_reference};
pub use weights::{TensorFile, TensorWriter, WriteError, load_network};
