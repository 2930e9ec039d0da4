//! Tiles of `translate`: the input is read in windows and the result written by rows.

use super::by_rows::by_rows;
use super::model::Model;
use super::opacity::WithoutOpacity;
use crate::cli::outputs::Output;
use crate::cli::progress::ImageProgress;
use crate::cli::stop::Stop;
use crate::cli::{CliError, PictureFile, note, print_bytes};
use crate::data::{DataError, Picture, PictureLayout, RowWriter, Windows};
use crate::tensor::Shape;
use crate::train::run::RunError;
use crate::train::{Canvas, ModelConfig, Tiling, TrainError};
use pollster::block_on;
use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

/// An input and the files of its translation. The input is read where a tile needs it. Rows of the
/// results are written when they are finished.
struct TiledImage<'a> {
    config: &'a ModelConfig,
    input: Windows<'a>,
    layout: PictureLayout,
    folder: &'a Path,
    stop: &'a Stop,
    without_opacity: &'a RefCell<WithoutOpacity>,
    progress: &'a ImageProgress,
    /// Tiles that were read, and those of all passes.
    tiles: [usize; 2],
    /// `None` for a result that is there already and stays.
    outputs: Vec<Option<PictureFile>>,
    /// The result for stdout.
    frame: Option<RowWriter<Vec<u8>>>,
    /// Rows that were written.
    done: usize,
}

impl<'a> TiledImage<'a> {
    /// Begins the translation of `input` by `model` into `outputs`.
    fn new(
        (model, tiling): (&'a Model, &Tiling),
        files: &[PathBuf],
        input: Windows<'a>,
        outputs: &[Output],
    ) -> Result<Self, RunError> {
        let (config, results) = (&model.loaded.config, &model.results);
        let (width, height) = input.dimensions();
        let place = results.place(files);
        let place = place.filter(|tags| tags.are_of((width, height), &model.reading));
        let encoding = results.encoding(config, place.as_ref(), model.density(files));
        let layout = PictureLayout {
            width,
            height,
            channels: config.output.drawn_channels(),
            depth: results.depth(config, input.depth()),
        };
        let outputs = outputs
            .iter()
            .map(|output| {
                let file = output.create().transpose()?;
                let begin = |file| PictureFile::new(file, layout, encoding);
                file.map(begin).transpose()
            })
            .collect::<Result<_, _>>()?;
        let frame = model.to_stdout.then(|| model.frame(layout)).transpose();
        Ok(Self {
            config,
            input,
            layout,
            folder: &model.folder,
            stop: &model.stop,
            without_opacity: &model.without_opacity,
            progress: &model.progress,
            tiles: [0, tiling.count([height, width].map(|side| side as usize))],
            outputs,
            frame: frame.map_err(stdout_error)?,
            done: 0,
        })
    }

    /// The shape of the whole image, as a network would take it.
    fn shape(&self) -> Shape {
        Shape::nhwc(
            1,
            self.layout.height as usize,
            self.layout.width as usize,
            self.config.input.channels(),
        )
    }

    /// Completes the results: they appear under their names. Returns the bytes for stdout.
    fn commit(self) -> Result<Vec<u8>, RunError> {
        let lost = self.input.without_opacity();
        self.without_opacity.borrow_mut().add(lost);
        let mut written = self.outputs.into_iter().flatten();
        written.try_for_each(PictureFile::commit)?;
        let frame = self.frame.map(RowWriter::finish).transpose();
        Ok(frame.map_err(stdout_error)?.unwrap_or_default())
    }
}

impl Canvas for TiledImage<'_> {
    fn read(&mut self, window: [usize; 4]) -> Result<Vec<f32>, TrainError> {
        self.stop.check()?;
        let [read, all] = &mut self.tiles;
        self.progress.tile(*read, *all);
        *read += 1;
        Ok(self.input.units(window.map(|pixels| pixels as u32))?)
    }

