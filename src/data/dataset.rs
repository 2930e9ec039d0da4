//! A dataset folder, opened: the pairs of each of its splits.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::DataError;
use super::pair_set::PairSet;
use super::pair_source::PairSource;
use super::pairs::find_pairs;
use super::palette::Palette;
use super::picture::Images;
use super::pixels::Pixels;
use super::preprocess::DataOptions;
use super::read_options::ReadOptions;
use super::read_tally::ReadTally;
use super::remark::{Remark, RemarkKind};
use super::scan::{Scan, Wanted};
use super::split::{Direction, Split};
use crate::threads::count;

/// A dataset, opened: every image has been decoded once, so every bad file is known.
#[derive(Clone, Debug)]
pub struct Dataset {
    root: PathBuf,
    splits: Vec<Arc<PairSet>>,
    scan: Option<Scan>,
}

impl Dataset {
    /// Opens a dataset folder (how its folders are called: [`crate::data::pairs`]) and decodes all
    /// of it, on every core.
    ///
    /// # Errors
    /// Contradicting sizes, a bad folder, and all files that cannot be used, in sorted order:
    /// [`DataError::Unusable`], or the error itself if there is one.
    pub fn open(root: &Path, options: &DataOptions) -> Result<Self, DataError> {
        let images = options
            .direction
            .order((options.input.images(), options.target.images()));
        let one_picture = Pixels::are_parts(&options.input, &options.target);
        let wanted = Wanted {
            images,
            one_picture,
            as_stored: options.reading.ignore_orientation,
        };
        let mut scan = Scan::of(root, wanted)?;
        scan.tell_copies();
        let mut dataset = Self::from_pairs(root, scan.take_pairs(), options)?;
        let sets = dataset.splits.iter();
        let lost: BTreeSet<&PathBuf> = sets.flat_map(|set| set.without_opacity()).collect();
        scan.remarks.extend(lost.first().map(|&first| Remark {
            kind: RemarkKind::Opacity,
            count: lost.len(),
            example: first.clone(),
        }));
        dataset.scan = Some(scan);
        Ok(dataset)
    }

    /// Its folder, or words that stand for it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How the folder was understood, and what was left over, without the pairs. The bundled pairs
    /// come from no folder.
    pub fn scan(&self) -> Option<&Scan> {
        self.scan.as_ref()
    }

    /// The colours of all label maps that are inputs in a dataset folder, where input and target
    /// have so many images; all of it is decoded, on every core. `reading` is that of A and of B.
    ///
    /// # Errors
    /// Those of [`Dataset::open`], and [`DataError::TooManyColours`].
    pub fn input_palette(
        root: &Path,
        direction: Direction,
        images: (usize, usize),
        reading: &[ReadOptions; 2],
    ) -> Result<Palette, DataError> {
        let sources: Vec<PairSource> = find_pairs(root, direction.order(images))?
            .into_iter()
            .flat_map(|(_, sources)| sources)
            .collect();
        Palette::of(&sources, count(), |source| {
            // What is to be told of it is counted when the data set is opened.
            let read = source.read(reading, &mut ReadTally::default())?;
            Ok(direction.order(read).0)
        })
    }

    /// Channels of the first images that are input and target in a dataset folder, where these have
    /// so many images. A pair that cannot be read is passed over: [`Dataset::open`] names it.
    ///
    /// # Errors
    /// Those of listing the folder, and of reading all pairs if none can be read.
    pub fn channels(
        root: &Path,
        direction: Direction,
        images: (usize, usize),
        reading: &[ReadOptions; 2],
    ) -> Result<(usize, usize), DataError> {
        let pairs = find_pairs(root, direction.order(images))?;
        let of_first = |images: Images| images.first().map_or(0, |(_, picture)| picture.channels());
        let mut errors = Vec::new();
        for source in pairs.iter().flat_map(|(_, sources)| sources) {
            match source.read(reading, &mut ReadTally::default()) {
                Ok((a, b)) => return Ok(direction.order((of_first(a), of_first(b)))),
                Err(error) => errors.push(error),
            }
        }
        DataError::of_files(errors).map_or(Ok((0, 0)), Err)
    }

    /// A dataset of these pairs; `root` only names it in errors.
    pub(super) fn from_pairs(
        root: &Path,
        pairs: Vec<(Split, Vec<PairSource>)>,
        options: &DataOptions,
    ) -> Result<Self, DataError> {
        options.check()?;
        let mut budget = options.memory_budget;
        let mut splits = Vec::with_capacity(pairs.len());
        let mut errors = Vec::new();
        for (split, sources) in pairs {
            match PairSet::read(split, sources, options, budget) {
                Ok(set) => {
                    budget -= set.bytes_in_memory().min(budget);
                    splits.push(Arc::new(set));
                }
                Err(of_split) => errors.extend(of_split),
            }
        }
        if let Some(error) = DataError::of_files(errors) {
            return Err(error);
        }
        Ok(Self {
            root: root.to_owned(),
            splits,
            scan: None,
        })
    }

