//! Twins of `shaders/reduction/`: which value of a reduced map an element belongs to.

use crate::{Dims, len, rows};

/// For each element of a map the number of its reduced value.
pub fn places(map: impl Into<Dims>, reduced: impl Into<Dims>) -> Vec<usize> {
    let (map, [groups, .., kept]) = (map.into(), reduced.into());
    let (pixels, channels) = (rows(map) / groups, map[3]);
    let place = |i: usize| i / channels / pixels * kept + if kept == 1 { 0 } else { i % channels };
    (0..len(map)).map(place).collect()
}
