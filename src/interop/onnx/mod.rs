//! Export to ONNX: a recorded forward pass as operators of the format, node by node.
//!
//! Nothing here knows a network. What is on the tape is exported, with the statistics of its
//! normalisations and its dropout. Activations are NCHW and weights in the reference's order of
//! axes, under their state-dict keys.

mod graph;
mod translate;
mod window;

use super::protobuf::Message;
use super::{InteropError, TensorFile};
use crate::state::StateList;
use crate::tape::{Tape, Var};
use graph::{About, Image};
use std::io::{self, Write};

/// The most bytes of a file that readers of the format accept.
const MOST_BYTES: usize = i32::MAX as usize;

/// A recorded forward pass that is to be exported.
#[derive(Debug, Clone)]
pub struct Export<'a> {
    /// The recording. Batch, height and width of its images are names in the file.
    pub tape: &'a Tape,
    /// What it reads.
    pub states: &'a StateList,
    /// The image that goes in.
    pub input: Var,
    /// The image that comes out.
    pub output: Var,
    /// What the channels of the two images are.
    pub channels: [String; 2],
    /// What height and width may be.
    pub sizes: String,
    /// Images that are extended by their reflection are extended to multiples of this.
    pub multiple: usize,
    /// Seed of dropout, where the recording has any.
    pub seed: u64,
}

/// An ONNX file in memory.
#[derive(Debug)]
pub struct OnnxModel(Message);

impl Export<'_> {
    /// Makes the file, with the weights of `file`, and `metadata` as keys and texts.
    ///
    /// # Errors
    /// [`InteropError::NoOnnx`] for an operation that has no counterpart,
    /// [`InteropError::OnnxTooLarge`], and those of reading weights.
    pub fn model(
        &self,
        file: &TensorFile,
        metadata: Vec<(&str, String)>,
    ) -> Result<OnnxModel, InteropError> {
        let [from, to] = [self.input, self.output].map(|image| self.tape.shape(image));
        let same_size = [from.height(), from.width()] == [to.height(), to.width()];
        let doc = format!(
            "Generator of a conditional GAN (pix2pix). Images are NCHW, float32 in -1..1; {}.",
            self.sizes
        );
        let [given, made] = [0, 1].map(|image| {
            format!(
                "[batch, channels, height, width] in -1..1; the channels are {}",
                self.channels[image]
            )
        });
        let input = Image {
            name: translate::INPUT,
            doc: &given,
            channels: from.channels(),
            size: ["height", "width"],
        };
        let output = Image {
            name: translate::OUTPUT,
            doc: &made,
            channels: to.channels(),
            size: if same_size {
                input.size
            } else {
                ["out_height", "out_width"]
            },
        };
        let model = translate::graph(self, file)?.model(
            &About {
                doc: &doc,
                metadata,
            },
            &input,
            &output,
        );
        match model.length() {
            bytes if bytes > MOST_BYTES => Err(InteropError::OnnxTooLarge { bytes }),
            _ => Ok(OnnxModel(model)),
        }
    }
}

impl OnnxModel {
    /// Writes the file.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.0.write(out)
    }
}
