//! A stream of pictures, such as the frames of a video: PNG, binary PNM or PAM files, one behind
//! the other. One frame is in memory at a time.

use super::error::{DataError, FrameError};
use super::limits::SizeLimit;
use super::picture::Picture;
use super::read::decode_counted;
use super::read_options::ReadOptions;
use super::read_tally::ReadTally;
use super::write::Format;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

const PNG_SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// The longest header of a PNM frame, with its comments.
const MAX_HEADER: usize = 4096;

/// The frames of a stream. What stands at the start of a frame tells its format.
pub struct FrameReader<R> {
    input: BufReader<R>,
    /// What the stream is called in errors.
    name: String,
    number: u64,
    limit: SizeLimit,
}

/// A frame that was read and not decoded.
pub struct Frame {
    /// What it is called in errors.
    pub name: PathBuf,
    /// Its number, from 1.
    pub number: u64,
    /// PNG or PNM.
    pub format: Format,
    bytes: Vec<u8>,
}

impl Frame {
    /// The picture in it. What is to be told of it is counted in `tally`.
    ///
    /// # Errors
    /// Those of [`ReadOptions::read`].
    pub fn decode(
        &self,
        options: &ReadOptions,
        tally: &mut ReadTally,
    ) -> Result<Picture, DataError> {
        decode_counted(&self.name, &self.bytes, options, tally)
    }
}

impl<R: Read> FrameReader<R> {
    /// The frames of `input`, which errors call `name`. They are no larger than `max_pixels`, as in
    /// [`ReadOptions`].
    pub fn new(input: R, name: &str, max_pixels: Option<u64>) -> Self {
        Self {
            input: BufReader::new(input),
            name: name.to_owned(),
            number: 0,
            limit: max_pixels.map_or(SizeLimit::Usual, SizeLimit::Pixels),
        }
    }

    /// The next frame. `None` where the stream ends behind a whole frame.
    ///
    /// # Errors
    /// [`DataError::ReadFile`], [`FrameError`] for what begins in another way or has no pixels,
    /// [`DataError::Damaged`] for a frame that ends in the middle, and [`DataError::TooLarge`].
    pub fn next_frame(&mut self) -> Result<Option<Frame>, DataError> {
        let number = self.number + 1;
        let name = PathBuf::from(format!("frame {number} of {}", self.name));
        let is_end = self.input.fill_buf().map(<[u8]>::is_empty);
        if is_end.map_err(|error| explain(&name, error))? {
            return Ok(None);
        }
        let mut frame = Parts {
            input: &mut self.input,
            name: &name,
            limit: self.limit,
            bytes: Vec::new(),
        };
        frame.take(2)?;
        let format = match &frame.bytes[..] {
            [0x89, b'P'] => frame.png()?,
            [b'P', kind @ b'4'..=b'6'] => {
                let kind = *kind;
                frame.pnm(kind)?
            }
            [b'P', b'7'] => frame.pam()?,
            _ => return Err(frame.no_frame()),
        };
        let bytes = frame.bytes;
        self.number = number;
        Ok(Some(Frame {
            name,
            number,
            format,
            bytes,
        }))
    }
}

/// An error of reading; the end of the stream is one in the middle of a frame.
fn explain(name: &Path, source: io::Error) -> DataError {
    let path = name.to_owned();
    match source.kind() {
        io::ErrorKind::UnexpectedEof => DataError::Damaged {
            path,
            reason: "the stream ends in the middle of it".to_owned(),
        },
        _ => DataError::ReadFile { path, source },
    }
}

/// A frame as far as it was read.
struct Parts<'a, R> {
    input: &'a mut BufReader<R>,
    name: &'a Path,
    limit: SizeLimit,
    bytes: Vec<u8>,
}

