//! A bench for the launches of one operation: operands of its own, several copies of the inputs,
//! and a clock.

use super::{Clock, Launch, ProgramError, Quantiles, Store, encode};
use crate::clock::Instant;
use crate::gpu::{Binding, Buffer, Gpu, Timestamps};
use crate::state::StateList;
use crate::tape::{Dispatch, Operand, Slot};
use wgpu::BufferUsages;

/// Launches of one operation, for every copy of the inputs.
#[derive(Debug)]
pub struct Bound {
    copies: Vec<Vec<Launch>>,
    /// Counted as device memory as long as the launches live.
    _held: Vec<Buffer>,
}

/// How long to time something.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Seconds to spend in all, about. Three samples are taken in any case.
    pub seconds: f64,
    /// If both of the first two launches after the warm-up take longer than this, there are no
    /// more.
    pub hopeless: f64,
}

/// Most copies of the inputs.
const MOST_COPIES: u64 = 64;
/// Most samples of one timing.
const MOST_SAMPLES: f64 = 31.0;

/// Buffers for one operation.
#[derive(Debug)]
pub struct KernelBench<'a> {
    gpu: &'a Gpu,
    /// `None` if only the host's clock can be trusted.
    stamps: Option<Timestamps>,
    /// Step uniform and monitor.
    store: Store,
    /// Copies of the inputs.
    inputs: Vec<Vec<Buffer>>,
    output: Buffer,
    output_operand: Operand,
}

impl<'a> KernelBench<'a> {
    /// Buffers for densely stored `inputs`, filled with fixed pseudo-random values in -1..1, and
    /// for an output. There are as many copies of the inputs as fill `rotated_bytes`, two at least
    /// and 64 at most, and one output: launches that write it wait for each other.
    ///
    /// # Errors
    /// Operands that do not fit the device.
    pub fn new(
        gpu: &'a Gpu,
        clock: &Clock,
        operands: &[Operand],
        output: Operand,
        rotated_bytes: u64,
    ) -> Result<Self, ProgramError> {
        let bytes: u64 = operands.iter().map(Operand::bytes).sum();
        let copies = (rotated_bytes.div_ceil(bytes.max(1))).clamp(2, MOST_COPIES);
        let mut inputs = Vec::new();
        for copy in 0..copies {
            let buffers = operands
                .iter()
                .map(|operand| gpu.storage("input", operand.bytes()))
                .collect::<Result<Vec<_>, _>>()?;
            let mut encoder = gpu.device().create_command_encoder(&Default::default());
            for (i, (buffer, operand)) in buffers.iter().zip(operands).enumerate() {
                let shape = operand.shape;
                match inputs.first().and_then(|first: &Vec<Buffer>| first.get(i)) {
                    None => gpu.write(
                        buffer,
                        0,
                        &operand
                            .dtype
                            .encode(&shape.pack(&noise(shape.len(), i as u32 + 1))),
                    ),
                    Some(first) => {
                        encoder.copy_buffer_to_buffer(first, 0, buffer, 0, operand.bytes())
                    }
                }
            }
            if copy > 0 {
                gpu.submit([encoder.finish()]);
            }
            inputs.push(buffers);
        }
        Ok(Self {
            gpu,
            stamps: if *clock == Clock::Timestamps {
                Some(Timestamps::new(gpu, 1)?)
            } else {
                None
            },
            store: Store::new(gpu, StateList::default(), false)?,
            inputs,
            output: gpu.storage("output", output.bytes())?,
            output_operand: output,
        })
    }

