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
pub mod loss;
pub mod reduction;
pub mod resample;

use pix2pix::contraction::rounding;
use pix2pix::gpu::{Binding, DeviceOptions, Gpu, Profile};
use pix2pix::state::{ArenaId, StateList};
use pix2pix::tape::{
    ArenaPart, LowerContext, MONITOR_BYTES, MOST_UNUSED, Op, Operand, Slot, StepState,
};
use pix2pix::tensor::{DType, Layout, Shape};
pub use pix2pix_twins as twins;
use pix2pix_twins::uniform;
use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use wgpu::BufferUsages;

/// A quiet NaN that no arithmetic produces, in each type.
const fn mark(dtype: DType) -> u32 {
    match dtype {
        DType::F32 => 0x7fc0_dead,
        DType::F16 => 0x7ead,
    }
}

/// Guard in front of and behind every operand, in groups of four numbers; a multiple of every
/// device's offset alignment.
const GUARD: usize = 64;

/// Bytes that stand in for an unused binding.
const UNUSED: u64 = 256;
/// Bytes of a guard.
const fn guard_bytes(dtype: DType) -> u64 {
    GUARD as u64 * 4 * dtype.bytes()
}

/// One of the two devices of all tests, which no other test has now: a CPU driver compiles kernels
/// for both at a time.
pub fn gpu() -> MutexGuard<'static, Gpu> {
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
    pix2pix::gpu::quiet_drivers();
    let options = DeviceOptions {
        adapter: std::env::var("PIX2PIX_ADAPTER").ok(),
        ..options
    };
    match pollster::block_on(Gpu::open(&options)) {
        Ok(gpu) => gpu,
        Err(error) => panic!("kernel tests need an adapter: {error}"),
    }
}

/// How the tests of `what` store activations and weights: f32, and f16 where the device can.
/// Elsewhere a line on stderr, past the test runner's capture, names what was not tested.
pub fn precisions(gpu: &Gpu, what: &str) -> Vec<DType> {
    if gpu.profile().f16 {
        return vec![DType::F32, DType::F16];
    }
    let line = format!(
        "SKIPPED: {what} in f16: {} has no 16-bit floats\n",
        gpu.info().name
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    vec![DType::F32]
}

/// An input with its logical values, which are exact in the type that stores them.
#[derive(Clone)]
pub struct Tensor {
    /// The logical shape.
    pub shape: Shape,
    /// The values in logical order.
    pub values: Vec<f32>,
    /// How a device stores them.
    pub dtype: DType,
}

impl Tensor {
    /// Values from a fixed pseudo-random sequence in about -1..1, other ones for each `seed`.
    pub fn random(shape: Shape, seed: u32) -> Self {
        Self::new(shape, uniform(shape.len(), seed))
    }

    /// Given values.
    pub fn new(shape: Shape, values: Vec<f32>) -> Self {
        assert_eq!(values.len(), shape.len());
        Self {
            shape,
            values,
            dtype: DType::F32,
        }
    }

    /// The same stored as `dtype`, its values rounded.
    pub fn stored(self, dtype: DType) -> Self {
        Self {
            values: dtype.decode(&dtype.encode(&self.values)),
            dtype,
            ..self
        }
    }

    /// The values in f64, for twins.
    pub fn f64(&self) -> Vec<f64> {
        self.values.iter().map(|&v| v.into()).collect()
    }
}

/// `atol + rtol * |reference|`.
#[derive(Clone, Copy)]
pub struct Tolerance {
    /// What any result may be off by.
    pub absolute: f64,
    /// What a result of 1 may be off by beside it.
    pub relative: f64,
}

impl Tolerance {
    /// Values are only moved.
    pub const EXACT: Self = Self {
        absolute: 0.0,
        relative: 0.0,
    };

    /// What rounding makes of a sum of `terms` products of operands in -1..1, times `scale`.
    pub fn sum_of(terms: usize, scale: f64) -> Self {
        Self::of(scale * rounding::sum(terms))
    }

    /// The same with operands that are rounded to f16.
    pub fn sum_of_f16(terms: usize) -> Self {
        Self::of(rounding::f16_operands(terms))
    }

    /// The same by way of Winograd's points.
    pub fn sum_of_winograd(terms: usize) -> Self {
        Self::of(rounding::winograd(terms))
    }

    /// So much, and a few units in the last place of the result.
    fn of(absolute: f64) -> Self {
        Self {
            absolute,
            relative: 8.0 * f64::from(f32::EPSILON),
        }
    }

    /// The same with what storing the result rounds off: for f16 half a unit of the 11th bit, or
    /// half the smallest magnitude.
    pub fn stored(self, dtype: DType) -> Self {
        match dtype {
            DType::F32 => self,
            DType::F16 => {
                let [unit, smallest] = [2f64.powi(-11), 2f64.powi(-24)];
                Self {
                    absolute: self.absolute + smallest / 2.0,
                    relative: self.relative + unit * (1.0 + self.relative),
                }
            }
        }
    }
}

/// What surrounds an operation when it runs.
#[derive(Clone)]
pub struct Surroundings {
    /// The step that it is a part of.
    pub step: StepState,
    /// Parameters and other states.
    pub states: StateList,
    /// Contents of arenas, pad lanes and gaps included.
    pub arenas: Arenas,
    /// First words of the monitor; the rest are zero.
    pub monitor: Vec<u32>,
    /// Another device's profile.
    pub profile: Option<Profile>,
}

impl Surroundings {
    /// A program whose states are of this precision.
    pub fn of(precision: DType) -> Self {
        Self {
            states: StateList::new(precision),
            ..Self::default()
        }
    }
}

/// The parts of arenas, as they lie in memory.
pub type Arenas = HashMap<(ArenaId, ArenaPart), Vec<f32>>;

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            step: StepState::new(7, 1, 2e-4, [0.5, 0.999]),
            states: StateList::default(),
            arenas: Arenas::new(),
            monitor: Vec::new(),
            profile: None,
        }
    }
}

