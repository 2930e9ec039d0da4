//! Writing a picture to a file, from its first row on, as PNG or TIFF of 8 or 16 bits. A TIFF has
//! any number of channels, a PNG at most four.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use super::depth::{Depth, PictureLayout};
use super::picture::Picture;
use super::pixels::MOST_COLOURS;
use super::tiff;

/// The format of a picture's file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Format {
    /// PNG
    #[default]
    Png,
    /// TIFF
    ///
    /// Uncompressed.
    Tiff,
}

impl Format {
    /// The ending of such a file, with its dot.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Png => ".png",
            Format::Tiff => ".tiff",
        }
    }

    /// Whether such a file can have so many channels.
    pub fn holds(self, channels: usize) -> bool {
        match self {
            Format::Png => (1..=MOST_COLOURS).contains(&channels),
            Format::Tiff => (1..=usize::from(u16::MAX)).contains(&channels),
        }
    }

    /// The format that belongs to the name of a file: PNG, if it is not that of a TIFF.
    pub fn of(path: &Path) -> Self {
        if path.extension().is_some_and(|ending| ending == "tiff") {
            Format::Tiff
        } else {
            Format::Png
        }
    }
}

/// A picture's file while it is written. It holds a few rows, whatever the picture's height.
pub struct RowWriter<W: Write + 'static> {
    layout: PictureLayout,
    /// Rows that are still to come.
    missing: u32,
    encoder: Encoder<W>,
}

enum Encoder<W: Write + 'static> {
    Png {
        encoder: Box<png::StreamWriter<'static, Shared<W>>>,
        out: Shared<W>,
    },
    /// The rows are the rest of the file.
    Tiff(W),
}

impl<W: Write + 'static> RowWriter<W> {
    /// Begins a file for a picture. Every bit of the samples is kept.
    ///
    /// # Errors
    /// Those of `out`, more channels than the format has, and more than a TIFF file holds.
    pub fn new(format: Format, layout: PictureLayout, mut out: W) -> io::Result<Self> {
        if !format.holds(layout.channels) {
            return Err(io::Error::other(format!(
                "{format:?} files do not have {} channels",
                layout.channels
            )));
        }
        let colour = match layout.channels {
            _ if format == Format::Tiff => {
                out.write_all(&tiff::header(layout)?)?;
                return Ok(Self {
                    layout,
                    missing: layout.height,
                    encoder: Encoder::Tiff(out),
                });
            }
            1 => png::ColorType::Grayscale,
            2 => png::ColorType::GrayscaleAlpha,
            3 => png::ColorType::Rgb,
            _ => png::ColorType::Rgba,
        };
        let out = Shared::new(out);
        let mut encoder = png::Encoder::new(out.clone(), layout.width, layout.height);
        encoder.set_color(colour);
        encoder.set_depth(if layout.depth == Depth::Sixteen {
            png::BitDepth::Sixteen
        } else {
            png::BitDepth::Eight
        });
        // Fast. The crate's own "fast" makes files of noise larger than their samples; this does
        // not.
        encoder.set_deflate_compression(png::DeflateCompression::Level(1));
        encoder.set_filter(png::Filter::Adaptive);
        let encoder = encoder
            .write_header()
            .and_then(png::Writer::into_stream_writer)
            .map_err(|error| out.explain(error))?;
        Ok(Self {
            layout,
            missing: layout.height,
            encoder: Encoder::Png {
                encoder: Box::new(encoder),
                out,
            },
        })
    }

    /// Writes the next rows of the picture, a picture of its width, channels and depth.
    ///
    /// # Errors
    /// Those of what is written to, and rows of another picture.
    pub fn push(&mut self, rows: &Picture) -> io::Result<()> {
        let alike = rows.layout()
            == PictureLayout {
                height: rows.height(),
                ..self.layout
            };
        let Some(missing) = self.missing.checked_sub(rows.height()).filter(|_| alike) else {
            return Err(io::Error::other(format!(
                "{:?} are no rows of {:?}",
                rows.layout(),
                self.layout
            )));
        };
        self.missing = missing;
        match &mut self.encoder {
            Encoder::Png { encoder, out } => {
                let written = match self.layout.depth {
                    Depth::Eight => encoder.write_all(rows.bytes()),
                    // PNG has the high byte first.
                    Depth::Sixteen => encoder.write_all(
                        &rows
                            .samples()
                            .flat_map(u16::to_be_bytes)
                            .collect::<Vec<u8>>(),
                    ),
                };
                written.map_err(|error| out.explain(error))
            }
            Encoder::Tiff(out) => out.write_all(rows.bytes()),
        }
    }

    /// Ends the file after its last row and gives back what was written to.
    ///
    /// # Errors
    /// Those of what is written to, and rows that are missing.
    pub fn finish(self) -> io::Result<W> {
        if self.missing > 0 {
            return Err(io::Error::other(format!(
                "the last {} rows are missing",
                self.missing
            )));
        }
        match self.encoder {
            Encoder::Png { encoder, out } => {
                encoder.finish().map_err(|error| out.explain(error))?;
                out.take()
            }
            Encoder::Tiff(mut out) => out.flush().map(|()| out),
        }
    }
}

