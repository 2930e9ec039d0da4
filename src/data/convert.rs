//! Pictures from the `image` crate's and back.

use image::{DynamicImage, RgbImage};

use super::depth::Depth;
use super::picture::Picture;

impl From<DynamicImage> for Picture {
    /// As decoded: grey, RGB, each with or without alpha, in 8 or 16 bits; floats become 16 bits.
    fn from(image: DynamicImage) -> Self {
        let image = match image {
            DynamicImage::ImageRgb32F(_) => DynamicImage::ImageRgb16(image.into_rgb16()),
            DynamicImage::ImageRgba32F(_) => DynamicImage::ImageRgba16(image.into_rgba16()),
            image => image,
        };
        let (width, height, colour) = (image.width(), image.height(), image.color());
        let channels = usize::from(colour.channel_count());
        let depth = if usize::from(colour.bytes_per_pixel()) == 2 * channels {
            Depth::Sixteen
        } else {
            Depth::Eight
        };
        // As many bytes as there are samples, so the default is never taken.
        Self::from_bytes(width, height, channels, depth, image.into_bytes()).unwrap_or_default()
    }
}

impl From<RgbImage> for Picture {
    fn from(image: RgbImage) -> Self {
        DynamicImage::ImageRgb8(image).into()
    }
}

impl From<&Picture> for RgbImage {
    fn from(picture: &Picture) -> Self {
        let rgb = picture.to_rgb();
        let bytes = match rgb.depth() {
            Depth::Eight => rgb.bytes().to_vec(),
            // As the image crate: 257 sixteen-bit steps to one of eight, rounded.
            Depth::Sixteen => rgb
                .samples()
                .map(|sample| ((u32::from(sample) + 128) / 257) as u8)
                .collect(),
        };
        // Three samples a pixel by construction, so the default is never taken.
        RgbImage::from_raw(rgb.width(), rgb.height(), bytes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageBuffer, Luma, LumaA, Rgb, Rgba};

    #[test]
    fn a_decoded_image_keeps_its_channels_and_depth() {
        let pixels = [
            (
                DynamicImage::from(ImageBuffer::from_pixel(2, 3, Luma([7u8]))),
                vec![7],
            ),
            (
                ImageBuffer::from_pixel(2, 3, LumaA([7u8, 9])).into(),
                vec![7, 9],
            ),
            (
                ImageBuffer::from_pixel(2, 3, Rgb([1u8, 2, 3])).into(),
                vec![1, 2, 3],
            ),
            (
                ImageBuffer::from_pixel(2, 3, Rgba([1u16, 2, 3, 65_535])).into(),
                vec![1, 2, 3, 65_535],
            ),
            (
                ImageBuffer::from_pixel(2, 3, Luma([40_000u16])).into(),
                vec![40_000],
            ),
            (
                ImageBuffer::from_pixel(2, 3, Rgb([0.0f32, 1.0, 0.5])).into(),
                vec![0, 65_535, 32_768],
            ),
        ];
        for (image, expected) in pixels {
            let deep = expected.iter().any(|&sample| sample > 255)
                || matches!(image, DynamicImage::ImageRgba16(_));
            let picture = Picture::from(image);
            assert_eq!(
                (
                    picture.dimensions(),
                    picture.channels(),
                    picture.depth() == Depth::Sixteen
                ),
                ((2, 3), expected.len(), deep)
            );
            assert_eq!(picture.pixel(1, 2).collect::<Vec<_>>(), expected);
            assert_eq!(picture.samples().count(), 6 * expected.len());
        }
    }
}
