//! The device: opening it, making buffers, moving bytes.

use super::kernel::{Kernel, KernelSpec};
use super::pipelines::Pipelines;
use super::{DeviceClass, GpuError, Profile, UserCache, adapter};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wgpu::{
    BufferUsages, CooperativeMatrixProperties, CooperativeScalarType, ErrorFilter, Features,
    MapMode, PollType,
};

/// How to open the device.
#[derive(Debug, Clone, Default)]
pub struct DeviceOptions {
    /// Index or part of the name; the best adapter when absent.
    pub adapter: Option<String>,
    /// Build shaders with bounds checks and loop bounding: slower, for hunting bugs.
    pub checked: bool,
    /// Pretend that the device has no 16-bit floats.
    pub no_f16: bool,
    /// Pretend that the device has no subgroup operations.
    pub no_subgroups: bool,
    /// Pretend that the device has no 64-bit integers.
    pub no_int64: bool,
    /// Pretend that the device has no matrix units.
    pub no_matrix: bool,
    /// Pretend that the device has no timestamps.
    pub no_timestamps: bool,
    /// Run programs as they were recorded, without fusing operations.
    pub no_fusion: bool,
}

impl DeviceOptions {
    /// The optional features to ask for: what we use, less what is switched off.
    fn features(&self) -> Features {
        let off = |switched_off: bool, feature| {
            if switched_off {
                feature
            } else {
                Features::empty()
            }
        };
        (Features::PIPELINE_CACHE
            | Features::SHADER_F16
            | Features::SUBGROUP
            | Features::SHADER_INT64
            | Features::TIMESTAMP_QUERY
            | Features::EXPERIMENTAL_COOPERATIVE_MATRIX)
            - off(self.no_f16, Features::SHADER_F16)
            - off(self.no_subgroups, Features::SUBGROUP)
            - off(self.no_int64, Features::SHADER_INT64)
            - off(self.no_matrix, Features::EXPERIMENTAL_COOPERATIVE_MATRIX)
            - off(self.no_timestamps, Features::TIMESTAMP_QUERY)
    }
}

/// An open device with its queue, its kernels and its memory meter.
#[derive(Debug)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) checked: bool,
    pub(super) kernels: Mutex<HashMap<KernelSpec, Arc<Kernel>>>,
    adapter: wgpu::Adapter,
    queue: wgpu::Queue,
    info: wgpu::AdapterInfo,
    profile: Profile,
    meter: Arc<Meter>,
    memory_limit: u64,
    failure: Arc<Mutex<Option<GpuError>>>,
    pub(super) pipelines: Pipelines,
}

/// Bytes of all living buffers, and the most there ever were.
#[derive(Debug, Default)]
struct Meter {
    now: AtomicU64,
    peak: AtomicU64,
}

