//! Kernels compiled ahead, beside the device that will run them.
//!
//! lavapipe compiles a kernel at its first launch, one after the other, while all other cores wait.
//! A second device of the same adapter launches kernels over no workgroups: they are compiled, run
//! nothing, and lie in Mesa's cache on disk, where the first device finds them. Where that cache is
//! switched off the work is done twice, on a core that had nothing to do.

use super::lock::lock;
use super::{Binding, Gpu, GpuError, KernelSpec};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use wgpu::BufferUsages;

/// Kernels from which a second device pays.
const MANY: usize = 32;
/// Bytes of a buffer that stands for any binding.
const STAND_IN_BYTES: u64 = 8192;

/// A thread that compiles; dropping it waits for the kernel that it is at.
#[derive(Debug)]
pub(crate) struct Precompile {
    stop: Arc<AtomicBool>,
    worker: Option<JoinHandle<Result<(), GpuError>>>,
}

impl Precompile {
    /// Starts to compile some of those `kernels`, in the order of their first launch, that `gpu`
    /// has not met yet. `None` for other drivers, for few kernels, and without a thread. What fails
    /// here, the caller meets at the same kernel.
    pub fn start(gpu: &Gpu, mut kernels: Vec<KernelSpec>) -> Option<Self> {
        if gpu.info().driver != "llvmpipe" {
            return None;
        }
        kernels.retain(|kernel| !lock(&gpu.kernels).contains_key(kernel));
        let (open, stop) = (gpu.second(), Arc::<AtomicBool>::default());
        let (kernels, stopped) = (from_the_end(kernels)?, stop.clone());
        let compile_all = move || {
            let second = pollster::block_on(open)?;
            kernels
                .iter()
                .take_while(|_| !stopped.load(Ordering::Relaxed))
                .try_for_each(|kernel| compile(&second, kernel))
        };
        let worker = Builder::new()
            .name("ahead".to_owned())
            .spawn(compile_all)
            .ok()?;
        Some(Self {
            stop,
            worker: Some(worker),
        })
    }
}

/// The later half of many kernels, from the last one on: who begins at the first meets it in the
/// middle.
fn from_the_end(mut kernels: Vec<KernelSpec>) -> Option<Vec<KernelSpec>> {
    (kernels.len() >= MANY).then(|| {
        kernels
            .split_off(kernels.len() / 2)
            .into_iter()
            .rev()
            .collect()
    })
}

impl Drop for Precompile {
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
    let stand_in = |_| {
        gpu.buffer(
            "stand-in",
            STAND_IN_BYTES,
            BufferUsages::STORAGE | BufferUsages::UNIFORM,
        )
    };
    let buffers = interface
        .bindings
        .iter()
        .map(stand_in)
        .collect::<Result<Vec<_>, _>>()?;
    let bytes = |i: usize| {
        if i == 0 {
            interface.params_bytes.into()
        } else {
            STAND_IN_BYTES
        }
    };
    let bindings: Vec<Binding> = buffers
        .iter()
        .enumerate()
        .map(|(i, buffer)| Binding {
            buffer,
            offset: 0,
            bytes: bytes(i),
        })
        .collect();
    let group = kernel.bind(gpu.device(), &bindings)?;
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

    fn kernels() -> Vec<KernelSpec> {
        (1..=MANY)
            .map(|pixels| KernelSpec::new(shader!("batch_norm/normalize")).uint("PIXELS", pixels))
            .collect()
    }

    #[test]
    fn the_caller_is_met_in_the_middle() {
        let all = kernels();
        assert_eq!(from_the_end(all[1..].to_vec()), None, "few");
        let found = from_the_end(all.clone()).unwrap();
        assert_eq!(
            (found.len(), &found[0], &found[MANY / 2 - 1]),
            (MANY / 2, &all[MANY - 1], &all[MANY / 2])
        );
    }

    #[test]
    fn a_second_device_compiles_what_the_first_has_not_met() {
        let options = DeviceOptions {
            adapter: std::env::var("PIX2PIX_ADAPTER").ok(),
            ..DeviceOptions::default()
        };
        let gpu = pollster::block_on(Gpu::open(&options)).unwrap();
        compile(&pollster::block_on(gpu.second()).unwrap(), &kernels()[0]).unwrap();
        let ahead = Precompile::start(&gpu, kernels());
        assert_eq!(ahead.is_some(), gpu.info().driver == "llvmpipe");
        if let Some(worker) = ahead.and_then(|mut ahead| ahead.worker.take()) {
            worker.join().unwrap().unwrap();
        }
        assert!(
            lock(&gpu.kernels).is_empty(),
            "the caller's device has built nothing"
        );
        gpu.kernel(&kernels()[0]).unwrap();
        assert!(
            Precompile::start(&gpu, kernels()).is_none(),
            "a kernel that the caller has met"
        );
    }
}
