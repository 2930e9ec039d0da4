//! `pix2pix translate`.

use super::failures::Failures;
use super::outputs::{Job, Output, OutputArgs, single_file};
use super::pth::{PthArgs, say};
use super::reading::ReadArgs;
use super::results::{Input, ResultArgs, list_inputs};
use super::stop::Stop;
use super::test_time::TestTimeArgs;
use super::tiled::{TiledImage, failure, read_failure};
use super::{CliError, DeviceArgs, network_file, note, print, write_picture};
use crate::data::check_sizes;
use crate::data::{Combined, DataError, Half, Picture, ReadOptions, Windows};
use crate::gpu::Gpu;
use crate::interop::{TensorFile, load_network};
use crate::nn::{Fit, Generator, Mode};
use crate::program::Store;
use crate::state::StateList;
use crate::tape::ArenaPart;
use crate::tensor::{DType, Shape};
use crate::train::checkpoint::NetworkKind;
use crate::train::run::{RunError, folder_of};
use crate::train::{ModelConfig, Tiling, TrainError, Translator, checkpoint, largest_image};
use clap::Args;
use std::path::{Path, PathBuf};

/// Arguments of `translate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: pix2pix translate sketches/ photo.png --model runs/demo --out translated"
)]
pub struct TranslateArgs {
    /// Images of any size, or folders of images. A model of several input images takes a folder for
    /// each of them
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// generator.safetensors, a checkpoint, a run folder, or a .pth file of the PyTorch code
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    pth: PthArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Which half of combined A|B images to translate [default: none, but images that are all twice
    /// as wide as high are refused]
    #[arg(long, value_enum, value_name = "HALF")]
    half: Option<Half>,
    #[command(flatten)]
    reading: ReadArgs,
    #[command(flatten)]
    results: ResultArgs,
    #[command(flatten)]
    test_time: TestTimeArgs,
    /// Number of results for each image, as NAME-seedK.png. Their seeds count up from --seed. This
    /// switches dropout on
    #[arg(long, value_name = "N", conflicts_with = "no_dropout")]
    samples: Option<u32>,
    /// Images of one size that are translated at once
    #[arg(long, default_value_t = 1, value_name = "N")]
    batch: usize,
    /// What to do with images whose size does not suit the generator [default: as the model says,
    /// else pad]
    #[arg(long, value_enum, value_name = "FIT")]
    fit: Option<Fit>,
    /// Translate larger images in tiles of this many pixels. The memory does not grow with the
    /// image
    #[arg(long, value_name = "PIXELS")]
    tile: Option<usize>,
    /// The fewest pixels that neighbouring tiles share. A small overlap is faster, but then seams
    /// are blended and not exact [default: as many as are needed to be exact]
    #[arg(long, value_name = "PIXELS", requires = "tile")]
    overlap: Option<usize>,
    /// How weights and activations are stored [default: as when the model was trained]
    #[arg(long, value_enum, value_name = "TYPE")]
    precision: Option<DType>,
    #[command(flatten)]
    device: DeviceArgs,
}

/// A generator on the device. It keeps the program for the shape of the last batch.
struct Model {
    gpu: Gpu,
    store: Store,
    generator: Generator,
    config: ModelConfig,
    fit: Fit,
    mode: Mode,
    tiling: Option<Tiling>,
    reading: ReadOptions,
    results: ResultArgs,
    half: Half,
    stop: Stop,
    ready: Option<(Shape, Translator)>,
}

/// Images that go through the network together. Each has its first file and its result files,
/// ordered by seed.
type PictureBatch<'a> = Vec<(Picture, &'a Path, &'a [Output])>;

/// Translates all inputs.
pub fn run(args: &TranslateArgs) -> Result<(), CliError> {
    let seeds = ModelConfig::seeds(args.device.seed, args.samples)?;
    ModelConfig::check_batch(args.batch)?;
    let file = TensorFile::open(&network_file(&args.model, NetworkKind::Generator)?)?;
    let (file, config, notes) =
        checkpoint::find_generator(&file, &args.pth.network, args.pth.upsample)?;
    notes.iter().for_each(|note| say(file.path(), note));
    let single = single_file(&args.output.out, &args.inputs)?;
    let results = match &single {
        Some(file) => args.results.for_file(file)?,
        None => args.results.clone(),
    };
    results.check(config.output.drawn_channels())?;
    let inputs = list_inputs(&args.inputs, config.input.images(), &args.output.out)?;
    check_halves(args, &inputs, config.size)?;
    let endings = results.all_endings(args.samples.is_some(), &seeds, config.output.images());
    let all = inputs.len();
    let plan = args.output.plan(inputs, single.as_deref(), &endings)?;
    let mut failures = Failures::default();
    for clash in plan.clashes {
        failures.take(clash, 1)?;
    }
    if plan.jobs.is_empty() {
        return failures.finish(all);
    }
    let mut model = Model::load(args, results, &file, config)?;
    let folder = args.output.folder(single.as_deref());
    std::fs::create_dir_all(&folder).map_err(|error| RunError::write(&folder, error))?;
    // From now on an end at once would leave half-written files.
    model.stop.begin();
    model.translate_all((&plan.jobs, &seeds), (&folder, args.batch), &mut failures)?;
    failures.finish(all)
}

impl Model {
    fn load(
        args: &TranslateArgs,
        results: ResultArgs,
        file: &TensorFile,
        config: ModelConfig,
    ) -> Result<Self, CliError> {
        let stop = Stop::listen(None);
        let test = args.test_time.over(&config, args.samples.is_some())?;
        let fit = config.fit_as(args.fit)?;
        let gpu = args.device.open()?;
        let mut states = StateList::new(args.device.precision(
            &gpu,
            args.precision,
            config.precision,
        )?);
        let generator = Generator::new(&mut states, &config.generator).map_err(TrainError::from)?;
        let mode = test.mode();
        let tiling = args.tile.map(|tile| {
            Tiling::check(fit, &mode, args.batch)?;
            Tiling::new(&mut states, &generator, &mode, tile, args.overlap)
        });
        let tiling = tiling.transpose()?;
        let store = Store::new(&gpu, states, false).map_err(TrainError::from)?;
        for arena in [generator.parameters(), generator.statistics()] {
            load_network(file, &gpu, &store, arena, ArenaPart::Value, "")?;
        }
        Ok(Self {
            gpu,
            store,
            generator,
            config,
            fit,
            mode,
            tiling,
            reading: args.reading.options(),
            results,
            half: args.half.unwrap_or(Half::None),
            stop,
            ready: None,
        })
    }