    fn write(&mut self, rows: &[f32]) -> Result<(), TrainError> {
        let PictureLayout { width, depth, .. } = self.layout;
        let height = rows.len() / (width as usize * self.config.output.channels());
        // The input is read only if it is needed, since every row is read and converted once more.
        let input = if self.config.output.needs_input() {
            let rows = [self.done as u32, 0, height as u32, width];
            self.input.units(rows)?
        } else {
            Vec::new()
        };
        let pictures = self
            .config
            .output
            .pictures(width, height as u32, depth, rows, &input);
        self.outputs
            .iter_mut()
            .zip(&pictures)
            .filter_map(|(output, rows)| Some((output.as_mut()?, rows)))
            .try_for_each(|(output, rows)| output.push(rows))?;
        if let (Some(frame), Some(rows)) = (&mut self.frame, pictures.first()) {
            frame.push(rows).map_err(stdout_error)?;
        }
        self.done += height;
        Ok(())
    }

    fn folder(&self) -> &Path {
        self.folder
    }
}

fn stdout_error(error: io::Error) -> RunError {
    RunError::write(Path::new("standard output"), error)
}

/// An error of a translation in tiles. It gets the name of the file, unless it names one already.
fn failure(error: TrainError, file: &Path) -> CliError {
    match error {
        TrainError::Data(error) => error.into(),
        TrainError::Run(error) => error.into(),
        TrainError::Interrupted => error.into(),
        source => CliError::Translate {
            files: vec![file.to_owned()],
            source: Box::new(source),
        },
    }
}

impl Model {
    /// Names the results of an image, which are complete, or writes the one for stdout.
    fn finish_tiled(&self, outputs: &[Output], frame: &[u8]) -> Result<(), CliError> {
        if self.to_stdout {
            print_bytes(frame)?;
        }
        self.progress.translated(1, true);
        outputs
            .iter()
            .filter_map(Output::to_write)
            .try_for_each(|path| self.is_written(path))
    }

    /// Translates files tile by tile, if tiles were asked for and the input is larger than a tile.
    /// Returns whether it did.
    pub fn translate_files_in_tiles(
        &self,
        files: &[PathBuf],
        outputs: &[Output],
    ) -> Result<bool, CliError> {
        self.translate_in_tiles(TileSource::Files(files), files, outputs)
    }

    /// The same for an image in memory.
    pub fn translate_picture_in_tiles(
        &self,
        (image, files): (&Picture, &[PathBuf]),
        outputs: &[Output],
    ) -> Result<bool, CliError> {
        self.translate_in_tiles(TileSource::Picture(image), files, outputs)
    }

    fn translate_in_tiles(
        &self,
        source: TileSource,
        files: &[PathBuf],
        outputs: &[Output],
    ) -> Result<bool, CliError> {
        let (Some(tiling), Some(first)) = (&self.tiling, files.first()) else {
            return Ok(false);
        };
        let input = match (self.windows(source), source) {
            (Err(error @ DataError::TooLarge { .. }), TileSource::Files(files)) => {
                by_rows(error, files, &self.reading)?;
                return Ok(false);
            }
            (input, _) => input?,
        };
        let (width, height) = input.dimensions();
        if width.max(height) as usize <= tiling.tile {
            return Ok(false);
        }
        let mut image = TiledImage::new((self, tiling), files, input, outputs)?;
        let tile = Shape::nhwc(
            1,
            tiling.tile,
            tiling.tile,
            self.loaded.config.input.channels(),
        );
        let smaller = |[side, _]: [usize; 2]| format!("use --tile {side} or less");
        let shape = image.shape();
        let network = (&self.loaded.generator, &self.loaded.mode);
        let translated =
            block_on(tiling.translate((&self.gpu, &self.loaded.store), network, shape, &mut image));
        translated.map_err(|error| failure(self.explain(error, tile, smaller), first))?;
        self.tally.borrow_mut().add(image.input.tally());
        self.finish_tiled(outputs, &image.commit()?)?;
        Ok(true)
    }

