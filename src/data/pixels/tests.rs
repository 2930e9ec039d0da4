#![allow(clippy::unwrap_used)]

use super::*;
use crate::data::depth::Depth;

const ALL: [Pixels; 5] = [
    Pixels::Gray,
    Pixels::Rgb,
    Pixels::Rgba,
    Pixels::LabL,
    Pixels::LabAb,
];

/// Noise without extremes: the corners of the cube of colours are clamped on their way through
/// Lab.
fn noise(channels: usize, depth: Depth) -> Picture {
    let random =
        |at: usize| crate::data::random::philox4x32_10([1, 2], [at as u32, 0, 0, 0])[0] as u16;
    let samples: Vec<u16> = (0..7 * 5 * channels).map(random).collect();
    let bytes = match depth {
        Depth::Eight => samples.iter().map(|&sample| sample as u8).collect(),
        Depth::Sixteen => samples
            .iter()
            .flat_map(|sample| sample.to_ne_bytes())
            .collect(),
    };
    Picture::from_bytes(7, 5, channels, depth, bytes).unwrap()
}

#[test]
fn sixteen_bits_come_out_as_they_went_in() {
    for kind in [Pixels::Gray, Pixels::Rgb, Pixels::Rgba] {
        let picture = noise(kind.channels(), Depth::Sixteen);
        let values = kind.units(&kind.colours(&picture, Path::new("noise")).unwrap());
        assert_eq!(
            kind.pictures(7, 5, Depth::Sixteen, &values, &[]),
            [picture],
            "{kind}"
        );
    }
    // Lightness and colour apart, and joined again: to a step or two, for both pass as f32.
    let picture = noise(3, Depth::Sixteen);
    let [l, ab] = [Pixels::LabL, Pixels::LabAb].map(|kind| kind.units(&picture));
    assert!(
        l.iter()
            .chain(&ab)
            .all(|value| (-1.0..=1.0).contains(value))
    );
    let joined = Pixels::LabAb
        .pictures(7, 5, Depth::Sixteen, &ab, &l)
        .remove(0);
    assert!(
        joined
            .samples()
            .zip(picture.samples())
            .all(|(joined, own)| joined.abs_diff(own) <= 2)
    );
}

#[test]
fn every_kind_takes_every_picture_and_is_shown_in_colours() {
    for channels in 1..=4 {
        let picture = noise(channels, Depth::Eight);
        for kind in ALL {
            let colours = match kind.colours(&picture, Path::new("noise.png")) {
                Ok(colours) => colours,
                Err(error) => {
                    assert!(
                        kind == Pixels::LabAb
                            && channels < 3
                            && error.to_string().contains("noise.png"),
                        "{kind}: {error}"
                    );
                    continue;
                }
            };
            let values = kind.units(&colours);
            assert_eq!(values.len(), 7 * 5 * kind.channels(), "{kind}");
            let input: &[f32] = if kind.needs_input() {
                &[0.0; 7 * 5]
            } else {
                &[]
            };
            let drawn = kind.pictures(7, 5, Depth::Eight, &values, input).remove(0);
            assert_eq!(
                (drawn.channels(), drawn.dimensions()),
                (kind.drawn_channels(), (7, 5)),
                "{kind}"
            );
            let shown = kind.shown(&values, &[0.0; 7 * 5]);
            assert!(
                shown.len() == 7 * 5 * 3 && shown.iter().all(|value| (-1.0..=1.0).contains(value)),
                "{kind}"
            );
        }
    }
}

#[test]
fn channels_are_what_they_are() {
    for (channels, depth) in [
        (1, Depth::Eight),
        (2, Depth::Sixteen),
        (5, Depth::Eight),
        (9, Depth::Sixteen),
    ] {
        let (kind, picture) = (Pixels::Channels(channels), noise(channels, depth));
        let values = kind.units(&kind.colours(&picture, Path::new("a.tif")).unwrap());
        let shown = kind.shown(&values, &[]);
        assert_eq!(
            shown[..3],
            if channels < 3 {
                [values[0]; 3]
            } else {
                [values[0], values[1], values[2]]
            }
        );
        assert!(
            shown.len() == 7 * 5 * 3
                && (depth == Depth::Eight || kind.pictures(7, 5, depth, &values, &[]) == [picture])
        );
    }
    let refused = |kind: Pixels| {
        kind.colours(&noise(5, Depth::Eight), Path::new("a.tif"))
            .unwrap_err()
            .to_string()
    };
    assert!(
        refused(Pixels::Channels(4)).contains("a.tif: has 5 channels where there are 4"),
        "{}",
        refused(Pixels::Channels(4))
    );
    assert!(
        ALL.into_iter()
            .all(|kind| refused(kind).contains("`input` or `output` channels"))
    );
}