    /// Translates all jobs, `batch` images of one size at a time. What stops one file goes to
    /// `failures`.
    fn translate_all(
        &mut self,
        (jobs, seeds): (&[Job], &[u64]),
        (folder, batch): (&Path, usize),
        failures: &mut Failures,
    ) -> Result<(), CliError> {
        let mut group = PictureBatch::new();
        for Job { input, outputs } in jobs {
            self.stop.check()?;
            make_folders(outputs)?;
            let files = &input.files;
            let read =
                self.translate_in_tiles(files, folder, outputs)
                    .and_then(|done| match done {
                        true => Ok(None),
                        false => self.read(files, batch).map(Some),
                    });
            let image = match read {
                Ok(None) => continue,
                Ok(Some(image)) => image,
                Err(error) => {
                    failures.take(error, 1)?;
                    continue;
                }
            };
            let joins = |(first, ..): &(Picture, _, _)| first.dimensions() == image.dimensions();
            if group.len() == batch || !group.first().is_none_or(joins) {
                self.translate_group(&group, seeds)
                    .or_else(|error| failures.take(error, group.len()))?;
                group.clear();
            }
            let first = files.first().map_or(Path::new(""), PathBuf::as_path);
            group.push((image, first, outputs));
        }
        self.translate_group(&group, seeds)
            .or_else(|error| failures.take(error, group.len()))
    }

