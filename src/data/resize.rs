//! Bicubic resampling that equals the reference's (torchvision on Pillow,
//! `Image.resize(.., BICUBIC)`) bit for bit.
//!
//! The order of the two passes is Pillow's up to version 12 (for images less than a hundred times
//! as tall as wide). Version 13 takes columns first when the height loses more than twice as many
//! pixels as the width, which moves such images by a rounding.
//!
//! The filter is separable: rows first, then columns, each pass rounded to bytes. One output pixel
//! looks at the input through Keys's cubic, centred on it; when shrinking, the cubic is stretched
//! by the shrink factor so that it averages what it covers (no aliasing). Weights are fixed-point
//! integers with 22 fraction bits, so the result is the same on every machine.

use super::depth::Depth;
use super::picture::Picture;

/// Half the width of the cubic, in pixels of the coarser of the two grids.
const SUPPORT: f64 = 2.0;
/// 8 bits for the pixel and 2 for the sign and the cubic's overshoot leave 22 for the fraction of
/// an `i32`.
const FRACTION_BITS: u32 = 22;

/// Resizes a picture to `width` x `height` pixels.
///
/// If the picture has no pixels, the result is black. If the result has none, it is empty.
pub fn resize(image: &Picture, width: u32, height: u32) -> Picture {
    let channels = image.channels();
    let bytes = match image.depth() {
        Depth::Eight => resize_samples::<u8>(image.bytes(), image, width, height),
        Depth::Sixteen => {
            let samples: Vec<u16> = image.samples().collect();
            bytemuck::cast_slice(&resize_samples(&samples, image, width, height)).to_vec()
        }
    };
    // The length is right by construction, so the default is never taken.
    Picture::from_bytes(width, height, channels, image.depth(), bytes).unwrap_or_default()
}

/// The same for pictures that are laid on a colour later: what transparent pixels hide does not
/// show at their edges. Colours are weighted by their opacity, but for those that stay hidden.
/// Opacity, and pictures that are opaque, become what [`resize`] makes of them. The reference has
/// no such thing, so training does not resize in this way.
pub fn resize_by_opacity(image: &Picture, width: u32, height: u32) -> Picture {
    let plain = resize(image, width, height);
    if !image.is_translucent() {
        return plain;
    }
    let (channels, most) = (image.channels(), f32::from(image.depth().max()));
    let sums = resize_samples(&by_opacity(image), image, width, height);
    let mut sums = sums.chunks_exact(channels);
    plain.map(channels, |pixel, weighted| {
        let (Some((&opacity, colours)), Some([sums @ .., of_opacity])) =
            (pixel.split_last(), sums.next())
        else {
            return;
        };
        let colour = |(&colour, &sum): (&u16, &f32)| match opacity > 0 && *of_opacity > 0.0 {
            true => (sum / of_opacity).round().clamp(0.0, most) as u16,
            false => colour,
        };
        weighted.extend(colours.iter().zip(sums).map(colour));
        weighted.push(opacity);
    })
}

/// Samples whose colours are multiplied by their opacity.
fn by_opacity(image: &Picture) -> Vec<f32> {
    let samples: Vec<f32> = image.samples().map(f32::from).collect();
    let pixels = samples.chunks_exact(image.channels());
    let weighted = pixels.filter_map(<[f32]>::split_last);
    weighted
        .flat_map(|(&opacity, colours)| {
            let colours = colours.iter().map(move |colour| colour * opacity);
            colours.chain([opacity])
        })
        .collect()
}

/// Resizes a picture to `width` x `height` pixels. Each is a copy of the nearest pixel, so there
/// are no new colours.
pub fn resize_nearest(image: &Picture, width: u32, height: u32) -> Picture {
    let (in_width, in_height) = image.dimensions();
    // The middle of an output pixel, on the input's grid.
    let nearest = |at: u32, from: u32, to: u32| {
        ((2 * u64::from(at) + 1) * u64::from(from) / (2 * u64::from(to.max(1)))) as u32
    };
    image.rearrange(width, height, |x, y| {
        (nearest(x, in_width, width), nearest(y, in_height, height))
    })
}

/// A sample, and the sum of weighted ones: both passes round to samples. Floats are rounded as
/// floats are.
trait SampleType: Copy + Default {
    type Accumulator: Copy + Default + std::ops::AddAssign;
    fn times(self, weight: i32) -> Self::Accumulator;
    fn round(sum: Self::Accumulator) -> Self;
}

impl SampleType for u8 {
    type Accumulator = i32;

    fn times(self, weight: i32) -> i32 {
        i32::from(self) * weight
    }

