//! Buffers that count towards the memory of their device.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of all living buffers, and the most there ever were.
#[derive(Debug, Default)]
pub(super) struct Meter {
    now: AtomicU64,
    peak: AtomicU64,
}

impl Meter {
    /// Bytes of the buffers alive now.
    pub fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// The most bytes there ever were.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

/// A storage, uniform or staging buffer that counts towards the device's memory while it lives.
#[derive(Debug)]
pub struct Buffer {
    inner: wgpu::Buffer,
    meter: Arc<Meter>,
}

impl Buffer {
    /// Counts a buffer in `meter` from now on.
    pub(super) fn new(inner: wgpu::Buffer, meter: Arc<Meter>) -> Self {
        let now = meter.now.fetch_add(inner.size(), Ordering::Relaxed) + inner.size();
        meter.peak.fetch_max(now, Ordering::Relaxed);
        Self { inner, meter }
    }
}

impl Deref for Buffer {
    type Target = wgpu::Buffer;
    fn deref(&self) -> &wgpu::Buffer {
        &self.inner
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.meter
            .now
            .fetch_sub(self.inner.size(), Ordering::Relaxed);
    }
}

/// The size of a buffer for `bytes` bytes: a multiple of 16, and at least 16.
pub fn buffer_bytes(bytes: u64) -> u64 {
    bytes.max(16).next_multiple_of(16)
}
