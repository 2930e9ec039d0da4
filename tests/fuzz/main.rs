//! Readers of files under mutation: no panic, no hang, and no memory beyond a stated number of
//! bytes a byte of the file. The first tier takes a second or two for each reader. For longer:
//! `PIX2PIX_FUZZ_SECONDS=600 cargo test --profile tests --test fuzz -- --include-ignored`.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod memory;
mod weights;

use std::time::{Duration, Instant};

/// How long a test of the second tier runs.
fn asked() -> Duration {
    let seconds = std::env::var("PIX2PIX_FUZZ_SECONDS").ok();
    Duration::from_secs(seconds.map_or(20, |text| text.parse().unwrap()))
}

/// A counter-based generator: the same file each time (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Bytes that mean something to the readers, or are at the edge of a range.
const TELLING: [&[u8]; 12] = [
    &[0],
    &[0xff],
    &[0x7f, 0xff, 0xff, 0xff],
    &[0xff; 8],
    b"(",
    b"R",
    b"}",
    b"2",
    b"h\0",
    b"q\0",
    b".",
    b"{\"a\":",
];

/// A file with a few bytes changed, copied, left out or added.
fn mutate(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len());
        let length = 1 + random.below(16);
        let end = (at + length).min(bytes.len());
        match random.below(7) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 if !bytes.is_empty() => bytes[at] = random.next() as u8,
            2 => drop(bytes.drain(at..end)),
            3 => {
                let copied = bytes[at..end].repeat(1 + random.below(64));
                let to = random.below(bytes.len() + 1);
                drop(bytes.splice(to..to, copied));
            }
            4 => bytes.truncate(at),
            5 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len());
                let part = &other[from..(from + 8 * length).min(other.len())];
                drop(bytes.splice(at..end, part.iter().copied()));
            }
            _ => {
                let telling = TELLING[random.below(TELLING.len())];
                drop(bytes.splice(at..at, telling.iter().copied()));
            }
        }
    }
    bytes
}

/// Reads mutations of `corpus` for `duration`. Each must be read within `slowest`, and take less
/// than `bytes_a_byte` times its length, and `slack` bytes more.
fn fuzz(
    corpus: &[Vec<u8>],
    duration: Duration,
    [bytes_a_byte, slack]: [usize; 2],
    read: impl Fn(Vec<u8>),
) {
    const SLOWEST: Duration = Duration::from_secs(10);
    let (start, mut random, mut count) = (Instant::now(), Random(16), 0);
    let mut most = 0.0_f64;
    while start.elapsed() < duration {
        let bytes = mutate(&mut random, corpus);
        let (length, before) = (bytes.len(), Instant::now());
        let kept = bytes.clone();
        let peak = memory::peak(|| read(bytes));
        let allowed = bytes_a_byte * length + slack;
        if peak > allowed || before.elapsed() > SLOWEST {
            panic!(
                "file {count}: {peak} bytes for {length}, {:?}: {}",
                before.elapsed(),
                kept.escape_ascii()
            );
        }
        most = most.max(peak.saturating_sub(slack) as f64 / length.max(1) as f64);
        count += 1;
    }
    println!("{count} files, at most {most:.1} bytes a byte beyond {slack}");
    assert!(count > 50, "only {count} files");
}
