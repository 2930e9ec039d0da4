//! The device: opening it, making buffers and kernels, submitting work.

use super::buffer::{Buffer, Meter, buffer_bytes};
use super::kernel::{Binding, Kernel, KernelBuilder};
use super::kernel_spec::KernelSpec;
use super::lock::lock;
use super::pipelines::Pipelines;
use super::scopes::Scopes;
use super::{DeviceOptions, GpuError, Profile, UserCache, adapter};
use futures_channel::oneshot;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use wgpu::{BufferUsages, ErrorFilter, Features, PollType};

/// Whether `poll` blocks the thread until the device is done, as it does natively. In a tab it does
/// nothing: there the browser answers when our code gives way.
pub(super) const WAITS_IN_POLL: bool = cfg!(not(target_arch = "wasm32"));

/// An open device with its queue, its kernels and its memory meter.
#[derive(Debug)]
pub struct Gpu {
    device: wgpu::Device,
    checked: bool,
    pub(super) kernels: Mutex<HashMap<KernelSpec, Arc<Kernel>>>,
    adapter: wgpu::Adapter,
    queue: wgpu::Queue,
    info: wgpu::AdapterInfo,
    profile: Profile,
    meter: Arc<Meter>,
    memory_limit: u64,
    failure: Arc<Mutex<Option<GpuError>>>,
    scopes: Scopes,
    pipelines: Pipelines,
}

impl Gpu {
    /// Opens the adapter that `options` names with all limits that it has.
    ///
    /// # Errors
    /// [`GpuError::NoAdapter`], [`GpuError::UnknownAdapter`], [`GpuError::OpenDevice`].
    pub async fn open(options: &DeviceOptions) -> Result<Self, GpuError> {
        let adapter = adapter::select(options.adapter.as_deref()).await?;
        let (device, queue) = request(&adapter, adapter.features() & options.features()).await?;
        let info = adapter.get_info();
        let profile = Profile::of(&info, &device, &adapter.cooperative_matrix_properties());
        let profile = Profile {
            fusion: !options.no_fusion,
            ..profile
        };
        Ok(Self::of(adapter, device, queue, profile, options.checked))
    }

