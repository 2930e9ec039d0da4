//! Runs one operation on the device and compares it with its twin.
//!
//! Each operation runs twice: with every operand alone in its buffer, and with images as channel
//! slices of wider buffers. All buffers are filled with a marked NaN and framed by guard words
//! first: a read outside an operand poisons the result, a write outside it removes a mark, a pad
//! lane that is not zero is reported.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

pub mod activation;
pub mod batch_norm;
pub mod config;
pub mod contraction;
mod frame;
pub mod loss;
pub mod reduction;
pub mod resample;
mod run;
#[cfg(target_arch = "wasm32")]
mod tab;
mod tensor;
mod tolerance;

pub use pix2pix_twins as twins;
#[cfg(not(target_arch = "wasm32"))]
pub use pollster::block_on;
pub use run::{Arenas, OpOutcome, Surroundings, run, run_beside};
#[cfg(target_arch = "wasm32")]
pub use tab::block_on;
pub use tensor::{Tensor, maps};
pub use tolerance::{Tolerance, compare};

use pix2pix::gpu::{DeviceClass, DeviceOptions, Gpu};
use pix2pix::tape::Op;
use pix2pix::tensor::DType;
use run::output_dtype;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};

/// One of the two devices of all tests, which no other test has now: a CPU driver compiles kernels
/// for both at a time.
pub fn gpu() -> MutexGuard<'static, Gpu> {
    #[cfg(target_arch = "wasm32")]
    tab::begin();
    static GPUS: [OnceLock<Mutex<Gpu>>; 2] = [const { OnceLock::new() }; 2];
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let device =
        |number: usize| GPUS[number].get_or_init(|| Mutex::new(open(DeviceOptions::default())));
    for number in 0..GPUS.len() {
        match device(number).try_lock() {
            Ok(guard) => return guard,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {}
        }
    }
    device(TURN.fetch_add(1, Ordering::Relaxed) % GPUS.len())
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Opens the adapter that `PIX2PIX_ADAPTER` names. No adapter is a failure with a name, never a
/// silent pass.
pub fn open(options: DeviceOptions) -> Gpu {
    let options = DeviceOptions {
        adapter: std::env::var("PIX2PIX_ADAPTER").ok(),
        ..options
    };
    match block_on(Gpu::open(&options)) {
        Ok(gpu) => gpu,
        Err(error) => panic!("kernel tests need an adapter: {error}"),
    }
}

/// How the tests of `what` store activations and weights: f32, and f16 where the device can.
/// Elsewhere a line names what was not tested.
pub fn precisions(gpu: &Gpu, what: &str) -> Vec<DType> {
    if gpu.profile().f16 {
        return vec![DType::F32, DType::F16];
    }
    // A browser does not name its adapter.
    let adapter = Some(&*gpu.info().name).filter(|name| !name.is_empty());
    let adapter = adapter.unwrap_or("this adapter");
    let line = format!("SKIPPED: {what} in f16: {adapter} has no 16-bit floats\n");
    say(&line);
    vec![DType::F32]
}

/// A line on stderr, past the test runner's capture; in a tab on the console.
fn say(line: &str) {
    #[cfg(target_arch = "wasm32")]
    tab::say(line);
    #[cfg(not(target_arch = "wasm32"))]
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
}

/// Runs `op` on `inputs` in both placements and compares each result with `expected` (logical
/// order); `tolerance` is that of f32.
pub fn check(
    gpu: &Gpu,
    name: &str,
    op: &dyn Op,
    inputs: &[Tensor],
    expected: &[f64],
    tolerance: Tolerance,
) {
    let around = Surroundings::of(inputs.first().map_or(DType::F32, |input| input.dtype));
    for sliced in [false, true] {
        check_in(gpu, name, op, inputs, sliced, &around, expected, tolerance);
    }
}

/// Runs `op` once in its surroundings and compares the result with `expected` (logical order);
/// `tolerance` is that of f32.
#[allow(clippy::too_many_arguments, reason = "a table of what a check needs")]
pub fn check_in(
    gpu: &Gpu,
    name: &str,
    op: &dyn Op,
    inputs: &[Tensor],
    sliced: bool,
    around: &Surroundings,
    expected: &[f64],
    tolerance: Tolerance,
) {
    let dtype = output_dtype(op, inputs, around);
    let got = run(gpu, name, op, inputs, sliced, around).output;
    let types: Vec<String> = inputs.iter().map(|input| input.dtype.to_string()).collect();
    let name = format!(
        "{name} of {} to {dtype}{}",
        types.join(", "),
        if sliced { " (sliced)" } else { "" }
    );
    compare(&name, &got, expected, tolerance.stored(dtype));
}

/// Checks `op` as it is split for CPU adapters and for GPUs, whatever the device is.
pub fn check_splits(
    gpu: &Gpu,
    name: &str,
    op: &dyn Op,
    inputs: &[Tensor],
    expected: &[f64],
    tolerance: Tolerance,
) {
    for class in [DeviceClass::Cpu, DeviceClass::Gpu] {
        let around = Surroundings::of_class(gpu, class);
        for sliced in [false, true] {
            check_in(
                gpu,
                &format!("{name}, split for {class:?}"),
                op,
                inputs,
                sliced,
                &around,
                expected,
                tolerance,
            );
        }
    }
}
