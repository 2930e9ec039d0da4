//! `pix2pix adapters`.

use super::{CliError, note, print};
use crate::gpu::{AdapterSummary, DeviceOptions, Gpu, GpuError, list_adapters};
use clap::Args;
use pollster::block_on;
use std::collections::BTreeSet;
use wgpu::{CooperativeMatrixProperties, Features};

/// Arguments of `adapters`.
#[derive(Debug, Args)]
#[command(after_help = "Example: pix2pix adapters")]
pub struct AdaptersArgs {}

/// Lists the adapters; the one that is chosen by default has a star.
pub fn run(_: &AdaptersArgs) -> Result<(), CliError> {
    let adapters = block_on(list_adapters());
    if adapters.is_empty() {
        // Opening one words the remedy for this system.
        block_on(Gpu::open(&DeviceOptions::default()))?;
        return Err(GpuError::NoAdapter {
            remedy: "install a graphics driver",
        }
        .into());
    }
    for adapter in &adapters {
        print(&describe(adapter))?;
    }
    note("* is chosen when no --adapter is given");
    Ok(())
}

fn describe(adapter: &AdapterSummary) -> String {
    let AdapterSummary {
        index,
        info,
        limits,
        features,
        matrices,
        default,
    } = adapter;
    let yes = |feature| {
        if features.contains(feature) {
            "yes"
        } else {
            "no"
        }
    };
    let subgroup = match features.contains(Features::SUBGROUP) {
        true if info.subgroup_min_size == info.subgroup_max_size => {
            format!("{} lanes", info.subgroup_min_size)
        }
        true => format!(
            "{} to {} lanes",
            info.subgroup_min_size, info.subgroup_max_size
        ),
        false => "no".to_owned(),
    };
    format!(
        "{star} {index}: {name}\n    {kind:?}, {backend}, driver {driver} {driver_info}\n    \
         subgroups {subgroup}; f16 {f16}; 64-bit integers {int64}; matrix units {matrix}; \
         timestamps {timestamps}\n    \
         largest buffer {buffer} MiB, binding {binding} MiB; workgroup {invocations} threads, \
         {shared} KiB",
        star = if *default { "*" } else { " " },
        name = info.name,
        kind = info.device_type,
        backend = info.backend,
        driver = info.driver,
        driver_info = info.driver_info,
        f16 = yes(Features::SHADER_F16),
        int64 = yes(Features::SHADER_INT64),
        matrix = describe_matrices(matrices),
        timestamps = yes(Features::TIMESTAMP_QUERY),
        buffer = limits.max_buffer_size >> 20,
        binding = limits.max_storage_buffer_binding_size >> 20,
        invocations = limits.max_compute_invocations_per_workgroup,
        shared = limits.max_compute_workgroup_storage_size >> 10,
    )
}

/// Rows, inner size and columns with the types of operands and sums: `8x8x8 f16 to f32`.
fn describe_matrices(matrices: &[CooperativeMatrixProperties]) -> String {
    let name = |scalar| format!("{scalar:?}").to_lowercase();
    let describe = |m: &CooperativeMatrixProperties| {
        format!(
            "{}x{}x{} {} to {}",
            m.m_size,
            m.k_size,
            m.n_size,
            name(m.ab_type),
            name(m.cr_type)
        )
    };
    let kinds: BTreeSet<String> = matrices.iter().map(describe).collect();
    if kinds.is_empty() {
        "no".to_owned()
    } else {
        kinds.into_iter().collect::<Vec<_>>().join(", ")
    }
}
