//! Compiling kernels before their first launch, on a second device.
//!
//! lavapipe compiles each kernel at its first launch, on one core, while the other cores wait. A
//! second device of the same adapter launches the kernels with no workgroups. This compiles them
//! and runs nothing. The result goes to Mesa's cache on disk, where the first device finds it. If
//! that cache is switched off, the work is done twice, on a core that would otherwise be idle.

use super::lock::lock;
use super::scopes::poll_once;
use super::{Binding, Gpu, GpuError, KernelSpec};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread::{Builder, JoinHandle};
use wgpu::{BufferUsages, PollType};

/// With fewer kernels, opening a second device costs more time than it saves.
const MANY: usize = 32;
/// Bytes of the buffers that are bound in place of the real ones.
const STAND_IN_BYTES: u64 = 8192;

/// The thread that compiles. Dropping this waits until the kernel in work is done.
#[derive(Debug)]
pub(crate) struct Precompile {
    stop: Arc<AtomicBool>,
    worker: Option<JoinHandle<Result<(), GpuError>>>,
}

impl Precompile {
    /// Starts to compile some of `kernels`, which come in the order of their first launch; those
    /// that `gpu` has built already are left out. `None` for other drivers, for few kernels, and
    /// when no thread can be started. Errors are not reported here: the caller gets them at the
    /// same kernel.
    pub fn start(gpu: &Gpu, mut kernels: Vec<KernelSpec>) -> Option<Self> {
        if gpu.info().driver != "llvmpipe" {
            return None;
        }
        kernels.retain(|kernel| !lock(&gpu.kernels).contains_key(kernel));
        let (open, stop) = (gpu.second(), Arc::<AtomicBool>::default());
        let (kernels, stopped) = (from_the_end(kernels)?, stop.clone());
        let compile_all = move || {
            // Natively a device is opened at once. One that is not is not waited for.
            let Poll::Ready(second) = poll_once(&mut Box::pin(open)) else {
                return Ok(());
            };
            let second = second?;
            kernels
                .iter()
                .take_while(|_| !stopped.load(Ordering::Relaxed))
                .try_for_each(|kernel| compile(&second, kernel))
        };
        let worker = Builder::new()
            .name("precompile".to_owned())
            .spawn(compile_all)
            .ok()?;
        Some(Self {
            stop,
            worker: Some(worker),
        })
    }
}

/// The later half of the kernels, the last one first; `None` if there are few. The caller begins
/// with the first kernel, so the two meet in the middle.
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
        // How the thread ended does not matter; a panic in it has been printed.
        let _ = self.worker.take().map(JoinHandle::join);
    }
}

/// Launches a kernel with no workgroups, and waits for it.
fn compile(gpu: &Gpu, spec: &KernelSpec) -> Result<(), GpuError> {
    let kernel = gpu.kernel_as_specified(spec)?;
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
    let group = gpu.bind(&kernel, &bindings)?;
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(kernel.pipeline());
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(0, 0, 0);
    }
    gpu.submit([encoder.finish()]);
    gpu.poll(PollType::wait_indefinitely())?;
    gpu.check()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::gpu::DeviceOptions;
    use crate::gpu::shader;

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
        let precompile = Precompile::start(&gpu, kernels());
        assert_eq!(precompile.is_some(), gpu.info().driver == "llvmpipe");
        if let Some(worker) = precompile.and_then(|mut precompile| precompile.worker.take()) {
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
