//! Where a picture lies on Earth, as GeoTIFF files say it (OGC 19-008r4), and what GDAL says about
//! it. These tags are copied as they are and not understood.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use image::metadata::Orientation;
use tiff::TiffResult;
use tiff::decoder::{Decoder, Limits};
use tiff::encoder::{DirectoryEncoder, TiffKind};
use tiff::tags::{ByteOrder, Tag, Type, ValueBuffer};

use super::head::open_regular;
use super::read_options::ReadOptions;
use super::remark::{PlaceRemark, Remark, RemarkKind};
use super::sidecars::sidecar_of;
use super::tiff_head::open;
use crate::files::File;

/// Any one of these places a picture: ModelPixelScale, ModelTiepoint, ModelTransformation,
/// GeoKeyDirectory, and the rational polynomials of satellite images.
const PLACE: [u16; 5] = [33_550, 33_922, 34_264, 34_735, 50_844];
/// Parameters that GeoKeyDirectory names: GeoDoubleParams and GeoAsciiParams.
const PARAMETERS: [u16; 2] = [34_736, 34_737];
/// What GDAL says beside it, as XML.
const METADATA: u16 = 42_112;
/// The number of GDAL that stands for no data.
const NO_DATA: u16 = 42_113;
/// The most bytes of one tag.
const MOST_BYTES: usize = 1 << 20;

/// The tags of a file that say where its picture lies.
pub struct GeoTags {
    tags: Vec<(u16, ValueBuffer)>,
    /// Whether a tag was left out because it is too long or damaged.
    is_damaged: bool,
    no_data: bool,
    orientation: Orientation,
    size: (u32, u32),
}

impl GeoTags {
    /// The tags of a TIFF that say where its first picture lies. `None` if there are none, if the
    /// file is no TIFF, and if its list of tags is damaged: that error comes when the picture is
    /// read.
    pub fn read(path: &Path) -> Option<Self> {
        Self::of(open(open_regular(path)?).ok()?.1).ok()?
    }

    fn of(decoder: Decoder<BufReader<File>>) -> TiffResult<Option<Self>> {
        let mut limits = Limits::default();
        limits.decoding_buffer_size = MOST_BYTES;
        let mut decoder = decoder.with_limits(limits);
        let size = decoder.dimensions()?;
        // Readers of pictures take a damaged orientation for none.
        let said = decoder.find_tag_unsigned(Tag::Orientation).ok().flatten();
        let orientation = said.and_then(Orientation::from_exif);
        let mut directory = decoder.image_ifd();
        let no_data = directory.find_entry(tag(NO_DATA)).is_some();
        let (mut tags, mut is_damaged, mut has_place) = (Vec::new(), false, false);
        for number in PLACE.into_iter().chain(PARAMETERS).chain([METADATA]) {
            if directory.find_entry(tag(number)).is_none() {
                continue;
            }
            has_place |= PLACE.contains(&number);
            let mut value = ValueBuffer::empty(Type::BYTE);
            let is_read = directory.find_tag_buf(tag(number), &mut value).is_ok();
            value.set_byte_order(ByteOrder::native());
            let copied = match number {
                _ if !is_read => Err(Damaged),
                METADATA => of_all_bands(&value),
                _ => Ok(Some(value)),
            };
            match copied {
                Ok(value) => tags.extend(value.map(|value| (number, value))),
                Err(Damaged) => is_damaged = true,
            }
        }
        // Parameters without a place mean nothing.
        if !tags.iter().any(|(number, _)| PLACE.contains(number)) {
            tags.clear();
        }
        Ok(has_place.then_some(Self {
            tags,
            is_damaged,
            no_data,
            orientation: orientation.unwrap_or(Orientation::NoTransforms),
            size,
        }))
    }

    /// The tags of the first of these files that has any: those of a stack lie at one place.
    pub fn of_files(files: &[PathBuf]) -> Option<Self> {
        files.iter().find_map(|file| Self::read(file))
    }

    /// Whether the tags still hold for a picture of this width and height, made of the file as
    /// these options read it. It must have the file's own pixels.
    pub fn are_of(&self, size: (u32, u32), reading: &ReadOptions) -> bool {
        size == self.size && !self.is_turned(reading)
    }

    fn is_turned(&self, reading: &ReadOptions) -> bool {
        self.orientation != Orientation::NoTransforms && !reading.ignore_orientation
    }

    /// Whether both say the same place.
    fn agree(&self, other: &Self) -> bool {
        let place = |tags: &Self| -> Vec<(u16, Vec<u8>)> {
            let place = tags.tags.iter().filter(|(number, _)| *number != METADATA);
            place
                .map(|(number, value)| (*number, value.as_bytes().to_vec()))
                .collect()
        };
        place(self) == place(other)
    }

