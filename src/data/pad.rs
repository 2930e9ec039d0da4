//! Reflect padding: an image of any size becomes one that the networks accept, and the result is cut back.

use super::picture::Picture;

/// Extends an image to the right and below until both sides are multiples of `multiple`, reflecting its content about the last
/// column and row (like PyTorch's `reflect` padding, which does not repeat the edge itself). Where more is missing than there is
/// to reflect, it is reflected again and again.
///
/// A `multiple` of 0, or one whose next multiple no 32-bit size can hold, leaves the side as it is.
pub fn reflect_pad_to_multiple(image: &Picture, multiple: u32) -> Picture {
    let (width, height) = image.dimensions();
    let padded = |side: u32| side.checked_next_multiple_of(multiple).unwrap_or(side);
    image.rearrange(padded(width), padded(height), |x, y| (reflect(x, width), reflect(y, height)))
}

/// Undoes the padding: the top left `width` x `height` pixels, or what there is of them.
pub fn crop_to(image: &Picture, width: u32, height: u32) -> Picture {
    image.crop(0, 0, width, height)
}

/// Folds a position beyond the end back into `0..side`, to and fro between both ends.
fn reflect(position: u32, side: u32) -> u32 {
    let last = side.saturating_sub(1);
    if last == 0 {
        return 0;
    }
    let phase = u64::from(position) % (2 * u64::from(last));
    phase.min(2 * u64::from(last) - phase) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;

    #[test]
    fn reflects_without_repeating_the_edge() {
        let positions: Vec<u32> = (0..10).map(|x| reflect(x, 4)).collect();
        assert_eq!(positions, [0, 1, 2, 3, 2, 1, 0, 1, 2, 3]);
        assert!((0..10).all(|x| reflect(x, 1) == 0));
        assert_eq!(reflect(u32::MAX, u32::MAX), u32::MAX - 2);
    }

    #[test]
    fn pads_to_the_next_multiple_and_crops_back() {
        for (width, height) in [(1, 1), (3, 200), (256, 256), (257, 255), (100, 1)] {
            let image = Picture::from(RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 9])));
            let padded = reflect_pad_to_multiple(&image, 256);
            assert_eq!(padded.width(), width.next_multiple_of(256));
            assert_eq!(padded.height(), height.next_multiple_of(256));
            assert_eq!(crop_to(&padded, width, height), image);
        }
    }

    #[test]
    fn nothing_to_pad_is_no_panic() {
        let image = Picture::from(RgbImage::new(3, 2));
        let empty = Picture::from(RgbImage::new(0, 0));
        assert_eq!(reflect_pad_to_multiple(&image, 0), image);
        assert_eq!(reflect_pad_to_multiple(&empty, 8), empty);
        assert_eq!(crop_to(&image, 9, 9), image);
    }
}
