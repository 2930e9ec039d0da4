//! The pairs of each split, decoded: in memory at the size they are used at when they fit, else
//! read again at each use.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::augment::Jitter;
use super::batch_sampler::Sample;
use super::error::DataError;
use super::pairs::{Images, PairSource, find_pairs};
use super::palette::Palette;
use super::pixels::Pixels;
use super::preprocess::{DataOptions, Pair, Purpose};
use super::split::{Direction, Split};

/// Pairs of one size ready for the device: NHWC, tightly packed,
/// `[batch, height, width, channels]`, in -1..1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Width and height of its images, in pixels.
    pub sides: (u32, u32),
    /// What the generator is given.
    pub input: Vec<f32>,
    /// What it should make of it.
    pub target: Vec<f32>,
}

impl Batch {
    /// An empty batch with room for `batch_size` pairs of this width and height.
    fn with_capacity(batch_size: usize, sides: (u32, u32), options: &DataOptions) -> Self {
        let pixels = batch_size * sides.0 as usize * sides.1 as usize;
        let room = |side: &Pixels| Vec::with_capacity(pixels * side.channels());
        Self {
            sides,
            input: room(&options.input),
            target: room(&options.target),
        }
    }

    /// Appends the same crop of both images of a pair.
    fn push(
        &mut self,
        (input, target): &Pair,
        jitter: Jitter,
        options: &DataOptions,
    ) -> Result<(), DataError> {
        self.input
            .extend(options.input.units(&jitter.apply(input, self.sides)?));
        self.target
            .extend(options.target.units(&jitter.apply(target, self.sides)?));
        Ok(())
    }
}

/// A dataset, opened: every image has been decoded once, so every bad file is known.
#[derive(Clone, Debug)]
pub struct Dataset {
    root: PathBuf,
    splits: Vec<Arc<PairSet>>,
}

impl Dataset {
    /// Opens a dataset folder (its layouts: [`crate::data::pairs`]) and decodes all of it, on every
    /// core.
    ///
    /// # Errors
    /// Contradicting sizes, a bad folder, or the first bad file in sorted order.
    pub fn open(root: &Path, options: &DataOptions) -> Result<Self, DataError> {
        let images = options
            .direction
            .order((options.input.images(), options.target.images()));
        Self::from_pairs(root, find_pairs(root, images)?, options)
    }

    /// The colours of all label maps that are inputs in a dataset folder, where input and target
    /// have so many images; all of it is decoded, on every core.
    ///
    /// # Errors
    /// Those of [`Dataset::open`], and [`DataError::TooManyColours`].
    pub fn input_palette(
        root: &Path,
        direction: Direction,
        images: (usize, usize),
    ) -> Result<Palette, DataError> {
        let sources: Vec<PairSource> = find_pairs(root, direction.order(images))?
            .into_iter()
            .flat_map(|(_, sources)| sources)
            .collect();
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Palette::of(&sources, threads, |source| {
            Ok(direction.order(source.read()?).0)
        })
    }

    /// Channels of the first images that are input and target in a dataset folder, where these have
    /// so many images.
    ///
    /// # Errors
    /// Those of listing the folder, and of reading the first pair.
    pub fn channels(
        root: &Path,
        direction: Direction,
        images: (usize, usize),
    ) -> Result<(usize, usize), DataError> {
        let pairs = find_pairs(root, direction.order(images))?;
        let Some(first) = pairs.iter().find_map(|(_, sources)| sources.first()) else {
            return Ok((0, 0));
        };
        let (a, b) = first.read()?;
        let of_first = |images: Images| images.first().map_or(0, |(_, picture)| picture.channels());
        Ok(direction.order((of_first(a), of_first(b))))
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
        for (split, sources) in pairs {
            let set = PairSet::read(split, sources, options, budget)?;
            budget -= set.bytes_in_memory().min(budget);
            splits.push(Arc::new(set));
        }
        Ok(Self {
            root: root.to_owned(),
            splits,
        })
    }

