//! The messages of an ONNX file, by the field numbers of the format's `onnx.proto`.

use crate::interop::protobuf::Message;
use std::collections::BTreeSet;

/// Version of the container.
const IR_VERSION: i64 = 8;
/// Version of the operators. It is old enough for other programs, and new enough for all that is
/// used here.
const OPSET: i64 = 17;

/// `TensorProto.DataType`.
const FLOAT: i64 = 1;
const INT64: i64 = 7;
const BOOL: i64 = 9;

/// The nodes and constants of a network.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: Vec<Message>,
    initializers: Vec<Message>,
    named: BTreeSet<String>,
}

/// An image that goes in or comes out, `[batch, channels, height, width]`.
#[derive(Debug)]
pub struct Image<'a> {
    pub name: &'a str,
    pub doc: &'a str,
    pub channels: usize,
    /// Names of height and width, which any run may choose.
    pub size: [&'a str; 2],
}

/// What the file says about itself.
#[derive(Debug)]
pub struct About<'a> {
    pub doc: &'a str,
    /// Key and text of each entry.
    pub metadata: Vec<(&'a str, String)>,
}

impl Graph {
    /// Adds a node with one output. Nodes must be added in an order in which they can run.
    pub fn node(&mut self, op_type: &str, inputs: &[&str], output: &str, attributes: Vec<Message>) {
        self.node_of(op_type, inputs, &[output], attributes);
    }

    /// Adds a node. It is named after its first output.
    pub fn node_of(
        &mut self,
        op_type: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: Vec<Message>,
    ) {
        let texts = |node: Message, field, texts: &[&str]| {
            texts.iter().fold(node, |node, text| node.text(field, text))
        };
        let node = texts(texts(Message::default(), 1, inputs), 2, outputs);
        self.nodes.push(
            texts(node, 3, &outputs[..1])
                .text(4, op_type)
                .messages(5, attributes),
        );
    }

    /// Adds a constant of floats, unless there is one of that name. One name always has one set of
    /// values: states are called `model.*` as in the weight file, other constants by their values
    /// or by their only use.
    pub fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) {
        self.initializer(name, dims, FLOAT, bytemuck::pod_collect_to_vec(values));
    }

    /// Adds a vector of 64-bit integers, unless there is one of that name.
    pub fn ints(&mut self, name: &str, values: &[i64]) {
        self.initializer(
            name,
            &[values.len()],
            INT64,
            bytemuck::pod_collect_to_vec(values),
        );
    }

    /// Adds a 64-bit integer, unless there is one of that name.
    pub fn int(&mut self, name: &str, value: i64) {
        self.initializer(name, &[], INT64, value.to_le_bytes().to_vec());
    }

    /// Adds a truth value, unless there is one of that name.
    pub fn truth(&mut self, name: &str, value: bool) {
        self.initializer(name, &[], BOOL, vec![u8::from(value)]);
    }

    fn initializer(&mut self, name: &str, dims: &[usize], data_type: i64, bytes: Vec<u8>) {
        if self.named.insert(name.to_owned()) {
            let dims: Vec<i64> = dims.iter().map(|&dim| dim as i64).collect();
            self.initializers.push(
                Message::default()
                    .ints(1, &dims)
                    .int(2, data_type)
                    .text(8, name)
                    .bytes(9, bytes),
            );
        }
    }

    /// The whole file.
    pub fn model(self, about: &About, input: &Image, output: &Image) -> Message {
        let graph = Message::default()
            .messages(1, self.nodes)
            .text(2, "generator")
            .messages(5, self.initializers)
            .text(10, about.doc)
            .message(11, value_info(input))
            .message(12, value_info(output));
        let entry = |(key, text): &(&str, String)| Message::default().text(1, key).text(2, text);
        Message::default()
            .int(1, IR_VERSION)
            .text(2, env!("CARGO_PKG_NAME"))
            .text(3, env!("CARGO_PKG_VERSION"))
            .text(6, about.doc)
            .message(7, graph)
            .message(8, Message::default().text(1, "").int(2, OPSET))
            .messages(14, about.metadata.iter().map(entry))
    }
}

/// Name, type and shape of an image.
fn value_info(image: &Image) -> Message {
    let named = |name: &str| Message::default().text(2, name);
    let dims = [
        named("batch"),
        Message::default().int(1, image.channels as i64),
        named(image.size[0]),
        named(image.size[1]),
    ];
    let tensor = Message::default()
        .int(1, FLOAT)
        .message(2, Message::default().messages(1, dims));
    Message::default()
        .text(1, image.name)
        .message(2, Message::default().message(1, tensor))
        .text(3, image.doc)
}

/// Attributes of nodes: name, value, and the type.
pub mod attribute {
    use super::Message;

    /// A float.
    pub fn float(name: &str, value: f32) -> Message {
        Message::default().text(1, name).float(2, value).int(20, 1)
    }

    /// An integer.
    pub fn int(name: &str, value: i64) -> Message {
        Message::default().text(1, name).int(3, value).int(20, 2)
    }

    /// Text.
    pub fn text(name: &str, value: &str) -> Message {
        Message::default().text(1, name).text(4, value).int(20, 3)
    }

    /// Integers.
    pub fn ints(name: &str, values: &[i64]) -> Message {
        Message::default().text(1, name).ints(8, values).int(20, 7)
    }
}
