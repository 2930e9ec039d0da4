//! The page of an inspection: one file that needs nothing else.

use super::error::InspectError;
use super::feature_maps::FeatureMap;
use super::graph::GraphNode;
use super::inspection::{Inspection, Shader};
use crate::interop::html::{STYLE, base64, escape, script};
use serde_json::json;
use std::collections::HashMap;
use std::fmt::Write;

const TEMPLATE: &str = include_str!("page.html");

impl Inspection {
    /// The page: drawing, table, shaders, memory plan, and feature maps if there are any. `source`
    /// says what was inspected, for example the name of a model.
    ///
    /// # Errors
    /// Those of [`Inspection::shaders`].
    pub fn page(&self, source: &str, maps: &[FeatureMap]) -> Result<String, InspectError> {
        let shaders = self.shaders()?;
        let parts = [
            ("/* STYLE */", STYLE.to_owned()),
            ("<!-- TITLE -->", escape(&self.title)),
            ("<!-- SOURCE -->", escape(source)),
            ("<!-- SUMS -->", self.sums()),
            ("<!-- DRAWING -->", self.drawing()),
            ("<!-- ROWS -->", self.rows(&shaders)),
            ("<!-- MEMORY -->", self.memory_rows()),
            ("<!-- MAPS -->", figures(maps)),
            ("\"SHADERS\"", script(&json!(shaders))),
        ];
        Ok(filled(TEMPLATE, &parts))
    }

    fn sums(&self) -> String {
        let nodes = &self.graph.nodes;
        let launches: usize = nodes.iter().map(|node| node.kernels.len()).sum();
        let running = nodes.iter().filter(|node| !node.kernels.is_empty()).count();
        let flops: u64 = nodes.iter().map(|node| node.flops).sum();
        let mut text = format!(
            "{running} operations, {launches} launches, {:.2} GFLOP",
            flops as f64 * 1e-9
        );
        for (name, parameters) in &self.networks {
            let _ = write!(text, "; {}: {parameters} parameters", escape(name));
        }
        text
    }

    fn rows(&self, shaders: &[Shader]) -> String {
        let number: HashMap<&str, usize> = shaders
            .iter()
            .enumerate()
            .map(|(at, shader)| (&*shader.kernel, at))
            .collect();
        self.graph
            .nodes
            .iter()
            .map(|node| row(node, &number))
            .collect()
    }

    fn memory_rows(&self) -> String {
        let total: u64 = self.memory.iter().map(|row| row.bytes).sum();
        let line = |name: &str, bytes: u64| {
            let mebibytes = bytes as f64 / f64::from(1 << 20);
            format!(
                "<tr><td>{}<td class=\"number\">{mebibytes:.1}\n",
                escape(name)
            )
        };
        let rows: String = self
            .memory
            .iter()
            .map(|row| line(&row.purpose, row.bytes))
            .collect();
        rows + &line("in all", total)
    }
}

fn row(node: &GraphNode, number: &HashMap<&str, usize>) -> String {
    let kernels = node.kernels.iter().map(|kernel| {
        let at = number.get(kernel.as_str()).copied().unwrap_or_default();
        format!(
            "<button type=\"button\" data-shader=\"{at}\">{}</button>",
            escape(kernel)
        )
    });
    let inputs = node
        .inputs
        .iter()
        .map(|input| format!("<a href=\"#node-{input}\">{input}</a>"));
    let name = node
        .name
        .as_ref()
        .map_or_else(String::new, |name| format!(" {name}"));
    let time = node
        .milliseconds
        .map_or_else(String::new, |time| format!("{time:.3}"));
    format!(
        "<tr id=\"node-{index}\" class=\"{phase}\"><td class=\"number\">{index}<td>{layer}\
         <td>{op}{name}<td>{phase}<td>{inputs}<td class=\"shape\">{shape}<td>{place}, {dtype}\
         <td class=\"number\">{mflop:.2}<td class=\"number\">{kib:.1}<td class=\"number\">{time}\
         <td>{kernels}\n",
        index = node.index,
        phase = node.phase.name(),
        layer = escape(&node.layer),
        op = escape(&node.op),
        name = escape(&name),
        inputs = inputs.collect::<Vec<_>>().join(" "),
        shape = escape(&node.shape_text),
        place = escape(&node.storage.place),
        dtype = node.storage.dtype,
        mflop = node.flops as f64 * 1e-6,
        kib = node.bytes as f64 / 1024.0,
        kernels = kernels.collect::<Vec<_>>().join(" "),
    )
}

/// The feature maps, a figure for each layer.
fn figures(maps: &[FeatureMap]) -> String {
    if maps.is_empty() {
        return String::new();
    }
    let figure = |map: &FeatureMap| {
        let [width, height] = map.size;
        format!(
            "<figure><figcaption><b>{layer}</b> {about}</figcaption><img width=\"{width}\" \
             height=\"{height}\" loading=\"lazy\" alt=\"Channels of {layer}\" \
             src=\"data:image/png;base64,{png}\"></figure>\n",
            layer = escape(&map.layer),
            about = escape(&map.about()),
            png = base64(&map.png)
        )
    };
    let figures: String = maps.iter().map(figure).collect();
    format!("<h2 id=\"maps\">Feature maps</h2>\n<div class=\"maps\">\n{figures}</div>\n")
}

/// `template` with a text in the place of each of these names. What is put in is not looked at
/// again.
fn filled(template: &str, parts: &[(&str, String)]) -> String {
    let mut places: Vec<(usize, &str, &String)> = parts
        .iter()
        .flat_map(|(name, text)| {
            template
                .match_indices(name)
                .map(move |(at, _)| (at, *name, text))
        })
        .collect();
    places.sort_unstable_by_key(|place| place.0);
    let (mut page, mut behind) = (String::new(), 0);
    for (at, name, text) in places {
        page += &template[behind..at];
        page += text;
        behind = at + name.len();
    }
    page + &template[behind..]
}
