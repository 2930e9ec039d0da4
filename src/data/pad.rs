//! Windows onto an image that may reach beyond it, as reflect padding continues it (PyTorch's `reflect`: the edge is not repeated).

use super::picture::Picture;

/// The `width` x `height` pixels at (`left`, `top`) of an image that goes on to the right and below as its reflection about its last
/// column and row, again and again where that is too little.
pub fn reflected_window(image: &Picture, left: u32, top: u32, width: u32, height: u32) -> Picture {
    let (image_width, image_height) = image.dimensions();
    let position = |from: u32, step: u32, side: u32| reflect(from.saturating_add(step), side);
    image.rearrange(width, height, |x, y| (position(left, x, image_width), position(top, y, image_height)))
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
    fn a_window_goes_beyond_the_image_by_its_reflection() {
        let image = Picture::from(RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8, y as u8, 9])));
        let window = reflected_window(&image, 3, 1, 6, 4);
        assert_eq!(window.dimensions(), (6, 4));
        let columns: Vec<u16> = (0..6).flat_map(|x| window.pixel(x, 0).next()).collect();
        let rows: Vec<u16> = (0..4).flat_map(|y| window.pixel(0, y).nth(1)).collect();
        assert_eq!((columns, rows), (vec![3, 4, 3, 2, 1, 0], vec![1, 2, 1, 0]));
        assert_eq!(reflected_window(&image, 0, 0, 5, 3), image);
    }
}