    /// Bytes of all values.
    pub(super) fn bytes(&self) -> usize {
        let lengths = self.tags.iter().map(|(_, value)| value.as_bytes().len());
        lengths.sum()
    }

    /// Writes all tags.
    pub(super) fn write<W, K>(&self, entries: &mut DirectoryEncoder<W, K>) -> TiffResult<()>
    where
        W: std::io::Write + std::io::Seek,
        K: TiffKind,
    {
        let mut tags = self.tags.iter();
        tags.try_for_each(|(number, value)| entries.write_tag_buf(tag(*number), value))
    }
}

/// A tag that cannot be copied.
struct Damaged;

fn tag(number: u16) -> Tag {
    Tag::from_u16_exhaustive(number)
}

/// GDAL's metadata without what it says of single bands: a result has other bands, and the scale or
/// the statistics of those of the input would be wrong. `None` if nothing is left.
fn of_all_bands(value: &ValueBuffer) -> Result<Option<ValueBuffer>, Damaged> {
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Damaged)?;
    let mut rest = text.trim_end_matches('\0');
    let (mut kept, mut items) = (String::new(), 0);
    while let Some(start) = rest.find("<Item") {
        let length = rest[start..].find("</Item>").ok_or(Damaged)?;
        let end = start + length + "</Item>".len();
        let opening = rest[start..end].split('>').next().unwrap_or_default();
        let is_kept = !opening.contains(" sample=");
        kept += &rest[..if is_kept { end } else { start }];
        items += usize::from(is_kept);
        rest = &rest[end..];
    }
    kept += rest;
    // The encoder writes ASCII, which GDAL's XML is: other characters are written as numbers there.
    match (items, kept.is_ascii()) {
        (0, _) => Ok(None),
        (_, true) => Ok(Some(ValueBuffer::from_value(&kept.as_str()))),
        (_, false) => Err(Damaged),
    }
}

/// What becomes of the places of `inputs` in their results: a remark for each kind of loss.
/// `is_held` says whether the format of the results can say a place, and `is_whole` whether they
/// show all of their input.
pub fn place_remarks<'a>(
    inputs: impl Iterator<Item = &'a [PathBuf]>,
    is_held: bool,
    is_whole: bool,
    reading: &ReadOptions,
) -> Vec<Remark> {
    let mut found = [const { Vec::new() }; 7];
    let [not_held, turned, cut, differing, damaged, no_data, beside] = &mut found;
    for files in inputs {
        let tags: Vec<(&PathBuf, GeoTags)> = files
            .iter()
            .filter_map(|file| Some((file, GeoTags::read(file)?)))
            .collect();
        let Some((file, first)) = tags.first() else {
            beside.extend(files.iter().filter_map(|file| sidecar_of(file)));
            continue;
        };
        let list = match () {
            () if !is_held => &mut *not_held,
            () if first.is_turned(reading) => &mut *turned,
            () if !is_whole => &mut *cut,
            () => {
                let other = tags.iter().find(|(_, other)| !other.agree(first));
                differing.extend(other.map(|(file, _)| (*file).clone()));
                if first.is_damaged {
                    damaged.push((*file).clone());
                }
                if first.no_data {
                    no_data.push((*file).clone());
                }
                continue;
            }
        };
        list.push((*file).clone());
    }
    let kinds = [
        PlaceRemark::NotHeld,
        PlaceRemark::Turned,
        PlaceRemark::Cut,
        PlaceRemark::Differs,
        PlaceRemark::Damaged,
        PlaceRemark::NoDataValue,
        PlaceRemark::Beside,
    ];
    let remarks = kinds.into_iter().zip(&found);
    remarks
        .filter_map(|(kind, files)| Remark::of(RemarkKind::Place(kind), files))
        .collect()
}

/// What becomes of the places of `inputs` in PNGs that are made of them: a remark for each kind of
/// loss.
pub fn place_remarks_of_pngs<'a>(inputs: impl Iterator<Item = &'a [PathBuf]>) -> Vec<Remark> {
    let remarks = place_remarks(inputs, false, true, &ReadOptions::default());
    let of_pngs = |remark: Remark| match remark.kind {
        // There is no other format to ask for.
        RemarkKind::Place(PlaceRemark::NotHeld) => Remark {
            kind: RemarkKind::Place(PlaceRemark::InNoPng),
            ..remark
        },
        _ => remark,
    };
    remarks.into_iter().map(of_pngs).collect()
}
