//! A picture of some pairs of an evaluation: input, output and target side by side.

use super::scorer::Example;
use crate::data::Picture;

/// Pictures of a pair.
const KINDS: usize = 3;
const GUTTER_COLOUR: u8 = 0xd4;

/// The indices of `count` of `all` pairs, or of all of them if there are fewer, evenly spaced.
pub fn evenly_spaced(count: usize, all: usize) -> Vec<usize> {
    let count = count.min(all);
    (0..count).map(|number| number * all / count).collect()
}

/// Some of the pairs of a set, evenly spaced by their index, so that nobody has picked them.
#[derive(Debug, Default)]
pub struct PairGrid {
    indices: Vec<usize>,
    pairs: Vec<[Picture; KINDS]>,
}

impl PairGrid {
    /// `count` of `all` pairs, or all of them if there are fewer.
    pub fn new(count: usize, all: usize) -> Self {
        Self {
            indices: evenly_spaced(count, all),
            pairs: Vec::new(),
        }
    }

    /// Takes the pair with this index, if it is one of them.
    pub fn add(&mut self, index: usize, example: &Example) {
        if self.indices.contains(&index) {
            let Example {
                input,
                output,
                target,
                ..
            } = example;
            self.pairs.push([input, output, target].map(Clone::clone));
        }
    }

    /// Pairs side by side in a row, so that the picture is about as wide as high.
    fn columns(&self) -> usize {
        let square = (self.pairs.len() as f64 / KINDS as f64).sqrt().round();
        (square as usize).max(1)
    }

    /// The picture as RGB, with its width and height. Pictures of several sizes stand in the middle
    /// of their cells. `None` without pairs.
    pub fn paint(&self) -> Option<(u32, u32, Vec<u8>)> {
        let sizes = || self.pairs.iter().flatten().map(Picture::dimensions);
        let cell_width = sizes().map(|(width, _)| width).max()?;
        let cell_height = sizes().map(|(_, height)| height).max()?;
        let gutter = (cell_width / 32).max(2);
        let columns = self.columns();
        // Between two pairs the gutter is three times as wide.
        let pair_width = KINDS as u32 * (cell_width + gutter) + 2 * gutter;
        let width = columns as u32 * pair_width - 3 * gutter;
        let rows = self.pairs.len().div_ceil(columns) as u32;
        let height = rows * (cell_height + gutter) - gutter;
        let mut pixels = vec![GUTTER_COLOUR; width as usize * height as usize * 3];
        for (number, pair) in self.pairs.iter().enumerate() {
            let left = (number % columns) as u32 * pair_width;
            let top = (number / columns) as u32 * (cell_height + gutter);
            for (kind, picture) in (0..).zip(pair) {
                let (own_width, own_height) = picture.dimensions();
                let x = left + kind * (cell_width + gutter) + (cell_width - own_width) / 2;
                let y = top + (cell_height - own_height) / 2;
                let bytes = own_width as usize * 3;
                for (row, line) in picture.bytes().chunks_exact(bytes).enumerate() {
                    let start = ((y as usize + row) * width as usize + x as usize) * 3;
                    pixels[start..start + bytes].copy_from_slice(line);
                }
            }
        }
        Some((width, height, pixels))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::Depth;

    fn picture(width: u32, height: u32, sample: u8) -> Picture {
        let bytes = vec![sample; (width * height * 3) as usize];
        Picture::from_bytes(width, height, 3, Depth::Eight, bytes).unwrap()
    }

    #[test]
    fn pairs_are_evenly_spaced_and_stand_side_by_side() {
        assert_eq!(PairGrid::new(4, 10).indices, [0, 2, 5, 7]);
        assert_eq!(PairGrid::new(12, 5).indices, [0, 1, 2, 3, 4]);
        let mut grid = PairGrid::new(12, 12);
        for index in 0..13 {
            let shade = |kind: u8| picture(4, 2, 10 * index as u8 + kind);
            grid.add(
                index,
                &Example {
                    name: String::new(),
                    input: shade(0),
                    output: shade(1),
                    target: shade(2),
                },
            );
        }
        let (width, height, pixels) = grid.paint().unwrap();
        // Two pairs a row, of three cells of 4 with gutters of 2, and 6 between the pairs.
        assert_eq!((width, height), (2 * (3 * 4 + 2 * 2) + 6, 6 * 2 + 5 * 2));
        let at = |x: u32, y: u32| pixels[((y * width + x) * 3) as usize];
        assert_eq!(
            [at(0, 0), at(6, 1), at(12, 0), at(4, 0)],
            [0, 1, 2, GUTTER_COLOUR]
        );
        assert_eq!(
            [at(22, 0), at(28, 0), at(0, 4), at(37, 21)],
            [10, 11, 20, 112]
        );
        assert!(PairGrid::new(0, 5).paint().is_none());
    }
}