/// A storage, uniform or staging buffer that counts towards the device's memory while it lives.
#[derive(Debug)]
pub struct Buffer {
    inner: wgpu::Buffer,
    meter: Arc<Meter>,
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

/// What a buffer of `bytes` bytes takes: whole groups of 16, and at least one.
pub fn buffer_bytes(bytes: u64) -> u64 {
    bytes.max(16).next_multiple_of(16)
}

/// Locks even when another thread panicked while it held the lock: what is behind our locks stays
/// consistent.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        let profile = profile_of(&info, &device, &adapter.cooperative_matrix_properties());
        let profile = Profile {
            fusion: !options.no_fusion,
            ..profile
        };
        Ok(Self::of(adapter, device, queue, profile, options.checked))
    }

    /// Another device of the same adapter, whose kernels are kept by the driver's own cache only.
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
            pipelines,
        }
    }

    /// Name, driver and backend.
    pub fn info(&self) -> &wgpu::AdapterInfo {
        &self.info
    }

    /// What kernels are chosen by.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Replaces the profile: for forcing kernels.
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Makes the device run out of memory after so many bytes of buffers: for tests, since no API
    /// tells how much there is.
    pub fn with_memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = bytes;
        self
    }

    /// The device, for encoding.
    pub fn device(&self) -> &wgpu::Device {
        &self.device
    }

    /// Bytes of the buffers alive now.
    pub fn memory_bytes(&self) -> u64 {
        self.meter.now.load(Ordering::Relaxed)
    }

    /// Most bytes of buffers that were alive at one time.
    pub fn peak_memory_bytes(&self) -> u64 {
        self.meter.peak.load(Ordering::Relaxed)
    }

    /// The first failure that the driver reported outside a call of ours (a lost device, a refused
    /// dispatch).
    ///
    /// # Errors
    /// That failure; later calls return it no more.
    pub fn check(&self) -> Result<(), GpuError> {
        lock(&self.failure).take().map_or(Ok(()), Err)
    }

    /// A zeroed buffer of `bytes` (rounded up to 16) for storage or uniform use.
    ///
    /// # Errors
    /// [`GpuError::Limit`] above the device's largest buffer, [`GpuError::OutOfMemory`].
    pub fn buffer(&self, label: &str, bytes: u64, usage: BufferUsages) -> Result<Buffer, GpuError> {
        let size = buffer_bytes(bytes);
        self.profile.check_buffer(label, size)?;
        let held = self.memory_bytes();
        let full = || GpuError::OutOfMemory {
            doing: format!("making buffer \"{label}\" of {} MiB", size >> 20),
            held,
        };
        if held.saturating_add(size) > self.memory_limit {
            return Err(full());
        }
        let scope = self.device.push_error_scope(ErrorFilter::OutOfMemory);
        let descriptor = wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage,
            mapped_at_creation: false,
        };
        let inner = self.device.create_buffer(&descriptor);
        if pollster::block_on(scope.pop()).is_some() {
            return Err(full());
        }
        let now = self.meter.now.fetch_add(size, Ordering::Relaxed) + size;
        self.meter.peak.fetch_max(now, Ordering::Relaxed);
        Ok(Buffer {
            inner,
            meter: self.meter.clone(),
        })
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
    pub fn wait(&self) -> Result<(), GpuError> {
        self.poll(PollType::wait_indefinitely())?;
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

    /// Memory for reading `bytes` bytes back, as often as one likes.
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
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor {
                label: Some("read back"),
            });
        encoder.copy_buffer_to_buffer(buffer, offset, &self.staging, 0, self.bytes);
        let submission = gpu.submit([encoder.finish()]);
        let (sender, receiver) = channel();
        self.staging.map_async(MapMode::Read, .., move |result| {
            // The receiver is gone when nobody waits any more: then nobody wants the answer.
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
                held: meter.now.load(Ordering::Relaxed),
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

fn profile_of(
    info: &wgpu::AdapterInfo,
    device: &wgpu::Device,
    matrices: &[CooperativeMatrixProperties],
) -> Profile {
    let limits = device.limits();
    let fixed_subgroup =
        info.subgroup_min_size == info.subgroup_max_size && info.subgroup_min_size > 0;
    let has = |feature| device.features().contains(feature);
    let subgroup = (has(Features::SUBGROUP) && fixed_subgroup).then_some(info.subgroup_min_size);
    // The kernels count subgroups, so they need to know their size.
    let matrix_units = has(Features::EXPERIMENTAL_COOPERATIVE_MATRIX)
        && has(Features::SHADER_F16)
        && subgroup.is_some();
    Profile {
        class: if info.device_type == wgpu::DeviceType::Cpu {
            DeviceClass::Cpu
        } else {
            DeviceClass::Gpu
        },
        subgroup,
        f16: has(Features::SHADER_F16),
        int64: has(Features::SHADER_INT64),
        matrix: matrices
            .iter()
            .filter(|_| matrix_units)
            .filter_map(matrix_side)
            .max(),
        timestamps: has(Features::TIMESTAMP_QUERY),
        fusion: true,
        max_binding_bytes: limits.max_storage_buffer_binding_size,
        max_buffer_bytes: limits.max_buffer_size,
        max_invocations: limits.max_compute_invocations_per_workgroup,
        offset_alignment: limits
            .min_storage_buffer_offset_alignment
            .max(limits.min_uniform_buffer_offset_alignment),
        forced: Default::default(),
        tuned: Default::default(),
    }
}

/// Rows and columns of matrices of f16 with sums of f32; WGSL can say square ones only.
fn matrix_side(matrix: &CooperativeMatrixProperties) -> Option<u32> {
    let CooperativeMatrixProperties {
        m_size,
        n_size,
        k_size,
        ab_type,
        cr_type,
        saturating_accumulation,
    } = *matrix;
    let square = m_size == n_size && n_size == k_size;
    let types = ab_type == CooperativeScalarType::F16 && cr_type == CooperativeScalarType::F32;
    (square && types && !saturating_accumulation).then_some(m_size)
}
