//! `pix2pix translate`.

use super::network::PrecisionArg;
use super::{CliError, DeviceArgs, plan_outputs, print, write_png};
use crate::data::{DataError, Picture, crop_to, list_images, read_picture, reflect_pad_to_multiple};
use crate::gpu::Gpu;
use crate::interop::{TensorFile, load_network};
use crate::nn::{DropoutMode, Generator, Mode};
use crate::ops::ArenaPart;
use crate::program::Store;
use crate::state::StateList;
use crate::tensor::Shape;
use crate::train::run::RunError;
use crate::train::{ModelConfig, TrainError, Translator, checkpoint, largest_image};
use clap::Args;
use std::path::{Path, PathBuf};

/// Arguments of `translate`.
#[derive(Debug, Args)]
#[command(after_help = "Example: pix2pix translate sketches/ photo.png --model runs/demo --out translated")]
pub struct TranslateArgs {
    /// Images, or folders of images, of any size
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// generator.safetensors, a checkpoint, a run folder, or a .pth file of the PyTorch code
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Folder for the results, PNG files of the inputs' names
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Keep dropout on as in training: every seed gives another result
    #[arg(long)]
    dropout: bool,
    /// How weights and activations are stored [default: as when the model was trained]
    #[arg(long, value_enum, value_name = "TYPE")]
    precision: Option<PrecisionArg>,
    #[command(flatten)]
    device: DeviceArgs,
}

/// A generator on the device, with the program of the last image size.
struct Model {
    gpu: Gpu,
    store: Store,
    generator: Generator,
    config: ModelConfig,
    mode: Mode,
    ready: Option<(Shape, Translator)>,
}

/// Translates all inputs.
pub fn run(args: &TranslateArgs) -> Result<(), CliError> {
    let inputs = list_images(&args.inputs)?;
    let outputs = plan_outputs(&inputs, &[], &args.out)?;
    let mut model = Model::load(args)?;
    std::fs::create_dir_all(&args.out).map_err(|error| RunError::write(&args.out, error))?;
    for (input, output) in inputs.iter().zip(&outputs) {
        let image = model.read(input)?;
        let fail = |source| CliError::Translate { file: input.clone(), source: Box::new(source) };
        let translated = model.translate(&image, args.device.seed).map_err(fail)?;
        write_png(output, &translated)?;
        print(&output.display().to_string())?;
    }
    Ok(())
}

impl Model {
    fn load(args: &TranslateArgs) -> Result<Self, CliError> {
        let path = if args.model.is_dir() { args.model.join("generator.safetensors") } else { args.model.clone() };
        let file = TensorFile::open(&path)?;
        let config = checkpoint::read_model(&file)?;
        let gpu = args.device.open()?;
        let mut states = StateList::new(args.device.precision(&gpu, args.precision, config.precision)?);
        let generator = Generator::new(&mut states, &config.generator).map_err(TrainError::from)?;
        let store = Store::new(&gpu, states, false).map_err(TrainError::from)?;
        for arena in [generator.parameters(), generator.statistics()] {
            load_network(&file, &gpu, &store, arena, ArenaPart::Value, "")?;
        }
        let mut mode = Mode::translation();
        if args.dropout {
            mode.dropout = DropoutMode::Random;
        }
        Ok(Self { gpu, store, generator, config, mode, ready: None })
    }

    /// Reads an image in the channels of the model's input.
    fn read(&self, path: &Path) -> Result<Picture, DataError> {
        self.config.input.colours(&read_picture(path)?, path)
    }

    /// Pads by reflection to a size that the network divides, translates, and crops back.
    fn translate(&mut self, image: &Picture, seed: u64) -> Result<Picture, TrainError> {
        let padded = reflect_pad_to_multiple(image, self.generator.multiple() as u32);
        let (width, height) = padded.dimensions();
        let shape = Shape::nhwc(1, height as usize, width as usize, self.config.input.channels());
        let ready = match self.ready.take() {
            Some((size, translator)) if size == shape => translator,
            // The old program's buffers are given back before the new one's are made.
            other => {
                drop(other);
                let Self { gpu, store, generator, mode, .. } = &*self;
                Translator::new(gpu, store, generator, shape, mode).map_err(|error| {
                    match largest_image(store.states(), generator, shape, mode, gpu.profile(), &error) {
                        Some(size) => TrainError::ImageTooLarge { source: Box::new(error), size },
                        None => error,
                    }
                })?
            }
        };
        let values = self.config.input.units(&padded);
        let output = ready.translate(&self.gpu, &self.store, &values, seed)?;
        self.ready = Some((shape, ready));
        let whole = self.config.output.picture(width, height, image.depth(), &output, &values);
        Ok(crop_to(&whole, image.width(), image.height()))
    }
}
