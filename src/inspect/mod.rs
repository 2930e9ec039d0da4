//! Floor 9: looking inside a program: its nodes as a table and as a drawing, the shaders of its
//! kernels, and what each layer of a generator makes of a picture.
//!
//! Nothing here reads a file, prints or starts a thread. The command `inspect`, and pages in a
//! browser, show what it makes.

mod blocks;
mod canvas;
mod drawing;
mod error;
mod feature_maps;
mod graph;
mod inspection;
mod layout;
mod page;
mod recorded;
#[cfg(test)]
mod tests;

pub use canvas::canvas_maps;
pub use drawing::draw;
pub use error::InspectError;
pub use feature_maps::{FeatureMap, MapLimits, channel_grid, feature_maps, layer_names};
pub use graph::{Graph, GraphNode, NodeStorage, Phase};
pub use inspection::{Inspection, MemoryRow, Shader};