    /// Translates an input that is too large to be read in one piece. Its files can be read row by
    /// row.
    pub fn translate_by_rows(
        &mut self,
        files: &[PathBuf],
        outputs: &[Output],
    ) -> Result<(), CliError> {
        let first = files.first().map_or(Path::new(""), PathBuf::as_path);
        let frame = self
            .translate_in_fitting_tiles(TileSource::Files(files), files, outputs)
            .map_err(|error| failure(error, first))?;
        self.finish_tiled(outputs, &frame)
    }

    /// Translates an image that does not fit the device in one piece, as `error` says.
    pub fn translate_whole_in_tiles(
        &mut self,
        (image, files): (&Picture, &[PathBuf]),
        outputs: &[Output],
        error: TrainError,
    ) -> Result<(), CliError> {
        let file = files.first().map_or(Path::new(""), PathBuf::as_path);
        let frame = self
            .translate_in_fitting_tiles(TileSource::Picture(image), files, outputs)
            .map_err(|tiles| match tiles.is_too_large() {
                true => failure(self.explain_whole(error, &[image]), file),
                false => failure(tiles, file),
            })?;
        self.finish_tiled(outputs, &frame)
    }

    /// Translates an image in the largest tiles that fit the device, and says so. Returns the
    /// bytes for stdout.
    fn translate_in_fitting_tiles(
        &mut self,
        source: TileSource,
        files: &[PathBuf],
        outputs: &[Output],
    ) -> Result<Vec<u8>, TrainError> {
        let file = files.first().map_or(Path::new(""), PathBuf::as_path);
        self.forget_program();
        let (model, mut told) = (&*self, self.told);
        let mut opened = Some(model.windows(source)?);
        let (width, height) = opened.as_ref().map_or((0, 0), Windows::dimensions);
        let shape = Shape::nhwc(
            1,
            height as usize,
            width as usize,
            model.loaded.config.input.channels(),
        );
        let image = block_on(model.loaded.tilings.clone()?.translate(
            (&model.gpu, &model.loaded.store),
            (&model.loaded.generator, &model.loaded.mode),
            shape,
            |tiling| {
                let sides = [tiling.tile, tiling.overlap];
                if told.replace(sides) != Some(sides) {
                    say(tiling, file, [width, height]);
                }
                let input = opened.take().map_or_else(|| model.windows(source), Ok)?;
                Ok(TiledImage::new((model, tiling), files, input, outputs)?)
            },
        ))?;
        model.tally.borrow_mut().add(image.input.tally());
        let frame = image.commit()?;
        model.far_sizes.borrow_mut().add(file, (width, height));
        self.told = told;
        Ok(frame)
    }

    fn windows<'a>(&'a self, source: TileSource<'a>) -> Result<Windows<'a>, DataError> {
        let pixels = &self.loaded.config.input;
        match source {
            TileSource::Files(files) => {
                let files = (files, self.half());
                Windows::open(files, &self.reading, pixels, &self.folder)
            }
            TileSource::Picture(picture) => Ok(Windows::of_picture(picture, pixels)),
        }
    }
}

/// What is read in windows.
#[derive(Clone, Copy)]
enum TileSource<'a> {
    Files(&'a [PathBuf]),
    Picture(&'a Picture),
}

/// Says that an image goes through in tiles, and what that does to the result.
fn say(tiling: &Tiling, file: &Path, [width, height]: [u32; 2]) {
    let Tiling { tile, overlap, .. } = tiling;
    let exactness = match tiling.is_seamless() {
        true => "no tile's edge shows".to_owned(),
        false => format!(
            "they overlap by {overlap} pixels and are blended, so the result is not exactly that \
             of one piece, which takes more memory"
        ),
    };
    note(&format!(
        "note: {}: {width}x{height} pixels do not fit in one piece here, so such images go through \
         in tiles of {tile} pixels; {exactness}",
        file.display()
    ));
}
