//! Images beside each other, in grey, in another size, or with a hole.

use image::imageops::{crop_imm, replace};
use image::{Rgb, RgbImage};

/// How an image that is no square becomes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Both sides are resized; proportions change.
    Stretch,
    /// The middle is kept.
    Crop,
    /// White is added on both sides.
    Pad,
}

const WHITE: Rgb<u8> = Rgb([255; 3]);

/// `left` and `right` side by side; both have one size.
pub fn combine(left: &RgbImage, right: &RgbImage) -> RgbImage {
    let mut whole = RgbImage::new(left.width() + right.width(), left.height().max(right.height()));
    replace(&mut whole, left, 0, 0);
    replace(&mut whole, right, i64::from(left.width()), 0);
    whole
}

/// The brightness of each pixel (ITU-R BT.601, rounded as Pillow's `convert("L")` does) in all three channels.
pub fn grayscale(image: &RgbImage) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| Rgb([luma(image.get_pixel(x, y)); 3]))
}

/// Brightness in 0..255.
pub(super) fn luma(Rgb([r, g, b]): &Rgb<u8>) -> u8 {
    crate::data::picture::luma([*r, *g, *b].map(u16::from)) as u8
}

/// Bicubic and antialiased, as training resizes.
fn resize(image: RgbImage, width: u32, height: u32) -> RgbImage {
    (&crate::data::resize(&image.into(), width, height)).into()
}

/// A square of `size` pixels, bicubic and antialiased.
pub fn fit(image: &RgbImage, size: u32, fit: Fit) -> RgbImage {
    let (width, height) = image.dimensions();
    match fit {
        Fit::Stretch => resize(image.clone(), size, size),
        Fit::Crop => {
            let side = width.min(height);
            let middle = crop_imm(image, (width - side) / 2, (height - side) / 2, side, side).to_image();
            resize(middle, size, size)
        }
        Fit::Pad => {
            let longest = u64::from(width.max(height).max(1));
            let scaled = |side: u32| ((u64::from(side) * u64::from(size) + longest / 2) / longest).max(1) as u32;
            let inner = resize(image.clone(), scaled(width), scaled(height));
            let mut square = RgbImage::from_pixel(size, size, WHITE);
            let middle = |side: u32| i64::from((size - side.min(size)) / 2);
            replace(&mut square, &inner, middle(inner.width()), middle(inner.height()));
            square
        }
    }
}

/// The image with a white rectangle in the middle, `fraction` of each side.
pub fn blank(image: &RgbImage, fraction: f64) -> RgbImage {
    let (width, height) = image.dimensions();
    let hole = |side: u32| {
        let length = (f64::from(side) * fraction).round() as u32;
        let start = (side - length.min(side)) / 2;
        start..start + length
    };
    let (columns, rows) = (hole(width), hole(height));
    let inside = |x, y| columns.contains(&x) && rows.contains(&y);
    RgbImage::from_fn(width, height, |x, y| if inside(x, y) { WHITE } else { *image.get_pixel(x, y) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn gradient(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 7]))
    }

    #[test]
    fn a_combined_image_is_cut_into_its_halves() {
        let (left, right) = (gradient(5, 3), grayscale(&gradient(5, 3)));
        let halves = crate::data::pairs::split_combined(&combine(&left, &right).into(), std::path::Path::new("ab")).unwrap();
        assert_eq!(halves, (left.into(), right.into()));
    }

    #[test]
    fn grey_is_pillows() {
        let grey = |rgb: [u8; 3]| luma(&Rgb(rgb));
        assert_eq!([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255; 3], [12, 34, 56]].map(grey), [76, 150, 29, 255, 30]);
    }

    #[test]
    fn squares_are_cropped_padded_or_stretched() {
        let image = gradient(40, 20);
        let cropped = fit(&image, 20, Fit::Crop);
        assert_eq!((cropped.dimensions(), cropped.get_pixel(0, 0)), ((20, 20), &Rgb([10, 0, 7])));
        let padded = fit(&image, 40, Fit::Pad);
        assert_eq!((padded.get_pixel(0, 9), padded.get_pixel(0, 10), padded.get_pixel(39, 30)), (&WHITE, &Rgb([0, 0, 7]), &WHITE));
        assert_eq!(fit(&image, 8, Fit::Stretch).dimensions(), (8, 8));
        for how in [Fit::Crop, Fit::Pad, Fit::Stretch] {
            assert_eq!(fit(&gradient(1, 300), 16, how).dimensions(), (16, 16), "{how:?}");
        }
    }

    #[test]
    fn the_hole_lies_in_the_middle() {
        let holed = blank(&gradient(10, 20), 0.5);
        let white = holed.enumerate_pixels().filter(|(.., pixel)| **pixel == WHITE).map(|(x, y, _)| (x, y)).collect::<Vec<_>>();
        assert_eq!((white.len(), white[0], white[49]), (50, (2, 5), (6, 14)));
        assert_eq!(blank(&gradient(3, 3), 0.0), gradient(3, 3));
    }
}