#[test]
fn grey_opacity_and_lightness() {
    let pixel = |rgb: [u8; 3]| Picture::from_bytes(1, 1, 3, Depth::Eight, rgb.to_vec()).unwrap();
    let gray = |rgb| {
        Pixels::Gray
            .colours(&pixel(rgb), Path::new(""))
            .unwrap()
            .samples()
            .next()
            .unwrap()
    };
    assert_eq!(
        [
            [255, 0, 0],
            [0, 255, 0],
            [0, 0, 255],
            [255; 3],
            [12, 34, 56]
        ]
        .map(gray),
        [76, 150, 29, 255, 30]
    );
    assert_eq!(
        Pixels::Rgba
            .colours(&pixel([1, 2, 3]), Path::new(""))
            .unwrap()
            .bytes(),
        [1, 2, 3, 255]
    );
    assert_eq!(
        Pixels::Rgba.shown(&[-1.0, 0.5, 1.0, -1.0], &[]),
        [1.0; 3],
        "what is transparent is white"
    );
    assert!((Pixels::LabL.units(&pixel([128; 3]))[0] - (53.585 / 50.0 - 1.0)).abs() < 1e-4);
}

#[test]
fn a_stack_is_its_images_one_behind_the_other() {
    let images: Vec<(PathBuf, Picture)> = [1, 3, 4]
        .map(|channels| ("a.png".into(), noise(channels, Depth::Sixteen)))
        .into();
    let kind = Pixels::Rgb.times(3);
    let stacked = kind.gather(&images).unwrap();
    let values = kind.units(&stacked);
    assert_eq!(
        (kind.channels(), stacked.channels(), values.len()),
        (9, 9, 7 * 5 * 9)
    );
    let own: Vec<Picture> = images.iter().map(|(_, image)| image.to_rgb()).collect();
    assert_eq!(kind.pictures(7, 5, Depth::Sixteen, &values, &[]), own);
    let shown = kind.shown_in_rows(&values, &[], 7);
    assert_eq!(
        shown[7 * 3..][..7 * 3],
        Pixels::Rgb.units(&own[1])[..7 * 3],
        "the second image stands to the right of the first"
    );
    let error = Pixels::Rgb
        .times(2)
        .gather(&images)
        .unwrap_err()
        .to_string();
    assert!(error.contains("a.png") && error.contains("A2"), "{error}");
    assert_eq!(Pixels::of_channels(5), Pixels::Gray.times(5));
    assert!(
        Pixels::check(&Pixels::LabL.times(2), &Pixels::LabAb)
            .unwrap_err()
            .to_string()
            .contains("`stack`")
    );
}

#[test]
fn labels_are_one_hot_and_never_mixed() {
    let palette = Palette::parse("#000000\n#ff0000\n#0000ff").unwrap();
    let kind = Pixels::Labels(palette.clone());
    let stripes = Picture::from(image::RgbImage::from_fn(6, 1, |x, _| {
        image::Rgb([[0, 0, 255], [255, 0, 0], [0, 0, 0]][x as usize / 2])
    }));
    let labels = kind.colours(&stripes, Path::new("map.png")).unwrap();
    assert_eq!(labels.bytes(), [2, 2, 1, 1, 0, 0]);
    assert_eq!(kind.resize(&labels, 3, 2).bytes(), [2, 1, 0, 2, 1, 0]);
    assert_eq!(
        kind.resize(&labels, 9, 1).bytes(),
        [2, 2, 2, 1, 1, 1, 0, 0, 0]
    );
    let values = kind.units(&kind.resize(&labels, 3, 1));
    assert_eq!(values, [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(
        kind.shown(&values, &[]),
        [-1.0, -1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0]
    );
    let error = kind.colours(
        &Picture::from(image::RgbImage::from_pixel(2, 2, image::Rgb([250, 9, 9]))),
        Path::new("map.png"),
    );
    let message = error.unwrap_err().to_string();
    assert!(
        message.contains("map.png")
            && message.contains("(0, 0)")
            && message.contains("nearest there is #ff0000"),
        "{message}"
    );
    assert!(
        Pixels::check(&Pixels::Rgb, &kind)
            .unwrap_err()
            .to_string()
            .contains("`output` rgb")
    );
}

#[test]
fn what_no_network_can_map_is_told_with_the_nearest() {
    for (input, output, nearest) in [
        (Pixels::LabAb, Pixels::Rgb, "`input` lab-l"),
        (Pixels::Rgb, Pixels::LabL, "`output` gray"),
        (Pixels::Gray, Pixels::LabAb, "`input` lab-l"),
    ] {
        assert!(
            Pixels::check(&input, &output)
                .unwrap_err()
                .to_string()
                .contains(nearest),
            "{input} {output}"
        );
    }
    assert_eq!(Pixels::check(&Pixels::LabL, &Pixels::LabAb), Ok(()));
    assert_eq!(Pixels::check(&Pixels::Rgba, &Pixels::Gray), Ok(()));
}
