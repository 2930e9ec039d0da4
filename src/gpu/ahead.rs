//! Kernels compiled ahead, beside the device that will run them.
//!
//! Software drivers compile a kernel at its first launch, one after the other, while all other cores wait. A second device of the same
//! adapter launches kernels with no workgroups: they are compiled, run nothing, and stay in the driver's cache, where the first device
//! finds them.

use super::device::lock;
use super::{Binding, DeviceClass, Gpu, GpuError, KernelSpec};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use wgpu::BufferUsages;

/// Kernels from which a second device pays.
const MANY: usize = 32;
/// Bytes of a buffer that stands for any binding.
const STAND_IN_BYTES: u64 = 4096;

/// A thread that compiles; dropping it waits for the kernel that it is at.
#[derive(Debug)]
pub(crate) struct Ahead {
    stop: Arc<AtomicBool>,
    worker: Option<JoinHandle<Result<(), GpuError>>>,
}

impl Ahead {
    /// Starts to compile the later half of those `kernels` that `gpu` has not met yet, which are in the order of their first launch, from
    /// the last one on: the caller, who begins at the first, meets it in the middle. `None` on adapters whose drivers compile when a
    /// pipeline is made, for few kernels, and without a second device. What fails here, the caller meets at the same kernel.
    pub fn start(gpu: &Gpu, mut kernels: Vec<KernelSpec>) -> Option<Self> {
        kernels.retain(|kernel| !lock(&gpu.kernels).contains_key(kernel));
        if gpu.profile().class != DeviceClass::Cpu || kernels.len() < MANY {
            return None;
        }
        let second = gpu.second().ok()?;
        let stop = Arc::<AtomicBool>::default();
        let (later, stopped) = (kernels.split_off(kernels.len() / 2), stop.clone());
        let compile_all = move || {
            let mut left = later.iter().rev().take_while(|_| !stopped.load(Ordering::Relaxed));
            left.try_for_each(|kernel| compile(&second, kernel))
        };
        Some(Self { stop, worker: Some(std::thread::spawn(compile_all)) })
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Nothing depends on how it ended; a panic there has been printed.
        let _ = self.worker.take().map(JoinHandle::join);
    }
}

/// Launches a kernel over no workgroups, and waits for it.
fn compile(gpu: &Gpu, spec: &KernelSpec) -> Result<(), GpuError> {
    let kernel = gpu.kernel(spec)?;
    let interface = kernel.interface();
    let stand_in = |_| gpu.buffer("stand-in", STAND_IN_BYTES, BufferUsages::STORAGE | BufferUsages::UNIFORM);
    let buffers = interface.bindings.iter().map(stand_in).collect::<Result<Vec<_>, _>>()?;
    let bytes = |i: usize| if i == 0 { interface.params_bytes.into() } else { STAND_IN_BYTES };
    let bindings: Vec<Binding> = buffers.iter().enumerate().map(|(i, buffer)| Binding { buffer, offset: 0, bytes: bytes(i) }).collect();
    let group = kernel.bind(gpu, &bindings)?;
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(kernel.pipeline());
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(0, 0, 0);
    }
    gpu.submit([encoder.finish()]);
    gpu.wait()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::gpu::DeviceOptions;
    use crate::shader;

    #[test]
    fn the_later_half_is_compiled_and_nothing_else() {
        crate::gpu::quiet_drivers();
        let options = DeviceOptions { adapter: std::env::var("PIX2PIX_ADAPTER").ok(), ..DeviceOptions::default() };
        let gpu = pollster::block_on(Gpu::open(&options)).unwrap();
        let kernels: Vec<_> = (1..=MANY).map(|pixels| KernelSpec::new(shader!("batch_norm/normalize")).uint("PIXELS", pixels)).collect();
        assert!(Ahead::start(&gpu, kernels[1..].to_vec()).is_none(), "few kernels");
        let ahead = Ahead::start(&gpu, kernels.clone());
        assert_eq!(ahead.is_some(), gpu.profile().class == DeviceClass::Cpu);
        if let Some(worker) = ahead.and_then(|mut ahead| ahead.worker.take()) {
            worker.join().unwrap().unwrap();
        }
        assert!(lock(&gpu.kernels).is_empty(), "the caller's device has built nothing");
        gpu.kernel(&kernels[0]).unwrap();
        assert!(Ahead::start(&gpu, kernels).is_none(), "a kernel that the caller has met");
    }
}
