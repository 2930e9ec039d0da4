//! Event files, which TensorBoard reads while a run goes on.
//!
//! A file is a sequence of records, and each record is a message of Protocol Buffers:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | length of the message, little-endian |
//! | 4 | masked CRC-32C of these 8 bytes |
//! | length | the message, an `Event` |
//! | 4 | masked CRC-32C of the message |

use super::protobuf::Message;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What the names of event files begin with. Seconds since 1970 follow, with ten digits, so that
/// files sort by their time.
const PREFIX: &str = "events.out.tfevents.";
/// What they end with. Other programs have the name of the machine here.
const SUFFIX: &str = ".pix2pix";
/// What the first record of a file says.
const VERSION: &str = "brain.Event:2";

/// Fields of `Event`.
mod event {
    pub const WALL_TIME: u64 = 1;
    pub const STEP: u64 = 2;
    pub const FILE_VERSION: u64 = 3;
    pub const SUMMARY: u64 = 5;
    pub const SESSION_LOG: u64 = 7;
}

/// Fields of `Summary.Value`.
mod value {
    pub const TAG: u64 = 1;
    pub const SIMPLE_VALUE: u64 = 2;
    pub const IMAGE: u64 = 4;
    pub const TENSOR: u64 = 8;
    pub const METADATA: u64 = 9;
}

/// `SessionLog.SessionStatus.START`.
const START: i64 = 1;
/// `Summary.Image.colorspace` of RGB.
const RGB: i64 = 3;
/// `DataType.DT_STRING`.
const STRING: i64 = 7;

/// Something that TensorBoard shows under a tag.
#[derive(Clone, Debug, PartialEq)]
pub enum Summary {
    /// A point of a curve.
    Scalar(f32),
    /// An RGB image.
    Image {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// The bytes of the file.
        png: Vec<u8>,
    },
    /// Text in Markdown.
    Text(String),
}

/// An event file. Each event is written at once, so TensorBoard sees it.
#[derive(Clone, Debug)]
pub struct EventFile {
    path: PathBuf,
}

impl EventFile {
    /// A new file in `folder`, named by `seconds` since 1970. TensorBoard reads files in the order
    /// of their names, so where a name is as late as this one, the file gets a later one. The file
    /// is made with its first event.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn new(folder: &Path, seconds: u64) -> io::Result<Self> {
        let mut seconds = seconds;
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            let of_name = name.to_str().and_then(seconds_of);
            seconds = seconds.max(of_name.map_or(0, |newest| newest.saturating_add(1)));
        }
        Ok(Self {
            path: folder.join(format!("{PREFIX}{seconds:010}{SUFFIX}")),
        })
    }

    /// Whether a file of this name is an event file of this program.
    pub fn is_name(name: &str) -> bool {
        seconds_of(name).is_some()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Says that training goes on with `first_step`. What earlier files have of this step and later
    /// ones is not shown any more.
    ///
    /// # Errors
    /// If it cannot be written. Nothing of it is in the file then.
    pub fn start(&self, wall_time: f64, first_step: u64) -> io::Result<()> {
        let log = Message::default().int(1, START);
        let event = at(wall_time, first_step).message(event::SESSION_LOG, log);
        self.append(wall_time, event)
    }

    /// Adds what is known after `step`, under its tags. `wall_time` is in seconds since 1970.
    ///
    /// # Errors
    /// If it cannot be written. Nothing of it is in the file then.
    pub fn add(
        &self,
        wall_time: f64,
        step: u64,
        values: impl IntoIterator<Item = (String, Summary)>,
    ) -> io::Result<()> {
        let values = values.into_iter().map(|(tag, value)| of_value(&tag, value));
        let summary = Message::default().messages(1, values);
        let event = at(wall_time, step).message(event::SUMMARY, summary);
        self.append(wall_time, event)
    }

    /// Adds a record. A new file gets its version first.
    fn append(&self, wall_time: f64, event: Message) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)?;
        let length = file.metadata()?.len();
        let mut records = Vec::new();
        if length == 0 {
            let version = Message::default()
                .double(event::WALL_TIME, wall_time)
                .text(event::FILE_VERSION, VERSION);
            record(&mut records, &version)?;
        }
        record(&mut records, &event)?;
        file.write_all(&records).inspect_err(|_| {
            // A full disk may leave half a record. TensorBoard would read nothing behind it.
            let _ = file.set_len(length);
        })
    }
}

/// The seconds in the name of an event file of this program.
fn seconds_of(name: &str) -> Option<u64> {
    name.strip_prefix(PREFIX)?
        .strip_suffix(SUFFIX)?
        .parse()
        .ok()
}

/// The begin of an `Event`. A step of 0 is left out, as the format does with zeros.
fn at(wall_time: f64, step: u64) -> Message {
    let event = Message::default().double(event::WALL_TIME, wall_time);
    match i64::try_from(step).unwrap_or(i64::MAX) {
        0 => event,
        step => event.int(event::STEP, step),
    }
}

