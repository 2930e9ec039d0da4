//! Images beside each other, in grey, in another size, or with a hole.

use crate::data::picture::Picture;
use crate::data::{resize_by_opacity, resize_nearest};

/// How an image that is no square becomes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Squared {
    /// Keep the middle
    Crop,
    /// Add white on both sides
    Pad,
    /// Change the proportions
    Stretch,
}

/// How pixels of another size are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Bicubic and antialiased, as training resizes. Colours are weighted by their opacity.
    Bicubic,
    /// Copies of the nearest pixel: no colour is new, as label maps need it.
    Nearest,
}

impl Filter {
    fn resize(self, image: &Picture, width: u32, height: u32) -> Picture {
        match self {
            Self::Bicubic => resize_by_opacity(image, width, height),
            Self::Nearest => resize_nearest(image, width, height),
        }
    }
}

/// `left` and `right` side by side, as RGB of the depth of the deeper one, with opacity if one of
/// them has it; both have one size.
pub fn combine(left: &Picture, right: &Picture) -> Picture {
    let halves = if left.has_opacity() || right.has_opacity() {
        [left.to_rgba(), right.to_rgba()]
    } else {
        [left.to_rgb(), right.to_rgb()]
    };
    let channels = halves[0].channels();
    let both = Picture::stack(halves.into());
    let mut whole = Picture::white(2 * both.width(), both.height(), channels, both.depth());
    whole.paste(&both.slice(0, channels), 0, 0);
    whole.paste(&both.slice(channels, channels), both.width(), 0);
    whole
}

/// The brightness of each pixel (ITU-R BT.601, rounded as Pillow's `convert("L")` does) in all
/// three channels, with the opacity of the image if it has it.
pub fn grayscale(image: &Picture) -> Picture {
    let grey = image.to_gray();
    if image.has_opacity() {
        let opacity = image.slice(image.channels() - 1, 1);
        Picture::stack(vec![grey, opacity]).to_rgba()
    } else {
        grey.to_rgb()
    }
}

/// A square of `size` pixels, RGB, with opacity if the image has it.
pub fn make_square(image: &Picture, size: u32, how: Squared, filter: Filter) -> Picture {
    let image = image.to_colours();
    let (width, height) = image.dimensions();
    match how {
        Squared::Stretch => filter.resize(&image, size, size),
        Squared::Crop => {
            let side = width.min(height);
            filter.resize(
                &image.crop((width - side) / 2, (height - side) / 2, side, side),
                size,
                size,
            )
        }
        Squared::Pad => {
            let longest = u64::from(width.max(height).max(1));
            let scaled = |side: u32| {
                ((u64::from(side) * u64::from(size) + longest / 2) / longest).max(1) as u32
            };
            let inner = filter.resize(&image, scaled(width), scaled(height));
            let mut square = Picture::white(size, size, image.channels(), image.depth());
            let middle = |side: u32| (size - side.min(size)) / 2;
            square.paste(&inner, middle(inner.width()), middle(inner.height()));
            square
        }
    }
}

