//! Floor 7: files that other programs read and write.

mod entry;
mod error;
mod file;
mod foreign;
pub mod html;
mod layout;
pub mod onnx;
mod pickle;
mod protobuf;
mod rounding;
mod tensor;
pub mod tensorboard;
#[cfg(test)]
mod tests;
mod torch;
mod writer;

pub use entry::WriteError;
pub use error::InteropError;
pub use file::{TensorFile, load_network, network_values};
pub use layout::{from_reference, reference_shape, to_reference};
pub use rounding::Rounding;
pub use writer::TensorWriter;
