//! Nodes of the tape as operators of ONNX.
//!
//! | on the tape | in the file |
//! |---|---|
//! | `conv2d`, `conv_transpose2d` | `Conv`, `ConvTranspose` |
//! | `relu`, `leaky_relu`, `tanh`, `sigmoid` | `Relu`, `LeakyRelu`, `Tanh`, `Sigmoid` |
//! | `concat`, `add` | `Concat`, `Add` |
//! | normalisation by each image's statistics | `InstanceNormalization` |
//! | normalisation by the batch's statistics | `ReduceMean` over all but channels, the formula |
//! | normalisation by running statistics | `BatchNormalization` |
//! | `reflect_pad` | `Pad` |
//! | `nearest`, `bilinear` | `Resize` |
//! | `reflect_window` of an image | `Gather` of reflected rows and columns |
//! | `window` of a result | `Slice` by the sizes of the image |
//! | `window` in front of a `concat` | `Slice` by the sizes of what it goes with |
//! | `dropout` | `Dropout` in training mode, and a `Where` that keeps it |

use super::Export;
use super::graph::{Graph, attribute};
use super::window;
use crate::contraction::Geometry;
use crate::interop::protobuf::Message;
use crate::interop::{InteropError, TensorFile, reference_shape};
use crate::ops::Concat;
use crate::ops::activation::{Activate, Activation};
use crate::ops::batch_norm::{Groups, Normalize, RunningToStats, Statistics};
use crate::ops::conv_transpose2d::ConvTranspose2d;
use crate::ops::conv2d::Conv2d;
use crate::ops::dropout::Dropout;
use crate::ops::elementwise::Binary;
use crate::ops::resample::Resample;
use crate::ops::window::{Outside, Window};
use crate::state::StateSpec;
use crate::tape::Op;
use crate::tape::{Node, Source, Tape, Var};
use std::any::Any;

/// Names of the two images.
pub const INPUT: &str = "input";
pub const OUTPUT: &str = "output";

/// Batch, height and width of NCHW.
const ALL_BUT_CHANNELS: [i64; 3] = [0, 2, 3];

/// The nodes that the output depends on, as operators of ONNX.
pub fn graph(export: &Export, file: &TensorFile) -> Result<Graph, InteropError> {
    let mut translation = Translation {
        export,
        file,
        graph: Graph::default(),
    };
    for index in needed(export.tape, export.output) {
        let node = &export.tape.nodes()[index];
        match &node.source {
            Source::Input(_) => {}
            Source::State(id) => translation.state(export.states.get(*id))?,
            Source::Op(op) => translation.op(Var(index), node, op.as_ref())?,
        }
    }
    Ok(translation.graph)
}

/// The nodes that the output depends on, in order.
fn needed(tape: &Tape, output: Var) -> Vec<usize> {
    let mut needed = vec![false; output.0 + 1];
    needed[output.0] = true;
    for index in (0..=output.0).rev() {
        if needed[index] {
            tape.nodes()[index]
                .inputs
                .iter()
                .for_each(|input| needed[input.0] = true);
        }
    }
    (0..=output.0).filter(|&index| needed[index]).collect()
}

struct Translation<'a> {
    export: &'a Export<'a>,
    file: &'a TensorFile,
    graph: Graph,
}

