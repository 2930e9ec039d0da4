//! A trained generator as an ONNX file, which other runtimes translate with.

use super::checkpoint::{MODEL, json};
use super::config::ModelConfig;
use super::error::TrainError;
use super::run::write_atomic;
use crate::interop::TensorFile;
use crate::interop::onnx::Export;
use crate::nn::{Fit, Generator};
use crate::state::StateList;
use crate::tape::Tape;
use crate::tensor::Shape;
use std::path::Path;

/// A side at which every network can be recorded. The file itself has no sides.
const SIDE: usize = 64;

/// Writes the generator of `file` to `path` as an ONNX file. The generator is used as `model.test`
/// and `model.fit` say, and the file has `model` in its metadata. `seed` is the seed of dropout.
/// Batch, height and width are free.
///
/// # Errors
/// Tensors that are missing, misshapen or not finite; a network that ONNX cannot express; a folder
/// or disk that cannot take the file.
pub fn export(
    file: &TensorFile,
    model: &ModelConfig,
    seed: u64,
    path: &Path,
) -> Result<(), TrainError> {
    let mut states = StateList::default();
    let generator = Generator::new(&mut states, &model.generator)?;
    let multiple = generator.multiple();
    let mut tape = Tape::default();
    // A side that is odd in every layer. So everything is recorded that any other size needs.
    let side = 2 * SIDE.next_multiple_of(multiple) - 1;
    let image = Shape::nhwc(1, side, side, model.generator.channels()[0]);
    let fitted = model.fit.of(image, &model.generator);
    let input = tape.input("input", image);
    tape.set_scope("generator.fit");
    let given = fitted.given(&mut tape, input)?;
    let made = generator.forward(&mut tape, &states, given, &model.test.mode())?;
    tape.set_scope("generator.fit");
    let output = fitted.result(&mut tape, made)?;
    let channels = [&model.input, &model.output].map(ToString::to_string);
    let sizes = match model.fit {
        Fit::Pad => "height and width are free".to_owned(),
        Fit::Crop => format!(
            "height and width are {multiple} or more, and the output shows the middle of the \
             input, the largest multiples of {multiple}"
        ),
    };
    let export = Export {
        tape: &tape,
        states: &states,
        input,
        output,
        channels,
        sizes,
        multiple,
        seed,
    };
    let onnx = export.model(file, vec![(MODEL, json(model))])?;
    Ok(write_atomic(path, |out| onnx.write(out))?)
}
