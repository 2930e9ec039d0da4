//! Tiles of `translate`: the input is read in windows and the result written by rows.

use super::outputs::Output;
use super::results::ResultArgs;
use super::stop::Stop;
use super::{CliError, PictureFile};
use crate::data::{DataError, PictureLayout, ReadOptions, RowReader, Windows};
use crate::tensor::Shape;
use crate::train::run::RunError;
use crate::train::{Canvas, ModelConfig, TrainError};
use std::path::{Path, PathBuf};

/// An input and the files of its translation. The input is read where a tile needs it. Rows of the
/// results are written when they are finished.
pub struct TiledImage<'a> {
    config: &'a ModelConfig,
    input: Windows<'a>,
    layout: PictureLayout,
    folder: &'a Path,
    stop: &'a Stop,
    /// `None` for a result that is there already and stays.
    outputs: Vec<Option<PictureFile<'a>>>,
    /// Rows that were written.
    done: usize,
}

impl<'a> TiledImage<'a> {
    /// Begins the translation of `input` into `outputs`. `stop` may end it. Temporary files lie in
    /// `folder`.
    pub fn new(
        (config, results): (&'a ModelConfig, &ResultArgs),
        (folder, stop): (&'a Path, &'a Stop),
        input: Windows<'a>,
        outputs: &'a [Output],
    ) -> Result<Self, RunError> {
        let (width, height) = input.dimensions();
        let layout = PictureLayout {
            width,
            height,
            channels: config.output.drawn_channels(),
            depth: results.depth(input.depth()),
        };
        let outputs = outputs
            .iter()
            .map(|output| {
                let create = |path| PictureFile::create(path, layout, results.quality());
                output.to_write().map(create).transpose()
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            config,
            input,
            layout,
            folder,
            stop,
            outputs,
            done: 0,
        })
    }

    /// The shape of the whole image, as a network would take it.
    pub fn shape(&self) -> Shape {
        Shape::nhwc(
            1,
            self.layout.height as usize,
            self.layout.width as usize,
            self.config.input.channels(),
        )
    }

    /// Completes the results: they appear under their names.
    pub fn commit(self) -> Result<(), RunError> {
        let mut written = self.outputs.into_iter().flatten();
        written.try_for_each(PictureFile::commit)
    }
}

impl Canvas for TiledImage<'_> {
    fn read(&mut self, window: [usize; 4]) -> Result<Vec<f32>, TrainError> {
        self.stop.check()?;
        Ok(self.input.units(window.map(|pixels| pixels as u32))?)
    }

    fn write(&mut self, rows: &[f32]) -> Result<(), TrainError> {
        let PictureLayout { width, depth, .. } = self.layout;
        let height = rows.len() / (width as usize * self.config.output.channels());
        // The input is read only if it is needed, since every row is read and converted once more.
        let input = if self.config.output.needs_input() {
            self.read([self.done, 0, height, width as usize])?
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
        self.done += height;
        Ok(())
    }

    fn folder(&self) -> &Path {
        self.folder
    }
}

/// An error of a translation in tiles. It gets the name of the file, unless it names one already.
pub fn failure(error: TrainError, file: &Path) -> CliError {
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

/// Adds a remedy to an error that says "too large", if input and options `could` go with tiles.
pub fn read_failure(
    error: DataError,
    files: &[PathBuf],
    reading: &ReadOptions,
    could: bool,
) -> CliError {
    if !could || !matches!(error, DataError::TooLarge { .. }) {
        return error.into();
    }
    // Tiles need a file that can be read row by row.
    let by_rows = files
        .iter()
        .all(|path| RowReader::open(path, reading).is_ok());
    let remedy = if by_rows {
        "use --tile PIXELS"
    } else {
        "save it as a PNG that is not interlaced and use --tile PIXELS"
    };
    CliError::InOnePiece {
        source: error,
        remedy,
    }
}
