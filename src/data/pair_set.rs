//! The pairs of one split, decoded: in memory at the size they are used at when they fit, else
//! read again at each use.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::augment::Jitter;
use super::batch::{Batch, Sample};
use super::error::DataError;
use super::pair_source::PairSource;
use super::preprocess::{DataOptions, Pair, Purpose};
use super::read_tally::ReadTally;
use super::split::Split;
use crate::threads;

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
    /// What is to be told of their files.
    tally: ReadTally,
    images: Option<Vec<Pair>>,
    /// Files whose opacity is not used, sorted.
    without_opacity: Vec<PathBuf>,
}

impl PairSet {
    /// Reads and checks the pairs of a split; keeps them if they fit into `budget` bytes.
    ///
    /// # Errors
    /// One for each pair that cannot be used.
    pub(super) fn read(
        split: Split,
        sources: Vec<PairSource>,
        options: &DataOptions,
        budget: u64,
    ) -> Result<Self, Vec<DataError>> {
        let purpose = match split {
            Split::Train => Purpose::Training,
            Split::Val | Split::Test => Purpose::Showing,
        };
        let without_opacity = Mutex::new(BTreeSet::new());
        let (sides, tally, images) = decode_all(
            &sources,
            budget,
            |source, tally| {
                let images = options.images(source, tally)?;
                let lost = options.without_opacity(&images);
                let mut all = without_opacity
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                all.extend(lost);
                drop(all);
                options.gather(&images)
            },
            |pair| options.prepare(&pair, purpose),
        )?;
        let sides = sides.into_iter().map(|sides| options.seen(sides)).collect();
        Ok(Self {
            split,
            options: options.clone(),
            sources,
            purpose,
            sides,
            tally,
            images,
            without_opacity: without_opacity
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner)
                .into_iter()
                .collect(),
        })
    }

    /// What is to be told of the files of these pairs.
    pub fn tally(&self) -> &ReadTally {
        &self.tally
    }

    /// The split that these pairs are.
    pub fn split(&self) -> Split {
        self.split
    }

    /// The files whose opacity is lost in the channels that were asked for, sorted.
    pub fn without_opacity(&self) -> &[PathBuf] {
        &self.without_opacity
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

    /// What each pair is called: its first file, below the folder that all of these lie in.
    pub fn names(&self) -> Vec<String> {
        let paths: Vec<PathBuf> = self
            .sources
            .iter()
            .map(|source| source.to_string().into())
            .collect();
        let folders = paths.iter().filter_map(|path| path.parent());
        let common = folders.reduce(|common, folder| {
            let mut above = common.ancestors();
            above
                .find(|above| folder.starts_with(above))
                .unwrap_or(Path::new(""))
        });
        let below = |path: &PathBuf| {
            let below = path.strip_prefix(common.unwrap_or(Path::new("")));
            let parts = below
                .unwrap_or(path)
                .iter()
                .map(|part| part.to_string_lossy());
            parts.collect::<Vec<_>>().join("/")
        };
        paths.iter().map(below).collect()
    }

    /// A number that tells sets of pairs apart by the names of their files, in order (FNV-1a).
    /// Folders do not count: a data set may move. Equal sets have the same number everywhere.
    pub fn fingerprint(&self) -> u64 {
        let files = self.sources.iter().flat_map(PairSource::paths);
        let names = files.filter_map(|path| path.file_name());
        fnv1a(names.flat_map(|name| name.as_encoded_bytes().iter().chain(b"\0")))
    }

    /// Width and height that the networks see of each pair, in pixels. They differ only where
    /// pictures are used whole.
    pub fn sides(&self) -> &[(u32, u32)] {
        &self.sides
    }

    /// Bytes of the decoded pairs in memory; 0 if they did not fit and are read again at each use.
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

    /// Input and target of a pair, prepared for a purpose. They come from memory if it holds them
    /// for this purpose, else from their source.
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
        // These changes were counted when the folder was opened.
        let pair = self.options.read(source, &mut ReadTally::default())?;
        match self.options.seen(pair.0.dimensions()) {
            now if now == then => Ok(Cow::Owned(self.options.prepare(&pair, purpose))),
            now => Err(DataError::Resized {
                name: source.to_string(),
                then,
                now,
            }),
        }
    }
}

fn bytes_of((input, target): &Pair) -> u64 {
    (input.bytes().len() + target.bytes().len()) as u64
}

/// Width and height of the pictures of a pair, what a value range changed, and the pair if it is
/// kept.
type Decoded = ((u32, u32), ReadTally, Option<Pair>);
type AllDecoded = (Vec<(u32, u32)>, ReadTally, Option<Vec<Pair>>);

/// Reads every source once, on all cores. Returns the sizes of its pictures and what a value range
/// changed. If the prepared pairs fit into `budget` bytes together, they are returned too. The
/// errors are those of all bad sources in order.
fn decode_all(
    sources: &[PairSource],
    budget: u64,
    read: impl Fn(&PairSource, &mut ReadTally) -> Result<Pair, DataError> + Sync,
    prepare: impl Fn(Pair) -> Pair + Sync,
) -> Result<AllDecoded, Vec<DataError>> {
    let failed = AtomicBool::new(false);
    let kept = AtomicU64::new(0);
    let keep = |pair: Pair| {
        let pair = (kept.load(Ordering::Relaxed) <= budget).then(|| prepare(pair));
        kept.fetch_add(pair.as_ref().map_or(0, bytes_of), Ordering::Relaxed);
        pair.filter(|_| kept.load(Ordering::Relaxed) <= budget)
    };
    let decoded: Vec<Result<Decoded, DataError>> = threads::map(sources, |source| {
        // After an error the others are read only to find what is wrong with them.
        let keep = |pair| {
            (!failed.load(Ordering::Relaxed))
                .then(|| keep(pair))
                .flatten()
        };
        let mut tally = ReadTally::default();
        let pair = read(source, &mut tally);
        let pair = pair.map(|pair| (pair.0.dimensions(), tally, keep(pair)));
        failed.fetch_or(pair.is_err(), Ordering::Relaxed);
        pair
    });
    let (mut pairs, mut errors) = (Vec::with_capacity(sources.len()), Vec::new());
    let mut all = ReadTally::default();
    for source in decoded {
        match source {
            Ok((sides, tally, pair)) => {
                all.add(tally);
                pairs.push((sides, pair));
            }
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let (sides, pairs): (Vec<_>, Vec<Option<Pair>>) = pairs.into_iter().unzip();
    Ok((sides, all, pairs.into_iter().collect()))
}

/// The 64-bit FNV-1a hash: the same number everywhere, for what is told apart and not kept secret.
pub fn fnv1a<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> u64 {
    let hash = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    bytes.into_iter().fold(0xCBF2_9CE4_8422_2325, hash)
}
