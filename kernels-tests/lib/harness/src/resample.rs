//! The twin of `shaders/resample/`: a map of more pixels as a list of taps.

use pix2pix::ops::resample::Resample;
use pix2pix::tape::Op;
use pix2pix::tensor::Shape;

/// What pixel `i` of the large map reads of `size` pixels: places and weights.
fn taps(kind: Resample, i: usize, size: usize) -> Vec<(usize, f64)> {
    let last = size as isize - 1;
    match kind {
        Resample::ReflectPad { pad } => {
            let mut place = i as isize - pad as isize;
            while !(0..=last).contains(&place) {
                place = if place < 0 { -place } else { 2 * last - place };
            }
            vec![(place as usize, 1.0)]
        }
        Resample::Nearest => vec![((i as f64 / 2.0).floor() as usize, 1.0)],
        Resample::Bilinear => {
            // PyTorch's area_pixel_compute_source_index, and its neighbours.
            let source = ((i as f64 + 0.5) / 2.0 - 0.5).max(0.0);
            let (low, part) = (source.floor() as usize, source.fract());
            vec![(low, 1.0 - part), ((low + 1).min(size - 1), part)]
        }
    }
}

/// Calls `f` with every element of the large map, what it reads, and the weight.
pub fn for_each_tap(
    kind: Resample,
    small: Shape,
    large: Shape,
    mut f: impl FnMut(usize, usize, f64),
) {
    let ([batch, height, width, channels], [_, large_height, large_width, _]) =
        (small.dims(), large.dims());
    for (n, y, x) in (0..batch)
        .flat_map(|n| (0..large_height).flat_map(move |y| (0..large_width).map(move |x| (n, y, x))))
    {
        for (iy, wy) in taps(kind, y, height) {
            for (ix, wx) in taps(kind, x, width) {
                for c in 0..channels {
                    let to = ((n * large_height + y) * large_width + x) * channels + c;
                    f(to, ((n * height + iy) * width + ix) * channels + c, wy * wx);
                }
            }
        }
    }
}

/// The twin of a whole map.
pub fn enlarged(kind: Resample, small: Shape, input: &[f64]) -> Vec<f64> {
    let large = kind.output_shape(&[small]).unwrap();
    let mut output = vec![0.0; large.len()];
    for_each_tap(kind, small, large, |to, from, weight| {
        output[to] += weight * input[from]
    });
    output
}
