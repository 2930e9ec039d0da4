//! A trained generator that is looked into.

use crate::cli::CliError;
use crate::cli::pth::say;
use crate::cli::weights::open_weights;
use crate::data::{PairReading, Picture, ReadTally};
use crate::gpu::{Gpu, Profile};
use crate::inspect::{FeatureMap, Inspection, MapLimits, feature_maps, layer_names};
use crate::interop::{TensorFile, load_network};
use crate::models::{self, BundledModel};
use crate::nn::Generator;
use crate::program::Store;
use crate::state::StateList;
use crate::tape::ArenaPart;
use crate::tensor::{DType, Shape};
use crate::train::checkpoint::{self, NetworkChoice, NetworkKind};
use crate::train::{ModelConfig, TrainError};
use std::path::{Path, PathBuf};

/// A generator that was read and is not on the device yet. It is looked into in f32, as its file
/// holds it.
pub struct LoadedModel {
    file: TensorFile,
    config: ModelConfig,
    generator: Generator,
    states: StateList,
    reading: PairReading,
}

impl LoadedModel {
    /// The model that `path` names.
    pub fn open(path: &Path) -> Result<Self, CliError> {
        let kind = NetworkKind::Generator;
        let file = open_weights(path, kind)?;
        let (file, config, notes) =
            checkpoint::find_generator(&file, &NetworkChoice::Kind(kind), None)?;
        notes.iter().for_each(|note| say(file.path(), note));
        let card = models::named(path).map(BundledModel::card).transpose()?;
        let mut states = StateList::new(DType::F32);
        let generator = Generator::new(&mut states, &config.generator).map_err(TrainError::from)?;
        Ok(Self {
            reading: PairReading {
                background: card.and_then(|card| card.background),
                ..PairReading::default()
            },
            file,
            config,
            generator,
            states,
        })
    }

    /// Reads a picture, which is one file for each input image of the model.
    pub fn read(&self, files: &[PathBuf]) -> Result<Picture, CliError> {
        let reading = self.config.reading_as(self.reading)?;
        let mut tally = ReadTally::default();
        let images = files
            .iter()
            .map(|path| Ok((path.clone(), reading.read(path, &mut tally)?)))
            .collect::<Result<Vec<_>, CliError>>()?;
        Ok(self.config.input.gather(&images)?)
    }

    /// The shape of a picture, or of one of the size that the model was trained at.
    fn shape(&self, picture: Option<&Picture>) -> Shape {
        let (width, height) = picture.map_or((self.config.size, self.config.size), |picture| {
            picture.dimensions()
        });
        let channels = self.config.generator.channels()[0];
        Shape::nhwc(1, height as usize, width as usize, channels)
    }

    /// The forward pass over a picture.
    pub fn inspect(
        &self,
        picture: Option<&Picture>,
        profile: &Profile,
    ) -> Result<Inspection, CliError> {
        Ok(Inspection::of_generator(
            &self.states,
            &self.generator,
            self.shape(picture),
            self.config.fit,
            &self.config.test.mode(),
            profile,
        )?)
    }

    /// The layers whose maps [`LoadedModel::maps`] gives.
    pub fn layers(&self, picture: &Picture) -> Result<Vec<String>, CliError> {
        let (shape, fit) = (self.shape(Some(picture)), self.config.fit);
        let mode = self.config.test.mode();
        Ok(layer_names(
            &self.states,
            &self.generator,
            shape,
            fit,
            &mode,
        )?)
    }

    /// What each layer makes of a picture.
    pub fn maps(
        self,
        gpu: &Gpu,
        picture: &Picture,
        seed: u64,
    ) -> Result<Vec<FeatureMap>, CliError> {
        let shape = self.shape(Some(picture));
        let store = Store::new(gpu, self.states, false).map_err(TrainError::from)?;
        for arena in [self.generator.parameters(), self.generator.statistics()] {
            load_network(&self.file, gpu, &store, arena, ArenaPart::Value, "")?;
        }
        let (values, mode): (Vec<f32>, _) = (picture.units().collect(), self.config.test.mode());
        let maps = feature_maps(
            gpu,
            &store,
            &self.generator,
            (&values, shape),
            (self.config.fit, &mode),
            seed,
            MapLimits::default(),
        );
        Ok(pollster::block_on(maps)?)
    }
}
