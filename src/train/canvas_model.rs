//! A generator behind a canvas: RGBA in, RGBA out. What a page does with a model, in a browser's
//! tab and over the studio's device.

use super::checkpoint::{NetworkChoice, NetworkKind, find_generator};
use super::config::{ConfigError, ModelConfig};
use super::error::TrainError;
use super::loaded_generator::LoadedGenerator;
use crate::data::{PairReading, Picture, ReadOptions};
use crate::gpu::Gpu;
use crate::interop::TensorFile;
use crate::models::ModelCard;
use crate::tensor::DType;
use std::path::PathBuf;

/// A generator on the device, used as its file says, and with dropout where a seed asks for it.
#[derive(Debug)]
pub struct CanvasModel {
    loaded: LoadedGenerator,
    reading: ReadOptions,
    /// Whether dropout is on in the mode that is loaded.
    drops: bool,
}

impl CanvasModel {
    /// Loads the generator in `file`. A card says what lies behind transparent pictures.
    ///
    /// # Errors
    /// A file without a generator, one whose pictures are no drawings, and those of loading.
    pub fn load(
        gpu: &Gpu,
        file: &TensorFile,
        card: Option<&ModelCard>,
    ) -> Result<Self, TrainError> {
        let choice = NetworkChoice::Kind(NetworkKind::Generator);
        let (file, config, _) = find_generator(file, &choice, None)?;
        check_drawn(&config)?;
        let reading = config.reading_as(PairReading {
            background: card.and_then(|card| card.background),
            ..PairReading::default()
        })?;
        let test = config.test_as(None, None, false)?;
        let used = (config.fit_as(None)?, test.mode());
        let precision = match gpu.profile().f16 {
            true => config.precision,
            false => DType::F32,
        };
        Ok(Self {
            loaded: LoadedGenerator::load(gpu, &file, config, used, precision)?,
            reading,
            drops: test.dropout,
        })
    }

    /// The network, and how it is used.
    pub fn loaded(&self) -> &LoadedGenerator {
        &self.loaded
    }

    /// Makes ready for a drawing of 8-bit RGBA: the picture in the channels of the model, and
    /// dropout as the `seed` asks. With one other than 0 dropout is on, where the model has it.
    ///
    /// # Errors
    /// A drawing that has not the channels of the model.
    pub fn prepare(
        &mut self,
        (width, height): (u32, u32),
        rgba: Vec<u8>,
        seed: u64,
    ) -> Result<Picture, TrainError> {
        self.use_dropout(seed != 0)?;
        let picture = self.reading.of_rgba(width, height, rgba)?;
        let named = [(PathBuf::from("the drawing"), picture)];
        Ok(self.loaded.config.input.gather(&named)?)
    }

    /// Translates a drawing of 8-bit RGBA. `seed` is that of [`CanvasModel::prepare`].
    ///
    /// # Errors
    /// Those of [`CanvasModel::prepare`], those of the device, and drawings that do not fit it.
    pub async fn translate(
        &mut self,
        gpu: &Gpu,
        size: (u32, u32),
        rgba: Vec<u8>,
        seed: u64,
    ) -> Result<Picture, TrainError> {
        let picture = self.prepare(size, rgba, seed)?;
        let pictures = self
            .loaded
            .translate(gpu, &[&picture], seed, |_, depth| depth)
            .await?;
        let first = pictures.into_iter().flatten().next().unwrap_or_default();
        Ok(first.to_rgba())
    }

    fn use_dropout(&mut self, asked: bool) -> Result<(), TrainError> {
        let config = &self.loaded.config;
        let drops = config.generator.has_dropout() && (asked || config.test.dropout);
        if drops != self.drops {
            self.loaded.mode = config.test_as(None, Some(drops), false)?.mode();
            self.loaded.forget_program();
            self.drops = drops;
        }
        Ok(())
    }
}

/// Refuses a model whose inputs or outputs are not one picture that a screen shows.
fn check_drawn(config: &ModelConfig) -> Result<(), ConfigError> {
    let (images, channels) = (config.input.images(), config.output.drawn_channels());
    match images > 1 || channels > 4 {
        true => Err(ConfigError::new(
            "input",
            format!("this model takes {images} images and paints {channels} channels"),
            "use the command `translate` of the program for it",
        )),
        false => Ok(()),
    }
}