/// How the result of `op` is stored, as programs decide it.
fn output_dtype(op: &dyn Op, inputs: &[Tensor], around: &Surroundings) -> DType {
    match (op.is_gradient(), op.is_precise()) {
        (true, _) => around.states.precision(),
        (_, true) => DType::F32,
        _ => inputs.first().map_or(DType::F32, |input| input.dtype),
    }
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

/// Fails with the worst element.
pub fn compare(name: &str, got: &[f32], expected: &[f64], tolerance: Tolerance) {
    assert_eq!(got.len(), expected.len(), "{name}: number of elements");
    let excess = |i: usize| {
        let error = (f64::from(got[i]) - expected[i]).abs()
            - tolerance.absolute
            - tolerance.relative * expected[i].abs();
        if error.is_nan() { f64::INFINITY } else { error }
    };
    let worst = (0..got.len()).max_by(|&a, &b| excess(a).total_cmp(&excess(b)));
    if let Some(i) = worst.filter(|&i| excess(i) > 0.0) {
        panic!(
            "{name}: element {i} is {}, expected {} (off by {:.3e} beyond the tolerance)",
            got[i],
            expected[i],
            excess(i)
        );
    }
}

/// What a run leaves, in logical order.
pub struct Outcome {
    /// The result.
    pub output: Vec<f32>,
    /// What was written beside it.
    pub byproducts: Vec<Vec<f32>>,
    /// The inputs afterwards, for states that are written in place.
    pub inputs: Vec<Vec<f32>>,
    /// The words of the monitor.
    pub monitor: Vec<u32>,
    /// The arenas, as they lie in memory.
    pub arenas: Arenas,
}

/// Runs `op` once.
pub fn run(
    gpu: &Gpu,
    name: &str,
    op: &dyn Op,
    inputs: &[Tensor],
    sliced: bool,
    around: &Surroundings,
) -> Outcome {
    run_beside(gpu, name, op, inputs, &[], sliced, around)
}

/// Runs `op`, which writes values of these shapes beside its output, once.
pub fn run_beside(
    gpu: &Gpu,
    name: &str,
    op: &dyn Op,
    inputs: &[Tensor],
    byproducts: &[Shape],
    sliced: bool,
    around: &Surroundings,
) -> Outcome {
    let shapes: Vec<Shape> = inputs.iter().map(|t| t.shape).collect();
    let output_shape = op
        .output_shape(&shapes)
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    let operands: Vec<Operand> = inputs
        .iter()
        .map(|t| place(t.shape, t.dtype, sliced))
        .collect();
    let output = place(output_shape, output_dtype(op, inputs, around), sliced);
    let profile = around.profile.as_ref().unwrap_or(gpu.profile());
    // A map beside the output and gradients of parameters are stored as the first input is.
    let beside_type = inputs.first().map_or(DType::F32, |input| input.dtype);
    let beside: Vec<Operand> = byproducts
        .iter()
        .map(|&shape| place(shape, beside_type, sliced))
        .collect();
    let asked: Vec<Option<Operand>> = beside.iter().copied().map(Some).collect();
    let lowered = op.lower(&LowerContext {
        inputs: &operands,
        output,
        byproducts: &asked,
        profile,
        states: &around.states,
    });

    let upload = |operand: &Operand, values: Option<&[f32]>| {
        let bytes = framed(operand, values);
        let buffer = gpu.storage(name, bytes.len() as u64).unwrap();
        gpu.write(&buffer, 0, &bytes);
        buffer
    };
    let input_buffers: Vec<_> = inputs
        .iter()
        .zip(&operands)
        .map(|(t, o)| upload(o, Some(&t.values)))
        .collect();
    let output_buffer = upload(&output, None);
    let byproduct_buffers: Vec<_> = beside.iter().map(|operand| upload(operand, None)).collect();
    let unused = gpu.storage("unused", UNUSED * MOST_UNUSED as u64).unwrap();
    let scratch = gpu.storage("scratch", lowered.scratch_bytes).unwrap();
    gpu.write(
        &scratch,
        0,
        &[0xff; 4].repeat(lowered.scratch_bytes as usize / 4),
    );
    let monitor = gpu.storage("monitor", MONITOR_BYTES).unwrap();
    gpu.write(&monitor, 0, bytemuck::cast_slice(&around.monitor));
    let whole_arena = |part: ArenaPart, values: &Vec<f32>| {
        Operand::stored(
            Shape::vector(values.len()),
            part.dtype(around.states.precision()),
        )
    };
    let arenas: HashMap<_, _> = around
        .arenas
        .iter()
        .map(|(&key, v)| (key, upload(&whole_arena(key.1, v), Some(v))))
        .collect();
    let uniform = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
    let step = gpu
        .buffer("step", size_of::<StepState>() as u64, uniform)
        .unwrap();
    gpu.write(&step, 0, bytemuck::bytes_of(&around.step));

    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    for dispatch in &lowered.dispatches {
        let kernel = gpu
            .kernel(&dispatch.kernel)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let params = gpu
            .buffer("params", dispatch.params.len() as u64, uniform)
            .unwrap();
        gpu.write(&params, 0, &dispatch.params);
        let whole = |buffer| Binding {
            buffer,
            offset: 0,
            bytes: wgpu::Buffer::size(buffer),
        };
        let framed = |buffer, operand: &Operand| {
            let guard = guard_bytes(operand.dtype);
            Binding {
                buffer,
                offset: guard,
                bytes: wgpu::Buffer::size(buffer) - guard,
            }
        };
        let mut bindings = vec![Binding {
            buffer: &params,
            offset: 0,
            bytes: dispatch.params.len() as u64,
        }];
        bindings.extend(dispatch.slots.iter().map(|slot| match slot {
            Slot::Input(i) => framed(&input_buffers[*i], &operands[*i]),
            Slot::Output => framed(&output_buffer, &output),
            Slot::Byproduct(i) => framed(&byproduct_buffers[*i], &beside[*i]),
            Slot::Unused(i) => Binding {
                buffer: &unused,
                offset: *i as u64 * UNUSED,
                bytes: UNUSED,
            },
            Slot::Scratch => whole(&scratch),
            Slot::Step => whole(&step),
            Slot::Monitor => whole(&monitor),
            Slot::Arena {
                arena,
                part,
                offset,
                bytes,
            } => Binding {
                buffer: &arenas[&(*arena, *part)],
                offset: guard_bytes(part.dtype(around.states.precision())) + offset,
                bytes: *bytes,
            },
        }));
        let group = kernel
            .bind(gpu.device(), &bindings)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(kernel.pipeline());
        pass.set_bind_group(0, &group, &[]);
        let [x, y, z] = dispatch.grid();
        pass.dispatch_workgroups(x, y, z);
    }
    gpu.submit([encoder.finish()]);

    let read = |buffer: &wgpu::Buffer| {
        gpu.read(buffer, 0, buffer.size())
            .unwrap_or_else(|e| panic!("{name}: {e}"))
    };
    Outcome {
        output: unframed(name, "output", &output, &read(&output_buffer)),
        byproducts: beside
            .iter()
            .zip(&byproduct_buffers)
            .map(|(o, b)| unframed(name, "byproduct", o, &read(b)))
            .collect(),
        inputs: operands
            .iter()
            .zip(&input_buffers)
            .map(|(o, b)| unframed(name, "input", o, &read(b)))
            .collect(),
        monitor: bytemuck::pod_collect_to_vec(&read(&monitor)),
        arenas: (around.arenas.iter())
            .map(|(&key, v)| {
                (
                    key,
                    unframed(name, "arena", &whole_arena(key.1, v), &read(&arenas[&key])),
                )
            })
            .collect(),
    }
}

/// Images as slices of something wider; weights, vectors and scalars always lie densely. Slices
/// whose channels are multiples of eight begin at an even place, for kernels that read eight
/// numbers at a time, and others at an odd one.
fn place(shape: Shape, dtype: DType, sliced: bool) -> Operand {
    let dense = Operand::stored(shape, dtype);
    let is_image = shape.layout() == Layout::Nhwc && shape.rows() > 1;
    let offset = 2 + dense.stride % 2;
    if sliced && is_image {
        Operand {
            offset,
            stride: dense.stride + 2,
            ..dense
        }
    } else {
        dense
    }
}

/// Guard, marked NaNs with the operand's values in their places, guard.
fn framed(operand: &Operand, values: Option<&[f32]>) -> Vec<u8> {
    let dtype = operand.dtype;
    let numbers = frame_length(operand);
    let size = dtype.bytes() as usize;
    let mut bytes: Vec<u8> = mark(dtype).to_le_bytes()[..size].repeat(numbers);
    if let Some(values) = values {
        let width = operand.shape.channels4() * 4;
        for (row, packed) in operand.shape.pack(values).chunks(width).enumerate() {
            let start = first_number(operand, row) * size;
            bytes[start..start + width * size].copy_from_slice(&dtype.encode(packed));
        }
    }
    bytes
}

/// The logical values; fails where a guard or a gap was written or a pad lane is not zero.
fn unframed(name: &str, what: &str, operand: &Operand, bytes: &[u8]) -> Vec<f32> {
    let dtype = operand.dtype;
    let width = operand.shape.channels4() * 4;
    let size = dtype.bytes() as usize;
    let numbers = dtype.decode(bytes);
    let mut physical = Vec::with_capacity(operand.shape.rows() * width);
    let mut untouched = vec![true; frame_length(operand)];
    for row in 0..operand.shape.rows() {
        let start = first_number(operand, row);
        physical.extend(&numbers[start..start + width]);
        untouched[start..start + width].fill(false);
    }
    for (i, _) in untouched.iter().enumerate().filter(|&(_, &guard)| guard) {
        let kept = bytes[i * size..][..size] == mark(dtype).to_le_bytes()[..size];
        assert!(
            kept,
            "{name}: {what}: guard number {i} of {} was overwritten",
            untouched.len()
        );
    }
    let logical = operand.shape.unpack(&physical);
    let pads_are_zero = operand
        .shape
        .pack(&logical)
        .iter()
        .zip(&physical)
        .all(|(a, b)| a == b);
    assert!(
        logical.iter().any(|v| v.is_nan()) || pads_are_zero,
        "{name}: {what}: a pad lane is not zero"
    );
    logical
}

/// Numbers of an operand's buffer with its guards.
fn frame_length(operand: &Operand) -> usize {
    (2 * GUARD + operand.offset as usize + operand.shape.rows() * operand.stride as usize) * 4
}

fn first_number(operand: &Operand, row: usize) -> usize {
    (GUARD + operand.offset as usize + row * operand.stride as usize) * 4
}
