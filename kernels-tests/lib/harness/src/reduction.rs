//! Twins of `shaders/reduction/`: which value of a reduced map an element belongs to.

use pix2pix::tensor::Shape;

/// Every reduced shape of a map: one group and several, by channel and in all.
pub fn reduced(map: Shape) -> Vec<Shape> {
    let groups = (1..=map.batch()).filter(|groups| map.batch().is_multiple_of(*groups));
    groups
        .flat_map(|groups| [1, map.channels()].map(|channels| Shape::nhwc(groups, 1, 1, channels)))
        .collect()
}

/// For each element of a map the number of its reduced value.
pub fn places(map: Shape, reduced: Shape) -> Vec<usize> {
    let (pixels, channels) = (map.rows() / reduced.batch(), map.channels());
    let place = |i: usize| {
        i / channels / pixels * reduced.channels()
            + if reduced.channels() == 1 {
                0
            } else {
                i % channels
            }
    };
    (0..map.len()).map(place).collect()
}
