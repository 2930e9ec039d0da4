//! TIFF files that are put together byte by byte, so that each order of bytes and each kind of
//! entry can be had (TIFF 6.0, section 2; BigTIFF).

const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const DOUBLE: u16 = 12;
const ASCII: u16 = 2;

/// A file of one picture while it is put together.
#[derive(Clone)]
pub struct RawTiff {
    pub is_big: bool,
    pub is_little: bool,
    /// Tag, type, count and the bytes of the values.
    entries: Vec<(u16, u16, u64, Vec<u8>)>,
}

impl RawTiff {
    pub fn new(is_big: bool, is_little: bool) -> Self {
        Self {
            is_big,
            is_little,
            entries: Vec::new(),
        }
    }

    /// The lowest bytes of a number, in the order of the file.
    pub fn number(&self, value: u64, bytes: usize) -> Vec<u8> {
        if self.is_little {
            value.to_le_bytes()[..bytes].to_vec()
        } else {
            value.to_be_bytes()[8 - bytes..].to_vec()
        }
    }

    fn entry(&mut self, tag: u16, kind: u16, values: &[u64], bytes: usize) {
        let all = values.iter().flat_map(|&value| self.number(value, bytes));
        let entry = (tag, kind, values.len() as u64, all.collect());
        self.entries.push(entry);
    }

    pub fn shorts(&mut self, tag: u16, values: &[u16]) {
        let values: Vec<u64> = values.iter().copied().map(u64::from).collect();
        self.entry(tag, SHORT, &values, 2);
    }

    pub fn longs(&mut self, tag: u16, values: &[u32]) {
        let values: Vec<u64> = values.iter().copied().map(u64::from).collect();
        self.entry(tag, LONG, &values, 4);
    }

    pub fn doubles(&mut self, tag: u16, values: &[f64]) {
        let values: Vec<u64> = values.iter().copied().map(f64::to_bits).collect();
        self.entry(tag, DOUBLE, &values, 8);
    }

    pub fn rational(&mut self, tag: u16, [above, below]: [u32; 2]) {
        let bytes = [above, below].map(|part| self.number(part.into(), 4));
        self.entries.push((tag, RATIONAL, 1, bytes.concat()));
    }

    pub fn text(&mut self, tag: u16, text: &str) {
        let values: Vec<u64> = text.bytes().chain([0]).map(u64::from).collect();
        self.entry(tag, ASCII, &values, 1);
    }

    /// The file, with these strips or tiles. The tags say where they lie and how long they are.
    pub fn finish(mut self, [offsets, counts]: [u16; 2], chunks: &[Vec<u8>]) -> Vec<u8> {
        let (head, word) = if self.is_big { (16, 8) } else { (8, 4) };
        let mut starts = Vec::new();
        let mut body = Vec::new();
        for chunk in chunks {
            starts.push((head + body.len()) as u32);
            body.extend(chunk);
            body.resize(body.len().next_multiple_of(8), 0);
        }
        self.longs(offsets, &starts);
        let lengths: Vec<u32> = chunks.iter().map(|chunk| chunk.len() as u32).collect();
        self.longs(counts, &lengths);
        self.entries.sort();
        let mut directory = self.number(self.entries.len() as u64, if self.is_big { 8 } else { 2 });
        for (tag, kind, count, bytes) in &self.entries {
            directory.extend(self.number((*tag).into(), 2));
            directory.extend(self.number((*kind).into(), 2));
            directory.extend(self.number(*count, word));
            let mut value = bytes.clone();
            if value.len() > word {
                value = self.number((head + body.len()) as u64, word);
                body.extend(bytes);
                body.resize(body.len().next_multiple_of(8), 0);
            }
            value.resize(word, 0);
            directory.extend(value);
        }
        directory.extend(self.number(0, word));
        let order = if self.is_little { b"II" } else { b"MM" };
        let mut file = order.to_vec();
        if self.is_big {
            file.extend([self.number(43, 2), self.number(8, 2), self.number(0, 2)].concat());
        } else {
            file.extend(self.number(42, 2));
        }
        file.extend(self.number((head + body.len()) as u64, word));
        [file, body, directory].concat()
    }
}