    /// The pairs of a split, if the dataset has it.
    pub fn get(&self, split: Split) -> Option<&Arc<PairSet>> {
        self.splits.iter().find(|set| set.split == split)
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

/// The pairs of one split, at least one, in a fixed order.
#[derive(Debug)]
pub struct PairSet {
    split: Split,
    options: DataOptions,
    sources: Vec<PairSource>,
    /// What the images in memory are prepared for.
    purpose: Purpose,
    /// Width and height that the networks see of each pair.
    sides: Vec<(u32, u32)>,
    images: Option<Vec<Pair>>,
}

impl PairSet {
    fn read(
        split: Split,
        sources: Vec<PairSource>,
        options: &DataOptions,
        budget: u64,
    ) -> Result<Self, DataError> {
        let purpose = match split {
            Split::Train => Purpose::Training,
            Split::Val | Split::Test => Purpose::Showing,
        };
        let (sides, images) = decode_all(
            &sources,
            budget,
            |source| options.read(source),
            |pair| options.prepare(&pair, purpose),
        )?;
        let sides = sides.into_iter().map(|sides| options.seen(sides)).collect();
        Ok(Self {
            split,
            options: options.clone(),
            sources,
            purpose,
            sides,
            images,
        })
    }

    /// The split that these pairs are.
    pub fn split(&self) -> Split {
        self.split
    }

    /// How the pairs are prepared.
    pub fn options(&self) -> &DataOptions {
        &self.options
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Where the pairs come from, in order.
    pub fn sources(&self) -> &[PairSource] {
        &self.sources
    }

    /// Width and height that the networks see of each pair, in pixels: of all the same, or where
    /// pictures are whole of each its own.
    pub fn sides(&self) -> &[(u32, u32)] {
        &self.sides
    }

    /// What the decoded pairs occupy, in bytes; 0 when they did not fit and are read again at each
    /// use.
    pub fn bytes_in_memory(&self) -> u64 {
        self.images.iter().flatten().map(bytes_of).sum()
    }

    /// The batch of these samples, jittered as they say;
    /// `[samples.len(), height, width, channels]`.
    ///
    /// # Errors
    /// [`DataError::NoSuchPair`], [`DataError::CropOutside`], [`DataError::MixedBatch`], and those
    /// of reading when the pairs are not in memory.
    pub fn batch(&self, samples: &[Sample]) -> Result<Batch, DataError> {
        let mut batch = self.empty_batch(samples);
        samples
            .iter()
            .try_for_each(|&sample| self.append(sample, &mut batch))?;
        Ok(batch)
    }

    /// A batch for these samples.
    pub(super) fn empty_batch(&self, samples: &[Sample]) -> Batch {
        self.room_for(
            samples.len(),
            samples.first().map_or(0, |sample| sample.pair),
        )
    }

    /// Appends one jittered sample to a batch; errors as in [`PairSet::batch`].
    pub(super) fn append(&self, sample: Sample, batch: &mut Batch) -> Result<(), DataError> {
        let pair = self.pair(sample.pair, Purpose::Training)?;
        self.check_sides(sample.pair, batch)?;
        batch.push(
            &pair,
            sample.chance.jitter(pair.0.dimensions(), batch.sides),
            &self.options,
        )
    }

    /// The batch of these pairs without jitter, prepared as for validation and test;
    /// `[indices.len(), height, width, channels]`.
    ///
    /// # Errors
    /// [`DataError::NoSuchPair`], [`DataError::MixedBatch`], and those of reading when the pairs
    /// are not in memory for that.
    pub fn plain(&self, indices: &[usize]) -> Result<Batch, DataError> {
        let mut batch = self.room_for(indices.len(), indices.first().copied().unwrap_or(0));
        for &index in indices {
            let pair = self.pair(index, Purpose::Showing)?;
            self.check_sides(index, &batch)?;
            batch.push(&pair, Jitter::default(), &self.options)?;
        }
        Ok(batch)
    }

    /// A batch for so many pairs of the size of this one.
    fn room_for(&self, pairs: usize, first: usize) -> Batch {
        Batch::with_capacity(
            pairs,
            self.sides.get(first).copied().unwrap_or_default(),
            &self.options,
        )
    }

    /// Refuses a pair of another size than the batch's.
    fn check_sides(&self, index: usize, batch: &Batch) -> Result<(), DataError> {
        match self.sides.get(index) {
            Some(&picture) if picture != batch.sides => Err(DataError::MixedBatch {
                batch: batch.sides,
                picture,
            }),
            _ => Ok(()),
        }
    }

    /// Input and target of a pair, prepared for a purpose: from memory if they are there for it,
    /// else from their source.
    fn pair(&self, index: usize, purpose: Purpose) -> Result<Cow<'_, Pair>, DataError> {
        let images = self.images.as_ref().filter(|_| purpose == self.purpose);
        if let Some(pair) = images.and_then(|images| images.get(index)) {
            return Ok(Cow::Borrowed(pair));
        }
        let missing = DataError::NoSuchPair {
            split: self.split,
            index,
            pairs: self.len(),
        };
        let (source, &then) = self
            .sources
            .get(index)
            .zip(self.sides.get(index))
            .ok_or(missing)?;
        let pair = self.options.read(source)?;
        match self.options.seen(pair.0.dimensions()) {
            now if now == then => Ok(Cow::Owned(self.options.prepare(&pair, purpose))),
            now => Err(DataError::Resized {
                name: source.name(),
                then,
                now,
            }),
        }
    }
}

fn bytes_of((input, target): &Pair) -> u64 {
    (input.bytes().len() + target.bytes().len()) as u64
}

/// Width and height of the pictures of a pair, and the pair where it is kept; and of all pairs.
type Decoded = ((u32, u32), Option<Pair>);
type AllDecoded = (Vec<(u32, u32)>, Option<Vec<Pair>>);

/// Reads every source once, on every core, for the size of its pictures; keeps what `prepare` makes
/// of them, all or none, if it fits into `budget` bytes. The error is that of the first bad source
/// in order.
fn decode_all(
    sources: &[PairSource],
    budget: u64,
    read: impl Fn(&PairSource) -> Result<Pair, DataError> + Sync,
    prepare: impl Fn(Pair) -> Pair + Sync,
) -> Result<AllDecoded, DataError> {
    let slots: Vec<OnceLock<Result<Decoded, DataError>>> =
        sources.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let kept = AtomicU64::new(0);
    let keep = |pair: Pair| {
        let pair = (kept.load(Ordering::Relaxed) <= budget).then(|| prepare(pair));
        kept.fetch_add(pair.as_ref().map_or(0, bytes_of), Ordering::Relaxed);
        pair.filter(|_| kept.load(Ordering::Relaxed) <= budget)
    };
    // Sources are taken in order and a taken one is always finished, so nothing before a bad one is
    // left out.
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let (Some(source), Some(slot)) = (sources.get(index), slots.get(index)) else {
                return;
            };
            let pair = read(source).map(|pair| (pair.0.dimensions(), keep(pair)));
            failed.fetch_or(pair.is_err(), Ordering::Relaxed);
            slot.get_or_init(|| pair);
        }
    };
    let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    thread::scope(|scope| {
        for _ in 1..workers.min(sources.len()) {
            // A thread that cannot be had is no failure: this one works, too.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    // In two steps: one collection into `Result<Option<_>>` would stop at the first pair not kept,
    // before any error.
    let pairs: Vec<_> = slots
        .into_iter()
        .filter_map(OnceLock::into_inner)
        .collect::<Result<_, _>>()?;
    let (sides, pairs): (Vec<_>, Vec<Option<Pair>>) = pairs.into_iter().unzip();
    Ok((sides, pairs.into_iter().collect()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::data::augment::Chance;
    use crate::data::read::MAX_SIDE;
    use image::RgbImage;
    use std::fs;

    /// A dataset folder with `train` and `val` combined images of noise, 24 x 12 pixels.
    fn noise_dataset(train: u32, val: u32) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (split, count) in [("train", train), ("val", val)] {
            fs::create_dir(root.path().join(split)).unwrap();
            for index in 0..count {
                let image = RgbImage::from_fn(24, 12, |x, y| {
                    let word = crate::data::random::philox4x32_10([index, train], [x, y, 0, 0]);
                    image::Rgb([word[0] as u8, word[1] as u8, word[2] as u8])
                });
                image
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
        let open = |direction| {
            Dataset::open(
                root.path(),
                &DataOptions {
                    direction,
                    ..options()
                },
            )
            .unwrap()
        };
        let one = open(Direction::AtoB)
            .get(Split::Val)
            .unwrap()
            .plain(&[0])
            .unwrap();
        let other = open(Direction::BtoA)
            .get(Split::Val)
            .unwrap()
            .plain(&[0])
            .unwrap();
        assert_eq!((&one.input, &one.target), (&other.target, &other.input));
        assert_ne!(one.input, one.target);
    }

    #[test]
    fn the_first_bad_file_in_order_is_reported() {
        let root = noise_dataset(40, 1);
        let train = root.path().join("train");
        fs::write(train.join("031.png"), b"").unwrap();
        fs::write(train.join("017.png"), b"not an image").unwrap();
        RgbImage::new(5, 4).save(train.join("018.png")).unwrap();
        for memory_budget in [0, 1 << 20] {
            let error = Dataset::open(
                root.path(),
                &DataOptions {
                    memory_budget,
                    ..options()
                },
            );
            let error = error.unwrap_err();
            assert!(
                matches!(&error, DataError::NotAnImage { path, .. } if path.ends_with("017.png")),
                "{error}"
            );
        }
        fs::remove_file(train.join("017.png")).unwrap();
        let error = Dataset::open(root.path(), &options()).unwrap_err();
        assert!(
            matches!(&error, DataError::OddWidth { width: 5, path } if path.ends_with("018.png")),
            "{error}"
        );
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