    /// A second device of the same adapter. It has no pipeline cache of ours; the driver's own
    /// cache keeps its kernels.
    ///
    /// # Errors
    /// [`GpuError::OpenDevice`].
    pub(super) fn second(&self) -> impl Future<Output = Result<Self, GpuError>> + Send + 'static {
        let (adapter, profile, checked) =
            (self.adapter.clone(), self.profile.clone(), self.checked);
        let features = self.device.features() - Features::PIPELINE_CACHE;
        async move {
            let (device, queue) = request(&adapter, features).await?;
            Ok(Self::of(adapter, device, queue, profile, checked))
        }
    }

    fn of(
        adapter: wgpu::Adapter,
        device: wgpu::Device,
        queue: wgpu::Queue,
        profile: Profile,
        checked: bool,
    ) -> Self {
        let (info, failure, meter) = (
            adapter.get_info(),
            Arc::new(Mutex::new(None)),
            Arc::<Meter>::default(),
        );
        watch_for_failures(&device, &failure, &meter);
        let pipelines = Pipelines::open(&device, UserCache::for_device(&info));
        let kernels = Mutex::default();
        Self {
            adapter,
            device,
            checked,
            kernels,
            queue,
            info,
            profile,
            meter,
            memory_limit: u64::MAX,
            failure,
            scopes: Scopes::default(),
            pipelines,
        }
    }

    /// Name, driver and backend.
    pub fn info(&self) -> &wgpu::AdapterInfo {
        &self.info
    }

    /// What the choice of kernels depends on.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Replaces the profile: for forcing kernels.
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Makes the device run out of memory at `bytes` bytes of buffers: for a device that others use
    /// too, and for tests. No API tells how much memory there is.
    pub fn with_memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = bytes;
        self
    }

    /// Bytes of buffers that may be alive, or `u64::MAX` if only the driver knows.
    pub fn memory_limit(&self) -> u64 {
        self.memory_limit
    }

    /// The device, for encoding.
    pub fn device(&self) -> &wgpu::Device {
        &self.device
    }

    /// Bytes of the buffers alive now.
    pub fn memory_bytes(&self) -> u64 {
        self.meter.now()
    }

    /// Most bytes of buffers that were alive at one time.
    pub fn peak_memory_bytes(&self) -> u64 {
        self.meter.peak()
    }

    /// The first failure that the driver reported outside a call of ours (a lost device, a refused
    /// dispatch).
    ///
    /// # Errors
    /// That failure. It is returned only once.
    pub fn check(&self) -> Result<(), GpuError> {
        let late = self.scopes.first_error();
        lock(&self.failure).take().or(late).map_or(Ok(()), Err)
    }

    /// A zeroed buffer of `bytes` (rounded up to 16) for storage or uniform use.
    ///
    /// # Errors
    /// [`GpuError::Limit`] above the device's largest buffer, [`GpuError::OutOfMemory`].
    pub fn buffer(&self, label: &str, bytes: u64, usage: BufferUsages) -> Result<Buffer, GpuError> {
        let size = buffer_bytes(bytes);
        self.profile.check_buffer(label, size)?;
        let held = self.memory_bytes();
        if held.saturating_add(size) > self.memory_limit {
            let [size, limit] = [size, self.memory_limit].map(|bytes| bytes >> 20);
            return Err(GpuError::OutOfMemory {
                doing: format!(
                    "making buffer \"{label}\" of {size} MiB within the limit `memory` of {limit} \
                     MiB"
                ),
                held,
            });
        }
        let scope = Scopes::begin(&self.device, ErrorFilter::OutOfMemory);
        let descriptor = wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage,
            mapped_at_creation: false,
        };
        let inner = self.device.create_buffer(&descriptor);
        let doing = format!("making buffer \"{label}\" of {} MiB", size >> 20);
        self.scopes
            .end(scope, move |_| GpuError::OutOfMemory { doing, held })?;
        Ok(Buffer::new(inner, self.meter.clone()))
    }

    /// The kernel for `spec`, built at its first use and kept. It checks its indices and loops, so
    /// that no parameters lead it out of its buffers.
    ///
    /// # Errors
    /// [`GpuError::Declaration`], [`GpuError::Shader`], [`GpuError::Limit`] for the workgroup,
    /// [`GpuError::Refused`] by the driver.
    pub fn kernel(&self, spec: &KernelSpec) -> Result<Arc<Kernel>, GpuError> {
        self.kernel_as_specified(&spec.clone().unchecked(false))
    }

    /// As [`Gpu::kernel`], without checks of indices and loops, unless the device was opened with
    /// [`DeviceOptions::checked`].
    ///
    /// # Errors
    /// Those of [`Gpu::kernel`].
    ///
    /// # Safety
    /// With the parameters of every launch, the shader stays within the buffers that are bound, and
    /// its loops end.
    pub unsafe fn kernel_unchecked(&self, spec: &KernelSpec) -> Result<Arc<Kernel>, GpuError> {
        self.kernel_as_specified(&spec.clone().unchecked(true))
    }

    /// As [`Gpu::kernel`], with checks unless `spec` goes without: for the launches of plans and of
    /// benches of this crate's operations.
    pub(crate) fn kernel_as_specified(&self, spec: &KernelSpec) -> Result<Arc<Kernel>, GpuError> {
        if let Some(kernel) = lock(&self.kernels).get(spec) {
            return Ok(kernel.clone());
        }
        let builder = KernelBuilder {
            device: &self.device,
            cache: self.pipelines.for_building(),
            checked: self.checked,
            max_invocations: self.profile.max_invocations,
            scopes: &self.scopes,
        };
        let kernel = Arc::new(builder.build(spec)?);
        lock(&self.kernels).insert(spec.clone(), kernel.clone());
        Ok(kernel)
    }

    /// Bind group of a kernel over `bindings`, in the order of the shader's binding numbers.
    ///
    /// # Errors
    /// [`GpuError::Interface`] when their number or the size of the parameters differs,
    /// [`GpuError::Refused`] by wgpu's own checks.
    pub fn bind(&self, kernel: &Kernel, bindings: &[Binding]) -> Result<wgpu::BindGroup, GpuError> {
        kernel.bind(&self.device, &self.scopes, bindings)
    }

    /// Forgets the kernels if more than `most` of them are kept. Programs hold their own; others
    /// are built again at their next use. For tests, which go through hundreds of kernels: a driver
    /// takes some MB for each.
    pub fn forget_kernels(&self, most: usize) {
        let mut kernels = lock(&self.kernels);
        if kernels.len() > most {
            kernels.clear();
        }
    }

    /// A storage buffer that can be written and read back.
    ///
    /// # Errors
    /// Those of [`Gpu::buffer`].
    pub fn storage(&self, label: &str, bytes: u64) -> Result<Buffer, GpuError> {
        self.buffer(
            label,
            bytes,
            BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
        )
    }

    /// Copies `bytes` to `buffer` at `offset` before anything that is submitted later.
    pub fn write(&self, buffer: &wgpu::Buffer, offset: u64, bytes: &[u8]) {
        self.queue.write_buffer(buffer, offset, bytes);
    }

    /// Submits command buffers in order and gives the number of the submission.
    pub fn submit(
        &self,
        commands: impl IntoIterator<Item = wgpu::CommandBuffer>,
    ) -> wgpu::SubmissionIndex {
        self.queue.submit(commands)
    }

    /// Seconds of one tick of the device's timestamps.
    pub(super) fn timestamp_period(&self) -> f64 {
        f64::from(self.queue.get_timestamp_period()) * 1e-9
    }

    /// Waits until the device has done everything that was submitted.
    ///
    /// # Errors
    /// What the driver reported meanwhile, or [`GpuError::DeviceLost`].
    pub async fn wait(&self) -> Result<(), GpuError> {
        self.poll(PollType::wait_indefinitely())?;
        if !WAITS_IN_POLL {
            let (sender, done) = oneshot::channel();
            self.queue.on_submitted_work_done(move || {
                // The receiver is gone if nobody waits any more.
                let _ = sender.send(());
            });
            // Without an answer the device is lost, which the check reports.
            let _ = done.await;
        }
        self.check()
    }

    pub(super) fn poll(&self, how: PollType) -> Result<(), GpuError> {
        self.device
            .poll(how)
            .map(|_| ())
            .map_err(|e| GpuError::DeviceLost {
                reason: e.to_string(),
            })
    }
}

