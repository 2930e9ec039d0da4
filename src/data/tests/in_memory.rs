//! Data sets in memory are understood as those on disk are.

use std::fs;
use std::path::Path;

use crate::data::tests::noise::noise_pair;
use crate::data::{DataOptions, Dataset, Scan, encode_png};
use crate::files::MemoryFolder;
use image::RgbImage;

/// What is told of a data set, or its error, without the path of its folder.
fn told(root: &Path, options: &DataOptions) -> String {
    let text = match Dataset::open(root, options) {
        Err(error) => format!("error: {error}"),
        Ok(dataset) => {
            let scan: &Scan = dataset.scan().unwrap();
            let mut text = format!("{scan}\n");
            for remark in &scan.remarks {
                text += &format!("{remark:?}\n");
            }
            text += &format!("{:?}\n", dataset.tally());
            for found in &scan.splits {
                let set = dataset.require(found.split).unwrap();
                let all: Vec<usize> = (0..set.len()).collect();
                let batch = set.plain(&all).unwrap();
                text += &format!(
                    "{:?} {:?} {}\n",
                    set.names(),
                    set.sources(),
                    set.fingerprint()
                );
                text += &format!("{:?}\n", [batch.input, batch.target]);
            }
            text
        }
    };
    text.replace(&root.display().to_string(), "ROOT")
}

fn png(number: u32, side: (u32, u32)) -> Vec<u8> {
    let image: RgbImage = noise_pair([number, 0], side);
    encode_png(image.dimensions(), image.as_raw()).unwrap()
}

#[test]
fn on_disk_and_in_memory_the_same_pairs_remarks_and_errors_are_found() {
    let sets: [&[&str]; 14] = [
        &[
            "train/b.png",
            "train/a.png",
            "val/c.png",
            "train/notes.txt",
            "train/.hidden.png",
        ],
        &[
            "train/A/y.png",
            "train/B/y.jpg",
            "train/A/x.png",
            "train/B/x.png",
            "test/z.png",
        ],
        &[
            "A/train/x.png",
            "B/train/x.png",
            "A/val/y.png",
            "B/val/y.png",
        ],
        &["trainA/1.png", "trainB/1.png", "testA/2.png"],
        &["a_label.png", "a_image.png", "b_label.png", "b_image.png"],
        &[
            "deep/er/a.png",
            "deep/b.png",
            "run/config.json",
            "run/checkpoints/a.png",
        ],
        &[
            "train/a.png",
            "val/a.png",
            "val/empty.png",
            "train/text.png",
        ],
        &["A/x.png", "A/y.png", "B/x.png"],
        &["A/x.png"],
        &["A/x.png", "A/x.jpg", "B/x.png"],
        &["train/IMG_1.heic"],
        &["notes.txt"],
        &["x/train/a.png", "x/val/b.png"],
        &[],
    ];
    for (index, paths) in sets.into_iter().enumerate() {
        let disk = tempfile::tempdir().unwrap();
        let bytes = |path: &str| match path {
            _ if path.contains("empty") => Vec::new(),
            _ if path.contains("text") || path.ends_with(".txt") => b"no image at all".to_vec(),
            // One pair is held out as well; other pictures differ.
            _ => png(path.len() as u32, (24, 12)),
        };
        let files = paths.iter().map(|path| ((*path).to_owned(), bytes(path)));
        for (path, bytes) in files.clone() {
            let path = disk.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let memory = MemoryFolder::new(&format!("as on disk {index}"), files).unwrap();
        for memory_budget in [0, 1 << 20] {
            let options = DataOptions {
                memory_budget,
                ..DataOptions::new(8)
            };
            let expected = told(disk.path(), &options);
            assert_eq!(told(memory.path(), &options), expected, "{paths:?}");
            assert_eq!(expected.starts_with("error"), index > 5, "{expected}");
        }
    }
}
