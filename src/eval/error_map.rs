//! Where an output differs from its target.

use crate::data::{Depth, Picture};

/// The difference that is white in a map, in steps of 255.
pub const BRIGHTEST: u8 = 128;

/// Colours of differences: black for none, then blue, red and yellow, white for the largest.
const RAMP: [[f64; 3]; 5] = [
    [0.0, 0.0, 0.0],
    [60.0, 10.0, 110.0],
    [190.0, 50.0, 80.0],
    [250.0, 160.0, 30.0],
    [255.0, 255.0, 255.0],
];

/// A picture of the largest difference of each pixel's channels. Both pictures are 8-bit RGB of one
/// size.
pub fn error_map(output: &Picture, target: &Picture) -> Picture {
    let pixels = output.bytes().chunks(3).zip(target.bytes().chunks(3));
    let largest = pixels.map(|(output, target)| {
        let differences = output.iter().zip(target).map(|(&o, &t)| o.abs_diff(t));
        differences.max().unwrap_or(0)
    });
    let bytes: Vec<u8> = largest.flat_map(colour).collect();
    let (width, height) = output.dimensions();
    // As many bytes as pixels, so the default is never taken.
    Picture::from_bytes(width, height, 3, Depth::Eight, bytes).unwrap_or_default()
}

fn colour(difference: u8) -> [u8; 3] {
    let place = f64::from(difference.min(BRIGHTEST)) / f64::from(BRIGHTEST);
    let place = place * (RAMP.len() - 1) as f64;
    let step = (place as usize).min(RAMP.len() - 2);
    let part = place - step as f64;
    let [from, to] = [RAMP[step], RAMP[step + 1]];
    std::array::from_fn(|channel| {
        (from[channel] + (to[channel] - from[channel]) * part).round() as u8
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_channel_counts_and_half_of_the_range_is_white() {
        let picture =
            |bytes: [u8; 9]| Picture::from_bytes(3, 1, 3, Depth::Eight, bytes.to_vec()).unwrap();
        let output = picture([10, 20, 30, 0, 0, 0, 100, 100, 100]);
        let target = picture([10, 20, 30, 0, 200, 1, 100, 100, 36]);
        let map = error_map(&output, &target);
        assert_eq!(&map.bytes()[..3], [0, 0, 0]);
        assert_eq!(&map.bytes()[3..6], [255, 255, 255]);
        // 64 of 128 lies at the third colour of five.
        assert_eq!(&map.bytes()[6..], [190, 50, 80]);
    }
}
