//! Reading back: bytes of the device on their way to the host.

use super::{Buffer, Gpu, GpuError};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use wgpu::{BufferUsages, MapMode, PollType};

impl Gpu {
    /// Host memory for reading back `bytes` bytes. It can be used many times.
    ///
    /// # Errors
    /// Those of [`Gpu::buffer`].
    pub fn read_back(&self, bytes: u64) -> Result<ReadBack, GpuError> {
        let staging = self.buffer(
            "read back",
            bytes,
            BufferUsages::MAP_READ | BufferUsages::COPY_DST,
        )?;
        Ok(ReadBack {
            staging,
            bytes,
            under_way: None,
        })
    }

    /// Reads `bytes` bytes of `buffer` from `offset` on and waits for them.
    ///
    /// # Errors
    /// Those of [`Gpu::read_back`] and [`ReadBack::wait`].
    pub fn read(
        &self,
        buffer: &wgpu::Buffer,
        offset: u64,
        bytes: u64,
    ) -> Result<Vec<u8>, GpuError> {
        let mut read_back = self.read_back(bytes)?;
        read_back.start(self, buffer, offset);
        read_back.wait(self)
    }
}

/// Host memory for bytes of the device, and the request that is under way.
#[derive(Debug)]
pub struct ReadBack {
    staging: Buffer,
    bytes: u64,
    under_way: Option<(wgpu::SubmissionIndex, Receiver<Result<(), String>>)>,
}

impl ReadBack {
    /// Starts to copy from `offset` of `buffer`, in order with everything that is submitted. Does
    /// not wait.
    pub fn start(&mut self, gpu: &Gpu, buffer: &wgpu::Buffer, offset: u64) {
        let mut encoder = gpu
            .device()
            .create_command_encoder(&wgpu::CommandEncoderDescriptor {
                label: Some("read back"),
            });
        encoder.copy_buffer_to_buffer(buffer, offset, &self.staging, 0, self.bytes);
        let submission = gpu.submit([encoder.finish()]);
        let (sender, receiver) = channel();
        self.staging.map_async(MapMode::Read, .., move |result| {
            // The receiver may be dropped already. Then the answer is not needed.
            let _ = sender.send(result.map_err(|e| e.to_string()));
        });
        self.under_way = Some((submission, receiver));
    }

    /// The bytes if they have arrived. Does not wait.
    ///
    /// # Errors
    /// [`GpuError::Refused`] when the driver cannot map the copy, and what [`Gpu::check`] reports.
    pub fn poll(&mut self, gpu: &Gpu) -> Result<Option<Vec<u8>>, GpuError> {
        gpu.poll(PollType::Poll)?;
        let Some((_, receiver)) = &self.under_way else {
            return Ok(None);
        };
        match receiver.try_recv() {
            Err(TryRecvError::Empty) => gpu.check().map(|()| None),
            Err(TryRecvError::Disconnected) => {
                Err(refused_map("the driver dropped the request".to_owned()))
            }
            Ok(Err(reason)) => {
                gpu.check()?;
                Err(refused_map(reason))
            }
            Ok(Ok(())) => self.take().map(Some),
        }
    }

    /// Waits for the bytes, not for what was submitted after the request.
    ///
    /// # Errors
    /// Those of [`ReadBack::poll`].
    pub fn wait(&mut self, gpu: &Gpu) -> Result<Vec<u8>, GpuError> {
        if let Some((submission, _)) = &self.under_way {
            gpu.poll(PollType::Wait {
                submission_index: Some(submission.clone()),
                timeout: None,
            })?;
        }
        match self.poll(gpu)? {
            Some(bytes) => Ok(bytes),
            None => Err(refused_map(
                "no answer after the device was done".to_owned(),
            )),
        }
    }

    fn take(&mut self) -> Result<Vec<u8>, GpuError> {
        self.under_way = None;
        let view = self
            .staging
            .get_mapped_range(..self.bytes)
            .map_err(|e| refused_map(e.to_string()))?;
        let bytes = view.to_vec();
        drop(view);
        self.staging.unmap();
        Ok(bytes)
    }
}

fn refused_map(reason: String) -> GpuError {
    GpuError::Refused {
        doing: "reading back a buffer".to_owned(),
        reason,
    }
}
