//! Uploads from a loop, through a ring of staging buffers that stay mapped between uses.
//!
//! Nothing is allocated from step to step; `Queue::write_buffer` would make a staging buffer at
//! every call. When all buffers of the ring are in use, the host waits for the device. A tab cannot
//! wait here, and its browser keeps a ring of its own: there this ring is empty, and the queue
//! copies.

use super::device::WAITS_IN_POLL;
use super::lock::lock;
use super::{Buffer, Gpu, GpuError};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use wgpu::{BufferUsages, MapMode, PollType, SubmissionIndex};

/// Staging buffers that take turns.
#[derive(Debug)]
pub struct UploadRing {
    turns: Mutex<Turns>,
    bytes: u64,
}

#[derive(Debug)]
struct Turns {
    slots: Vec<StagingSlot>,
    next: usize,
}

/// A staging buffer, and the answer to its latest request to be mapped.
#[derive(Debug)]
struct StagingSlot {
    staging: Buffer,
    mapped: Receiver<Result<(), String>>,
    last_use: Option<SubmissionIndex>,
}

impl UploadRing {
    /// `depth` staging buffers (at least one) of `bytes` bytes each.
    ///
    /// # Errors
    /// Those of [`Gpu::buffer`].
    pub fn new(gpu: &Gpu, bytes: u64, depth: usize) -> Result<Self, GpuError> {
        let slot = |_| {
            let staging = gpu.buffer(
                "upload",
                bytes,
                BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC,
            )?;
            Ok(StagingSlot {
                mapped: map(&staging),
                staging,
                last_use: None,
            })
        };
        let depth = if WAITS_IN_POLL { depth.max(1) } else { 0 };
        let slots = (0..depth).map(slot).collect::<Result<_, GpuError>>()?;
        Ok(Self {
            turns: Mutex::new(Turns { slots, next: 0 }),
            bytes,
        })
    }

    /// Copies bytes to the start of each buffer, before anything that is submitted later; lengths
    /// are multiples of 4. Waits only when every staging buffer is still in flight.
    ///
    /// # Errors
    /// [`GpuError::Limit`] for more bytes than a staging buffer has, [`GpuError::Refused`] and
    /// [`GpuError::DeviceLost`].
    pub fn write(&self, gpu: &Gpu, writes: &[(&wgpu::Buffer, &[u8])]) -> Result<(), GpuError> {
        let needed: u64 = writes.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        if needed > self.bytes {
            let remedy = "make the ring for the largest upload";
            return Err(GpuError::Limit {
                what: "an upload".to_owned(),
                needed,
                allowed: self.bytes,
                unit: "bytes",
                remedy,
            });
        }
        let mut turns = lock(&self.turns);
        let Turns { slots, next } = &mut *turns;
        if slots.is_empty() {
            writes
                .iter()
                .for_each(|(buffer, bytes)| gpu.write(buffer, 0, bytes));
            return Ok(());
        }
        let turn = *next;
        *next = (turn + 1) % slots.len();
        slots[turn].ready(gpu)?;
        slots[turn].fill(gpu, writes)
    }
}

impl StagingSlot {
    /// Waits until the device has done with the bytes of this slot's last use.
    fn ready(&self, gpu: &Gpu) -> Result<(), GpuError> {
        gpu.poll(PollType::Poll)?;
        let answer = match (self.mapped.try_recv(), &self.last_use) {
            (Err(TryRecvError::Empty), Some(last_use)) => {
                gpu.poll(PollType::Wait {
                    submission_index: Some(last_use.clone()),
                    timeout: None,
                })?;
                self.mapped.try_recv()
            }
            (answer, _) => answer,
        };
        match answer {
            Ok(Ok(())) => Ok(()),
            Ok(Err(reason)) => gpu.check().and(Err(refused(reason))),
            Err(error) => gpu.check().and(Err(refused(error.to_string()))),
        }
    }

    fn fill(&mut self, gpu: &Gpu, writes: &[(&wgpu::Buffer, &[u8])]) -> Result<(), GpuError> {
        let mut view = self
            .staging
            .get_mapped_range_mut(..)
            .map_err(|error| refused(error.to_string()))?;
        let mut encoder = gpu
            .device()
            .create_command_encoder(&wgpu::CommandEncoderDescriptor {
                label: Some("upload"),
            });
        let mut start = 0;
        for (target, bytes) in writes {
            view.slice(start..start + bytes.len())
                .copy_from_slice(bytes);
            encoder.copy_buffer_to_buffer(
                &self.staging,
                start as u64,
                target,
                0,
                bytes.len() as u64,
            );
            start += bytes.len();
        }
        drop(view);
        self.staging.unmap();
        self.last_use = Some(gpu.submit([encoder.finish()]));
        self.mapped = map(&self.staging);
        Ok(())
    }
}

/// Asks for the buffer's memory; the answer comes when the device has done with it.
fn map(staging: &Buffer) -> Receiver<Result<(), String>> {
    let (sender, receiver) = channel();
    staging.map_async(MapMode::Write, .., move |result| {
        // The receiver is gone when the ring is dropped. Then the answer is not needed.
        let _ = sender.send(result.map_err(|error| error.to_string()));
    });
    receiver
}

fn refused(reason: String) -> GpuError {
    GpuError::Refused {
        doing: "mapping an upload buffer".to_owned(),
        reason,
    }
}
