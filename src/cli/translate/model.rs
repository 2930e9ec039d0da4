//! A generator on the device, and the translation of images of one size.

use super::TranslateArgs;
use super::by_rows::by_rows;
use super::far_sizes::FarSizes;
use super::frame_sizes::FrameSizes;
use super::named::NamedModel;
use super::opacity::WithoutOpacity;
use crate::cli::progress::ImageProgress;
use crate::cli::results::ResultArgs;
use crate::cli::stop::Stop;
use crate::cli::{CliError, print};
use crate::data::{
    DataError, Density, Half, Picture, PictureLayout, ReadOptions, ReadTally, RowWriter,
    check_sizes,
};
use crate::gpu::Gpu;
use crate::nn::{DropoutMode, StatisticsFrom};
use crate::tensor::Shape;
use crate::train::{LoadedGenerator, ModelConfig, Tiling, TrainError, largest_image};
use pollster::block_on;
use std::cell::RefCell;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

/// A generator on the device. It keeps the program for the shape of the last batch.
pub struct Model {
    pub gpu: Gpu,
    /// The network, and how it is used.
    pub loaded: LoadedGenerator,
    /// Tiles of the size that was asked for.
    pub tiling: Option<Tiling>,
    pub reading: ReadOptions,
    /// What is to be told of the inputs that were read.
    pub tally: RefCell<ReadTally>,
    pub results: ResultArgs,
    /// Whether results go to stdout, and not to files.
    pub to_stdout: bool,
    /// The part of images that was asked for.
    pub half: Option<Half>,
    pub stop: Stop,
    /// Of the results for one image, in order.
    pub seeds: Vec<u64>,
    /// Images of one size that go through at once.
    pub batch: usize,
    /// Where temporary files lie.
    pub folder: PathBuf,
    /// Results that are complete.
    pub written: RefCell<HashSet<PathBuf>>,
    pub progress: ImageProgress,
    /// Whether it was said that frames are cropped.
    pub cropped: bool,
    /// The sizes of the frames of a stream.
    pub frame_sizes: FrameSizes,
    /// Whether it was said that images go through one by one.
    pub parted: bool,
    /// Images whose opacity the model does not take.
    pub without_opacity: RefCell<WithoutOpacity>,
    /// Images far from the size that the model was trained at. Those that go through in tiles that
    /// were asked for are meant to be larger.
    pub far_sizes: RefCell<FarSizes>,
    /// The tiles that were said last.
    pub told: Option<[usize; 2]>,
}

impl Model {
    /// Opens the device, and loads the network. Temporary files will lie in `folder`.
    pub fn load(
        args: &TranslateArgs,
        results: ResultArgs,
        named: &NamedModel,
        folder: PathBuf,
    ) -> Result<Self, CliError> {
        let config = named.config.clone();
        let seeds = ModelConfig::seeds(args.device.seed, args.samples)?;
        let stop = Stop::listen(None);
        let test = args.test_time.over(&config, args.samples.is_some())?;
        let fit = config.fit_as(args.fit)?;
        let reading = named.reading(args)?;
        let gpu = args.open()?;
        let precision = args
            .device
            .precision(&gpu, args.precision, config.precision)?;
        let used = (fit, test.mode());
        let loaded = LoadedGenerator::load(&gpu, &named.file, config, used, precision)?;
        let of_side = |tile| {
            Tiling::check(fit, &loaded.mode, args.batch)?;
            loaded.tilings.clone()?.of(tile, args.overlap)
        };
        let tiling = args.tile.map(of_side).transpose()?;
        Ok(Self {
            gpu,
            loaded,
            tiling,
            reading,
            tally: RefCell::default(),
            results,
            to_stdout: args.output.is_stdout(),
            half: args.half,
            stop,
            seeds,
            batch: args.batch,
            folder,
            written: RefCell::default(),
            progress: ImageProgress::idle(),
            cropped: false,
            frame_sizes: FrameSizes::default(),
            parted: false,
            without_opacity: RefCell::default(),
            far_sizes: RefCell::new(FarSizes::new(named.trained_size)),
            told: None,
        })
    }