impl<R: Read> Parts<'_, R> {
    /// Reads so many bytes more. They take memory as they come, whatever a header promises.
    fn take(&mut self, count: u64) -> Result<(), DataError> {
        let length = count.saturating_add(self.bytes.len() as u64);
        self.limit.check_file(self.name, length)?;
        let read = self.input.by_ref().take(count).read_to_end(&mut self.bytes);
        match read {
            Ok(read) if read as u64 == count => Ok(()),
            Ok(_) => Err(explain(self.name, io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(explain(self.name, error)),
        }
    }

    /// A PNG: chunks, each with its length in front and a checksum behind, up to the last.
    fn png(&mut self) -> Result<Format, DataError> {
        self.take(PNG_SIGNATURE.len() as u64 - 2)?;
        if self.bytes != PNG_SIGNATURE {
            return Err(self.no_frame());
        }
        loop {
            let start = self.bytes.len();
            self.take(8)?;
            let head = &self.bytes[start..];
            // Where a frame was cut short, these are bytes of the next one.
            if !head[4..].iter().all(u8::is_ascii_alphabetic) {
                return Err(DataError::Damaged {
                    path: self.name.to_owned(),
                    reason: "it ends in the middle of its pixels".to_owned(),
                });
            }
            let (length, is_last) = (
                u32::from_be_bytes([head[0], head[1], head[2], head[3]]),
                &head[4..] == b"IEND",
            );
            self.take(u64::from(length) + 4)?;
            if start == PNG_SIGNATURE.len() {
                self.check_png_head()?;
            }
            if is_last {
                return Ok(Format::Png);
            }
        }
    }

    /// Refuses a picture that is too large as its first chunk says, which is all that was read.
    fn check_png_head(&self) -> Result<(), DataError> {
        let mut decoder = png::Decoder::new(Cursor::new(&self.bytes));
        let size = decoder.read_header_info();
        // What is damaged is told when the frame is decoded.
        let size = size.map_or((0, 0), |info| (info.width, info.height));
        self.limit.check(self.name, size, 0)
    }

    /// A PNM of this kind: numbers in text, and then rows of bytes.
    fn pnm(&mut self, kind: u8) -> Result<Format, DataError> {
        let [width, height] = [self.number()?, self.number()?];
        let per_row = if kind == b'4' {
            width.div_ceil(8)
        } else {
            let sample = if self.number()? > 255 { 2 } else { 1 };
            let channels = if kind == b'5' { 1 } else { 3 };
            width.saturating_mul(channels * sample)
        };
        self.rows([width, height], per_row)
    }

    /// The rows of a picture of this width and height, each of so many bytes.
    fn rows(&mut self, sides: [u64; 2], bytes: u64) -> Result<Format, DataError> {
        let size = sides.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        let size = size.into();
        self.limit.check(self.name, size, 0)?;
        if size.0 == 0 || size.1 == 0 {
            let path = self.name.to_owned();
            return Err(FrameError::NoPixels { path, size }.into());
        }
        self.take(bytes.saturating_mul(sides[1]))?;
        Ok(Format::Pnm)
    }

    /// A PAM: lines of a word and what it says, and then rows of bytes.
    fn pam(&mut self) -> Result<Format, DataError> {
        let [mut width, mut height, mut depth, mut white] = [None; 4];
        loop {
            let start = self.bytes.len();
            while self.next_byte()? != b'\n' {
                if self.bytes.len() >= MAX_HEADER {
                    return Err(self.no_size());
                }
            }
            let line = String::from_utf8_lossy(&self.bytes[start..]);
            let mut words = line.split_ascii_whitespace();
            let place = match words.next() {
                Some("ENDHDR") => break,
                Some("WIDTH") => &mut width,
                Some("HEIGHT") => &mut height,
                Some("DEPTH") => &mut depth,
                Some("MAXVAL") => &mut white,
                _ => continue,
            };
            *place = words.next().and_then(|word| word.parse::<u64>().ok());
        }
        let (Some(width), Some(height), Some(depth), Some(white)) = (width, height, depth, white)
        else {
            return Err(self.no_size());
        };
        let sample = if white > 255 { 2 } else { 1 };
        let samples = depth.saturating_mul(sample);
        self.rows([width, height], width.saturating_mul(samples))
    }

    /// The next number of a header, with the one byte behind it.
    fn number(&mut self) -> Result<u64, DataError> {
        let mut value = None;
        while self.bytes.len() < MAX_HEADER {
            match (self.next_byte()?, value) {
                (b'#', None) => {
                    while self.next_byte()? != b'\n' && self.bytes.len() < MAX_HEADER {}
                }
                (byte, None) if byte.is_ascii_whitespace() => {}
                (digit @ b'0'..=b'9', _) => {
                    let before = value.unwrap_or(0u64).saturating_mul(10);
                    value = Some(before.saturating_add(u64::from(digit - b'0')));
                }
                (byte, Some(value)) if byte.is_ascii_whitespace() => return Ok(value),
                _ => break,
            }
        }
        Err(self.no_size())
    }

    fn no_size(&self) -> DataError {
        DataError::Damaged {
            path: self.name.to_owned(),
            reason: "its header has no width and height".to_owned(),
        }
    }

    fn next_byte(&mut self) -> Result<u8, DataError> {
        self.take(1)?;
        Ok(self.bytes.last().copied().unwrap_or_default())
    }

    fn no_frame(&self) -> DataError {
        FrameError::Unknown {
            path: self.name.to_owned(),
            is_jpeg: self.bytes.starts_with(b"\xFF\xD8"),
        }
        .into()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::{Depth, Quality, RowWriter};

    fn picture(width: u32, height: u32, channels: usize, depth: Depth) -> Picture {
        let bytes = (0..width as usize * height as usize * channels * depth.bytes())
            .map(|at| (at * 37) as u8)
            .collect();
        Picture::from_bytes(width, height, channels, depth, bytes).unwrap()
    }

    fn encode(format: Format, picture: &Picture) -> Vec<u8> {
        let quality = Quality::default();
        let mut writer = RowWriter::new(format, quality, picture.layout(), Vec::new()).unwrap();
        writer.push(picture).unwrap();
        writer.finish().unwrap()
    }

    /// All pictures of a stream that comes three bytes at a time, and the error at its end.
    fn read(stream: &[u8]) -> (Vec<(Format, Picture)>, Option<DataError>) {
        let slow = BufReader::with_capacity(3, stream);
        let mut reader = FrameReader::new(slow, "a pipe", None);
        let mut found = Vec::new();
        loop {
            match reader.next_frame() {
                Ok(None) => return (found, None),
                Err(error) => return (found, Some(error)),
                Ok(Some(frame)) => {
                    let tally = &mut ReadTally::default();
                    let picture = frame.decode(&ReadOptions::default(), tally).unwrap();
                    assert_eq!(frame.number, found.len() as u64 + 1);
                    found.push((frame.format, picture));
                }
            }
        }
    }

    #[test]
    fn frames_of_any_format_and_size_come_one_after_the_other() {
        let frames = [
            (Format::Png, picture(5, 3, 3, Depth::Eight)),
            (Format::Pnm, picture(4, 2, 3, Depth::Eight)),
            (Format::Pnm, picture(3, 3, 1, Depth::Sixteen)),
            (Format::Png, picture(2, 2, 4, Depth::Sixteen)),
            (Format::Pnm, picture(1, 1, 3, Depth::Sixteen)),
        ];
        let bytes = frames
            .iter()
            .flat_map(|(format, frame)| encode(*format, frame));
        let (found, error) = read(&bytes.collect::<Vec<_>>());
        assert!(error.is_none() && found == frames, "{error:?}");
        let (found, error) = read(b"P5 # a comment 9\n 2\n1 255\nab");
        assert!(error.is_none() && found[0].1.bytes() == b"ab", "{error:?}");
        let (found, error) = read(b"P4\n9 1\n\x80\x00");
        assert!(error.is_none() && found[0].1.dimensions() == (9, 1));
        let head = "P7\n# DEPTH 9\nWIDTH 2\nHEIGHT 1\nDEPTH 4\n";
        let pam = |rest: &str| [head, rest, "\nENDHDR\n"].concat().into_bytes();
        let bytes = [
            &pam("MAXVAL 255\nTUPLTYPE RGB_ALPHA")[..],
            b"abcdefgh",
            &pam("TUPLTYPE RGB_ALPHA\nMAXVAL 65535"),
            b"ABCDEFGHabcdefgh",
        ];
        let (found, error) = read(&bytes.concat());
        assert!(error.is_none() && found.len() == 2, "{error:?}");
        let [(_, eight), (_, sixteen)] = &found[..] else {
            return;
        };
        assert!(eight.bytes() == b"abcdefgh" && eight.has_opacity());
        assert_eq!(sixteen.samples().next(), Some(0x4142));
    }

    #[test]
    fn what_is_cut_or_no_frame_is_told_with_its_number() {
        let whole = encode(Format::Png, &picture(5, 3, 3, Depth::Eight));
        let ppm = encode(Format::Pnm, &picture(5, 3, 3, Depth::Eight));
        for (frame, cut) in [
            (&whole, 1),
            (&whole, 9),
            (&whole, 60),
            (&ppm, 7),
            (&ppm, 20),
        ] {
            let (found, error) = read(&[&whole, &frame[..cut]].concat());
            let message = error.unwrap().to_string();
            assert_eq!(found.len(), 1);
            assert!(
                message.contains("frame 2 of a pipe") && message.contains("ends in the middle"),
                "{message}"
            );
        }
        for (stream, part) in [
            (
                &b"\xff\xd8\xff\xe0 a JPEG"[..],
                "is a JPEG; a stream has frames as PNG",
            ),
            (b"P3\n1 1 255\n1 2 3", "frames as PNG, or as PPM"),
            (b"P6\nx", "no width and height"),
            (b"P6\n0 0 255\n", "is 0x0, so it has no pixels"),
            (
                b"P7\nWIDTH 0\nHEIGHT 3\nDEPTH 3\nMAXVAL 255\nENDHDR\n",
                "is 0x3",
            ),
            (b"P7\nWIDTH 2\nHEIGHT 2\nENDHDR\n", "no width and height"),
            (b"P7\nWIDTH 2\nHEIGHT", "ends in the middle"),
            (b"P6\n9999999 9999999 255\n", "is too large"),
            (b"P6\n99999999999999999999999 2 255\n", "is too large"),
            (
                b"P7\nWIDTH 9999999\nHEIGHT 9999999\nDEPTH 3\nMAXVAL 255\nENDHDR\n",
                "is too large",
            ),
            (b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIDAT", "is too large"),
        ] {
            let message = read(stream).1.unwrap().to_string();
            assert!(message.contains(part), "{message}");
        }
        // The next frame fills what is missing, and what follows is no chunk.
        let message = read(&[&whole[..60], &whole].concat())
            .1
            .unwrap()
            .to_string();
        assert!(
            message.contains("frame 1 of a pipe: is truncated"),
            "{message}"
        );
        assert!(read(b"").1.is_none());
    }
}
