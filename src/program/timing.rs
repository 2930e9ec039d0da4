//! How long each operation of a program takes: by the device's own stamps where they can be
//! trusted, else by the host's clock.

use super::{Clock, LAUNCHES_PER_SUBMIT, Launch, Program, ProgramError, Store, encode};
use crate::clock::Instant;
use crate::gpu::{Gpu, Interval, Timestamps};
use crate::tape::StepState;

/// Launches of an operation in a row where only the host's clock can time it.
const REPEATS: usize = 10;

impl Program {
    /// Seconds of each operation, by node number, in the order in which they run. With timestamps
    /// they come from one ordinary run with a pass for each operation; without them every operation
    /// is launched ten times in a row and waited for. States that are written in place change.
    ///
    /// # Errors
    /// What the driver reports.
    pub async fn time_operations(
        &self,
        gpu: &Gpu,
        store: &Store,
        step: &StepState,
        clock: &Clock,
    ) -> Result<Vec<(usize, f64)>, ProgramError> {
        match clock {
            Clock::Timestamps => {
                let intervals = self.stamp_operations(gpu, store, step).await?;
                Ok(intervals
                    .into_iter()
                    .map(|(node, interval)| (node, interval.seconds()))
                    .collect())
            }
            Clock::Host { .. } => self.repeat_operations(gpu, store, step).await,
        }
    }

    /// Runs once, with a pass for each operation, and gives the stamps of each; a set of stamps has
    /// its own zero.
    pub(super) async fn stamp_operations(
        &self,
        gpu: &Gpu,
        store: &Store,
        step: &StepState,
    ) -> Result<Vec<(usize, Interval)>, ProgramError> {
        gpu.write(store.step(), 0, bytemuck::bytes_of(step));
        let operations: Vec<&[Launch]> = self.operations().collect();
        let mut times = Vec::with_capacity(operations.len());
        for operations in operations.chunks(Timestamps::MOST) {
            let stamps = Timestamps::new(gpu, operations.len())?;
            for (first, group) in operations.chunks(LAUNCHES_PER_SUBMIT).enumerate() {
                let mut encoder = gpu.device().create_command_encoder(&Default::default());
                for (i, launches) in group.iter().enumerate() {
                    let timestamp_writes = Some(stamps.of_pass(first * LAUNCHES_PER_SUBMIT + i));
                    let descriptor = wgpu::ComputePassDescriptor {
                        label: None,
                        timestamp_writes,
                    };
                    encode(&mut encoder.begin_compute_pass(&descriptor), *launches);
                }
                gpu.submit([encoder.finish()]);
            }
            let intervals = stamps.read(gpu).await?;
            times.extend(
                operations
                    .iter()
                    .zip(intervals)
                    .map(|(launches, interval)| (launches[0].node, interval)),
            );
        }
        Ok(times)
    }

    async fn repeat_operations(
        &self,
        gpu: &Gpu,
        store: &Store,
        step: &StepState,
    ) -> Result<Vec<(usize, f64)>, ProgramError> {
        gpu.write(store.step(), 0, bytemuck::bytes_of(step));
        let mut times = Vec::new();
        for launches in self.operations() {
            gpu.wait().await?;
            let began = Instant::now();
            self.submit(gpu, (0..REPEATS).flat_map(|_| launches));
            gpu.wait().await?;
            times.push((
                launches[0].node,
                began.elapsed().as_secs_f64() / REPEATS as f64,
            ));
        }
        Ok(times)
    }

    /// The launches of each operation.
    fn operations(&self) -> impl Iterator<Item = &[Launch]> {
        self.launches.chunk_by(|a, b| a.node == b.node)
    }
}