/// A `Summary.Value`.
fn of_value(tag: &str, value: Summary) -> Message {
    let message = Message::default().text(value::TAG, tag);
    match value {
        Summary::Scalar(value) => message.float(value::SIMPLE_VALUE, value),
        Summary::Image { width, height, png } => {
            let image = Message::default()
                .int(1, i64::from(height))
                .int(2, i64::from(width))
                .int(3, RGB)
                .bytes(4, png);
            message.message(value::IMAGE, image)
        }
        Summary::Text(text) => {
            let one = Message::default().message(2, Message::default().int(1, 1));
            let tensor = Message::default()
                .int(1, STRING)
                .message(2, one)
                .text(8, &text);
            let plugin = Message::default().text(1, "text");
            message
                .message(value::TENSOR, tensor)
                .message(value::METADATA, Message::default().message(1, plugin))
        }
    }
}

/// Adds `message` with its length and checksums.
fn record(out: &mut Vec<u8>, message: &Message) -> io::Result<()> {
    let length = (message.length() as u64).to_le_bytes();
    out.extend(length);
    out.extend(masked_crc(&length).to_le_bytes());
    let begin = out.len();
    message.write(out)?;
    let crc = masked_crc(&out[begin..]);
    out.extend(crc.to_le_bytes());
    Ok(())
}

/// The checksum of a record: rotated and shifted, because the checksum of bytes that hold their own
/// checksum says little.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32 with Castagnoli's polynomial, of which this is the mirror image. Eight bits at a time.
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let (mut rest, mut bit) = (byte as u32, 0);
            while bit < 8 {
                rest = (rest >> 1) ^ (0x82f6_3b78 * (rest & 1));
                bit += 1;
            }
            table[byte] = rest;
            byte += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |rest: u32, &byte| {
        (rest >> 8) ^ TABLE[usize::from(rest as u8 ^ byte)]
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The check value of the catalogue of CRCs, and those of RFC 3720, B.4.
    #[test]
    fn checksums_are_those_of_castagnoli() {
        for (bytes, crc) in [
            (&b"123456789"[..], 0xe306_9283),
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&[], 0),
        ] {
            assert_eq!(crc32c(bytes), crc, "{bytes:?}");
        }
    }

    /// What the Python package `tensorboard` 2.21.0 writes for the same events.
    const VERSION_RECORD: &str = "1800000000000000a37f4b2209000020d0154bda411a0d627261696e2e\
        4576656e743a321af9d598";
    const START_RECORD: &str = "100000000000000095fbfe1809000020d0154bda4110fb013a0208015e6b087c";
    const SCALARS_RECORD: &str = "3c00000000000000c8b7a35209000020d0154bda4110fa012a2e0a120a0b6c\
        6f737365732f675f6c31150000003e0a180a1168656c645f6f75742f76616c5f70736e72150000807f399e5eeb";
    const IMAGE_RECORD: &str = "2700000000000000bbe1b14609000020d0154bda4110fa012a190a170a077361\
        6d706c6573220c080410061803220489504e47195b1c87";
    const TEXT_RECORD: &str = "3700000000000000e7e8ca5909000020d0154bda412a2c0a2a0a0d636f6e666967\
        75726174696f6e420f0807120412020801420561207c20624a080a060a047465787406d94f5d";

    #[test]
    fn records_are_those_of_the_python_package() {
        let folder = tempfile::tempdir().unwrap();
        let file = EventFile::new(folder.path(), 1_764_513_600).unwrap();
        let now = 1_764_513_600.5;
        let scalars = [("losses/g_l1", 0.125), ("held_out/val_psnr", f32::INFINITY)];
        let one = |tag: &str, value: Summary| [(tag.to_owned(), value)];
        let image = Summary::Image {
            width: 6,
            height: 4,
            png: b"\x89PNG".to_vec(),
        };
        file.start(now, 251).unwrap();
        let scalars = scalars.map(|(tag, value)| (tag.to_owned(), Summary::Scalar(value)));
        file.add(now, 250, scalars).unwrap();
        file.add(now, 250, one("samples", image)).unwrap();
        file.add(now, 0, one("configuration", Summary::Text("a | b".into())))
            .unwrap();
        let bytes = fs::read(file.path()).unwrap();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let expected = [
            VERSION_RECORD,
            START_RECORD,
            SCALARS_RECORD,
            IMAGE_RECORD,
            TEXT_RECORD,
        ];
        assert_eq!(hex, expected.concat());
    }

    #[test]
    fn a_later_file_has_a_later_name() {
        let folder = tempfile::tempdir().unwrap();
        let name = |seconds| {
            let file = EventFile::new(folder.path(), seconds).unwrap();
            file.start(0.0, 1).unwrap();
            file.path()
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(
            name(2_000_000_000),
            "events.out.tfevents.2000000000.pix2pix"
        );
        assert_eq!(
            name(2_000_000_000),
            "events.out.tfevents.2000000001.pix2pix"
        );
        assert_eq!(name(7), "events.out.tfevents.2000000002.pix2pix");
        assert!(EventFile::is_name("events.out.tfevents.0000000007.pix2pix"));
        for other in ["events.out.tfevents.7.host", "metrics.csv", ".pix2pix"] {
            assert!(!EventFile::is_name(other), "{other}");
        }
    }
}
