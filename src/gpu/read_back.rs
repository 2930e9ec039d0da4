//! Reading back: bytes of the device on their way to the host.

use super::device::WAITS_IN_POLL;
use super::{Buffer, Gpu, GpuError};
use futures_channel::oneshot;
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
    pub async fn read(
        &self,
        buffer: &wgpu::Buffer,
        offset: u64,
        bytes: u64,
    ) -> Result<Vec<u8>, GpuError> {
        let mut read_back = self.read_back(bytes)?;
        read_back.start(self, buffer, offset);
        read_back.wait(self).await
    }
}

/// Host memory for bytes of the device, and the request that is under way.
#[derive(Debug)]
pub struct ReadBack {
    staging: Buffer,
    bytes: u64,
    under_way: Option<(wgpu::SubmissionIndex, oneshot::Receiver<Result<(), String>>)>,
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
        let (sender, receiver) = oneshot::channel();
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
        let Some((_, receiver)) = &mut self.under_way else {
            return Ok(None);
        };
        match receiver.try_recv() {
            Ok(None) => gpu.check().map(|()| None),
            Ok(Some(answer)) => self.take(gpu, Ok(answer)).map(Some),
            Err(dropped) => self.take(gpu, Err(dropped)).map(Some),
        }
    }

    /// Waits for the bytes, not for what was submitted after the request.
    ///
    /// # Errors
    /// Those of [`ReadBack::poll`].
    pub async fn wait(&mut self, gpu: &Gpu) -> Result<Vec<u8>, GpuError> {
        if let Some((submission, answer)) = &mut self.under_way {
            gpu.poll(PollType::Wait {
                submission_index: Some(submission.clone()),
                timeout: None,
            })?;
            if !WAITS_IN_POLL {
                let answer = answer.await;
                return self.take(gpu, answer);
            }
        }
        match self.poll(gpu)? {
            Some(bytes) => Ok(bytes),
            None => Err(refused_map(
                "no answer after the device was done".to_owned(),
            )),
        }
    }

    /// The bytes, after the driver's answer to the request.
    fn take(
        &mut self,
        gpu: &Gpu,
        answer: Result<Result<(), String>, oneshot::Canceled>,
    ) -> Result<Vec<u8>, GpuError> {
        match answer {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => {
                gpu.check()?;
                return Err(refused_map(reason));
            }
            Err(_) => return Err(refused_map("the driver dropped the request".to_owned())),
        }
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
