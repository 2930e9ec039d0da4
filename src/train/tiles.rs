//! How an image is cut into tiles that overlap. It says where each begins, which part belongs to it
//! alone, and how neighbours are blended.

use std::ops::Range;

/// The tiles along one axis. Every position belongs to the core of one tile. Cores begin at
/// multiples of what the network needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiles {
    /// Side of a tile in pixels.
    pub tile: usize,
    /// Side of the padded image.
    pub side: usize,
    starts: Vec<usize>,
    joints: Vec<Joint>,
}

/// Where one tile ends and the next begins. The core ends at `cut`. Between `from` and `to` both
/// tiles are blended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Joint {
    cut: usize,
    from: usize,
    to: usize,
}

impl Tiles {
    /// Tiles of `tile` pixels that overlap by `overlap` or more, on a side of `side` pixels. All
    /// three are multiples of `multiple`, and the overlap is less than a tile. A value of a tile is
    /// exact if it lies `reach` pixels or more from the tile's edges. Where the overlap has exact
    /// values, only these are blended. Where it has none, all of it is blended.
    pub fn new(side: usize, tile: usize, overlap: usize, multiple: usize, reach: usize) -> Self {
        let tile = tile.min(side);
        // Counted in multiples. The tiles are spread evenly, so that no tile overlaps much more
        // than another.
        let [rest, step] = [
            (side - tile) / multiple,
            (tile.saturating_sub(overlap) / multiple).max(1),
        ];
        let steps = rest.div_ceil(step);
        let starts: Vec<usize> = (0..=steps)
            .map(|i| (i * rest).checked_div(steps).unwrap_or(0) * multiple)
            .collect();
        // All pixels of one block see equally far, so whole blocks are exact.
        let seen = reach.next_multiple_of(multiple);
        let margin = if 2 * seen <= overlap { seen } else { 0 };
        let joint = |pair: &[usize]| {
            let [begin, end] = [pair[1], pair[0] + tile];
            Joint {
                cut: begin + (end - begin) / 2 / multiple * multiple,
                from: begin + margin,
                to: end - margin,
            }
        };
        let mut joints: Vec<Joint> = starts.windows(2).map(joint).collect();
        // A position is blended from two tiles, never from three: joints that would overlap meet in
        // the middle.
        for index in 1..joints.len() {
            let [to, from] = [joints[index - 1].to, joints[index].from];
            if to > from {
                let middle = from + (to - from) / 2;
                (joints[index - 1].to, joints[index].from) = (middle, middle);
            }
        }
        Self {
            tile,
            side,
            starts,
            joints,
        }
    }

    /// Number of tiles.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// First pixel of a tile.
    pub fn start(&self, index: usize) -> usize {
        self.starts[index]
    }

    /// The pixels that belong to a tile and to no other.
    pub fn core(&self, index: usize) -> Range<usize> {
        let before = index
            .checked_sub(1)
            .and_then(|before| self.joints.get(before));
        before.map_or(0, |joint| joint.cut)
            ..self.joints.get(index).map_or(self.side, |joint| joint.cut)
    }

    /// The pixels in which a tile is shown, alone or blended with a neighbour.
    pub fn shown(&self, index: usize) -> Range<usize> {
        let before = index
            .checked_sub(1)
            .and_then(|before| self.joints.get(before));
        before.map_or(0, |joint| joint.from)
            ..self.joints.get(index).map_or(self.side, |joint| joint.to)
    }

    /// The share of a tile in a pixel that it shows. The shares of all tiles add up to one.
    pub fn weight(&self, index: usize, position: usize) -> f32 {
        let before = index
            .checked_sub(1)
            .and_then(|before| self.joints.get(before));
        let up = before.map_or(1.0, |joint| joint.share_behind(position));
        let down = self
            .joints
            .get(index)
            .map_or(0.0, |joint| joint.share_behind(position));
        up - down
    }
}

impl Joint {
    /// The share of the later tile: a straight line from 0 at `from` to 1 at `to`.
    fn share_behind(&self, position: usize) -> f32 {
        let along = position as f32 + 0.5 - self.from as f32;
        match self.to - self.from {
            0 => f32::from(u8::from(position >= self.from)),
            length => (along / length as f32).clamp(0.0, 1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_and_weights_cover_every_pixel_once() {
        for (side, tile, overlap, multiple, reach) in [
            (32, 64, 32, 32, 63),
            (96, 64, 32, 32, 63),
            (320, 128, 32, 32, 63),
            (1024, 256, 128, 32, 63),
            (1056, 192, 128, 32, 63),
            (40, 12, 8, 4, 3),
        ] {
            let tiles = Tiles::new(side, tile, overlap, multiple, reach);
            let all = 0..tiles.count();
            let mut end = 0;
            for index in all.clone() {
                let (start, core, shown) =
                    (tiles.start(index), tiles.core(index), tiles.shown(index));
                assert_eq!(core.start, end, "{tiles:?}");
                assert!(
                    !core.is_empty() && core.start % multiple == 0 && start % multiple == 0,
                    "{tiles:?}"
                );
                assert!(
                    shown.start >= start
                        && shown.end <= start + tiles.tile
                        && start + tiles.tile <= side,
                    "{tiles:?}"
                );
                end = core.end;
            }
            assert_eq!(end, side);
            for position in 0..side {
                let weights: Vec<f32> = all
                    .clone()
                    .map(|index| tiles.weight(index, position))
                    .collect();
                assert!(
                    (weights.iter().sum::<f32>() - 1.0).abs() < 1e-6
                        && weights.iter().all(|w| (0.0..=1.0).contains(w)),
                    "{tiles:?}"
                );
                for (index, weight) in weights.iter().enumerate() {
                    assert!(
                        *weight == 0.0 || tiles.shown(index).contains(&position),
                        "{tiles:?} at {position}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_overlap_of_twice_the_reach_shows_exact_values_only() {
        for (side, tile, overlap) in [(1024, 256, 128), (1024, 384, 256), (992, 320, 128)] {
            let tiles = Tiles::new(side, tile, overlap, 32, 63);
            for index in 0..tiles.count() {
                let (start, shown) = (tiles.start(index), tiles.shown(index));
                assert!(
                    start == 0 || shown.start / 32 * 32 >= start + 63,
                    "{tiles:?}"
                );
                assert!(
                    start + tile == side || shown.end.next_multiple_of(32) + 63 <= start + tile,
                    "{tiles:?}"
                );
            }
        }
    }
}