    fn round(sum: i32) -> u8 {
        ((sum + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS).clamp(0, 255) as u8
    }
}

impl SampleType for u16 {
    type Accumulator = i64;

    fn times(self, weight: i32) -> i64 {
        i64::from(self) * i64::from(weight)
    }

    fn round(sum: i64) -> u16 {
        ((sum + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS).clamp(0, 65_535) as u16
    }
}

impl SampleType for f32 {
    type Accumulator = f64;

    fn times(self, weight: i32) -> f64 {
        f64::from(self) * f64::from(weight)
    }

    fn round(sum: f64) -> f32 {
        (sum / f64::from(1 << FRACTION_BITS)) as f32
    }
}

fn resize_samples<T: SampleType>(
    samples: &[T],
    image: &Picture,
    width: u32,
    height: u32,
) -> Vec<T> {
    let channels = image.channels();
    let columns = taps(image.width(), width);
    let in_row = image.width() as usize * channels;
    let row = width as usize * channels;
    // Sums of a few channels at a time stay in registers.
    let mut rows = match channels {
        n if n % 3 == 0 => resize_rows::<T, 3>(samples, in_row, channels, &columns),
        n if n % 4 == 0 => resize_rows::<T, 4>(samples, in_row, channels, &columns),
        _ => resize_rows::<T, 1>(samples, in_row, channels, &columns),
    };
    rows.resize(image.height() as usize * row, T::default());
    resize_columns(&rows, row, &taps(image.height(), height))
}

/// The inputs of one output position: `weights[i]` belongs to input position `first + i`.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

/// Keys's cubic convolution kernel with a = -1/2 (R. Keys, "Cubic convolution interpolation", 1981,
/// equation 15).
fn cubic(distance: f64) -> f64 {
    const A: f64 = -0.5;
    let x = distance.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

/// The taps of every output position along one axis; weights are cut off at the border and sum to
/// 1.
fn taps(in_size: u32, out_size: u32) -> Vec<Taps> {
    let step = f64::from(in_size) / f64::from(out_size);
    let widening = step.max(1.0);
    let reach = SUPPORT * widening;
    let one_position = |position: u32| {
        let centre = (f64::from(position) + 0.5) * step;
        // Truncation after adding a half rounds to the nearest pixel edge; a negative edge
        // saturates to 0.
        let first = (centre - reach + 0.5) as u32;
        let end = ((centre + reach + 0.5) as u32).min(in_size);
        // A multiplication by the inverse, as in the reference: the last bit of a division would
        // differ.
        let shrink = 1.0 / widening;
        let weights: Vec<f64> = (first..end)
            .map(|x| cubic((f64::from(x) - centre + 0.5) * shrink))
            .collect();
        let sum: f64 = weights.iter().sum();
        let weights = weights.iter().map(|w| to_fixed(w / sum)).collect();
        Taps {
            first: first as usize,
            weights,
        }
    };
    (0..out_size).map(one_position).collect()
}

fn to_fixed(weight: f64) -> i32 {
    (weight * f64::from(1u32 << FRACTION_BITS)).round() as i32
}

/// `[in_height, in_width, channels]` to `[in_height, out_width, channels]`, `N` channels at a time.
fn resize_rows<T: SampleType, const N: usize>(
    input: &[T],
    in_row: usize,
    channels: usize,
    taps: &[Taps],
) -> Vec<T> {
    let mut output = Vec::with_capacity(input.len() / in_row.max(1) * taps.len() * channels);
    for row in input.chunks_exact(in_row.max(1)) {
        for Taps { first, weights } in taps {
            for channel in (0..channels).step_by(N) {
                let mut sums = [T::Accumulator::default(); N];
                for (pixel, &weight) in row.chunks_exact(channels).skip(*first).zip(weights) {
                    for (sum, value) in sums.iter_mut().zip(&pixel[channel..]) {
                        *sum += value.times(weight);
                    }
                }
                output.extend(sums.map(T::round));
            }
        }
    }
    output
}

/// `[in_height, row]` to `[taps.len(), row]`, a whole row of sums at a time so that it vectorises.
fn resize_columns<T: SampleType>(input: &[T], row: usize, taps: &[Taps]) -> Vec<T> {
    let mut output = Vec::with_capacity(taps.len() * row);
    let mut sums = vec![T::Accumulator::default(); row];
    for Taps { first, weights } in taps {
        sums.fill(T::Accumulator::default());
        for (values, &weight) in input.chunks_exact(row.max(1)).skip(*first).zip(weights) {
            for (sum, &value) in sums.iter_mut().zip(values) {
                *sum += value.times(weight);
            }
        }
        output.extend(sums.iter().map(|&sum| T::round(sum)));
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;

    /// As pictures are resized, for what is written down as images.
    fn resize(image: &RgbImage, width: u32, height: u32) -> RgbImage {
        (&super::resize(&image.clone().into(), width, height)).into()
    }

    fn noise(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let word = crate::data::random::philox4x32_10([1, 2], [x, y, 0, 0]);
            image::Rgb([word[0] as u8, word[1] as u8, word[2] as u8])
        })
    }

    #[test]
    fn the_same_size_is_the_same_image() {
        let image = noise(13, 7);
        assert_eq!(resize(&image, 13, 7), image);
    }

    #[test]
    fn a_flat_image_stays_flat_at_any_size() {
        let image = RgbImage::from_pixel(17, 9, image::Rgb([0, 128, 255]));
        for (width, height) in [(1, 1), (5, 40), (286, 286), (3, 2)] {
            let output = resize(&image, width, height);
            assert_eq!(output.dimensions(), (width, height));
            assert!(
                output.pixels().all(|p| p.0 == [0, 128, 255]),
                "{width}x{height}"
            );
        }
    }

    /// Doubling puts output 6 at 3.25 and output 7 at 3.75: the white pixels 4.5 and 5.5 lie 1.25,
    /// 2.25 and 0.75, 1.75 away.
    #[test]
    fn doubling_follows_the_cubic() {
        let edge = RgbImage::from_fn(8, 1, |x, _| image::Rgb([if x < 4 { 50 } else { 200 }; 3]));
        let output = resize(&edge, 16, 1);
        let expected = |white: f64| (50.0 + 150.0 * white).round() as u8;
        assert_eq!(output.get_pixel(6, 0).0[0], expected(cubic(1.25)));
        assert_eq!(
            output.get_pixel(7, 0).0[0],
            expected(cubic(0.75) + cubic(1.75))
        );
    }

    #[test]
    fn shrinking_averages_instead_of_picking() {
        let stripes = RgbImage::from_fn(64, 64, |x, _| {
            image::Rgb([if x % 2 == 0 { 0 } else { 255 }; 3])
        });
        let output = resize(&stripes, 8, 8);
        assert!(
            output.pixels().all(|p| p.0[0].abs_diff(128) <= 8),
            "{:?}",
            output.as_raw()
        );
    }

    #[test]
    fn no_pixels_in_or_out_is_no_panic() {
        assert_eq!(resize(&RgbImage::new(0, 0), 2, 2), RgbImage::new(2, 2));
        assert_eq!(resize(&RgbImage::new(0, 5), 2, 2), RgbImage::new(2, 2));
        assert_eq!(resize(&RgbImage::new(5, 0), 2, 2), RgbImage::new(2, 2));
        assert_eq!(resize(&noise(3, 3), 0, 4).dimensions(), (0, 4));
        assert_eq!(resize(&noise(3, 3), 4, 0).dimensions(), (4, 0));
    }

    /// The same picture in 16 bits, where 257 is one step of 8 bits, and with other numbers of
    /// channels.
    #[test]
    fn depth_and_channels_change_nothing_but_the_rounding() {
        let image = noise(23, 17);
        let in_bytes = resize(&image, 31, 9);
        let picture = Picture::from(image);
        let words: Vec<u16> = picture.samples().map(|sample| sample * 257).collect();
        let words = bytemuck::cast_slice(&words).to_vec();
        let deep = Picture::from_bytes(23, 17, 3, Depth::Sixteen, words)
            .map(|deep| super::resize(&deep, 31, 9))
            .unwrap_or_default();
        let apart = |(&byte, word): (&u8, u16)| (f64::from(word) / 257.0 - f64::from(byte)).abs();
        let most = in_bytes
            .as_raw()
            .iter()
            .zip(deep.samples())
            .map(apart)
            .fold(0.0, f64::max);
        // Half a step for each pass, the first of them amplified by the negative lobes.
        assert!(
            deep.samples().count() == in_bytes.as_raw().len() && most < 1.2,
            "{most}"
        );
        for channels in [1, 2, 4, 6, 7] {
            let wide = picture.map(channels, |pixel, all| {
                all.extend((0..channels).map(|channel| pixel[channel % 3]))
            });
            let wide = super::resize(&wide, 31, 9);
            for (pixel, expected) in wide.bytes().chunks_exact(channels).zip(in_bytes.pixels()) {
                assert!(
                    (0..channels).all(|channel| pixel[channel] == expected.0[channel % 3]),
                    "{channels} channels"
                );
            }
        }
    }
}
