//! The lists of tags in a TIFF (TIFF 6.0, section 2; BigTIFF). The decoder takes as much memory as
//! a list says that it needs, and more. So its lists are looked at here first.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

use tiff::TiffResult;
use tiff::decoder::Decoder;
use tiff::tags::{PhotometricInterpretation, Tag};

use super::patched::Patched;

/// Tags that say where strips and tiles lie and how long they are. They have a value for each.
const CHUNKS: [Tag; 4] = [
    Tag::StripOffsets,
    Tag::StripByteCounts,
    Tag::TileOffsets,
    Tag::TileByteCounts,
];
/// All other tags that the decoder takes into memory.
const OTHERS: [Tag; 15] = [
    Tag::ImageWidth,
    Tag::ImageLength,
    Tag::BitsPerSample,
    Tag::Compression,
    Tag::PhotometricInterpretation,
    Tag::SamplesPerPixel,
    Tag::RowsPerStrip,
    Tag::PlanarConfiguration,
    Tag::Predictor,
    Tag::TileWidth,
    Tag::TileLength,
    Tag::ExtraSamples,
    Tag::SampleFormat,
    Tag::JPEGTables,
    Tag::ChromaSubsampling,
];
/// The most values of such a tag: one for each of 65535 samples.
const MOST_VALUES: u64 = 1 << 16;
/// Bytes of memory that the decoder takes for a strip or tile.
const CHUNK_BYTES: u64 = 64;
/// Bytes of memory that the places of strips and tiles may take in every picture.
const FEW_CHUNKS: u64 = 1 << 20;
/// The most lists of a file that are looked at.
const MOST_LISTS: usize = 4096;
/// The most bytes of a text.
const MOST_TEXT: u64 = 1024;

/// The type of a value that is text, and those of whole numbers without a sign.
const TEXT: u16 = 2;
const WHOLE: [u16; 6] = [1, 3, 4, 13, 16, 18];

/// A list of tags.
pub(super) struct TiffHead {
    form: Form,
    entries: BTreeMap<u16, IfdEntry>,
    /// Where the next list begins; 0 if there is none.
    next: u64,
}

/// How the numbers of a file are stored.
#[derive(Clone, Copy)]
struct Form {
    is_little: bool,
    /// Bytes of counts and places: 4, or 8 in a BigTIFF.
    word: usize,
}

/// A tag: how many values of which type, and the values themselves or where they lie.
#[derive(Clone, Copy)]
struct IfdEntry {
    kind: u16,
    count: u64,
    /// Where the next field lies in the file.
    at: u64,
    field: [u8; 8],
}

impl Form {
    fn number(self, bytes: &[u8]) -> u64 {
        let append = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        if self.is_little {
            bytes.iter().rev().fold(0, append)
        } else {
            bytes.iter().fold(0, append)
        }
    }

    /// The next number of so many bytes.
    fn read<R: Read>(self, file: &mut R, bytes: usize) -> io::Result<u64> {
        let mut number = [0; 8];
        file.read_exact(&mut number[..bytes])?;
        Ok(self.number(&number[..bytes]))
    }
}

/// Bytes of a value of this type. `None` for types that the decoder does not know.
fn bytes_of(kind: u16) -> Option<u64> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16..=18 => Some(8),
        _ => None,
    }
}

impl TiffHead {
    /// The first list of a file.
    pub fn read<R: Read + Seek>(file: &mut R) -> io::Result<Self> {
        file.rewind()?;
        let mut order = [0; 2];
        file.read_exact(&mut order)?;
        let mut form = Form {
            is_little: &order == b"II",
            word: 4,
        };
        match (&order, form.read(file, 2)?) {
            (b"II" | b"MM", 42) => {}
            (b"II" | b"MM", 43) => {
                form.word = 8;
                // The bytes of a place, which are 8, and a zero.
                form.read(file, 4)?;
            }
            _ => return Err(damaged("it does not begin as a TIFF")),
        }
        let first = form.read(file, form.word)?;
        Self::at(file, form, first)
    }