/// A device of an adapter, with all limits that it has.
async fn request(
    adapter: &wgpu::Adapter,
    features: Features,
) -> Result<(wgpu::Device, wgpu::Queue), GpuError> {
    let descriptor = wgpu::DeviceDescriptor {
        label: Some("pix2pix"),
        required_features: features,
        required_limits: adapter.limits(),
        // SAFETY: of the experimental features we ask for matrix units only, and use them in
        // shaders that the kernel tests run; a driver's fault in them is switched off by
        // `no_matrix`.
        experimental_features: unsafe { wgpu::ExperimentalFeatures::enabled() },
        ..Default::default()
    };
    let refused = |e: wgpu::RequestDeviceError| GpuError::OpenDevice {
        adapter: adapter.get_info().name,
        reason: e.to_string(),
    };
    adapter.request_device(&descriptor).await.map_err(refused)
}

/// Keeps the first failure instead of wgpu's default, which is to panic.
fn watch_for_failures(
    device: &wgpu::Device,
    failure: &Arc<Mutex<Option<GpuError>>>,
    meter: &Arc<Meter>,
) {
    let (slot, meter) = (failure.clone(), meter.clone());
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        let failure = match error {
            wgpu::Error::OutOfMemory { .. } => GpuError::OutOfMemory {
                doing: "running kernels".to_owned(),
                held: meter.now(),
            },
            other => GpuError::Refused {
                doing: "a call".to_owned(),
                reason: other.to_string(),
            },
        };
        lock(&slot).get_or_insert(failure);
    }));
    let slot = failure.clone();
    device.set_device_lost_callback(move |reason, message| {
        if reason != wgpu::DeviceLostReason::Destroyed {
            *lock(&slot) = Some(GpuError::DeviceLost { reason: message });
        }
    });
}
