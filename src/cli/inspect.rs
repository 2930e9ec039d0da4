//! `pix2pix inspect`.

mod model;

use super::names::is_there;
use super::network::{NetworkArgs, configure};
use super::pixels::PixelArgs;
use super::{CliError, DeviceArgs, memory_table, note, print};
use crate::gpu::{Gpu, GpuError, Profile};
use crate::inspect::{FeatureMap, Graph, GraphNode, Inspection};
use crate::tensor::DType;
use crate::train::run::{RunError, write_atomic};
use clap::Args;
use model::LoadedModel;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The options that describe a training step. A model says all that itself.
const OF_STEPS: [&str; 38] = [
    "accumulate",
    "batch_size",
    "beta1",
    "beta2",
    "d_layers",
    "depth",
    "discriminators",
    "distance",
    "dropout",
    "dropout_at",
    "ema",
    "fit",
    "gan_mode",
    "generator",
    "lambda_feat",
    "lambda_gan",
    "lambda_gp",
    "lambda_l1",
    "momentum",
    "ndf",
    "ngf",
    "no_dropout",
    "norm",
    "order",
    "patch",
    "pool",
    "precision",
    "preset",
    "recompute",
    "size",
    "upsample",
    "input",
    "output",
    "stack",
    "output_stack",
    "palette",
    "objective",
    "optimizer",
];

/// Arguments of `inspect`.
#[derive(Debug, Args)]
#[command(after_help = "Example: pix2pix inspect --size 128 --ngf 32\n         \
                  pix2pix inspect --model runs/demo --activations photo.png --html inside.html")]