    fn at<R: Read + Seek>(file: &mut R, form: Form, place: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(place))?;
        let count = form.read(file, if form.word == 8 { 8 } else { 2 })?;
        let mut entries = BTreeMap::new();
        for _ in 0..count {
            let tag = form.read(file, 2)? as u16;
            let kind = form.read(file, 2)? as u16;
            let count = form.read(file, form.word)?;
            let at = file.stream_position()?;
            let mut field = [0; 8];
            file.read_exact(&mut field[..form.word])?;
            match bytes_of(kind) {
                Some(_) => drop(entries.insert(
                    tag,
                    IfdEntry {
                        kind,
                        count,
                        at,
                        field,
                    },
                )),
                // The decoder loses its place in the list behind such an entry (`tiff` 0.11.3).
                None if form.word == 8 => {
                    return Err(damaged("a BigTIFF with a tag of an unknown type"));
                }
                None => {}
            }
        }
        let next = form.read(file, form.word)?;
        Ok(Self {
            form,
            entries,
            next,
        })
    }

    /// The list behind this one.
    fn next<R: Read + Seek>(&self, file: &mut R) -> Option<Self> {
        let is_there = self.next != 0;
        is_there.then(|| Self::at(file, self.form, self.next).ok())?
    }

    /// Whether there is such a tag.
    pub fn has(&self, tag: Tag) -> bool {
        self.entries.contains_key(&tag.to_u16())
    }

    /// Whether a tag has one value.
    pub fn has_one(&self, tag: Tag) -> bool {
        let entry = self.entries.get(&tag.to_u16());
        entry.is_some_and(|entry| entry.count == 1)
    }

    /// The only value of a tag, if it is a whole number without a sign.
    pub fn number(&self, tag: Tag) -> Option<u64> {
        let entry = self.entries.get(&tag.to_u16())?;
        let bytes = bytes_of(entry.kind)? as usize;
        let is_here = entry.count == 1 && bytes <= self.form.word && WHOLE.contains(&entry.kind);
        is_here.then(|| self.form.number(&entry.field[..bytes]))
    }

    /// Width and height of the picture.
    pub fn size(&self) -> Option<(u32, u32)> {
        let side = |tag| u32::try_from(self.number(tag)?).ok();
        Some((side(Tag::ImageWidth)?, side(Tag::ImageLength)?))
    }

    /// The number that a geographic TIFF calls no data (the tag GDAL_NODATA), which is text.
    pub fn marked_nodata<R: Read + Seek>(&self, file: &mut R) -> Option<f64> {
        let text = self.text(file, Tag::GdalNodata)?;
        text.trim_matches(['\0', ' ', '\n']).parse().ok()
    }

    /// A short text.
    fn text<R: Read + Seek>(&self, file: &mut R, tag: Tag) -> Option<String> {
        let entry = self.entries.get(&tag.to_u16())?;
        if entry.kind != TEXT || entry.count > MOST_TEXT {
            return None;
        }
        let mut text = entry.field.to_vec();
        text.truncate(entry.count as usize);
        if entry.count as usize > self.form.word {
            let place = self.form.number(&entry.field[..self.form.word]);
            file.seek(SeekFrom::Start(place)).ok()?;
            text.resize(entry.count as usize, 0);
            file.read_exact(&mut text).ok()?;
        }
        String::from_utf8(text).ok()
    }

    /// Whether it is grey alone and 0 is white (WhiteIsZero).
    pub fn is_white_zero(&self) -> bool {
        let kind = PhotometricInterpretation::WhiteIsZero.to_u16();
        self.number(Tag::PhotometricInterpretation) == Some(kind.into()) && self.samples() == 1
    }

    /// The place and the bytes of the only value of a tag, if it were this one. `None` if its type
    /// has no such number.
    fn patch(&self, tag: Tag, number: u64) -> Option<(u64, Vec<u8>)> {
        self.number(tag)?;
        let entry = self.entries.get(&tag.to_u16())?;
        let bytes = bytes_of(entry.kind)? as usize;
        (number.checked_shr(8 * bytes as u32).unwrap_or(0) == 0).then_some(())?;
        let bytes = if self.form.is_little {
            number.to_le_bytes()[..bytes].to_vec()
        } else {
            number.to_be_bytes()[8 - bytes..].to_vec()
        };
        Some((entry.at, bytes))
    }

    /// Width and height, rounded up to whole tiles.
    fn whole_tiles(&self) -> Vec<(u64, Vec<u8>)> {
        let sides = [
            (Tag::ImageWidth, Tag::TileWidth),
            (Tag::ImageLength, Tag::TileLength),
        ];
        let is_tiled = self.entries.contains_key(&Tag::TileOffsets.to_u16());
        let patch = |(side, tile)| {
            let tile = self.number(tile).filter(|&tile| tile > 0)?;
            self.patch(side, self.number(side)?.checked_next_multiple_of(tile)?)
        };
        let sides = is_tiled.then_some(sides).into_iter().flatten();
        sides.filter_map(patch).collect()
    }

    /// How many strips or tiles there are.
    fn chunks(&self) -> Option<u64> {
        const PLANES: u64 = 2;
        let (width, height) = self.size()?;
        let across = |side: u32, part: u64| u64::from(side).div_ceil(part.max(1));
        let of_plane = if self.has(Tag::TileOffsets) {
            let tile = [Tag::TileWidth, Tag::TileLength].map(|tag| self.number(tag).unwrap_or(1));
            across(width, tile[0]).saturating_mul(across(height, tile[1]))
        } else {
            let rows = self.number(Tag::RowsPerStrip);
            across(height, rows.unwrap_or(u64::MAX))
        };
        let planes = match self.number(Tag::PlanarConfiguration) {
            Some(PLANES) => self.samples(),
            _ => 1,
        };
        Some(of_plane.saturating_mul(planes))
    }

    fn samples(&self) -> u64 {
        self.number(Tag::SamplesPerPixel).unwrap_or(1)
    }

    /// Refuses a list that would take more memory than its picture.
    fn check(&self, file_bytes: u64) -> io::Result<()> {
        let (width, height) = self.size().unwrap_or_default();
        let pixels = u64::from(width).saturating_mul(height.into());
        let chunks = self.chunks().unwrap_or(0);
        let few = pixels
            .saturating_mul(self.samples())
            .saturating_add(FEW_CHUNKS);
        if chunks.saturating_mul(CHUNK_BYTES) > few {
            return Err(damaged(
                "its strips or tiles are smaller than what says where they lie",
            ));
        }
        for tag in CHUNKS.iter().chain(&OTHERS) {
            let Some(entry) = self.entries.get(&tag.to_u16()) else {
                continue;
            };
            let most = if CHUNKS.contains(tag) {
                chunks
            } else {
                MOST_VALUES
            };
            let bytes = entry
                .count
                .saturating_mul(bytes_of(entry.kind).unwrap_or(1));
            if entry.kind == TEXT || entry.count > most || bytes > file_bytes {
                let (tag, count) = (tag.to_u16(), entry.count);
                return Err(damaged(&format!(
                    "its tag {tag} says that it has {count} values"
                )));
            }
        }
        Ok(())
    }
}

