//! `pix2pix inspect`.

use super::network::NetworkArgs;
use super::{CliError, DeviceArgs, note, print};
use crate::gpu::{GpuError, Profile};
use crate::program::{Plan, Row, rows};
use crate::tensor::DType;
use crate::train::{Length, Recording, TrainError};
use clap::Args;
use std::fmt::Write;

/// Arguments of `inspect`.
#[derive(Debug, Args)]
#[command(after_help = "Example: pix2pix inspect --size 128 --ngf 32")]
pub struct InspectArgs {
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Prints one line an operation and the memory plan.
pub fn run(args: &InspectArgs) -> Result<(), CliError> {
    let mut config = args.network.config(false, Length::Steps(1), args.device.seed)?;
    let profile = match args.device.open() {
        Ok(gpu) => {
            config.precision = args.device.precision(&gpu, args.network.precision, DType::F32)?;
            gpu.profile().clone()
        }
        Err(CliError::Gpu(GpuError::NoAdapter { remedy })) => {
            note(&format!("note: no adapter here ({remedy}); these are the choices for a GPU with WebGPU's default limits"));
            Profile::portable()
        }
        Err(error) => return Err(error),
    };
    let recording = Recording::new(&config)?;
    let plan = Plan::new(&recording.tape, &recording.states, &[recording.vars.fake], &profile).map_err(TrainError::from)?;
    print(&table(&rows(&plan)))?;
    print(&memory(&recording, &plan))
}

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.op.len()).max().unwrap_or(0);
    let mut text = format!("{:>5}  {:width$}  {:>24}  {:>9}  {:>9}  kernel\n", "node", "operation", "shape", "MFLOP", "KiB");
    for row in rows {
        let (mflop, kib) = (row.macs as f64 * 2e-6, row.bytes as f64 / 1024.0);
        let shape = row.shape.to_string();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:>5}  {:width$}  {shape:>24}  {mflop:>9.2}  {kib:>9.1}  {}", row.node, row.op, row.kernels.join(" + "));
    }
    let flop: f64 = rows.iter().map(|row| row.macs as f64 * 2.0).sum();
    let launches: usize = rows.iter().map(|row| row.kernels.len()).sum();
    let _ = write!(text, "{} operations, {launches} launches, {:.2} GFLOP", rows.len(), flop * 1e-9);
    text
}

fn memory(recording: &Recording, plan: &Plan) -> String {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let mut text = "memory plan\n".to_owned();
    for (index, arena) in recording.states.arenas().iter().enumerate() {
        let parts = match (arena.trainable, recording.states.precision()) {
            (true, DType::F32) => "values, gradients, two moments",
            (true, DType::F16) => "values, their copy as f16, gradients, two moments",
            (false, _) => "values",
        };
        let bytes = recording.states.arena_bytes(arena);
        let count =
            recording.states.states().iter().filter(|state| state.arena.index() == index).map(|state| state.shape.len()).sum::<usize>();
        let _ = writeln!(text, "  {:26} {:>9.1} MiB  {count} numbers: {parts}", arena.name, mib(bytes));
    }
    let shared = format!("{} buffers; {:.1} MiB if none were used twice", plan.buffers.len(), mib(plan.unshared_bytes));
    let _ = writeln!(text, "  {:26} {:>9.1} MiB  {shared}", "activations", mib(plan.bytes()));
    let _ = write!(text, "  {:26} {:>9.1} MiB", "in all", mib(recording.states.bytes() + plan.bytes() + plan.workspace_bytes));
    text
}
