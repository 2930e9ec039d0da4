//! A trained generator on the device, and the translation of images of one size: what every
//! program does that translates.

use super::config::{ConfigError, ModelConfig};
use super::error::TrainError;
use super::tiled::{Tiling, Tilings};
use super::translator::Translator;
use crate::data::{Depth, Picture};
use crate::gpu::Gpu;
use crate::interop::{TensorFile, load_network};
use crate::nn::{Fit, Generator, Mode};
use crate::program::Store;
use crate::state::StateList;
use crate::tape::ArenaPart;
use crate::tensor::{DType, Shape};

/// A generator on the device. It keeps the program for the shape of the last batch.
#[derive(Debug)]
pub struct LoadedGenerator {
    /// Its weights.
    pub store: Store,
    /// The network.
    pub generator: Generator,
    /// How it is built and used.
    pub config: ModelConfig,
    /// How images of other sizes go through it.
    pub fit: Fit,
    /// How it is used.
    pub mode: Mode,
    /// How images go through in tiles that do not fit in one piece, or why they cannot.
    pub tilings: Result<Tilings, ConfigError>,
    ready: Option<(Shape, Translator)>,
}

impl LoadedGenerator {
    /// Loads the generator in `file`, to be used with this fit and this mode.
    ///
    /// # Errors
    /// Networks that the device cannot hold, and tensors that are missing or misshapen.
    pub fn load(
        gpu: &Gpu,
        file: &TensorFile,
        config: ModelConfig,
        (fit, mode): (Fit, Mode),
        precision: DType,
    ) -> Result<Self, TrainError> {
        let mut states = StateList::new(precision);
        let generator = Generator::new(&mut states, &config.generator)?;
        let tilings = match Tiling::check(fit, &mode, 1) {
            Ok(()) => Ok(Tilings::new(&mut states, &generator, &mode)?),
            Err(rule) => Err(rule),
        };
        let store = Store::new(gpu, states, false)?;
        for arena in [generator.parameters(), generator.statistics()] {
            load_network(file, gpu, &store, arena, ArenaPart::Value, "")?;
        }
        Ok(Self {
            store,
            generator,
            config,
            fit,
            mode,
            tilings,
            ready: None,
        })
    }

    /// The shape of the network's input, for images of this size.
    pub fn shape(&self, batch: usize, image: &Picture) -> Shape {
        Shape::nhwc(
            batch,
            image.height() as usize,
            image.width() as usize,
            self.config.input.channels(),
        )
    }

    /// Translates images of one size, in the channels of the model. `depth` says how many bits a
    /// result has, for those of its image.
    ///
    /// # Errors
    /// Those of the device, and images that do not fit it.
    pub async fn translate(
        &mut self,
        gpu: &Gpu,
        images: &[&Picture],
        seed: u64,
        depth: impl Fn(&ModelConfig, Depth) -> Depth,
    ) -> Result<Vec<Vec<Picture>>, TrainError> {
        let Some(first) = images.first() else {
            return Ok(Vec::new());
        };
        let shape = self.shape(images.len(), first);
        let ready = self.translator(gpu, shape)?;
        let values: Vec<f32> = images
            .iter()
            .flat_map(|image| self.config.input.units(image))
            .collect();
        let output = ready.translate(gpu, &self.store, &values, seed).await?;
        let (shown, result) = (ready.shown(&values), ready.output_shape().with_batch(1));
        self.ready = Some((shape, ready));
        let [width, height] = [result.width(), result.height()];
        let each = |values: &[f32]| (values.len() / images.len()).max(1);
        let parts = output
            .chunks(each(&output))
            .zip(shown.chunks(each(&shown)))
            .zip(images);
        let pictures = |((output, input), image): ((&[f32], &[f32]), &&Picture)| {
            self.config.output.pictures(
                width as u32,
                height as u32,
                depth(&self.config, image.depth()),
                output,
                input,
            )
        };
        Ok(parts.map(pictures).collect())
    }

    /// Gives the memory of the last program back.
    pub fn forget_program(&mut self) {
        self.ready = None;
    }

    /// The program for images of `shape`. This is the last one if it fits, else a new one.
    fn translator(&mut self, gpu: &Gpu, shape: Shape) -> Result<Translator, TrainError> {
        match self.ready.take() {
            Some((size, translator)) if size == shape => return Ok(translator),
            // The old program's buffers are given back before the new one's are made.
            other => drop(other),
        }
        Translator::new(
            gpu,
            &self.store,
            &self.generator,
            shape,
            self.fit,
            &self.mode,
        )
    }
}