/// The image with a white and opaque rectangle in the middle, `fraction` of each side.
pub fn blank(image: &Picture, fraction: f64) -> Picture {
    let mut image = image.to_colours();
    let (width, height) = image.dimensions();
    let hole = |side: u32| ((f64::from(side) * fraction).round() as u32).min(side);
    let (columns, rows) = (hole(width), hole(height));
    image.paste(
        &Picture::white(columns, rows, image.channels(), image.depth()),
        (width - columns) / 2,
        (height - rows) / 2,
    );
    image
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::data::Depth;

    fn gradient(width: u32, height: u32) -> Picture {
        let pixel = |x: u32, y: u32| [x as u8, y as u8, 7];
        let bytes = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| pixel(x, y)))
            .collect();
        Picture::from_bytes(width, height, 3, Depth::Eight, bytes).unwrap()
    }

    fn pixel(image: &Picture, x: u32, y: u32) -> Vec<u16> {
        image.pixel(x, y).collect()
    }

    #[test]
    fn a_combined_image_is_cut_into_its_halves() {
        let (left, right) = (gradient(5, 3), grayscale(&gradient(5, 3)));
        let cut = |whole: &Picture| {
            crate::data::pair_source::split_combined(whole, std::path::Path::new("ab")).unwrap()
        };
        assert_eq!(cut(&combine(&left, &right)), (left.clone(), right));
        // Beside 16 bits 8 become as many: nothing is lost.
        let deep = Picture::from_unit(5, 3, 1, Depth::Sixteen, &[0.3; 15]);
        let (shallow, kept) = cut(&combine(&left, &deep));
        assert_eq!((kept, shallow.depth()), (deep.to_rgb(), Depth::Sixteen));
        assert!(
            shallow
                .samples()
                .zip(left.samples())
                .all(|(word, byte)| word == 257 * byte)
        );
    }

    #[test]
    fn every_tool_keeps_16_bits() {
        let deep = Picture::from_unit(6, 4, 1, Depth::Sixteen, &[0.3; 24]);
        let sample = pixel(&deep, 0, 0)[0];
        assert_ne!(sample % 257, 0, "8 bits would do");
        for made in [
            grayscale(&deep),
            make_square(&deep, 2, Squared::Crop, Filter::Bicubic),
            make_square(&deep, 3, Squared::Stretch, Filter::Bicubic),
            make_square(&deep, 6, Squared::Pad, Filter::Bicubic),
            blank(&deep, 0.5),
        ] {
            assert_eq!((made.depth(), made.channels()), (Depth::Sixteen, 3));
            assert!(
                made.samples().all(|s| s == sample || s == u16::MAX),
                "{:?}",
                made.samples().collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn opacity_is_kept_where_there_is_any() {
        let flat = gradient(6, 4);
        let see_through = flat.map(4, |pixel, rgba| {
            rgba.extend(pixel);
            rgba.push(100);
        });
        let grey = flat.map(2, |pixel, grey| grey.extend([pixel[0], 100]));
        assert!(see_through.is_translucent() && grey.is_translucent());
        assert!(!flat.is_translucent() && !flat.to_rgba().is_translucent());
        for image in [&see_through, &grey] {
            for made in [
                grayscale(image),
                make_square(image, 2, Squared::Crop, Filter::Bicubic),
                make_square(image, 3, Squared::Stretch, Filter::Nearest),
                make_square(image, 6, Squared::Pad, Filter::Bicubic),
                blank(image, 0.2),
            ] {
                assert_eq!(made.channels(), 4);
                let opacity: Vec<u16> = made.slice(3, 1).samples().collect();
                assert!(opacity.iter().all(|&sample| sample == 100 || sample == 255));
                assert!(opacity.contains(&100));
            }
        }
        assert_eq!(
            grayscale(&see_through).slice(0, 3),
            grayscale(&flat),
            "the brightness itself does not change"
        );
        // The other half of a pair is opaque then.
        for [left, right] in [[&flat, &see_through], [&see_through, &flat]] {
            let both = combine(left, right);
            let half = |picture: &Picture, left| picture.crop(left, 0, 6, 4);
            assert_eq!(half(&both, 0), left.to_rgba());
            assert_eq!(half(&both, 6), right.to_rgba());
        }
    }

    /// The left half is transparent over black, the right one is white.
    #[test]
    fn hidden_colours_do_not_show_at_edges() {
        for depth in [Depth::Eight, Depth::Sixteen] {
            let white = Picture::white(8, 8, 1, depth);
            let mut drawing = Picture::white(8, 8, 4, depth);
            drawing.paste(
                &white.map(4, |_, rgba| rgba.extend([0; 4])).crop(0, 0, 4, 8),
                0,
                0,
            );
            let grey = drawing.map(2, |rgba, grey| grey.extend(&rgba[2..]));
            for image in [&drawing, &grey] {
                let large = make_square(image, 32, Squared::Stretch, Filter::Bicubic);
                let plain = crate::data::resize(&drawing, 32, 32);
                assert_eq!(large.slice(3, 1), plain.slice(3, 1));
                let opacity = large.slice(3, 1);
                let edge = opacity.samples().filter(|&s| s > 0 && s < depth.max());
                assert!(edge.count() >= 32 * 2, "{depth:?}");
                let laid = large.on(crate::data::Background::WHITE);
                assert!(laid.samples().all(|s| s == depth.max()), "{depth:?}");
            }
        }
    }

    #[test]
    fn colours_are_weighted_only_where_some_are_seen() {
        // What is hidden everywhere stays, and an opaque picture is resized as training does it.
        let flat = gradient(8, 6);
        let with = |opacity: u16| {
            flat.map(4, |rgb, rgba| {
                rgba.extend(rgb);
                rgba.push(opacity);
            })
        };
        let square = |image: &Picture| make_square(image, 5, Squared::Stretch, Filter::Bicubic);
        let plain = crate::data::resize(&flat, 5, 5);
        for opacity in [0, 255] {
            let made = square(&with(opacity));
            assert_eq!(made.slice(0, 3), plain, "{opacity}");
            assert!(made.slice(3, 1).samples().all(|s| s == opacity));
        }
        // One opacity everywhere weighs nothing more, but for roundings.
        let apart = square(&with(100));
        let apart = apart.slice(0, 3);
        let mut pairs = apart.samples().zip(plain.samples());
        assert!(pairs.all(|(a, b)| a.abs_diff(b) <= 1));
    }

    #[test]
    fn squares_are_cropped_padded_or_stretched() {
        let image = gradient(40, 20);
        let cropped = make_square(&image, 20, Squared::Crop, Filter::Bicubic);
        assert_eq!(
            (cropped.dimensions(), pixel(&cropped, 0, 0)),
            ((20, 20), vec![10, 0, 7])
        );
        let padded = make_square(&image, 40, Squared::Pad, Filter::Bicubic);
        let white = vec![255; 3];
        assert_eq!(
            [(0, 9), (0, 10), (39, 30)].map(|(x, y)| pixel(&padded, x, y)),
            [white.clone(), vec![0, 0, 7], white]
        );
        assert_eq!(
            make_square(&image, 8, Squared::Stretch, Filter::Bicubic).dimensions(),
            (8, 8)
        );
        let nearest = make_square(&image, 80, Squared::Stretch, Filter::Nearest);
        assert_eq!(
            [
                pixel(&nearest, 78, 0),
                pixel(&nearest, 79, 3),
                pixel(&nearest, 3, 79)
            ],
            [[39, 0, 7], [39, 0, 7], [1, 19, 7]]
        );
        for how in [Squared::Crop, Squared::Pad, Squared::Stretch] {
            assert_eq!(
                make_square(&gradient(1, 300), 16, how, Filter::Bicubic).dimensions(),
                (16, 16),
                "{how:?}"
            );
        }
    }

    #[test]
    fn the_hole_lies_in_the_middle() {
        let holed = blank(&gradient(10, 20), 0.5);
        let places = (0..20).flat_map(|y| (0..10).map(move |x| (x, y)));
        let white: Vec<_> = places
            .filter(|&(x, y)| pixel(&holed, x, y) == [255; 3])
            .collect();
        assert_eq!((white.len(), white[0], white[49]), (50, (2, 5), (6, 14)));
        assert_eq!(blank(&gradient(3, 3), 0.0), gradient(3, 3));
    }
}
