//! `pix2pix translate`.

mod by_rows;
mod far_sizes;
mod frame_sizes;
mod model;
mod named;
mod opacity;
mod page;
mod pending;
mod stopped;
mod stream;
mod tiles;

use super::failures::Failures;
use super::outputs::{OutputArgs, OutputPlan, variants};
use super::pth::PthArgs;
use super::reading::{ReadArgs, tell_meaning, tell_of_files};
use super::results::{Input, ResultArgs, list_inputs};
use super::test_time::TestTimeArgs;
use super::{CliError, DeviceArgs, note, note_as_it_is};
use crate::data::{Background, Combined, Direction, Half};
use crate::gpu::Gpu;
use crate::nn::Fit;
use crate::tensor::DType;
use crate::train::ModelConfig;
use crate::train::run::RunError;
use clap::Args;
use model::Model;
use named::NamedModel;
use page::ResultsPage;
use std::path::{Path, PathBuf};
use stream::FrameFiles;

/// Arguments of `translate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: pix2pix translate sketches/ photo.png --model runs/demo --out translated"
)]
pub struct TranslateArgs {
    /// Images of any size, or folders of images. A model of several input images takes a folder for
    /// each of them. - stands for standard input, with frames as PNG, PPM, PGM or PAM
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// generator.safetensors, a checkpoint, a run folder, a .pth file of the PyTorch code, or the
    /// name of a bundled model: see `pix2pix models`
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
    /// Write a page as well, index.html in the folder of --out: input, output and, with --half A or
    /// B, the other half of the pair as target
    #[arg(long)]
    page: bool,
    /// Lay images with opacity on this colour: white, black or rrggbb. For models that take no
    /// opacity [default: as the card of a bundled model says, else the opacity is not used]
    #[arg(long, value_name = "COLOUR")]
    background: Option<Background>,
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
    /// image [default: tiles only for images that do not fit in one piece, as large as fit]
    #[arg(long, value_name = "PIXELS")]
    tile: Option<usize>,
    /// The fewest pixels that neighbouring tiles share. A small overlap is faster, but then seams
    /// are blended and not exact [default: as many as are needed to be exact]
    #[arg(long, value_name = "PIXELS", requires = "tile")]
    overlap: Option<usize>,
    /// How weights and activations are stored [default: as when the model was trained]
    #[arg(long, value_enum, value_name = "TYPE")]
    precision: Option<DType>,
    /// The most memory to take of the device [default: as much as it gives]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    memory: Option<u64>,
    #[command(flatten)]
    device: DeviceArgs,
}

impl TranslateArgs {
    /// Opens the device.
    fn open(&self) -> Result<Gpu, CliError> {
        let gpu = self.device.open()?;
        Ok(match self.memory {
            Some(mebibytes) => gpu.with_memory_limit(mebibytes.saturating_mul(1 << 20)),
            None => gpu,
        })
    }
}

/// Translates all inputs.
pub fn run(args: &TranslateArgs) -> Result<(), CliError> {
    let seeds = ModelConfig::seeds(args.device.seed, args.samples)?;
    ModelConfig::check_batch(args.batch)?;
    let named = NamedModel::open(args)?;
    let config = &named.config;
    let from_stdin = stream::check(args, config)?;
    let single = single_file(args, from_stdin)?;
    page::check(args, config, single.is_some(), from_stdin)?;
    let results = match &single {
        Some(file) => args
            .results
            .for_file(file, config.output.drawn_channels())?,
        None => args.results.clone(),
    };
    results.check(config.output.drawn_channels())?;
    other_half_line(args.half, config.direction)
        .iter()
        .for_each(|line| note(line));
    let variants = variants(args.samples.is_some(), &seeds, config.output.images());
    match from_stdin {
        true => run_stream(args, results, &named, variants),
        false => run_files(args, results, &named, &variants, single.as_deref()),
    }
}

/// Translates files. If `single` is given, it is the one result.
fn run_files(
    args: &TranslateArgs,
    results: ResultArgs,
    named: &NamedModel,
    variants: &[String],
    single: Option<&Path>,
) -> Result<(), CliError> {
    let config = &named.config;
    let inputs = list_inputs(&args.inputs, config.input.images(), &args.output.out)?;
    check_halves(args.half, &inputs, config)?;
    let all = inputs.len();
    let reading = named.reading(args)?;
    let plan = match args.output.is_stdout() {
        true => OutputPlan::without_files(inputs),
        false => {
            let format = results.format();
            args.output
                .plan(inputs, single, variants, format, &reading)?
        }
    };
    let mut failures = Failures::default();
    for failure in plan.failures {
        failures.take(failure, 1)?;
    }
    let page = match args.page {
        true => Some(ResultsPage::plan(args, named, variants, &plan.all)?),
        false => None,
    };
    if plan.jobs.is_empty() {
        let done = page.map_or(Ok(()), |page| page.write_alone(&mut failures));
        return failures.finish(done, all);
    }
    let is_whole = !matches!(args.half, Some(Half::A | Half::B));
    results.note_losses(
        &config.output,
        plan.jobs.iter().map(|job| job.input.files.as_slice()),
        is_whole,
        &reading,
    );
    let folder = args.output.folder(single);
    let mut model = Model::load(args, results, named, folder.clone())?;
    std::fs::create_dir_all(&folder).map_err(|error| RunError::write(&folder, error))?;
    // From now on an end at once would leave half-written files.
    model.stop.begin();
    let done = model.translate_all(&plan.jobs, &mut failures);
    tell(args, &model);
    let done = done.and_then(|()| {
        page.as_ref().map_or(Ok(()), |page| {
            page.write(&model.written.borrow(), Some(&model.stop), &mut failures)
        })
    });
    let batch = (&plan.jobs[..], page.as_ref());
    let done = done.map_err(|error| stopped::explain(error, args, &model, batch));
    failures.finish(done, all)
}

