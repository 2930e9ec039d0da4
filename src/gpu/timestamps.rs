//! The device's own clock: a stamp at the beginning and the end of each compute pass.
//!
//! Stamps may lie: some drivers leave them zero, some take them when a pass is queued, some let
//! passes overlap. Nothing here trusts them; `program::Clock` tries them before it believes them.

use super::{Buffer, Gpu, GpuError};
use wgpu::{BufferUsages, ComputePassTimestampWrites, QueryType};

/// Bytes of one stamp.
const STAMP: u64 = 8;

/// Room for the stamps of a number of passes.
#[derive(Debug)]
pub struct Timestamps {
    stamps: wgpu::QuerySet,
    resolved: Buffer,
    passes: u32,
}

/// A pass's stamps in seconds since the device's own zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// When it began.
    pub begin: f64,
    /// When it ended.
    pub end: f64,
}

impl Interval {
    /// From begin to end; negative when the stamps are in the wrong order.
    pub fn seconds(&self) -> f64 {
        self.end - self.begin
    }
}

impl Timestamps {
    /// Most passes of one set: WebGPU allows 4096 stamps.
    pub const MOST: usize = 2048;

    /// Room for `passes` passes, at most [`Timestamps::MOST`].
    ///
    /// # Errors
    /// [`GpuError::Limit`] on a device without timestamps, and those of [`Gpu::buffer`].
    pub fn new(gpu: &Gpu, passes: usize) -> Result<Self, GpuError> {
        let allowed = if gpu.profile().timestamps {
            Self::MOST
        } else {
            0
        };
        if passes > allowed {
            return Err(GpuError::Limit {
                what: "timing".to_owned(),
                needed: passes as u64,
                allowed: allowed as u64,
                unit: "timed passes",
                remedy: "use `no_timestamps`",
            });
        }
        let descriptor = wgpu::QuerySetDescriptor {
            label: Some("timestamps"),
            ty: QueryType::Timestamp,
            count: 2 * passes.max(1) as u32,
        };
        let stamps = gpu.device().create_query_set(&descriptor);
        let usage = BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC;
        let resolved = gpu.buffer("timestamps", 2 * passes as u64 * STAMP, usage)?;
        Ok(Self {
            stamps,
            resolved,
            passes: passes as u32,
        })
    }

    /// What the descriptor of pass number `pass` takes.
    pub fn of_pass(&self, pass: usize) -> ComputePassTimestampWrites<'_> {
        let first = 2 * pass as u32;
        ComputePassTimestampWrites {
            query_set: &self.stamps,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        }
    }

    /// Waits for everything submitted and reads the stamps of all passes.
    ///
    /// # Errors
    /// Those of reading back.
    pub async fn read(&self, gpu: &Gpu) -> Result<Vec<Interval>, GpuError> {
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        encoder.resolve_query_set(&self.stamps, 0..2 * self.passes, &self.resolved, 0);
        gpu.submit([encoder.finish()]);
        let bytes = gpu
            .read(&self.resolved, 0, 2 * u64::from(self.passes) * STAMP)
            .await?;
        let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&bytes);
        // From the first stamp on: nanoseconds since the machine was started would lose their last
        // digits in an f64 of seconds.
        let period = gpu.timestamp_period();
        let origin = ticks
            .iter()
            .copied()
            .filter(|&tick| tick > 0)
            .min()
            .unwrap_or(0);
        let seconds = |tick: u64| tick.saturating_sub(origin) as f64 * period;
        Ok(ticks
            .chunks_exact(2)
            .map(|pair| Interval {
                begin: seconds(pair[0]),
                end: seconds(pair[1]),
            })
            .collect())
    }
}
