//! The driver's compiled pipelines, kept in the user's cache from one start to the next. Vulkan
//! only: elsewhere the driver keeps its own.

use super::UserCache;
use std::sync::atomic::{AtomicBool, Ordering};
use wgpu::{Device, Features, PipelineCache, PipelineCacheDescriptor};

/// The file in the user's cache.
const FILE: &str = "pipelines.bin";

/// A pipeline cache that is written back when it is dropped, if a kernel was built meanwhile.
#[derive(Debug)]
pub(super) struct Pipelines {
    cache: Option<PipelineCache>,
    folder: UserCache,
    grown: AtomicBool,
}

impl Pipelines {
    /// Reads what an earlier process left; nothing where the device has no such caches.
    pub fn open(device: &Device, folder: UserCache) -> Self {
        let cache = device
            .features()
            .contains(Features::PIPELINE_CACHE)
            .then(|| {
                let data = folder.read(FILE);
                let descriptor = PipelineCacheDescriptor {
                    label: Some("pix2pix"),
                    data: data.as_deref(),
                    fallback: true,
                };
                // SAFETY: the bytes are what `get_data` gave for this device, driver and version of
                // ours, in a file that is replaced whole or not at all; wgpu checks their header
                // and starts with an empty cache where it does not fit.
                unsafe { device.create_pipeline_cache(&descriptor) }
            });
        Self {
            cache,
            folder,
            grown: AtomicBool::new(false),
        }
    }

    /// For a pipeline that is about to be built.
    pub fn for_building(&self) -> Option<&PipelineCache> {
        self.grown.store(true, Ordering::Relaxed);
        self.cache.as_ref()
    }
}

impl Drop for Pipelines {
    fn drop(&mut self) {
        if self.grown.load(Ordering::Relaxed)
            && let Some(data) = self.cache.as_ref().and_then(PipelineCache::get_data)
        {
            self.folder.write(FILE, &data);
        }
    }
}
