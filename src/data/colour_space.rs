//! Whether a file says that its colours are others than sRGB: by a profile of the ICC, a gamma, or
//! inks. No profile is applied, so it is told.

use std::io::{BufReader, Read, Seek};

use image::ImageFormat;
use tiff::tags::{PhotometricInterpretation, Tag};

use super::chunks::Chunks;
use super::icc::other_profile;
use super::limits::{ALL_FORMATS, BESIDE_PIXELS};
use super::tiff_head::open;

/// As much of a profile as is looked at: the segment of a JPEG.
const MOST: u32 = 1 << 16;
/// What images of four inks are called.
const INKS: &str = "CMYK";
/// Numbers of sRGB in ITU-T H.273: its primaries and its transfer function.
const SRGB_POINTS: (u8, u8) = (1, 13);
/// The gamma of sRGB in a PNG, and how far off it may be.
const SRGB_GAMMA: u32 = 45_455;
const GAMMA_STEP: u32 = 500;

/// The colour space of a file of this format that stands at its first byte. `None` for sRGB, and
/// where nothing is said.
pub(super) fn other_colours<R: Read + Seek>(
    format: ImageFormat,
    file: &mut BufReader<R>,
) -> Option<String> {
    match format {
        ImageFormat::Jpeg => in_jpeg(file),
        ImageFormat::Png => in_png(file),
        ImageFormat::WebP => {
            let mut chunks = Chunks::of_webp(file);
            chunks.find(b"ICCP", None)?;
            other_profile(&chunks.data(MOST)?)
        }
        ImageFormat::Tiff if ALL_FORMATS => in_tiff(file),
        _ => None,
    }
}

/// The profile lies in segments of the kind APP2, the first of which has its name.
fn in_jpeg<R: Read + Seek>(file: &mut BufReader<R>) -> Option<String> {
    const PROFILE: &[u8] = b"ICC_PROFILE\0";
    const COUNTS: usize = 2;
    file.seek_relative(2).ok()?;
    let mut inks = None;
    loop {
        let mut head = [0; 4];
        file.read_exact(&mut head).ok()?;
        let [0xFF, marker, high, low] = head else {
            return inks;
        };
        let length = u16::from_be_bytes([high, low]).checked_sub(2)?;
        match marker {
            0xDA => return inks,
            0xC0..=0xC2 | 0xE2 => {
                let mut data = vec![0; length.into()];
                file.read_exact(&mut data).ok()?;
                if marker == 0xE2 && data.starts_with(PROFILE) {
                    return other_profile(data.get(PROFILE.len() + COUNTS..)?);
                }
                if marker != 0xE2 && data.get(5) == Some(&4) {
                    inks = Some(INKS.to_owned());
                }
            }
            _ => file.seek_relative(length.into()).ok()?,
        }
    }
}

/// What comes first here counts (PNG specification, third edition, 4.3).
fn in_png<R: Read + Seek>(file: &mut BufReader<R>) -> Option<String> {
    let bytes = BESIDE_PIXELS as usize;
    let mut decoder = png::Decoder::new_with_limits(file, png::Limits { bytes });
    decoder.set_ignore_text_chunk(true);
    let reader = decoder.read_info().ok()?;
    let info = reader.info();
    if let Some(points) = info.coding_independent_code_points {
        let found = (points.color_primaries, points.transfer_function);
        return (found != SRGB_POINTS).then(|| format!("cICP {}, {}", found.0, found.1));
    }
    match (&info.icc_profile, info.srgb, info.gama_chunk) {
        (Some(profile), ..) => other_profile(profile),
        (None, None, Some(gamma)) => {
            let is_other = gamma.into_scaled().abs_diff(SRGB_GAMMA) > GAMMA_STEP;
            is_other.then(|| format!("gamma {:.2}", gamma.into_value()))
        }
        _ => None,
    }
}

fn in_tiff<R: Read + Seek>(file: &mut BufReader<R>) -> Option<String> {
    let (head, mut decoder) = open(file).ok()?;
    let mut profile = vec![0; MOST as usize];
    let mut list = decoder.image_ifd();
    if let Ok(Some(length)) = list.find_tag_bytes(Tag::IccProfile, &mut profile, 0) {
        profile.truncate(length);
        return other_profile(&profile);
    }
    let inks = PhotometricInterpretation::CMYK.to_u16();
    let has_inks = head.number(Tag::PhotometricInterpretation) == Some(inks.into());
    has_inks.then(|| INKS.to_owned())
}