    /// Translates images of one size by each of the seeds and writes the results.
    fn translate_group(&mut self, group: &PictureBatch, seeds: &[u64]) -> Result<(), CliError> {
        let images: Vec<&Picture> = group.iter().map(|(image, ..)| image).collect();
        for (sample, &seed) in seeds.iter().enumerate() {
            self.stop.check()?;
            // An error about the size is about all images of the group.
            let files = || group.iter().map(|&(_, file, _)| file.to_owned()).collect();
            let fail = |source| CliError::Translate {
                files: files(),
                source: Box::new(source),
            };
            let translated = self.translate(&images, seed).map_err(fail)?;
            for (pictures, (image, input, outputs)) in translated.iter().zip(group) {
                if let Some(picture) = pictures
                    .first()
                    .filter(|picture| picture.dimensions() != image.dimensions())
                {
                    let [from, to] = [image, picture]
                        .map(|picture| format!("{}x{}", picture.width(), picture.height()));
                    note(&format!(
                        "note: {}: the result shows the middle {to} of {from} pixels (--fit crop)",
                        input.display()
                    ));
                }
                for (picture, output) in pictures
                    .iter()
                    .zip(outputs.iter().skip(sample * pictures.len()))
                {
                    if let Some(path) = output.to_write() {
                        write_picture(path, picture, self.results.quality())?;
                        print(&path.display().to_string())?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Translates an input tile by tile, if tiles were asked for and the input is larger than a
    /// tile. Returns whether it did.
    fn translate_in_tiles(
        &self,
        files: &[PathBuf],
        folder: &Path,
        outputs: &[Output],
    ) -> Result<bool, CliError> {
        let (Some(tiling), Some(first)) = (&self.tiling, files.first()) else {
            return Ok(false);
        };
        let input = Windows::open(files, &self.reading, &self.config.input, folder)
            .map_err(|error| read_failure(error, files, &self.reading, true))?;
        let (width, height) = input.dimensions();
        if width.max(height) as usize <= tiling.tile {
            return Ok(false);
        }
        let mut image = TiledImage::new(
            (&self.config, &self.results),
            (folder, &self.stop),
            input,
            outputs,
        )?;
        let (device, network) = ((&self.gpu, &self.store), (&self.generator, &self.mode));
        let tile = Shape::nhwc(1, tiling.tile, tiling.tile, self.config.input.channels());
        let smaller = |[side, _]: [usize; 2]| format!("use --tile {side} or less");
        let translated = tiling.translate(device, network, image.shape(), &mut image);
        translated.map_err(|error| failure(self.explain(error, tile, smaller), first))?;
        image.commit()?;
        outputs
            .iter()
            .filter_map(Output::to_write)
            .try_for_each(|path| print(&path.display().to_string()))?;
        Ok(true)
    }

    /// Reads the images of an input in the channels of the model.
    fn read(&self, files: &[PathBuf], batch: usize) -> Result<Picture, CliError> {
        let images = files
            .iter()
            .map(|path| Ok((path.clone(), self.half.of(self.reading.read(path)?, path)?)))
            .collect::<Result<Vec<_>, DataError>>();
        let images = images
            .map_err(|error| read_failure(error, files, &self.reading, self.could_tile(batch)))?;
        check_sizes(&images)?;
        Ok(self.config.input.gather(&images)?)
    }

    /// The shape of the network's input, for images of this size.
    fn shape(&self, batch: usize, image: &Picture) -> Shape {
        Shape::nhwc(
            batch,
            image.height() as usize,
            image.width() as usize,
            self.config.input.channels(),
        )
    }

    /// Translates images of one size.
    fn translate(
        &mut self,
        images: &[&Picture],
        seed: u64,
    ) -> Result<Vec<Vec<Picture>>, TrainError> {
        let Some(first) = images.first() else {
            return Ok(Vec::new());
        };
        let shape = self.shape(images.len(), first);
        let ready = self.translator(shape)?;
        let values: Vec<f32> = images
            .iter()
            .flat_map(|image| self.config.input.units(image))
            .collect();
        let output = ready.translate(&self.gpu, &self.store, &values, seed)?;
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
                self.results.depth(image.depth()),
                output,
                input,
            )
        };
        Ok(parts.map(pictures).collect())
    }

    /// The program for images of `shape`. This is the last one if it fits, else a new one.
    fn translator(&mut self, shape: Shape) -> Result<Translator, TrainError> {
        match self.ready.take() {
            Some((size, translator)) if size == shape => return Ok(translator),
            // The old program's buffers are given back before the new one's are made.
            other => drop(other),
        }
        let Self {
            gpu,
            store,
            generator,
            fit,
            mode,
            ..
        } = &*self;
        let instead = match shape.batch() {
            1 if self.could_tile(1) => "use --tile PIXELS or ",
            1 => "",
            _ => "use a smaller --batch or ",
        };
        Translator::new(gpu, store, generator, shape, *fit, mode)
            .map_err(|error| self.explain(error, shape, |_| format!("{instead}scale it down")))
    }

    /// Whether a batch of this size could be translated in tiles.
    fn could_tile(&self, batch: usize) -> bool {
        Tiling::check(self.fit, &self.mode, batch).is_ok()
    }

    /// Adds to an error that says "too large" what would fit in place of `shape`, and what to do.
    /// Any other error stays as it is.
    fn explain(
        &self,
        error: TrainError,
        shape: Shape,
        remedy: impl Fn([usize; 2]) -> String,
    ) -> TrainError {
        let Self {
            gpu,
            store,
            generator,
            mode,
            ..
        } = self;
        let size = if error.is_too_large() {
            largest_image(
                store.states(),
                generator,
                shape,
                mode,
                gpu.profile(),
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

/// Makes the subfolders that results lie in.
fn make_folders(outputs: &[Output]) -> Result<(), RunError> {
    let mut folders = outputs.iter().filter_map(Output::to_write).map(folder_of);
    folders.try_for_each(|folder| {
        std::fs::create_dir_all(folder).map_err(|error| RunError::write(folder, error))
    })
}

/// Refuses combined pairs where nothing was said about halves, and halves that cannot be had.
fn check_halves(args: &TranslateArgs, inputs: &[Input], size: u32) -> Result<(), CliError> {
    if matches!(args.half, Some(Half::A | Half::B)) && args.tile.is_some() {
        return Err(CliError::Usage(
            "--half A and B cut whole images, and --tile reads rows; leave one of them out"
                .to_owned(),
        ));
    }
    let files = || inputs.iter().filter_map(|input| input.files.first());
    let (None, Some(file)) = (args.half, files().next()) else {
        return Ok(());
    };
    match Combined::look(files().map(PathBuf::as_path), size) {
        Combined::Surely => Err(CliError::CombinedPairs {
            file: file.clone(),
            others: inputs.len() - 1,
        }),
        Combined::Perhaps => {
            note(&format!(
                "note: {} is twice as wide as high; if it is a combined pair, use --half A or B",
                file.display()
            ));
            Ok(())
        }
        Combined::No => Ok(()),
    }
}