/// Opens a file at its first picture.
pub(super) fn open<R: Read + Seek>(mut file: R) -> TiffResult<(TiffHead, Decoder<R>)> {
    let head = TiffHead::read(&mut file)?;
    let file_bytes = file.seek(SeekFrom::End(0))?;
    head.check(file_bytes)?;
    file.rewind()?;
    Ok((head, Decoder::new(file)?))
}

/// Opens a file at its first picture, whose width and height are rounded up to whole tiles: the
/// decoder cannot read all parts of tiles (`tiff` 0.11.3). `is_grey` says that its channels are
/// grey, so that the decoder returns all of them as they lie.
pub(super) fn open_picture<R: Read + Seek>(
    mut file: R,
    is_grey: bool,
) -> TiffResult<(TiffHead, Decoder<Patched<R>>)> {
    let head = TiffHead::read(&mut file)?;
    let file_bytes = file.seek(SeekFrom::End(0))?;
    head.check(file_bytes)?;
    let mut patches = head.whole_tiles();
    if is_grey {
        let grey = PhotometricInterpretation::BlackIsZero.to_u16();
        patches.extend(head.patch(Tag::PhotometricInterpretation, grey.into()));
    }
    Ok((head, Decoder::new(Patched::new(file, patches)?)?))
}

/// The number that a geographic TIFF calls no data (the tag GDAL_NODATA). `None` for what is no
/// TIFF.
pub(super) fn marked_nodata<R: Read + Seek>(file: &mut R) -> Option<f64> {
    TiffHead::read(file).ok()?.marked_nodata(file)
}

/// Whether there is more than one picture. The first one always counts, because it is the one that
/// would be read; others do not count if they are smaller versions.
pub(super) fn has_pages<R: Read + Seek>(file: &mut R, first: &TiffHead) -> bool {
    any_further(file, first, TiffHead::is_page)
}

/// Whether a TIFF has a mask beside its picture, which says what pixels count. GDAL writes such
/// files. `false` for what is no TIFF.
pub(super) fn has_mask<R: Read + Seek>(file: &mut R) -> bool {
    let first = TiffHead::read(file);
    first.is_ok_and(|first| any_further(file, &first, TiffHead::is_mask))
}

/// Whether any list behind the first one is such. A chain that is too long counts as one.
fn any_further<R: Read + Seek>(
    file: &mut R,
    first: &TiffHead,
    is_such: impl Fn(&TiffHead) -> bool,
) -> bool {
    let mut list = first.next(file);
    for _ in 0..MOST_LISTS {
        match list {
            Some(head) if is_such(&head) => return true,
            Some(head) => list = head.next(file),
            None => return false,
        }
    }
    true
}

impl TiffHead {
    /// Whether a list is that of a picture, and not of a smaller version or a mask of another.
    fn is_page(&self) -> bool {
        let has_pixels = self.has(Tag::StripOffsets) || self.has(Tag::TileOffsets);
        self.size().is_some() && has_pixels && !self.is_smaller() && !self.is_mask()
    }

    /// Whether a list says that its picture is a mask of another.
    fn is_mask(&self) -> bool {
        /// A bit of NewSubfileType.
        const MASK: u64 = 4;
        self.subfile() & MASK != 0
    }

    /// Whether a list says that its picture is a smaller version of another.
    pub fn is_smaller(&self) -> bool {
        /// A bit of NewSubfileType.
        const SMALLER: u64 = 1;
        /// SubfileType, its predecessor.
        const ALSO_SMALLER: u64 = 2;
        self.subfile() & SMALLER != 0 || self.number(Tag::SubfileType) == Some(ALSO_SMALLER)
    }

    /// NewSubfileType (TIFF 6.0, section 8).
    fn subfile(&self) -> u64 {
        self.number(Tag::NewSubfileType).unwrap_or(0)
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}