/// The file that `--out` names for one result. `None` for a folder and for standard output.
fn single_file(args: &TranslateArgs, from_stdin: bool) -> Result<Option<PathBuf>, CliError> {
    let single = args.output.file(&args.inputs)?;
    match &single {
        Some(file) if from_stdin => Err(CliError::Usage(format!(
            "{} is one file, and a stream has many frames; name a folder, or - for stdout",
            file.display()
        ))),
        _ => Ok(single),
    }
}

/// Translates the frames of standard input.
fn run_stream(
    args: &TranslateArgs,
    results: ResultArgs,
    named: &NamedModel,
    variants: Vec<String>,
) -> Result<(), CliError> {
    let folder = args.output.folder(None);
    let mut model = Model::load(args, results, named, folder.clone())?;
    std::fs::create_dir_all(&folder).map_err(|error| RunError::write(&folder, error))?;
    model.stop.begin();
    let output = &args.output;
    let format = model.results.format();
    let done = model.translate_frames(&FrameFiles {
        output,
        variants,
        format,
    });
    tell(args, &model);
    done
}

/// Tells what a model and its inputs had to be told of.
fn tell(args: &TranslateArgs, model: &Model) {
    tell_of_files(&model.tally.borrow());
    tell_meaning(&model.loaded.config, &model.results);
    let opacity = model.without_opacity.borrow().line();
    opacity.iter().for_each(|line| note(line));
    let remedy = |side| far_sizes::remedy(args, &model.loaded.config, &model.reading, side);
    let sizes = model.far_sizes.borrow().line(remedy);
    // Names of files stand in it.
    sizes.iter().for_each(|line| note_as_it_is(line));
}

/// Refuses combined pairs where nothing was said about halves.
fn check_halves(
    half: Option<Half>,
    inputs: &[Input],
    config: &ModelConfig,
) -> Result<(), CliError> {
    let files = || inputs.iter().filter_map(|input| input.files.first());
    let (None, Some(file)) = (half, files().next()) else {
        return Ok(());
    };
    let found = Combined::look(files().map(PathBuf::as_path), config.size);
    let file = match found {
        Combined::Partly { first, .. } => files().nth(first).unwrap_or(file),
        _ => file,
    };
    tell_combined(found, file, inputs.len() - 1, config.direction)
}

/// Refuses what are combined pairs, and tells of images that may be some.
fn tell_combined(
    found: Combined,
    file: &Path,
    others: usize,
    direction: Option<Direction>,
) -> Result<(), CliError> {
    match found {
        Combined::Surely => Err(CliError::CombinedPairs {
            file: file.to_owned(),
            others,
            input: direction.map(Half::input_of),
        }),
        Combined::Perhaps => {
            note(&format!(
                "note: {} is twice as wide as high; if it is a combined pair, use --half {}",
                file.display(),
                half_of_input(direction)
            ));
            Ok(())
        }
        Combined::Partly { count, all, .. } => {
            tell_partly([count, all], file, direction);
            Ok(())
        }
        Combined::No => Ok(()),
    }
}

/// Tells that some of the images may be combined pairs: `count` of all, and the first of them.
fn tell_partly([count, all]: [usize; 2], file: &Path, direction: Option<Direction>) {
    note(&format!(
        "note: {count} of {all} images {} twice as wide as high, such as {}; if these are combined \
         pairs, translate them apart with --half {}",
        if count == 1 { "is" } else { "are" },
        file.display(),
        half_of_input(direction)
    ));
}

fn half_of_input(direction: Option<Direction>) -> String {
    let input = direction.map(Half::input_of);
    input.map_or("A or B".to_owned(), |half| half.to_string())
}

/// Tells of a half that is not the input of the model.
fn other_half_line(half: Option<Half>, direction: Option<Direction>) -> Option<String> {
    let (half, direction) = (half?, direction?);
    let input = Half::input_of(direction);
    (![input, Half::None].contains(&half)).then(|| {
        format!(
            "note: --half {half} translates the target half: this model was trained {direction}, \
             so its input is --half {input}"
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_half_that_the_model_takes_is_named() {
        for (direction, named) in [
            (Some(Direction::AtoB), "; --half A translates"),
            (Some(Direction::BtoA), "; --half B translates"),
            (None, "; --half A or --half B translates"),
        ] {
            let error = tell_combined(Combined::Surely, Path::new("a.png"), 2, direction);
            let text = error.unwrap_err().to_string();
            assert!(text.contains(named), "{text}");
        }
    }

    #[test]
    fn the_other_half_is_told() {
        let told = other_half_line(Some(Half::A), Some(Direction::BtoA)).unwrap();
        assert!(
            told.ends_with("trained BtoA, so its input is --half B"),
            "{told}"
        );
        assert!(other_half_line(Some(Half::B), Some(Direction::AtoB)).is_some());
        for (half, direction) in [
            (Some(Half::B), Some(Direction::BtoA)),
            (Some(Half::None), Some(Direction::BtoA)),
            (Some(Half::A), None),
            (None, Some(Direction::BtoA)),
        ] {
            assert_eq!(other_half_line(half, direction), None);
        }
    }
}
