//! `pix2pix inspect`.

use super::network::{NetworkArgs, configure};
use super::pixels::PixelArgs;
use super::{CliError, DeviceArgs, memory_table, note, print};
use crate::gpu::{GpuError, Profile};
use crate::program::{ListingRow, rows};
use crate::state::StateList;
use crate::tensor::DType;
use crate::train::{Recording, explain, plan_training};
use clap::Args;
use std::fmt::Write;

/// Arguments of `inspect`.
#[derive(Debug, Args)]
#[command(after_help = "Example: pix2pix inspect --size 128 --ngf 32")]
pub struct InspectArgs {
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    pixels: PixelArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Prints one line an operation and the memory plan.
pub fn run(args: &InspectArgs) -> Result<(), CliError> {
    let mut config = configure(&mut args.network.alone(), &args.pixels, None, &args.device)?;
    let profile = match args.device.open() {
        Ok(gpu) => {
            config.precision = args
                .device
                .precision(&gpu, args.network.precision, DType::F32)?;
            gpu.profile().clone()
        }
        Err(CliError::Gpu(GpuError::NoAdapter { remedy })) => {
            note(&format!(
                "note: no adapter here ({remedy}); these are the choices for a GPU with WebGPU's \
                 default limits"
            ));
            Profile::portable()
        }
        Err(error) => return Err(error),
    };
    let recording = Recording::new(&config)?;
    let fail = |error| explain(&config, &profile, error);
    let memory = plan_training(&config, &profile).map_err(fail)?;
    let plan = recording.plan(&profile).map_err(fail)?;
    print(&table(&rows(&plan)))?;
    print(&networks(&recording.states))?;
    print(&memory_table(&memory))?;
    let [shared, unshared] = [plan.bytes(), plan.unshared_bytes].map(|bytes| bytes >> 20);
    print(&format!(
        "the activations share {} buffers of {shared} MiB; with a buffer for each of them it would \
         be {unshared} MiB",
        plan.buffers.len()
    ))
}

fn table(rows: &[ListingRow]) -> String {
    let width = rows.iter().map(|row| row.op.len()).max().unwrap_or(0);
    let mut text = format!(
        "{:>5}  {:width$}  {:>24}  {:>9}  {:>9}  kernel\n",
        "node", "operation", "shape", "MFLOP", "KiB"
    );
    for row in rows {
        let (mflop, kib) = (row.macs as f64 * 2e-6, row.bytes as f64 / 1024.0);
        let shape = row.shape.to_string();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:>5}  {:width$}  {shape:>24}  {mflop:>9.2}  {kib:>9.1}  {}",
            row.node,
            row.op,
            row.kernels.join(" + ")
        );
    }
    let flop: f64 = rows.iter().map(|row| row.macs as f64 * 2.0).sum();
    let launches: usize = rows.iter().map(|row| row.kernels.len()).sum();
    let _ = write!(
        text,
        "{} operations, {launches} launches, {:.2} GFLOP",
        rows.len(),
        flop * 1e-9
    );
    text
}

/// How many parameters each network has.
fn networks(states: &StateList) -> String {
    let trained = states
        .arenas()
        .iter()
        .enumerate()
        .filter(|(_, arena)| arena.trainable);
    let count = |index| {
        states
            .states()
            .iter()
            .filter(|state| state.arena.index() == index)
            .map(|state| state.shape.len())
            .sum::<usize>()
    };
    trained
        .map(|(index, arena)| format!("{}: {} parameters", arena.name, count(index)))
        .collect::<Vec<_>>()
        .join("; ")
}