/// What the PNG encoder writes to. The encoder keeps it to the end, and does not report errors of
/// its last bytes. So the first error is kept here.
struct Shared<W>(Rc<RefCell<(W, Option<io::Error>)>>);

impl<W> Clone for Shared<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<W: Write> Shared<W> {
    fn new(out: W) -> Self {
        Self(Rc::new(RefCell::new((out, None))))
    }

    /// Gives back what was written to. The encoder must be dropped before.
    fn take(self) -> io::Result<W> {
        let (mut out, error) = Rc::into_inner(self.0)
            .ok_or_else(|| io::Error::other("the encoder still writes"))?
            .into_inner();
        error.map_or(Ok(()), Err)?;
        out.flush()?;
        Ok(out)
    }

    /// The system's own error, if there was one here; else the encoder's. The encoder's error does
    /// not say that a disk is full.
    fn explain(&self, error: impl Into<io::Error>) -> io::Error {
        self.0.borrow_mut().1.take().unwrap_or_else(|| error.into())
    }

    fn remembering<T>(&mut self, action: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        let (out, failed) = &mut *self.0.borrow_mut();
        action(out).inspect_err(|error| {
            // An interrupted call is tried again.
            if error.kind() != io::ErrorKind::Interrupted {
                *failed = Some(error.kind().into());
            }
        })
    }
}

