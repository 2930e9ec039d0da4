//! Finding adapters and choosing one.

use super::GpuError;
use wgpu::{
    Adapter, AdapterInfo, Backends, CooperativeMatrixProperties, DeviceType, Instance,
    InstanceDescriptor,
};

/// An adapter as users see it: its name, and those of its limits and features that matter to us.
#[derive(Debug, Clone)]
pub struct AdapterSummary {
    /// Position in the list, for choosing it.
    pub index: usize,
    /// Name, driver and backend as the driver reports them.
    pub info: AdapterInfo,
    /// Its limits.
    pub limits: wgpu::Limits,
    /// Its features.
    pub features: wgpu::Features,
    /// What its matrix units multiply.
    pub matrices: Vec<CooperativeMatrixProperties>,
    /// Whether it is the one that is chosen when none is named.
    pub default: bool,
}

/// Asks Mesa not to print its own notices on stderr, by variables of the environment. It comes
/// before the first adapter is looked for.
///
/// # Safety
/// No other thread may run. Call it first in `main`.
pub unsafe fn quiet_drivers() {
    for name in ["NODEVICE_SELECT", "MESA_VK_IGNORE_CONFORMANCE_WARNING"] {
        if std::env::var_os(name).is_none() {
            // SAFETY: the caller says that no other thread can read the environment.
            unsafe { std::env::set_var(name, "1") };
        }
    }
}

/// All adapters of this machine, the preferred backend's first.
pub async fn list_adapters() -> Vec<AdapterSummary> {
    let adapters = enumerate().await;
    let default = default_index(&adapters);
    adapters
        .iter()
        .enumerate()
        .map(|(index, adapter)| AdapterSummary {
            index,
            info: adapter.get_info(),
            limits: adapter.limits(),
            features: adapter.features(),
            matrices: adapter.cooperative_matrix_properties(),
            default: Some(index) == default,
        })
        .collect()
}

/// The adapter that `selector` names by index or by part of its name; without a selector the
/// default one.
///
/// # Errors
/// [`GpuError::NoAdapter`] and [`GpuError::UnknownAdapter`].
pub(super) async fn select(selector: Option<&str>) -> Result<Adapter, GpuError> {
    let mut adapters = enumerate().await;
    let Some(default) = default_index(&adapters) else {
        return Err(GpuError::NoAdapter { remedy: remedy() });
    };
    let index = match selector {
        None => default,
        Some(selector) => {
            position(&adapters, selector).ok_or_else(|| GpuError::UnknownAdapter {
                selector: selector.to_owned(),
                available: describe(&adapters),
            })?
        }
    };
    Ok(adapters.swap_remove(index))
}

/// Vulkan, Metal and DX12; each backend is loaded on its own because loading all of them costs a
/// third of a second.
#[cfg(not(target_arch = "wasm32"))]
async fn enumerate() -> Vec<Adapter> {
    let mut adapters = Vec::new();
    for backends in [Backends::VULKAN, Backends::METAL, Backends::DX12] {
        let instance = Instance::new(InstanceDescriptor {
            backends,
            flags: wgpu::InstanceFlags::empty().with_env(),
            memory_budget_thresholds: wgpu::MemoryBudgetThresholds {
                for_resource_creation: Some(97),
                for_device_loss: None,
            },
            ..InstanceDescriptor::new_without_display_handle()
        });
        adapters.extend(instance.enumerate_adapters(backends).await);
    }
    adapters
}

/// The one that the browser gives out. It has no list, and picks the faster of two GPUs if asked.
#[cfg(target_arch = "wasm32")]
async fn enumerate() -> Vec<Adapter> {
    let instance = Instance::new(InstanceDescriptor {
        backends: Backends::BROWSER_WEBGPU,
        ..InstanceDescriptor::new_without_display_handle()
    });
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    };
    instance
        .request_adapter(&options)
        .await
        .into_iter()
        .collect()
}

/// The first adapter of the best type: discrete, then integrated, virtual, other, and software
/// last.
fn default_index(adapters: &[Adapter]) -> Option<usize> {
    let rank = |adapter: &Adapter| match adapter.get_info().device_type {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    };
    (0..adapters.len()).min_by_key(|&i| rank(&adapters[i]))
}

fn position(adapters: &[Adapter], selector: &str) -> Option<usize> {
    if let Ok(index) = selector.parse::<usize>()
        && index < adapters.len()
    {
        return Some(index);
    }
    // A number that is no index may still be part of a name: "4090".
    let wanted = Some(selector.trim().to_lowercase()).filter(|wanted| !wanted.is_empty())?;
    adapters
        .iter()
        .position(|a| a.get_info().name.to_lowercase().contains(&wanted))
}

fn describe(adapters: &[Adapter]) -> String {
    let names: Vec<String> = adapters
        .iter()
        .enumerate()
        .map(|(i, a)| format!("{i}: {}", a.get_info().name))
        .collect();
    names.join(", ")
}

fn remedy() -> &'static str {
    if cfg!(target_arch = "wasm32") {
        "use a browser that has WebGPU and let it use the GPU: Chrome, Edge, Firefox or Safari of \
         2026, on Linux Chrome with chrome://flags/#enable-unsafe-webgpu"
    } else if cfg!(target_os = "linux") {
        "install a Vulkan driver, on Debian or Ubuntu `apt-get install mesa-vulkan-drivers`, on \
         Fedora `dnf install mesa-vulkan-drivers`"
    } else if cfg!(target_os = "windows") {
        "install the graphics driver of your GPU's maker, it brings Vulkan and DirectX 12"
    } else if cfg!(target_os = "macos") {
        "Metal needs macOS 10.14 or later on a Mac with a Metal GPU"
    } else {
        "install a Vulkan 1.1 driver for this system"
    }
}
