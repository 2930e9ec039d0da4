//! A trained generator as an ONNX file, which other runtimes translate with.

use super::checkpoint::{MODEL, json};
use super::config::ModelConfig;
use super::error::TrainError;
use super::run::write_atomic;
use crate::interop::TensorFile;
use crate::interop::onnx::Export;
use crate::nn::Generator;
use crate::state::StateList;
use crate::tape::Tape;
use crate::tensor::Shape;
use std::path::Path;

/// A side at which every network can be recorded; shapes are not in the file.
const SIDE: usize = 64;

/// Writes the generator of `file` to `path` as an ONNX file that is used as `model.test` says, with `model` in its metadata; `seed`
/// is that of dropout. Batch, height and width are free.
///
/// # Errors
/// Tensors that are missing, misshapen or not finite, a network that ONNX cannot say, and a folder or disk that cannot take the file.
pub fn export(file: &TensorFile, model: &ModelConfig, seed: u64, path: &Path) -> Result<(), TrainError> {
    let mut states = StateList::default();
    let generator = Generator::new(&mut states, &model.generator)?;
    let mut tape = Tape::default();
    let side = SIDE.next_multiple_of(generator.multiple());
    let input = tape.input("input", Shape::nhwc(1, side, side, model.generator.channels()[0]));
    let output = generator.forward(&mut tape, &states, input, &model.test.mode())?;
    let channels = [&model.input, &model.output].map(ToString::to_string);
    let export = Export { tape: &tape, states: &states, input, output, channels, multiple: generator.multiple(), seed };
    let onnx = export.model(file, vec![(MODEL, json(model))])?;
    Ok(write_atomic(path, |out| onnx.write(out))?)
}
