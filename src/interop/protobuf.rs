//! The part of Protocol Buffers that writing needs. Fields are appended in turn: number and wire
//! type, then the value.

use std::io::{self, Write};

/// Wire types of the encoding.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FIXED_32: u64 = 5;

/// A message that is being built. Long values are moved, never copied, so a file is in memory only
/// once.
#[derive(Debug, Default)]
pub struct Message {
    parts: Vec<Vec<u8>>,
    length: usize,
}

impl Message {
    /// An integer, negative ones in ten bytes.
    pub fn int(mut self, field: u64, value: i64) -> Self {
        self.key(field, VARINT);
        self.varint(value as u64);
        self
    }

    /// Integers under one number, one field each.
    pub fn ints(self, field: u64, values: &[i64]) -> Self {
        values
            .iter()
            .fold(self, |message, &value| message.int(field, value))
    }

    /// A 32-bit float.
    pub fn float(mut self, field: u64, value: f32) -> Self {
        self.key(field, FIXED_32);
        self.raw(&value.to_le_bytes());
        self
    }

    /// A 64-bit float.
    pub fn double(mut self, field: u64, value: f64) -> Self {
        self.key(field, FIXED_64);
        self.raw(&value.to_le_bytes());
        self
    }

    /// UTF-8 text.
    pub fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes().to_vec())
    }

    /// Bytes.
    pub fn bytes(mut self, field: u64, value: Vec<u8>) -> Self {
        self.key(field, LENGTH_DELIMITED);
        self.varint(value.len() as u64);
        self.length += value.len();
        self.parts.push(value);
        self
    }

    /// A message within this one.
    pub fn message(mut self, field: u64, value: Self) -> Self {
        self.key(field, LENGTH_DELIMITED);
        self.varint(value.length as u64);
        self.length += value.length;
        self.parts.extend(value.parts);
        self
    }

    /// Messages under one number, one field each.
    pub fn messages(self, field: u64, values: impl IntoIterator<Item = Self>) -> Self {
        values
            .into_iter()
            .fold(self, |message, value| message.message(field, value))
    }

    /// Its size in bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Writes all of it.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.parts.iter().try_for_each(|part| out.write_all(part))
    }

    fn key(&mut self, field: u64, wire: u64) {
        self.varint(field << 3 | wire);
    }

    /// A varint: seven bits a byte, the lowest first. The top bit says that more bytes follow.
    fn varint(&mut self, mut value: u64) {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        self.raw(&bytes);
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
        self.parts.push(bytes.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(message: &Message) -> Vec<u8> {
        let mut out = Vec::new();
        assert!(message.write(&mut out).is_ok());
        assert_eq!(out.len(), message.length());
        out
    }

    /// The examples of the encoding's own description, and the edges of a varint.
    #[test]
    fn fields_are_encoded_as_the_format_says() {
        let new = Message::default;
        for (message, expected) in [
            (new(), &[][..]),
            (new().int(1, 150), &[0x08, 0x96, 0x01]),
            (
                new().text(2, "testing"),
                &[0x12, 0x07, b't', b'e', b's', b't', b'i', b'n', b'g'],
            ),
            (
                new().message(3, new().int(1, 150)),
                &[0x1a, 0x03, 0x08, 0x96, 0x01],
            ),
            (new().ints(6, &[3, 270]), &[0x30, 0x03, 0x30, 0x8e, 0x02]),
            (
                new().int(1, 127).int(1, 128),
                &[0x08, 0x7f, 0x08, 0x80, 0x01],
            ),
            (
                new().int(1, -1),
                &[
                    0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
                ],
            ),
            (new().float(2, 1.0), &[0x15, 0x00, 0x00, 0x80, 0x3f]),
            (new().double(1, 1.0), &[0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
            (new().int(20, 7), &[0xa0, 0x01, 0x07]),
            (
                new().messages(1, [new(), new().int(1, 0)]),
                &[0x0a, 0x00, 0x0a, 0x02, 0x08, 0x00],
            ),
        ] {
            assert_eq!(bytes(&message), expected);
        }
    }

    #[test]
    fn lengths_are_those_of_everything_inside() {
        let inner = Message::default().bytes(9, vec![7; 300]);
        let outer = bytes(&Message::default().message(5, inner));
        assert_eq!(outer[..6], [0x2a, 0xaf, 0x02, 0x4a, 0xac, 0x02]);
        assert!(outer.len() == 306 && outer[6..].iter().all(|&byte| byte == 7));
    }
}
