//! Runs one operation, each operand in a framed buffer of its own.

use crate::frame::{framed, guard_bytes, place, unframed};
use crate::{Tensor, block_on};
use pix2pix::gpu::{Binding, Buffer, DeviceClass, Gpu, Profile};
use pix2pix::state::{ArenaId, StateList};
use pix2pix::tape::{
    ArenaPart, Dispatch, LowerContext, Lowered, MONITOR_BYTES, MOST_UNUSED, Op, Operand, Slot,
    StepState,
};
use pix2pix::tensor::{DType, Shape};
use std::collections::HashMap;
use wgpu::BufferUsages;

/// Bytes that stand in for an unused binding.
const UNUSED: u64 = 256;

/// Kernels that a device keeps at most from one run to the next.
const MOST_KERNELS: usize = 64;

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
    /// Work is split as for devices of this class, whatever the device is.
    pub fn of_class(gpu: &Gpu, class: DeviceClass) -> Self {
        Self {
            profile: Some(Profile {
                class,
                ..gpu.profile().clone()
            }),
            ..Self::default()
        }
    }

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
pub fn output_dtype(op: &dyn Op, inputs: &[Tensor], around: &Surroundings) -> DType {
    match (op.is_gradient(), op.is_precise()) {
        (true, _) => around.states.precision(),
        (_, true) => DType::F32,
        _ => inputs.first().map_or(DType::F32, |input| input.dtype),
    }
}

/// What a run leaves, in logical order.
pub struct OpOutcome {
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
) -> OpOutcome {
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
) -> OpOutcome {
    let placed = Placed::new(name, op, inputs, byproducts, sliced, around);
    let lowered = op.lower(&LowerContext {
        inputs: &placed.inputs,
        output: placed.output,
        byproducts: &placed
            .byproducts
            .iter()
            .copied()
            .map(Some)
            .collect::<Vec<_>>(),
        profile: around.profile.as_ref().unwrap_or(gpu.profile()),
        states: &around.states,
    });
    let buffers = Buffers::new(gpu, name, &placed, inputs, &lowered, around);
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    for dispatch in &lowered.dispatches {
        encode(gpu, name, &mut encoder, dispatch, &placed, &buffers);
    }
    gpu.submit([encoder.finish()]);
    let outcome = buffers.read(gpu, name, &placed);
    gpu.forget_kernels(MOST_KERNELS);
    outcome
}

/// Where the operands lie in their buffers.
struct Placed {
    inputs: Vec<Operand>,
    output: Operand,
    byproducts: Vec<Operand>,
    arenas: HashMap<(ArenaId, ArenaPart), Operand>,
}

impl Placed {
    fn new(
        name: &str,
        op: &dyn Op,
        inputs: &[Tensor],
        byproducts: &[Shape],
        sliced: bool,
        around: &Surroundings,
    ) -> Self {
        let shapes: Vec<Shape> = inputs.iter().map(|t| t.shape).collect();
        let output_shape = op
            .output_shape(&shapes)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        // A map beside the output and gradients of parameters are stored as the first input is.
        let beside = inputs.first().map_or(DType::F32, |input| input.dtype);
        let arena = |(&(arena, part), values): (&(ArenaId, ArenaPart), &Vec<f32>)| {
            let dtype = part.dtype(around.states.precision());
            let whole = Operand::stored(Shape::vector(values.len()), dtype);
            ((arena, part), whole)
        };
        Self {
            inputs: inputs
                .iter()
                .map(|t| place(t.shape, t.dtype, sliced))
                .collect(),
            output: place(output_shape, output_dtype(op, inputs, around), sliced),
            byproducts: byproducts
                .iter()
                .map(|&shape| place(shape, beside, sliced))
                .collect(),
            arenas: around.arenas.iter().map(arena).collect(),
        }
    }
}

/// What the launches read and write.
struct Buffers {
    inputs: Vec<Buffer>,
    output: Buffer,
    byproducts: Vec<Buffer>,
    unused: Buffer,
    scratch: Buffer,
    monitor: Buffer,
    arenas: HashMap<(ArenaId, ArenaPart), Buffer>,
    step: Buffer,
}

impl Buffers {
    fn new(
        gpu: &Gpu,
        name: &str,
        placed: &Placed,
        inputs: &[Tensor],
        lowered: &Lowered,
        around: &Surroundings,
    ) -> Self {
        let filled = |label: &str, bytes: &[u8]| {
            let buffer = gpu.storage(label, bytes.len() as u64).unwrap();
            gpu.write(&buffer, 0, bytes);
            buffer
        };
        let upload = |operand: &Operand, values| filled(name, &framed(operand, values));
        let nan = [0xff; 4].repeat(lowered.scratch_bytes as usize / 4);
        let scratch = gpu.storage("scratch", lowered.scratch_bytes).unwrap();
        gpu.write(&scratch, 0, &nan);
        let monitor = gpu.storage("monitor", MONITOR_BYTES).unwrap();
        gpu.write(&monitor, 0, bytemuck::cast_slice(&around.monitor));
        Self {
            inputs: inputs
                .iter()
                .zip(&placed.inputs)
                .map(|(tensor, operand)| upload(operand, Some(&tensor.values)))
                .collect(),
            output: upload(&placed.output, None),
            byproducts: placed
                .byproducts
                .iter()
                .map(|operand| upload(operand, None))
                .collect(),
            unused: gpu.storage("unused", UNUSED * MOST_UNUSED as u64).unwrap(),
            scratch,
            monitor,
            arenas: placed
                .arenas
                .iter()
                .map(|(&key, operand)| (key, upload(operand, Some(&around.arenas[&key]))))
                .collect(),
            step: uniform(gpu, "step", bytemuck::bytes_of(&around.step)),
        }
    }

