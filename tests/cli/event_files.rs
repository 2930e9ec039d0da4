//! TensorBoard's event files of a run. They are read here by a reader of their own, and by the
//! Python package `tensorboard`, which `scripts/tensorboard-parity setup` fetches. Without it that
//! part is skipped with a line that says so, unless `PIX2PIX_REQUIRE_TENSORBOARD` is set.

use crate::{TINY, config, dataset, picture, stderr, succeed, temporary};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `scripts/tensorboard-parity` ends with where nothing is set up.
const NOT_SET_UP: i32 = 77;

/// A field of a message: a number, or bytes.
#[derive(Clone, Debug, PartialEq)]
enum Field {
    Number(u64),
    Bytes(Vec<u8>),
}

impl Field {
    fn number(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            Self::Bytes(bytes) => panic!("a number, not {bytes:?}"),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(number) => panic!("bytes, not {number}"),
        }
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes().to_vec()).unwrap()
    }

    /// The fields of the message that this is.
    fn message(&self) -> Vec<(u64, Self)> {
        message(self.bytes())
    }
}

/// The fields of a message with their numbers.
fn message(mut bytes: &[u8]) -> Vec<(u64, Field)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key % 8 {
            0 => Field::Number(varint(&mut bytes)),
            1 => Field::Number(u64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap())),
            2 => {
                let length = varint(&mut bytes) as usize;
                Field::Bytes(take(&mut bytes, length).to_vec())
            }
            5 => Field::Number(u32::from_le_bytes(take(&mut bytes, 4).try_into().unwrap()).into()),
            wire => panic!("wire type {wire}"),
        };
        fields.push((key / 8, field));
    }
    fields
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = take(bytes, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

/// The only field of that number, if there is one.
fn only(fields: &[(u64, Field)], number: u64) -> Option<&Field> {
    let mut found = fields.iter().filter(|(own, _)| *own == number);
    let first = found.next();
    assert!(found.next().is_none(), "{number} twice: {fields:?}");
    first.map(|(_, field)| field)
}

/// The checksum, bit by bit.
fn masked_crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for bit in bytes
        .iter()
        .flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1))
    {
        let out = crc & 1 ^ u32::from(bit);
        crc = crc >> 1 ^ if out == 1 { 0x82f6_3b78 } else { 0 };
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The events of a file, whose checksums are right.
fn events(file: &Path) -> Vec<Vec<(u64, Field)>> {
    let bytes = fs::read(file).unwrap();
    let mut rest = &bytes[..];
    let mut events = Vec::new();
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    while !rest.is_empty() {
        let length = take(&mut rest, 8);
        assert_eq!(number(take(&mut rest, 4)), masked_crc(length));
        let length = u64::from_le_bytes(length.try_into().unwrap());
        let data = take(&mut rest, length as usize);
        assert_eq!(number(take(&mut rest, 4)), masked_crc(data));
        events.push(message(data));
    }
    events
}

/// One line for each event: its step, and what it holds.
fn described(file: &Path) -> Vec<String> {
    let describe = |event: &Vec<(u64, Field)>| {
        let seconds = f64::from_bits(only(event, 1).unwrap().number());
        assert!(seconds > 1.7e9, "the time of an event: {seconds}");
        let step = only(event, 2).map_or(0, Field::number);
        let what = match (only(event, 3), only(event, 5), only(event, 7)) {
            (Some(version), None, None) => version.text(),
            (None, Some(summary), None) => tags(summary).join(" "),
            (None, None, Some(log)) => format!("status {}", log.message()[0].1.number()),
            other => panic!("{other:?}"),
        };
        format!("{step}: {what}")
    };
    events(file).iter().map(describe).collect()
}

/// The tags of a summary.
fn tags(summary: &Field) -> Vec<String> {
    let values = summary.message();
    let tag = |(_, value): &(u64, Field)| only(&value.message(), 1).unwrap().text();
    values.iter().map(tag).collect()
}

/// All numbers of a file, by the last part of their tags, and by step.
fn scalars(file: &Path) -> BTreeMap<(String, u64), f32> {
    let mut found = BTreeMap::new();
    for event in events(file) {
        let Some(summary) = only(&event, 5) else {
            continue;
        };
        for (_, value) in summary.message() {
            let fields = value.message();
            let Some(number) = only(&fields, 2) else {
                continue;
            };
            let tag = only(&fields, 1).unwrap().text();
            let column = tag.rsplit('/').next().unwrap().to_owned();
            let step = only(&event, 2).unwrap().number();
            found.insert((column, step), f32::from_bits(number.number() as u32));
        }
    }
    found
}

/// All cells of `metrics.csv`.
fn cells(run: &Path) -> BTreeMap<(String, u64), f32> {
    let text = fs::read_to_string(run.join("metrics.csv")).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let mut found = BTreeMap::new();
    for line in lines {
        for (column, cell) in header.iter().zip(&line).skip(1) {
            if !cell.is_empty() {
                let step = line[0].parse().unwrap();
                found.insert(((*column).to_owned(), step), cell.parse().unwrap());
            }
        }
    }
    found
}

/// The event files of a run, in the order of their names.
fn files(run: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(run)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().contains("tfevents"))
        .collect();
    files.sort();
    files
}