    /// What is to be told of the files of all splits.
    pub fn tally(&self) -> ReadTally {
        let mut all = ReadTally::default();
        let splits = self.splits.iter();
        splits.for_each(|set| all.add(set.tally().clone()));
        all
    }

    /// The pairs of a split, if the dataset has it.
    pub fn get(&self, split: Split) -> Option<&Arc<PairSet>> {
        self.splits.iter().find(|set| set.split() == split)
    }

    /// The pairs of a split that the caller cannot do without.
    ///
    /// # Errors
    /// [`DataError::MissingSplit`].
    pub fn require(&self, split: Split) -> Result<&Arc<PairSet>, DataError> {
        self.get(split).ok_or_else(|| DataError::MissingSplit {
            root: self.root.clone(),
            split,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::data::augment::Chance;
    use crate::data::batch::Sample;
    use crate::data::limits::MAX_SIDE;
    use crate::data::tests::noise::noise_pair;
    use image::RgbImage;
    use std::fs;

    /// A dataset folder with `train` and `val` combined images of noise, 24 x 12 pixels.
    fn noise_dataset(train: u32, val: u32) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (split, count) in [("train", train), ("val", val)] {
            fs::create_dir(root.path().join(split)).unwrap();
            for index in 0..count {
                noise_pair([index, train], (24, 12))
                    .save(root.path().join(split).join(format!("{index:03}.png")))
                    .unwrap();
            }
        }
        root
    }

    fn options() -> DataOptions {
        DataOptions {
            load_size: 9,
            ..DataOptions::new(8)
        }
    }

    #[test]
    fn contradicting_sizes_are_a_typed_error() {
        let root = noise_dataset(1, 1);
        for (size, load_size) in [(0, 0), (8, 7), (8, MAX_SIDE + 1), (u32::MAX, u32::MAX)] {
            let options = DataOptions {
                size,
                load_size,
                ..options()
            };
            let error = Dataset::open(root.path(), &options).unwrap_err();
            assert!(matches!(error, DataError::Sizes { .. }), "{error}");
        }
    }

    #[test]
    fn in_memory_or_not_the_batches_are_the_same() {
        let root = noise_dataset(5, 2);
        let open = |memory_budget| {
            Dataset::open(
                root.path(),
                &DataOptions {
                    memory_budget,
                    ..options()
                },
            )
            .unwrap()
        };
        let (kept, read_again) = (open(1 << 20), open(0));
        let chance = Chance {
            x: u32::MAX,
            y: 0,
            flip: true,
        };
        let samples = [
            Sample { pair: 4, chance },
            Sample {
                pair: 0,
                chance: Chance::default(),
            },
        ];
        for split in [Split::Train, Split::Val] {
            let (kept, read_again) = (
                kept.require(split).unwrap(),
                read_again.require(split).unwrap(),
            );
            assert!(kept.bytes_in_memory() > 0 && read_again.bytes_in_memory() == 0);
            assert_eq!(
                kept.plain(&[1, 0]).unwrap(),
                read_again.plain(&[1, 0]).unwrap()
            );
        }
        let (kept, read_again) = (
            kept.get(Split::Train).unwrap(),
            read_again.get(Split::Train).unwrap(),
        );
        assert_eq!(
            kept.batch(&samples).unwrap(),
            read_again.batch(&samples).unwrap()
        );
        assert_eq!(kept.batch(&samples).unwrap().input.len(), 2 * 8 * 8 * 3);
        // Training is served first; validation must do with what is left.
        let training = 5 * 2 * 9 * 9 * 3;
        let tight = open(training);
        assert_eq!(tight.get(Split::Train).unwrap().bytes_in_memory(), training);
        assert_eq!(tight.get(Split::Val).unwrap().bytes_in_memory(), 0);
    }

    #[test]
    fn direction_swaps_input_and_target() {
        let root = noise_dataset(1, 1);
        let batch = |direction| {
            let options = DataOptions {
                direction,
                ..options()
            };
            let dataset = Dataset::open(root.path(), &options).unwrap();
            dataset.get(Split::Val).unwrap().plain(&[0]).unwrap()
        };
        let (one, other) = (batch(Direction::AtoB), batch(Direction::BtoA));
        assert_eq!((&one.input, &one.target), (&other.target, &other.input));
        assert_ne!(one.input, one.target);
    }

    #[test]
    fn all_bad_files_are_reported_in_order() {
        let root = noise_dataset(40, 1);
        let train = root.path().join("train");
        fs::write(train.join("031.png"), b"").unwrap();
        fs::write(train.join("017.png"), b"not an image").unwrap();
        RgbImage::new(5, 4).save(train.join("018.png")).unwrap();
        fs::write(root.path().join("val/000.png"), b"").unwrap();
        let open = |memory_budget| {
            let options = DataOptions {
                memory_budget,
                ..options()
            };
            Dataset::open(root.path(), &options).unwrap_err()
        };
        for memory_budget in [0, 1 << 20] {
            let error = open(memory_budget);
            let DataError::Unusable { errors } = &error else {
                panic!("{error}")
            };
            let [first, odd, third, fourth] = &errors[..] else {
                panic!("{error}")
            };
            assert!(
                matches!(first, DataError::NotAnImage { path, .. } if path.ends_with("017.png")),
                "{error}"
            );
            assert!(
                matches!(odd, DataError::OddWidth { width: 5, path } if path.ends_with("018.png")),
                "{error}"
            );
            for (error, name) in [(third, "031.png"), (fourth, "val/000.png")] {
                assert!(
                    matches!(error, DataError::EmptyFile { path } if path.ends_with(name)),
                    "{error}"
                );
            }
            assert_eq!(error.to_string().lines().count(), 5);
        }
        fs::remove_file(train.join("017.png")).unwrap();
        fs::remove_file(train.join("031.png")).unwrap();
        fs::remove_file(root.path().join("val/000.png")).unwrap();
        RgbImage::new(4, 4)
            .save(root.path().join("val/000.png"))
            .unwrap();
        let error = open(0);
        assert!(
            matches!(&error, DataError::OddWidth { width: 5, path } if path.ends_with("018.png")),
            "{error}"
        );
        for index in 0..30 {
            fs::write(train.join(format!("bad-{index:02}.png")), b"").unwrap();
        }
        let message = open(0).to_string();
        assert!(
            message.starts_with("31 files") && message.ends_with("and 11 more"),
            "{message}"
        );
    }

    /// Looking for colours or channels names all bad files, or leaves them to the opening.
    #[test]
    fn looking_at_files_names_all_that_are_bad() {
        let root = noise_dataset(5, 1);
        let train = root.path().join("train");
        fs::write(train.join("000.png"), b"").unwrap();
        fs::write(train.join("003.png"), b"no image").unwrap();
        let reading = [ReadOptions::default(); 2];
        let (direction, images) = (Direction::AtoB, (1, 1));
        let palette = || Dataset::input_palette(root.path(), direction, images, &reading);
        let channels = || Dataset::channels(root.path(), direction, images, &reading);
        let text = palette().unwrap_err().to_string();
        assert!(
            text.starts_with("2 files") && text.contains("000.png") && text.contains("003.png"),
            "{text}"
        );
        assert_eq!(channels().unwrap(), (3, 3));
        let options = DataOptions {
            input: Pixels::Channels(3),
            target: Pixels::Channels(3),
            ..options()
        };
        let text = Dataset::open(root.path(), &options)
            .unwrap_err()
            .to_string();
        assert!(text.starts_with("2 files"), "{text}");
        for entry in fs::read_dir(&train).unwrap() {
            fs::write(entry.unwrap().path(), b"").unwrap();
        }
        fs::remove_dir_all(root.path().join("val")).unwrap();
        let text = channels().unwrap_err().to_string();
        assert!(text.starts_with("5 files"), "{text}");
    }

    /// Opacity that is everywhere full is no loss.
    #[test]
    fn opacity_that_is_not_used_is_told() {
        let root = tempfile::tempdir().unwrap();
        for (name, opacity) in [("A/0", 9), ("A/1", 255), ("B/0", 255), ("B/1", 0)] {
            let path = root.path().join(format!("{name}.png"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let pixel = image::Rgba([1, 2, 3, opacity]);
            image::RgbaImage::from_pixel(9, 9, pixel)
                .save(path)
                .unwrap();
        }
        for (input, target, expected) in [
            (Pixels::Rgb, Pixels::Rgb, Some((2, "A/0.png"))),
            (Pixels::Rgba, Pixels::Rgb, Some((1, "B/1.png"))),
            (Pixels::Gray, Pixels::Rgba, Some((1, "A/0.png"))),
            (Pixels::Channels(4), Pixels::Rgba, None),
        ] {
            let options = DataOptions {
                input,
                target,
                ..options()
            };
            let dataset = Dataset::open(root.path(), &options).unwrap();
            let remarks = &dataset.scan().unwrap().remarks;
            let found = remarks.first().map(|remark| {
                assert_eq!(remark.kind, RemarkKind::Opacity);
                let example = remark.example.strip_prefix(root.path()).unwrap();
                (remark.count, example.to_str().unwrap())
            });
            assert_eq!((found, remarks.len()), (expected, expected.iter().count()));
        }
    }

    #[test]
    fn what_is_not_there_is_a_typed_error() {
        let root = noise_dataset(2, 1);
        let dataset = Dataset::open(root.path(), &options()).unwrap();
        let error = dataset.require(Split::Test).unwrap_err();
        assert!(
            matches!(
                error,
                DataError::MissingSplit {
                    split: Split::Test,
                    ..
                }
            ),
            "{error}"
        );
        let error = dataset.get(Split::Train).unwrap().plain(&[2]).unwrap_err();
        assert!(
            matches!(
                error,
                DataError::NoSuchPair {
                    index: 2,
                    pairs: 2,
                    ..
                }
            ),
            "{error}"
        );
    }
}