    /// Builds the kernels of `dispatches`, of an operation of this crate on the bench's operands,
    /// and binds them to every copy.
    ///
    /// # Errors
    /// [`ProgramError::Absent`] for arenas and everything else that a bench does not have, and what
    /// building and binding report.
    pub(crate) fn bind(
        &self,
        dispatches: &[Dispatch],
        scratch_bytes: u64,
    ) -> Result<Bound, ProgramError> {
        let scratch = self.gpu.storage("scratch", scratch_bytes)?;
        let mut copies: Vec<Vec<Launch>> = self.inputs.iter().map(|_| Vec::new()).collect();
        let mut held = Vec::new();
        for dispatch in dispatches {
            let kernel = dispatch.kernel.clone().unchecked(true);
            let kernel = self.gpu.kernel_as_specified(&kernel)?;
            let params = self.gpu.buffer(
                "params",
                dispatch.params.len() as u64,
                BufferUsages::UNIFORM | BufferUsages::COPY_DST,
            )?;
            self.gpu.write(&params, 0, &dispatch.params);
            for (launches, inputs) in copies.iter_mut().zip(&self.inputs) {
                let mut bindings = vec![Binding {
                    buffer: &params,
                    offset: 0,
                    bytes: dispatch.params.len() as u64,
                }];
                for slot in &dispatch.slots {
                    let buffer = match slot {
                        Slot::Input(i) => inputs.get(*i).ok_or(ProgramError::Absent { var: *i })?,
                        Slot::Output => &self.output,
                        Slot::Scratch => &scratch,
                        Slot::Step => self.store.step(),
                        Slot::Monitor => self.store.monitor(),
                        Slot::Byproduct(i) | Slot::Unused(i) => {
                            return Err(ProgramError::Absent { var: *i });
                        }
                        Slot::Arena { arena, .. } => {
                            return Err(ProgramError::Absent { var: arena.index() });
                        }
                    };
                    bindings.push(Binding {
                        buffer,
                        offset: 0,
                        bytes: buffer.size(),
                    });
                }
                let group = self.gpu.bind(&kernel, &bindings)?;
                launches.push(Launch {
                    node: 0,
                    kernel: kernel.clone(),
                    group,
                    grid: dispatch.grid(),
                });
            }
            held.push(params);
        }
        held.push(scratch);
        Ok(Bound {
            copies,
            _held: held,
        })
    }

    /// Fills the output with NaN, runs `bound` once and reads the output. Elements that were not
    /// written are NaN.
    ///
    /// # Errors
    /// What running and reading back report.
    pub async fn result(&self, bound: &Bound) -> Result<Vec<f32>, ProgramError> {
        let bytes = self.output.size();
        self.gpu.write(&self.output, 0, &vec![0xff; bytes as usize]);
        self.run(bound, 0, 1);
        Ok(self
            .output_operand
            .gather(&self.gpu.read(&self.output, 0, bytes).await?))
    }

    /// Seconds of one run of `bound`, in several samples after a warm-up. Each run reads another
    /// copy of the inputs.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn time(&self, bound: &Bound, budget: &Budget) -> Result<Quantiles, ProgramError> {
        // The first launch compiles on some drivers.
        self.sample(bound, 0, 1).await?;
        // The better of two, because another process may have slowed one of them down.
        let once = self
            .sample(bound, 1, 1)
            .await?
            .min(self.sample(bound, 2, 1).await?);
        if once > budget.hopeless {
            return Ok(Quantiles::of(&[once]));
        }
        // A stamped pass costs up to 20 us, and waiting on the host up to 100 us. In samples of a
        // hundred times that, this is one percent.
        let least = if self.stamps.is_some() { 2e-3 } else { 1e-2 };
        let repeats = (least / once.max(1e-7)).ceil().clamp(1.0, 1e4);
        let samples =
            (budget.seconds / (once * repeats).max(1e-7)).clamp(3.0, MOST_SAMPLES) as usize;
        let repeats = repeats as usize;
        let mut seconds = Vec::with_capacity(samples);
        for sample in 0..samples {
            seconds.push(self.sample(bound, sample * repeats, repeats).await?);
        }
        Ok(Quantiles::of(&seconds))
    }

    /// Mean seconds of `repeats` runs in a row, from copy `first` on.
    async fn sample(
        &self,
        bound: &Bound,
        first: usize,
        repeats: usize,
    ) -> Result<f64, ProgramError> {
        self.gpu.wait().await?;
        let began = Instant::now();
        self.run(bound, first, repeats);
        let seconds = match &self.stamps {
            Some(stamps) => stamps.read(self.gpu).await?[0].seconds(),
            None => {
                self.gpu.wait().await?;
                began.elapsed().as_secs_f64()
            }
        };
        Ok(seconds / repeats.max(1) as f64)
    }

    fn run(&self, bound: &Bound, first: usize, repeats: usize) {
        let mut encoder = self
            .gpu
            .device()
            .create_command_encoder(&Default::default());
        let timestamp_writes = self.stamps.as_ref().map(|stamps| stamps.of_pass(0));
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: None,
            timestamp_writes,
        });
        for i in 0..repeats {
            encode(&mut pass, &bound.copies[(first + i) % bound.copies.len()]);
        }
        drop(pass);
        self.gpu.submit([encoder.finish()]);
    }
}

/// A fixed pseudo-random sequence in -1..1, another one for each `seed`.
fn noise(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
    let next = |_| {
        // A linear congruential generator: only its high bits are random, and only they are kept.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(next).collect()
}