impl<W: Write> Write for Shared<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.remembering(|out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.remembering(Write::flush)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::{Pixels, read_picture};
    use std::fs::File;
    use std::io::Cursor;

    fn write(format: Format, picture: &Picture, path: &Path) {
        let mut writer =
            RowWriter::new(format, picture.layout(), File::create(path).unwrap()).unwrap();
        writer.push(picture).unwrap();
        writer.finish().unwrap();
    }

    /// From a file through the floats that a network sees into another file: what a network that
    /// copies its input would write.
    #[test]
    fn what_is_read_and_copied_is_written_bit_by_bit() {
        let folder = tempfile::tempdir().unwrap();
        for format in [Format::Png, Format::Tiff] {
            for kind in [
                Pixels::Gray,
                Pixels::Channels(2),
                Pixels::Rgb,
                Pixels::Rgba,
                Pixels::Channels(5),
            ] {
                if !format.holds(kind.channels()) {
                    continue;
                }
                let channels = kind.channels();
                // Odd numbers of pixels, and bytes that differ when their order does.
                let words: Vec<u16> = (0..31 * 9 * channels)
                    .map(|at| (at * 4099) as u16)
                    .collect();
                let bytes = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
                let picture = Picture::from_bytes(31, 9, channels, Depth::Sixteen, bytes).unwrap();
                let [first, second] = ["first", "second"].map(|name| {
                    folder
                        .path()
                        .join(format!("{name}-{channels}{}", format.ending()))
                });
                write(format, &picture, &first);
                let read = read_picture(&first).unwrap();
                assert_eq!(read, picture, "{format:?} {kind}");
                let values = kind.units(&kind.colours(&read, &first).unwrap());
                let copy = kind
                    .pictures(31, 9, read.depth(), &values, &values)
                    .remove(0);
                write(format, &copy, &second);
                assert_eq!(
                    std::fs::read(&first).unwrap(),
                    std::fs::read(&second).unwrap(),
                    "{format:?} {kind}"
                );
                let shallow = Picture::from_unit(31, 9, channels, Depth::Eight, &values);
                write(format, &shallow, &second);
                assert_eq!(read_picture(&second).unwrap(), shallow, "{format:?} {kind}");
            }
        }
    }

    /// The bands of a picture make the file that the picture makes, strips included.
    #[test]
    fn a_picture_is_written_in_bands() {
        let folder = tempfile::tempdir().unwrap();
        for (format, depth) in [Format::Png, Format::Tiff]
            .iter()
            .flat_map(|&format| [(format, Depth::Eight), (format, Depth::Sixteen)])
        {
            let values: Vec<f32> = (0..700 * 61 * 3)
                .map(|at| (at as f32 * 0.013).sin())
                .collect();
            let picture = Picture::from_unit(700, 61, 3, depth, &values);
            let [whole, banded] = ["whole", "banded"].map(|name| {
                folder
                    .path()
                    .join(name)
                    .with_extension(&format.ending()[1..])
            });
            write(Format::of(&whole), &picture, &whole);
            let mut writer =
                RowWriter::new(format, picture.layout(), File::create(&banded).unwrap()).unwrap();
            for (top, rows) in [(0, 1), (1, 40), (41, 0), (41, 20)] {
                writer.push(&picture.crop(0, top, 700, rows)).unwrap();
            }
            writer.finish().unwrap();
            assert_eq!(
                std::fs::read(&whole).unwrap(),
                std::fs::read(&banded).unwrap(),
                "{format:?}"
            );
            assert_eq!(
                read_picture(&banded).unwrap(),
                picture,
                "{format:?} {depth:?}"
            );
        }
    }

    #[test]
    fn what_no_file_holds_is_refused() {
        let layout = PictureLayout {
            width: 2,
            height: 3,
            channels: 3,
            depth: Depth::Eight,
        };
        let begin = |format, layout| RowWriter::new(format, layout, Cursor::new(Vec::new()));
        for (format, channels) in [
            (Format::Png, 5),
            (Format::Png, 0),
            (Format::Tiff, 0),
            (Format::Tiff, 1 << 16),
        ] {
            let error = begin(format, PictureLayout { channels, ..layout })
                .err()
                .unwrap()
                .to_string();
            assert!(
                error.contains(&format!("do not have {channels} channels")),
                "{error}"
            );
        }
        let long = begin(
            Format::Tiff,
            PictureLayout {
                width: 1 << 16,
                height: 1 << 16,
                ..layout
            },
        )
        .err()
        .unwrap();
        assert!(long.to_string().contains("write PNG"), "{long}");
        for format in [Format::Png, Format::Tiff] {
            let mut writer = begin(format, layout).unwrap();
            let black = |width, height| Picture::from_unit(width, height, 3, Depth::Eight, &[]);
            writer.push(&black(2, 2)).unwrap();
            assert!(
                writer.push(&black(1, 1)).is_err() && writer.push(&black(2, 2)).is_err(),
                "another width, too many rows"
            );
            assert!(
                writer
                    .finish()
                    .err()
                    .unwrap()
                    .to_string()
                    .contains("the last 1 rows")
            );
        }
    }

    /// A disk with room for so many bytes.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Wherever the disk ends, in the first bytes and in the last.
    #[test]
    fn a_full_disk_is_told() {
        let picture = Picture::from_unit(9, 9, 1, Depth::Eight, &[0.5]);
        let attempt = |room| -> io::Result<usize> {
            let mut writer = RowWriter::new(Format::Png, picture.layout(), Disk(room))?;
            writer.push(&picture)?;
            Ok(room - writer.finish()?.0)
        };
        let needed = attempt(1 << 20).unwrap();
        for room in 0..needed {
            assert_eq!(
                attempt(room).unwrap_err().kind(),
                io::ErrorKind::StorageFull,
                "{room} of {needed}"
            );
        }
        assert_eq!(attempt(needed).unwrap(), needed);
    }
}
