//! Tests of [`super`].

#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn crops_maps_and_wrong_lengths() {
    let samples: Vec<u8> = (0..2 * 3 * 4).collect();
    let picture = Picture::from_bytes(3, 4, 2, Depth::Eight, samples.clone()).unwrap();
    assert_eq!(picture.crop(1, 2, 1, 9).bytes(), [14, 15, 20, 21]);
    assert_eq!(picture.crop(5, 0, 2, 2).dimensions(), (0, 2));
    assert_eq!(picture.rearrange(1, 1, |_, _| (3, 0)).bytes(), [0, 0]);
    assert_eq!(
        picture
            .map(1, |pixel, sum| sum.push(pixel[0] + pixel[1]))
            .pixel(0, 1)
            .next(),
        Some(13)
    );
    assert_eq!(picture.to_rgb().pixel(2, 3).collect::<Vec<_>>(), [22; 3]);
    let (mut upper, lower) = (picture.crop(0, 0, 3, 3), picture.crop(0, 3, 3, 1));
    upper.append(lower.clone());
    assert_eq!(upper, picture);
    assert_eq!(upper.take_rows(3), picture.crop(0, 0, 3, 3));
    assert_eq!(upper, lower);
    let stacked = Picture::stack(vec![
        picture.clone(),
        Picture::from_unit(3, 4, 1, Depth::Sixteen, &[1.0]),
    ]);
    assert_eq!(
        (stacked.depth(), stacked.pixel(0, 0).collect()),
        (Depth::Sixteen, vec![0, 257, 65_535])
    );
    assert_eq!(
        stacked.slice(1, 1).pixel(1, 0).collect::<Vec<_>>(),
        [3 * 257]
    );
    assert_eq!(
        Picture::from_bytes(3, 4, 1, Depth::Sixteen, samples[..12].to_vec()),
        None
    );
    assert_eq!(
        Picture::from_unit(1, 1, 2, Depth::Sixteen, &[1.0])
            .samples()
            .collect::<Vec<_>>(),
        [65_535, 0]
    );
}

/// Colours that are multiplied by their opacity are divided by it, where colours are asked for.
#[test]
fn premultiplied_colours_become_straight() {
    let extra = Extra {
        is_premultiplied: true,
        ..Extra::default()
    };
    let pixels = [
        [100, 50, 0, 128],
        [9, 8, 7, 0],
        [200, 100, 50, 255],
        [90, 3, 1, 60],
    ];
    let bytes: Vec<u8> = pixels.into_iter().flatten().collect();
    let picture = Picture::from_bytes(4, 1, 4, Depth::Eight, bytes.clone()).unwrap();
    let picture = picture.with_extra(extra);
    assert_eq!(
        picture.bytes(),
        bytes,
        "samples stay as they are in the file"
    );
    // As Pillow: 255 * colour / opacity in whole numbers, at most 255, and 0 without opacity.
    let straight = [
        [199, 99, 0, 128],
        [0, 0, 0, 0],
        [200, 100, 50, 255],
        [255, 12, 4, 60],
    ];
    let rgba = picture.to_rgba();
    assert_eq!(rgba.bytes(), straight.as_flattened());
    let without = straight.iter().flat_map(|pixel| &pixel[..3]).copied();
    assert!(picture.to_rgb().bytes().iter().copied().eq(without));
    assert_eq!(picture.to_gray(), rgba.to_gray());
    assert_eq!(rgba.to_rgba(), rgba, "once is enough");

    let words: Vec<u8> = [1000u16, 32_768]
        .into_iter()
        .flat_map(u16::to_ne_bytes)
        .collect();
    let grey = Picture::from_bytes(1, 1, 2, Depth::Sixteen, words).unwrap();
    let grey = grey.with_extra(extra).to_gray();
    assert_eq!(grey.samples().collect::<Vec<_>>(), [1999]);
}
