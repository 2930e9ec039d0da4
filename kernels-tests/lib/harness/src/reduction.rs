//! Shapes to reduce a map to, and the twin.

use pix2pix::tensor::Shape;
pub use pix2pix_twins::reduction::{MAPS, places, sums};

/// Every reduced shape of a map: one group and several, by channel and in all.
pub fn reduced(map: Shape) -> Vec<Shape> {
    let groups = (1..=map.batch()).filter(|groups| map.batch().is_multiple_of(*groups));
    groups
        .flat_map(|groups| [1, map.channels()].map(|channels| Shape::nhwc(groups, 1, 1, channels)))
        .collect()
}