impl Translation<'_> {
    /// The name of a value: that of the image, the state's key, or layer, operation and number.
    fn name(&self, var: Var) -> String {
        let node = &self.export.tape.nodes()[var.0];
        match &node.source {
            _ if var == self.export.output => OUTPUT.to_owned(),
            Source::Input(_) => INPUT.to_owned(),
            Source::State(id) => self.export.states.get(*id).name.clone(),
            Source::Op(op) => format!("{}.{}.{}", node.scope, op.name(), var.0),
        }
    }

    fn state(&mut self, state: &StateSpec) -> Result<(), InteropError> {
        let shape = reference_shape(state.shape, state.transposed);
        self.graph
            .floats(&state.name, &shape, &self.file.values(&state.name, &shape)?);
        Ok(())
    }

    fn op(&mut self, var: Var, node: &Node, op: &dyn Op) -> Result<(), InteropError> {
        let any = op as &dyn Any;
        if any.is::<Statistics>() || any.is::<RunningToStats>() {
            return Ok(()); // a part of the normalisation that reads it
        }
        if any.is::<Normalize>() {
            return self.normalize(var, node);
        }
        if let Some(&resample) = any.downcast_ref() {
            self.resample(resample, &self.name(node.inputs[0]), &self.name(var));
            return Ok(());
        }
        if let Some(window) = any.downcast_ref() {
            return self.window(window, var, node);
        }
        if let Some(dropout) = any.downcast_ref::<Dropout>() {
            self.dropout(dropout, &self.name(node.inputs[0]), &self.name(var));
            return Ok(());
        }
        let Some((op_type, attributes)) = self.simple(var, node, any) else {
            return Err(no_onnx(node));
        };
        let inputs: Vec<String> = node.inputs.iter().map(|&input| self.name(input)).collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        self.graph
            .node(op_type, &inputs, &self.name(var), attributes);
        Ok(())
    }

    /// Operator and attributes of a node that is one node in ONNX too, with the same inputs.
    fn simple(&self, var: Var, node: &Node, op: &dyn Any) -> Option<(&'static str, Vec<Message>)> {
        if let Some(conv) = op
            .downcast_ref::<Conv2d>()
            .filter(|conv| !conv.transposed_weight)
        {
            return Some(("Conv", geometry(conv.geometry)));
        }
        if let Some(conv) = op
            .downcast_ref::<ConvTranspose2d>()
            .filter(|conv| !conv.transposed_weight)
        {
            let (small, large) = (
                self.export.tape.shape(node.inputs[0]),
                self.export.tape.shape(var),
            );
            let extra = |large: usize, small: usize| {
                Some(large.checked_sub(conv.geometry.large(small))? as i64)
            };
            let padding = [
                extra(large.height(), small.height())?,
                extra(large.width(), small.width())?,
            ];
            let attributes = geometry(conv.geometry)
                .into_iter()
                .chain([attribute::ints("output_padding", &padding)]);
            return Some(("ConvTranspose", attributes.collect()));
        }
        if let Some(activate) = op.downcast_ref::<Activate>() {
            return Some(match activate.activation {
                Activation::LeakyRelu { slope: 0.0 } => ("Relu", Vec::new()),
                Activation::LeakyRelu { slope } => {
                    ("LeakyRelu", vec![attribute::float("alpha", slope)])
                }
                Activation::Tanh => ("Tanh", Vec::new()),
                Activation::Sigmoid => ("Sigmoid", Vec::new()),
            });
        }
        if op.is::<Concat>() {
            return Some(("Concat", vec![attribute::int("axis", 1)]));
        }
        let sides: Vec<_> = node
            .inputs
            .iter()
            .map(|&side| self.export.tape.shape(side))
            .collect();
        match op.downcast_ref::<Binary>()? {
            Binary {
                product: false,
                scale: 1.0,
            } if sides[0] == sides[1] => Some(("Add", Vec::new())),
            _ => None,
        }
    }

    /// Dropout in training mode. Runtimes remove a `Dropout` whose mask nobody reads, whatever its
    /// mode. So a `Where` reads the mask; it chooses what is there already.
    fn dropout(&mut self, dropout: &Dropout, input: &str, output: &str) {
        let (ratio, [kept, mask]) = (
            format!("dropout.ratio.{}", dropout.p),
            ["kept", "mask"].map(|part| format!("{output}.{part}")),
        );
        self.graph.floats(&ratio, &[], &[dropout.p]);
        self.graph.truth("dropout.training_mode", true);
        self.graph.floats("dropout.zero", &[], &[0.0]);
        let seed = attribute::int(
            "seed",
            self.export.seed.wrapping_add(u64::from(dropout.key)) as i64,
        );
        self.graph.node_of(
            "Dropout",
            &[input, &ratio, "dropout.training_mode"],
            &[&kept, &mask],
            vec![seed],
        );
        self.graph
            .node("Where", &[&mask, &kept, "dropout.zero"], output, Vec::new());
    }

    /// A map of another size. The factor is an input of the operator, the rest are its attributes.
    fn resample(&mut self, resample: Resample, input: &str, output: &str) {
        let text = attribute::text;
        let (mode, coordinates) = match resample {
            Resample::ReflectPad { pad } => {
                let (name, pad) = (format!("pads.{pad}"), pad as i64);
                self.graph.ints(&name, &[0, 0, pad, pad, 0, 0, pad, pad]);
                self.graph.node(
                    "Pad",
                    &[input, &name],
                    output,
                    vec![text("mode", "reflect")],
                );
                return;
            }
            Resample::Nearest => ("nearest", "asymmetric"),
            Resample::Bilinear => ("linear", "half_pixel"),
        };
        self.graph.floats("scales.2", &[4], &[1.0, 1.0, 2.0, 2.0]);
        let mut attributes = vec![
            text("mode", mode),
            text("coordinate_transformation_mode", coordinates),
        ];
        if resample == Resample::Nearest {
            attributes.push(text("nearest_mode", "floor"));
        }
        // The second input, a region, is left out: only other modes read it.
        self.graph
            .node("Resize", &[input, "", "scales.2"], output, attributes);
    }

    /// A window, written by what it is for. No size of the recording is kept.
    fn window(&mut self, window: &Window, var: Var, node: &Node) -> Result<(), InteropError> {
        let (from, to) = (self.name(node.inputs[0]), self.name(var));
        let joins = |reader: &&Node| match &reader.source {
            Source::Op(op) => (op.as_ref() as &dyn Any).is::<Concat>(),
            _ => false,
        };
        let other = |reader: &Node| reader.inputs.iter().copied().find(|&input| input != var);
        let mut readers = self
            .export
            .tape
            .nodes()
            .iter()
            .filter(|reader| reader.inputs.contains(&var));
        match (window.outside, readers.find(joins).and_then(other)) {
            (Outside::Reflection, _) => {
                window::reflect(&mut self.graph, &from, &to, self.export.multiple)
            }
            (Outside::Zero, Some(other)) => {
                let other = self.name(other);
                window::centre(&mut self.graph, &from, &other, &to);
            }
            (Outside::Zero, None) if var == self.export.output => {
                window::cut(&mut self.graph, &from, INPUT, &to)
            }
            _ => return Err(no_onnx(node)),
        }
        Ok(())
    }

    /// A normalisation. Its operator depends on what its statistics are made from.
    fn normalize(&mut self, var: Var, node: &Node) -> Result<(), InteropError> {
        let statistics = &self.export.tape.nodes()[node.inputs[1].0];
        let Source::Op(op) = &statistics.source else {
            return Err(no_onnx(node));
        };
        let (op, output) = (op.as_ref() as &dyn Any, self.name(var));
        let input = self.name(node.inputs[0]);
        let [weight, bias] = match node.inputs[2..] {
            [weight, bias] => [self.name(weight), self.name(bias)],
            _ => self.unit(self.export.tape.shape(var).channels()),
        };
        let affine = [input.as_str(), weight.as_str(), bias.as_str()];
        if let Some(&RunningToStats { eps }) = op.downcast_ref() {
            let running = [0, 1].map(|position| self.name(statistics.inputs[position]));
            let inputs = [&affine[..], &[&running[0], &running[1]]].concat();
            self.graph.node(
                "BatchNormalization",
                &inputs,
                &output,
                vec![attribute::float("epsilon", eps)],
            );
            return Ok(());
        }
        match op.downcast_ref() {
            Some(&Statistics {
                groups: Groups::Instance,
                eps,
            }) => {
                self.graph.node(
                    "InstanceNormalization",
                    &affine,
                    &output,
                    vec![attribute::float("epsilon", eps)],
                );
            }
            Some(&Statistics {
                groups: Groups::Batch | Groups::Parts(1),
                eps,
            }) => self.normalize_batch(affine, &output, eps),
            _ => return Err(no_onnx(node)),
        }
        Ok(())
    }

    /// `weight * (input - mean) / sqrt(variance + eps) + bias` over the batch, written out.
    /// `BatchNormalization` does that only in training mode.
    fn normalize_batch(&mut self, [input, weight, bias]: [&str; 3], output: &str, eps: f32) {
        let name = |part: &str| format!("{output}.{part}");
        let mean_of = |graph: &mut Graph, input: &str, output: &str| {
            graph.node(
                "ReduceMean",
                &[input],
                output,
                vec![
                    attribute::ints("axes", &ALL_BUT_CHANNELS),
                    attribute::int("keepdims", 1),
                ],
            );
        };
        let graph = &mut self.graph;
        let epsilon = format!("epsilon.{eps:e}");
        graph.floats(&epsilon, &[], &[eps]);
        graph.ints("axes.pixels", &[1, 2]);
        mean_of(graph, input, &name("mean"));
        graph.node("Sub", &[input, &name("mean")], &name("centred"), Vec::new());
        graph.node(
            "Mul",
            &[&name("centred"), &name("centred")],
            &name("squares"),
            Vec::new(),
        );
        mean_of(graph, &name("squares"), &name("variance"));
        graph.node(
            "Add",
            &[&name("variance"), &epsilon],
            &name("stabilised"),
            Vec::new(),
        );
        graph.node("Sqrt", &[&name("stabilised")], &name("std"), Vec::new());
        graph.node(
            "Div",
            &[&name("centred"), &name("std")],
            &name("normalised"),
            Vec::new(),
        );
        for (vector, part) in [(weight, "weight"), (bias, "bias")] {
            graph.node(
                "Unsqueeze",
                &[vector, "axes.pixels"],
                &name(part),
                Vec::new(),
            );
        }
        graph.node(
            "Mul",
            &[&name("normalised"), &name("weight")],
            &name("scaled"),
            Vec::new(),
        );
        graph.node("Add", &[&name("scaled"), &name("bias")], output, Vec::new());
    }

    /// Weight and bias for a normalisation that has none: 1 and 0.
    fn unit(&mut self, channels: usize) -> [String; 2] {
        [("ones", 1.0), ("zeros", 0.0)].map(|(what, value)| {
            let name = format!("{what}.{channels}");
            self.graph
                .floats(&name, &[channels], &vec![value; channels]);
            name
        })
    }
}

/// Attributes of both convolutions.
fn geometry(
    Geometry {
        kernel,
        stride,
        padding,
    }: Geometry,
) -> Vec<Message> {
    let [kernel, stride, padding] = [kernel, stride, padding].map(|number| number as i64);
    vec![
        attribute::ints("kernel_shape", &[kernel; 2]),
        attribute::ints("strides", &[stride; 2]),
        attribute::ints("pads", &[padding; 4]),
    ]
}

fn no_onnx(node: &Node) -> InteropError {
    InteropError::NoOnnx {
        scope: node.scope.to_string(),
        op: node.name(),
    }
}
