//! Reads the losses from the device, where they lie in a ring. The ring is read asynchronously. So
//! the host never waits for the step that it just submitted.

use super::objective::Objective;
use crate::gpu::{Gpu, GpuError, ReadBack, buffer_bytes};
use crate::program::Store;
use crate::tape::{MONITOR_BYTES, MONITOR_COLUMNS, MONITOR_HEAD, MONITOR_ROWS};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The most readings under way at one time.
const IN_FLIGHT: usize = 2;
/// The most steps between two readings. The ring holds four times as many.
const MAX_INTERVAL: u64 = MONITOR_ROWS / 4;

/// The most bytes that the readings under way take.
pub(super) fn staging_bytes() -> u64 {
    (IN_FLIGHT as u64 + 1) * buffer_bytes(MONITOR_BYTES)
}

/// The losses of one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// The step, from 1.
    pub step: u64,
    /// `g_gan, g_l1, d_real, d_fake`.
    pub values: [f32; 4],
    /// The discriminator's gradient penalty, without its weight, where it has one.
    pub d_gp: Option<f32>,
    /// The distance between the discriminator's features, without its weight, where the generator
    /// learns from them.
    pub g_feat: Option<f32>,
}

/// The result of a reading.
#[derive(Debug, Default)]
pub struct Reading {
    /// Finished steps in order.
    pub losses: Vec<Losses>,
    /// Step and column of the first loss that was not finite.
    pub failure: Option<(u64, usize)>,
}

/// Reads the monitor of a store while training goes on.
#[derive(Debug)]
pub struct LossReader {
    pending: VecDeque<(ReadBack, u64)>,
    free: Vec<ReadBack>,
    requested: u64,
    read: u64,
    interval: u64,
    /// Whether there is a gradient penalty, and whether there is a distance between features.
    optional: [bool; 2],
}

impl LossReader {
    /// A reader for a run by `objective` that has done `step` steps.
    pub fn new(step: u64, objective: &Objective) -> Self {
        Self {
            pending: VecDeque::new(),
            free: Vec::new(),
            requested: step,
            read: step,
            interval: 1,
            optional: [objective.has_penalty(), objective.matches_features()],
        }
    }

    /// Sets how many steps one reading covers, from the time of a step: about twenty readings a
    /// second.
    pub fn pace(&mut self, seconds_per_step: f64) {
        let steps = (0.05 / seconds_per_step.max(1e-6)) as u64;
        self.interval = steps.clamp(1, MAX_INTERVAL);
    }

    /// Call this when `step` was submitted. It asks for a reading when one is due, and returns what
    /// has arrived. It waits only for readings that are too far behind.
    ///
    /// # Errors
    /// Those of reading back.
    pub async fn submitted(
        &mut self,
        gpu: &Gpu,
        store: &Store,
        step: u64,
    ) -> Result<Reading, GpuError> {
        if step - self.requested >= self.interval {
            self.request(gpu, store, step)?;
        }
        let mut reading = Reading::default();
        while let Some((mut read_back, step)) = self.pending.pop_front() {
            let bytes = match self.pending.len() >= IN_FLIGHT {
                true => Some(read_back.wait(gpu).await?),
                false => read_back.poll(gpu)?,
            };
            let Some(bytes) = bytes else {
                self.pending.push_front((read_back, step));
                break;
            };
            self.free.push(read_back);
            self.take(&bytes, step, &mut reading);
        }
        Ok(reading)
    }

    /// Waits for everything up to `step`.
    ///
    /// # Errors
    /// Those of reading back.
    pub async fn finish(
        &mut self,
        gpu: &Gpu,
        store: &Store,
        step: u64,
    ) -> Result<Reading, GpuError> {
        if step > self.requested {
            self.request(gpu, store, step)?;
        }
        let mut reading = Reading::default();
        while let Some((mut read_back, step)) = self.pending.pop_front() {
            let bytes = read_back.wait(gpu).await?;
            self.free.push(read_back);
            self.take(&bytes, step, &mut reading);
        }
        Ok(reading)
    }

    /// Starts a reading. Memory is allocated for the first few only, and used again then.
    fn request(&mut self, gpu: &Gpu, store: &Store, step: u64) -> Result<(), GpuError> {
        let mut read_back = match self.free.pop() {
            Some(read_back) => read_back,
            None => gpu.read_back(store.monitor().size())?,
        };
        read_back.start(gpu, store.monitor(), 0);
        self.pending.push_back((read_back, step));
        self.requested = step;
        Ok(())
    }

    fn take(&mut self, bytes: &[u8], until: u64, reading: &mut Reading) {
        let words: Vec<u32> = bytemuck::pod_collect_to_vec(bytes);
        let word = |i: u64| words.get(i as usize).copied().unwrap_or(0);
        for step in self.read + 1..=until {
            let row = MONITOR_HEAD + step % MONITOR_ROWS * MONITOR_COLUMNS;
            let [values @ .., d_gp, g_feat] =
                [0, 1, 2, 3, 4, 5].map(|column| f32::from_bits(word(row + column)));
            let [has_penalty, has_features] = self.optional;
            reading.losses.push(Losses {
                step,
                values,
                d_gp: has_penalty.then_some(d_gp),
                g_feat: has_features.then_some(g_feat),
            });
        }
        self.read = until;
        if word(0) != 0 && reading.failure.is_none() {
            reading.failure = Some((word(1).into(), word(0) as usize - 1));
        }
    }
}