    /// The range that a launch binds to a slot.
    fn binding(&self, slot: &Slot, placed: &Placed) -> Binding<'_> {
        match slot {
            Slot::Input(i) => inside(&self.inputs[*i], &placed.inputs[*i]),
            Slot::Output => inside(&self.output, &placed.output),
            Slot::Byproduct(i) => inside(&self.byproducts[*i], &placed.byproducts[*i]),
            Slot::Unused(i) => Binding {
                buffer: &self.unused,
                offset: *i as u64 * UNUSED,
                bytes: UNUSED,
            },
            Slot::Scratch => whole(&self.scratch),
            Slot::Step => whole(&self.step),
            Slot::Monitor => whole(&self.monitor),
            Slot::Arena {
                arena,
                part,
                offset,
                bytes,
            } => Binding {
                buffer: &self.arenas[&(*arena, *part)],
                offset: guard_bytes(placed.arenas[&(*arena, *part)].dtype) + offset,
                bytes: *bytes,
            },
        }
    }

    /// Waits for the launches and reads what they left.
    fn read(&self, gpu: &Gpu, name: &str, placed: &Placed) -> OpOutcome {
        let bytes = |buffer: &wgpu::Buffer| {
            block_on(gpu.read(buffer, 0, buffer.size())).unwrap_or_else(|e| panic!("{name}: {e}"))
        };
        let values = |what: &str, operand: &Operand, buffer: &Buffer| {
            unframed(name, what, operand, &bytes(buffer))
        };
        let all = |what: &str, operands: &[Operand], buffers: &[Buffer]| {
            let pairs = operands.iter().zip(buffers);
            pairs
                .map(|(operand, buffer)| values(what, operand, buffer))
                .collect()
        };
        let arena = |(&key, operand)| (key, values("arena", operand, &self.arenas[&key]));
        OpOutcome {
            output: values("output", &placed.output, &self.output),
            byproducts: all("byproduct", &placed.byproducts, &self.byproducts),
            inputs: all("input", &placed.inputs, &self.inputs),
            monitor: bytemuck::pod_collect_to_vec(&bytes(&self.monitor)),
            arenas: placed.arenas.iter().map(arena).collect(),
        }
    }
}

/// A uniform buffer of these bytes.
fn uniform(gpu: &Gpu, label: &str, bytes: &[u8]) -> Buffer {
    let usage = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
    let buffer = gpu.buffer(label, bytes.len() as u64, usage).unwrap();
    gpu.write(&buffer, 0, bytes);
    buffer
}

/// All of a buffer.
fn whole(buffer: &wgpu::Buffer) -> Binding<'_> {
    Binding {
        buffer,
        offset: 0,
        bytes: buffer.size(),
    }
}

/// A buffer from behind its first guard on.
fn inside<'a>(buffer: &'a wgpu::Buffer, operand: &Operand) -> Binding<'a> {
    let guard = guard_bytes(operand.dtype);
    Binding {
        buffer,
        offset: guard,
        bytes: buffer.size() - guard,
    }
}

/// One launch in a pass of its own.
fn encode(
    gpu: &Gpu,
    name: &str,
    encoder: &mut wgpu::CommandEncoder,
    dispatch: &Dispatch,
    placed: &Placed,
    buffers: &Buffers,
) {
    // SAFETY: the dispatch is the lowering of an operation of the crate on these very operands. The
    // guard words around them show that it stays within them.
    let kernel = unsafe { gpu.kernel_unchecked(&dispatch.kernel) };
    let kernel = kernel.unwrap_or_else(|e| panic!("{name}: {e}"));
    let params = uniform(gpu, "params", &dispatch.params);
    let mut bindings = vec![Binding {
        bytes: dispatch.params.len() as u64,
        ..whole(&params)
    }];
    let slots = dispatch.slots.iter();
    bindings.extend(slots.map(|slot| buffers.binding(slot, placed)));
    let group = gpu
        .bind(&kernel, &bindings)
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut pass = encoder.begin_compute_pass(&Default::default());
    pass.set_pipeline(kernel.pipeline());
    pass.set_bind_group(0, &group, &[]);
    let [x, y, z] = dispatch.grid();
    pass.dispatch_workgroups(x, y, z);
}