/// Lets the Python package read the folder of a run.
fn check_with_tensorboard(run: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/tensorboard-parity");
    let status = Command::new(script).arg("check").arg(run).status();
    // A script that cannot be started is not set up. One that was killed has no code, and failed.
    let code = status.map_or(Some(NOT_SET_UP), |status| status.code());
    let required = std::env::var_os("PIX2PIX_REQUIRE_TENSORBOARD").is_some();
    match code {
        Some(0) => {}
        Some(NOT_SET_UP) if !required => {
            let line = b"SKIPPED: TensorBoard reads event files; run scripts/tensorboard-parity \
                setup first\n";
            std::io::stderr().write_all(line).unwrap();
        }
        code => panic!("the check with TensorBoard failed or is not set up: {code:?}"),
    }
}

/// A run that dies after its checkpoint has rows and events that come again when it goes on.
#[test]
fn tensorboard_reads_a_run_that_went_on() {
    let folder = temporary();
    let root = folder.path();
    dataset(&root.join("pairs"), 2);
    picture(&root.join("pairs/val/a.png"), 80, 40);
    let every = "--sample-every 2 --checkpoint-every 2";
    succeed(
        root,
        &format!("train pairs --name r --steps 4 {every} --tensorboard {TINY}"),
    );
    let run = root.join("runs/r");
    let [first] = &files(&run)[..] else {
        panic!("one event file: {:?}", files(&run))
    };
    let losses = "losses/g_gan losses/g_l1 losses/d_real losses/d_fake";
    let held_out = "held_out/val_l1 held_out/val_ssim held_out/val_psnr";
    let others = "run/learning_rate run/epoch run/seconds";
    let rows = |from: u64| {
        let row = move |step: u64| match step % 2 {
            0 => vec![
                format!("{step}: {losses} {held_out} {others}"),
                format!("{step}: samples"),
            ],
            _ => vec![format!("{step}: {losses} {others}")],
        };
        (from..=4).flat_map(row)
    };
    let begin = |lines: &[&str]| {
        lines
            .iter()
            .map(|line| (*line).to_owned())
            .collect::<Vec<_>>()
    };
    let expected: Vec<String> = begin(&["0: brain.Event:2", "0: config"])
        .into_iter()
        .chain(rows(1))
        .collect();
    assert_eq!(described(first), expected);

    // As if it had been killed behind step 2. It is not told again to write events.
    fs::remove_file(run.join("checkpoints/step-000004.safetensors")).unwrap();
    succeed(root, "train --resume r");
    assert_eq!(config(root, "r")["tensorboard"], true);
    let [first, second] = &files(&run)[..] else {
        panic!("two event files: {:?}", files(&run))
    };
    let expected: Vec<String> = begin(&["0: brain.Event:2", "3: status 1", "2: config"])
        .into_iter()
        .chain(rows(3))
        .collect();
    assert_eq!(described(second), expected);
    let mut found = scalars(first);
    found.retain(|(_, step), _| *step < 3);
    found.extend(scalars(second));
    // The file has seconds in full, the table to a thousandth.
    found.iter_mut().for_each(|((column, _), value)| {
        if column == "seconds" {
            *value = (*value * 1000.0).round() / 1000.0;
        }
    });
    assert_eq!(found, cells(&run));
    check_with_tensorboard(&run);
}

/// Who asks for it late still sees the curves from the first step.
#[test]
fn a_run_that_goes_on_with_event_files_has_its_earlier_rows_in_them() {
    let folder = temporary();
    let root = folder.path();
    dataset(&root.join("pairs"), 2);
    let told = stderr(&succeed(
        root,
        &format!("train pairs --name r --steps 2 {TINY}"),
    ));
    assert!(!told.contains("TensorBoard"), "{told}");
    let run = root.join("runs/r");
    assert_eq!(files(&run), Vec::<PathBuf>::new());
    succeed(root, "train --resume r --steps 3 --tensorboard");
    let [only] = &files(&run)[..] else {
        panic!("one event file: {:?}", files(&run))
    };
    let lines = described(only);
    let steps: Vec<&str> = lines.iter().map(|line| &line[..2]).collect();
    assert_eq!(steps, ["0:", "1:", "2:", "2:", "3:", "3:"], "{lines:?}");
    assert!(
        lines[3].ends_with("config") && lines[5].ends_with("samples"),
        "{lines:?}"
    );
    check_with_tensorboard(&run);
}