    /// Reads the images of an input in the channels of the model. `None` if they are too large for
    /// that, but can go through in tiles, row by row.
    pub fn read(&self, files: &[PathBuf]) -> Result<Option<Picture>, CliError> {
        let mut tally = self.tally.borrow_mut();
        let mut read = |path: &PathBuf| {
            let whole = self.reading.read(path, &mut tally)?;
            Ok((path.clone(), self.half().of(whole, path)?))
        };
        let images = files
            .iter()
            .map(&mut read)
            .collect::<Result<Vec<_>, DataError>>();
        let images = match images {
            Err(error @ DataError::TooLarge { .. }) if self.loaded.tilings.is_ok() => {
                return by_rows(error, files, &self.reading).map(|()| None);
            }
            images => images?,
        };
        let lost = self.loaded.config.input.without_opacity(&images);
        self.without_opacity.borrow_mut().add(lost);
        check_sizes(&images)?;
        Ok(Some(self.loaded.config.input.gather(&images)?))
    }

    /// Notes and prints the name of a result, which is complete.
    pub fn is_written(&self, path: &Path) -> Result<(), CliError> {
        self.written.borrow_mut().insert(path.to_owned());
        print(&path.display().to_string())
    }

    /// The part of images that is translated.
    pub fn half(&self) -> Half {
        self.half.unwrap_or(Half::None)
    }

    /// Translates images of one size.
    pub fn translate(
        &mut self,
        images: &[&Picture],
        seed: u64,
    ) -> Result<Vec<Vec<Picture>>, TrainError> {
        let results = &self.results;
        block_on(
            self.loaded
                .translate(&self.gpu, images, seed, |config, depth| {
                    results.depth(config, depth)
                }),
        )
    }

    /// A result for stdout, which is written when it is whole.
    pub fn frame(&self, layout: PictureLayout) -> io::Result<RowWriter<Vec<u8>>> {
        let encoding = self.results.encoding(&self.loaded.config, None, None);
        RowWriter::new(self.results.format(), encoding, layout, Vec::new())
    }

    /// Pixels of an inch in the results of these files, as the first of them says it.
    pub fn density(&self, files: &[PathBuf]) -> Option<Density> {
        let first = files.first().filter(|_| !self.to_stdout)?;
        Density::of(first, &self.reading)
    }

    /// Gives the memory of the last program back.
    pub fn forget_program(&mut self) {
        self.loaded.forget_program();
    }

    /// Whether images that go through one by one are as they are in a batch.
    pub fn may_part(&self) -> bool {
        self.loaded.mode.dropout == DropoutMode::Off
            && self.loaded.mode.statistics != StatisticsFrom::WholeBatch
    }

    /// Adds to an error that says "too large" what would fit in place of `images`, and what to do.
    pub fn explain_whole(&self, error: TrainError, images: &[&Picture]) -> TrainError {
        let Some(first) = images.first() else {
            return error;
        };
        let remedy = |_| match (images.len(), &self.loaded.tilings) {
            (1, Ok(_)) => "scale it down".to_owned(),
            (1, Err(rule)) => format!(
                "scale it down, or {} so that it can go in tiles",
                rule.remedy
            ),
            _ => "use a smaller --batch or scale it down".to_owned(),
        };
        self.explain(error, self.loaded.shape(images.len(), first), remedy)
    }

    /// Adds to an error that says "too large" what would fit in place of `shape`, and what to do.
    /// Any other error stays as it is.
    pub fn explain(
        &self,
        error: TrainError,
        shape: Shape,
        remedy: impl Fn([usize; 2]) -> String,
    ) -> TrainError {
        let LoadedGenerator {
            store,
            generator,
            mode,
            ..
        } = &self.loaded;
        let size = if error.is_too_large() {
            largest_image(
                store.states(),
                generator,
                shape,
                mode,
                self.gpu.profile(),
                &error,
            )
        } else {
            None
        };
        match size {
            Some(size) => TrainError::ImageTooLarge {
                source: Box::new(error),
                size,
                remedy: remedy(size),
            },
            None => error,
        }
    }
}