pub struct InspectArgs {
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    pixels: PixelArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// What is looked at, and where it goes.
#[derive(Debug, Args)]
struct LookArgs {
    /// Look into a trained generator and not into a training step: generator.safetensors, a
    /// checkpoint, a run folder, a .pth file of the PyTorch code, or the name of a bundled model
    #[arg(long, value_name = "FILE", conflicts_with_all = OF_STEPS)]
    model: Option<PathBuf>,
    /// Show what each layer of the model makes of this picture: on the page of --html, or as files
    /// in the folder of --out. A model of several input images takes one for each
    #[arg(long, value_name = "IMAGE", requires = "model", num_args = 1..)]
    activations: Vec<PathBuf>,
    /// Write a page as well: the program as a drawing and as a table, and the shaders of its
    /// kernels
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Folder for the pictures of --activations, one for each layer
    #[arg(long, value_name = "FOLDER", requires = "activations")]
    out: Option<PathBuf>,
    /// Write over files that are there
    #[arg(long)]
    force: bool,
}

/// Prints one line an operation and the memory plan, and writes what was asked for.
pub fn run(args: &InspectArgs) -> Result<(), CliError> {
    let look = &args.look;
    if !look.activations.is_empty() && look.html.is_none() && look.out.is_none() {
        return Err(CliError::Usage(
            "--activations makes pictures; name a page for them with --html FILE, or a folder \
             with --out FOLDER"
                .to_owned(),
        ));
    }
    look.html
        .as_deref()
        .map_or(Ok(()), |page| look.check(page))?;
    let (inspection, source, maps) = match &look.model {
        Some(path) => of_model(args, path)?,
        None => (of_step(args)?, command_line(), Vec::new()),
    };
    let mut written = match &look.out {
        Some(folder) => write_maps(folder, &maps)?,
        None => Vec::new(),
    };
    if let Some(path) = &look.html {
        written.push(write_page(path, &inspection.page(&source, &maps)?)?);
    }
    tell(&inspection)?;
    written.iter().try_for_each(|line| print(line))
}

/// The training step of the networks that `args` describe.
fn of_step(args: &InspectArgs) -> Result<Inspection, CliError> {
    let mut config = configure(&mut args.network.alone(), &args.pixels, None, &args.device)?;
    let profile = match open(&args.device)? {
        Some(gpu) => {
            let asked = args.network.precision;
            config.precision = args.device.precision(&gpu, asked, DType::F32)?;
            gpu.profile().clone()
        }
        None => Profile::portable(),
    };
    Ok(Inspection::of_step(&config, &profile)?)
}

/// The forward pass of a model, what it is called, and its feature maps if they were asked for.
fn of_model(
    args: &InspectArgs,
    path: &Path,
) -> Result<(Inspection, String, Vec<FeatureMap>), CliError> {
    let pictures = &args.look.activations;
    let model = LoadedModel::open(path)?;
    let source = path.display().to_string();
    if pictures.is_empty() {
        let profile = open(&args.device)?;
        let profile = profile.map_or_else(Profile::portable, |gpu| gpu.profile().clone());
        return Ok((model.inspect(None, &profile)?, source, Vec::new()));
    }
    let picture = model.read(pictures)?;
    if let Some(folder) = &args.look.out {
        for layer in model.layers(&picture)? {
            args.look.check(&map_file(folder, &layer))?;
        }
    }
    let gpu = args.device.open()?;
    let inspection = model.inspect(Some(&picture), gpu.profile())?;
    let maps = model.maps(&gpu, &picture, args.device.seed)?;
    Ok((inspection, source, maps))
}

/// The device. `None` where there is no adapter, which is told.
fn open(device: &DeviceArgs) -> Result<Option<Gpu>, CliError> {
    match device.open() {
        Ok(gpu) => Ok(Some(gpu)),
        Err(CliError::Gpu(GpuError::NoAdapter { remedy })) => {
            note(&format!(
                "note: no adapter here ({remedy}); these are the choices for a GPU with WebGPU's \
                 default limits"
            ));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl LookArgs {
    /// Refuses to write over a file that is there, unless that was asked for.
    fn check(&self, path: &Path) -> Result<(), CliError> {
        match is_there(path) && !self.force {
            false => Ok(()),
            true => Err(CliError::Usage(format!(
                "{} exists; --force writes over it",
                path.display()
            ))),
        }
    }
}

/// Writes a page, and says what was written.
fn write_page(path: &Path, page: &str) -> Result<String, CliError> {
    write_atomic(path, |file| file.write_all(page.as_bytes()))?;
    Ok(format!(
        "{}: {:.1} MB; open it in a browser, it needs nothing else",
        path.display(),
        page.len() as f64 / 1e6
    ))
}

/// Writes a picture for each layer, and says what each shows.
fn write_maps(folder: &Path, maps: &[FeatureMap]) -> Result<Vec<String>, CliError> {
    std::fs::create_dir_all(folder).map_err(|error| RunError::write(folder, error))?;
    let write = |map: &FeatureMap| {
        let path = map_file(folder, &map.layer);
        write_atomic(&path, |file| file.write_all(&map.png))?;
        Ok(format!("{}: {}", path.display(), map.about()))
    };
    maps.iter().map(write).collect()
}

/// The file of a layer's maps.
fn map_file(folder: &Path, layer: &str) -> PathBuf {
    folder.join(format!("{layer}.png"))
}

/// What was typed, as a page says where it comes from.
fn command_line() -> String {
    let words = std::env::args_os().skip(1);
    let words = words.map(|word| word.to_string_lossy().into_owned());
    format!("pix2pix {}", words.collect::<Vec<_>>().join(" "))
}

/// Prints the table, the networks and the memory plan.
fn tell(inspection: &Inspection) -> Result<(), CliError> {
    print(&table(&inspection.graph))?;
    let networks = inspection.networks.iter();
    let networks = networks.map(|(name, count)| format!("{name}: {count} parameters"));
    print(&networks.collect::<Vec<_>>().join("; "))?;
    let memory = inspection.memory.iter();
    let memory: Vec<(&str, u64)> = memory.map(|row| (&*row.purpose, row.bytes)).collect();
    print(&memory_table(&memory))?;
    let plan = &inspection.plan;
    let [shared, unshared] = [plan.bytes(), plan.unshared_bytes].map(|bytes| bytes >> 20);
    print(&format!(
        "the activations share {} buffers of {shared} MiB; with a buffer for each of them it would \
         be {unshared} MiB",
        plan.buffers.len()
    ))
}

/// The operations that launch kernels.
fn table(graph: &Graph) -> String {
    let rows: Vec<&GraphNode> = graph
        .nodes
        .iter()
        .filter(|node| !node.kernels.is_empty())
        .collect();
    let named = |node: &GraphNode| match node.layer.is_empty() {
        true => node.op.clone(),
        false => format!("{}: {}", node.layer, node.op),
    };
    let width = rows.iter().map(|node| named(node).len()).max().unwrap_or(0);
    let mut text = format!(
        "{:>5}  {:width$}  {:>24}  {:>9}  {:>9}  kernel\n",
        "node", "operation", "shape", "MFLOP", "KiB"
    );
    for node in &rows {
        let (mflop, kib) = (node.flops as f64 * 1e-6, node.bytes as f64 / 1024.0);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:>5}  {:width$}  {:>24}  {mflop:>9.2}  {kib:>9.1}  {}",
            node.index,
            named(node),
            node.made_text,
            node.kernels.join(" + ")
        );
    }
    let flop: f64 = rows.iter().map(|node| node.flops as f64).sum();
    let launches: usize = rows.iter().map(|node| node.kernels.len()).sum();
    let _ = write!(
        text,
        "{} operations, {launches} launches, {:.2} GFLOP",
        rows.len(),
        flop * 1e-9
    );
    text
}
