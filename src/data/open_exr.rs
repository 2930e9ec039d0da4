//! OpenEXR files: pictures of floats in one layer. Numbers are taken as they are: nothing turns
//! linear light into the curve of a screen.

use std::io::{BufRead, Cursor, Seek};
use std::path::Path;

use ::tiff::decoder::DecodingResult;
use exr::error::Error;
use exr::image::FlatSamples;
use exr::meta::MetaData;
use exr::meta::header::Header;
use exr::prelude::{Compression, ReadChannels, ReadLayers, read};

use super::error::{DataError, OpenExrError};
use super::limits::SizeLimit;
use super::picture::Extra;
use super::values::stored::{Stored, Wide};

/// Names of channels that make a picture, in its order. A channel alone may have any name.
const PICTURES: [&[&str]; 4] = [&["R", "G", "B"], &["R", "G", "B", "A"], &["Y"], &["Y", "A"]];

/// Which kind of file cannot be read, and how to save it.
type Refused = (String, &'static str);

/// Reads the channels of the only layer.
///
/// # Errors
/// [`OpenExrError`] for several layers, channels of other names and compressions that are not read,
/// and those of [`super::read_picture`].
pub(super) fn read_exr(path: &Path, bytes: &[u8], limit: SizeLimit) -> Result<Stored, DataError> {
    let explain = |error| exr_error(path, error);
    let unusable = |(what, remedy): Refused| OpenExrError {
        path: path.to_owned(),
        what,
        remedy,
    };
    let meta = MetaData::read_from_buffered(Cursor::new(bytes), false).map_err(explain)?;
    let [header] = &meta.headers[..] else {
        let layers = meta.headers.len();
        let refused = (format!("of {layers} layers"), "save one of them alone");
        return Err(unusable(refused).into());
    };
    let order = check(header).map_err(unusable)?;
    let (width, height) = size(header);
    let [sides @ .., channels] = [width, height, order.len()].map(|count| count as u64);
    let [width, height] = sides.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
    let decoded = sides[0].saturating_mul(sides[1]);
    limit.check(path, (width, height), decoded.saturating_mul(4 * channels))?;
    let image = read()
        .no_deep_data()
        .largest_resolution_level()
        .all_channels()
        .first_valid_layer()
        .all_attributes()
        .non_parallel()
        .from_buffered(Cursor::new(bytes))
        .map_err(explain)?;
    let channels = image.layer_data.channel_data.list;
    let planes: Vec<&FlatSamples> = order
        .iter()
        .filter_map(|&index| channels.get(index))
        .map(|channel| &channel.sample_data)
        .collect();
    let numbers = numbers(&planes).map_err(unusable)?;
    let channels = order.len();
    Ok(Stored::Wide(Wide {
        width,
        height,
        channels,
        extra: Extra::default(),
        is_planar: true,
        is_white_zero: false,
        numbers,
    }))
}

/// Width and height of the picture, by the head of its file.
pub(super) fn size_of_exr(file: &mut (impl BufRead + Seek)) -> Option<(u32, u32)> {
    let meta = MetaData::read_from_buffered(file, false).ok()?;
    let (width, height) = size(meta.headers.first()?);
    Some((width.try_into().ok()?, height.try_into().ok()?))
}

fn size(header: &Header) -> (usize, usize) {
    (header.layer_size.width(), header.layer_size.height())
}

/// The places of the channels in the file, in the order of a picture.
fn check(header: &Header) -> Result<Vec<usize>, Refused> {
    let refuse = |what: &str, remedy| Err((what.to_owned(), remedy));
    if header.deep {
        return refuse("of deep data", "flatten it");
    }
    if let Compression::DWAA(_) | Compression::DWAB(_) = header.compression {
        return refuse(
            "of the compression DWAA or DWAB",
            "save it uncompressed or with ZIP",
        );
    }
    let display = header.shared_attributes.display_window;
    if (header.own_attributes.layer_position, header.layer_size) != (display.position, display.size)
    {
        return refuse(
            "whose data window is not its display window",
            "save it whole",
        );
    }
    let channels = &header.channels.list;
    if channels
        .iter()
        .any(|channel| channel.sampling.0 != 1 || channel.sampling.1 != 1)
    {
        return refuse("whose channels differ in size", "save them in one size");
    }
    let names: Vec<String> = channels
        .iter()
        .map(|channel| channel.name.to_string())
        .collect();
    if let [_] = &names[..] {
        return Ok(vec![0]);
    }
    // All channels of one layer have its name in front.
    let split = |name: &String| match name.rsplit_once('.') {
        Some((layer, channel)) => (layer.to_owned(), channel.to_owned()),
        None => (String::new(), name.clone()),
    };
    let parts: Vec<(String, String)> = names.iter().map(split).collect();
    let one_layer = parts.windows(2).all(|pair| pair[0].0 == pair[1].0);
    let place = |wanted: &&str| parts.iter().position(|(_, name)| name == wanted);
    let picture = PICTURES
        .iter()
        .filter(|picture| one_layer && picture.len() == parts.len())
        .find_map(|picture| picture.iter().map(place).collect());
    picture.ok_or_else(|| {
        (
            format!("of the channels {}", names.join(", ")),
            "save R, G and B, with or without A, or one channel alone",
        )
    })
}

/// The numbers of all planes, one behind the other.
fn numbers(planes: &[&FlatSamples]) -> Result<DecodingResult, Refused> {
    let (mut floats, mut whole) = (Vec::new(), Vec::new());
    for plane in planes {
        match plane {
            FlatSamples::F16(plane) => floats.extend(plane.iter().map(|number| number.to_f32())),
            FlatSamples::F32(plane) => floats.extend_from_slice(plane),
            FlatSamples::U32(plane) => whole.extend_from_slice(plane),
        }
    }
    match (floats.is_empty(), whole.is_empty()) {
        (_, true) => Ok(DecodingResult::F32(floats)),
        (true, false) => Ok(DecodingResult::U32(whole)),
        (false, false) => Err((
            "of floats beside whole numbers".to_owned(),
            "save them apart",
        )),
    }
}

fn exr_error(path: &Path, error: Error) -> DataError {
    let path = path.to_owned();
    match error {
        Error::NotSupported(what) => OpenExrError {
            path,
            what: format!("of a kind that is not read here ({what})"),
            remedy: "save it as scan lines, uncompressed or with ZIP",
        }
        .into(),
        // Newer compressions have numbers that the crate does not know.
        Error::Invalid(what) if what.ends_with("invalid compression attribute") => OpenExrError {
            path,
            what: "of an unknown compression".to_owned(),
            remedy: "save it uncompressed or with ZIP",
        }
        .into(),
        other => DataError::Damaged {
            path,
            reason: other.to_string(),
        },
    }
}
