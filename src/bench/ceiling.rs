//! The ceilings of a device: the best contraction and the best copy of any kernel.

use super::report::{BenchmarkKind, Ceiling, Report, ReportEntry};
use super::{BenchError, KernelOptions};
use crate::contraction::Geometry;
use crate::contraction::{Candidate, ContractionKey, Family, Ladder};
use crate::gpu::{DeviceClass, Gpu, Profile};
use crate::ops::elementwise::Scale;
use crate::program::{Clock, KernelBench, Trial};
use crate::state::StateList;
use crate::tape::{Dispatch, LowerContext, Op, Operand};
use crate::tensor::{DType, Shape};

/// Threads of a workgroup and `vec4`s of a thread of the copies that are tried.
const COPIES: [(usize, usize); 5] = [(64, 1), (64, 4), (64, 16), (256, 1), (256, 4)];

/// Measures both ceilings, for operands of each of `dtypes`. Everything that was tried has an
/// entry.
///
/// # Errors
/// What the device reports; also f16 on a device without 16-bit floats.
pub async fn measure_ceiling(
    gpu: &Gpu,
    clock: &Clock,
    options: &KernelOptions,
    dtypes: &[DType],
) -> Result<Report, BenchError> {
    let mut report = Report::new(BenchmarkKind::Ceiling, gpu, clock);
    for &dtype in dtypes {
        let mut entries = Vec::new();
        for key in well_shaped(gpu.profile().class, options.quick, dtype) {
            entries.extend(contractions(gpu, clock, options, &key).await?);
        }
        entries.extend(time_copies(gpu, clock, options, dtype).await?);
        report.ceilings.push(ceiling(&entries, dtype));
        report.entries.extend(entries);
    }
    Ok(report)
}

/// The best of `entries`.
fn ceiling(entries: &[ReportEntry], dtype: DType) -> Ceiling {
    let best = |rate: fn(&ReportEntry) -> f64| {
        let fastest = entries.iter().max_by(|a, b| rate(a).total_cmp(&rate(b)));
        fastest.map_or((0.0, String::new()), |entry| {
            (rate(entry), entry.name.clone())
        })
    };
    let (flop_per_second, contraction) = best(ReportEntry::flop_per_second);
    let (bytes_per_second, copy) = best(|entry| {
        if entry.flop > 0.0 {
            0.0
        } else {
            entry.bytes_per_second()
        }
    });
    Ceiling {
        dtype: dtype.to_string(),
        flop_per_second,
        contraction,
        bytes_per_second,
        copy,
    }
}

/// Contractions that keep a device busy: a matrix product (a convolution by one pixel) and layers
/// of the real networks.
fn well_shaped(class: DeviceClass, quick: bool, dtype: DType) -> Vec<ContractionKey> {
    let side = match (class, quick) {
        (DeviceClass::Gpu, _) => 128,
        (DeviceClass::Cpu, false) => 32,
        (DeviceClass::Cpu, true) => 16,
    };
    let map = |(side, channels): (usize, usize)| Shape::nhwc(1, side, side, channels);
    let key = |family, geometry, large, small| ContractionKey {
        dtype,
        ..ContractionKey::new(family, geometry, map(large), map(small))
    };
    let (product, halve) = (Geometry::new(1, 1, 0), Geometry::new(4, 2, 1));
    let mut keys = vec![
        key(Family::Conv2d, product, (side, 512), (side, 512)),
        key(Family::Conv2d, halve, (2 * side, 64), (side, 128)),
        key(Family::ConvTranspose2d, halve, (2 * side, 64), (side, 128)),
        key(Family::Conv2dGradWeight, product, (side, 512), (side, 512)),
    ];
    keys.truncate(if quick { 2 } else { keys.len() });
    keys
}

/// An entry for each candidate that agrees with the naive one. A quick run tries only the default
/// tile of each rung.
async fn contractions(
    gpu: &Gpu,
    clock: &Clock,
    options: &KernelOptions,
    key: &ContractionKey,
) -> Result<Vec<ReportEntry>, BenchError> {
    let trial = Trial::new(gpu, clock, key, &options.trial()).await?;
    let mut entries: Vec<ReportEntry> = Vec::new();
    let ladder = Ladder::of(key, gpu.profile());
    let tried: Vec<&Candidate> = if options.quick {
        ladder.defaults().collect()
    } else {
        ladder.faster().collect()
    };
    for candidate in tried {
        if !trial.check(candidate).await?.holds() {
            continue;
        }
        let best = entries
            .iter()
            .map(|entry| entry.seconds.median)
            .fold(f64::INFINITY, f64::min);
        let seconds = trial.time(candidate, &options.budget(best)).await?;
        entries.push(ReportEntry {
            name: format!("{key}: {}", candidate.name),
            group: key.family.name().to_owned(),
            kernel: candidate.name.clone(),
            seconds,
            flop: key.macs() as f64 * 2.0,
            bytes: trial.bytes() as f64,
            launches: 1,
        });
    }
    Ok(entries)
}

/// An entry for each way to copy a value larger than any cache.
async fn time_copies(
    gpu: &Gpu,
    clock: &Clock,
    options: &KernelOptions,
    dtype: DType,
) -> Result<Vec<ReportEntry>, BenchError> {
    let bytes = options
        .rotated_bytes
        .min(gpu.profile().max_binding_bytes)
        .min(gpu.profile().max_buffer_bytes);
    let operand = Operand::stored(
        Shape::nhwc(1, 1, (bytes / (4 * dtype.bytes())) as usize, 4),
        dtype,
    );
    let bench = KernelBench::new(gpu, clock, &[operand], operand, 0)?;
    // As the name of a contraction's key.
    let suffix = if dtype == DType::F16 { " f16" } else { "" };
    let mut entries = Vec::new();
    for (threads, per_thread) in COPIES {
        let name = format!("{threads} threads of {per_thread} vec4s");
        let launch = bench.bind(&[copy(gpu.profile(), operand, threads, per_thread)], 0)?;
        let seconds = bench.time(&launch, &options.budget(f64::INFINITY)).await?;
        entries.push(ReportEntry {
            name: format!("copy of {} MiB{suffix}: {name}", bytes >> 20),
            group: "copy".to_owned(),
            kernel: name,
            seconds,
            flop: 0.0,
            bytes: 2.0 * operand.bytes() as f64,
            launches: 1,
        });
    }
    Ok(entries)
}

/// Scaling by one, with this workgroup and this work a thread.
fn copy(profile: &Profile, operand: Operand, threads: usize, per_thread: usize) -> Dispatch {
    let states = StateList::default();
    let lowered = Scale { scale: 1.0 }.lower(&LowerContext {
        inputs: &[operand],
        output: operand,
        byproducts: &[],
        profile,
        states: &states,
    });
    let mut dispatch = lowered.dispatches[0].clone();
    dispatch.kernel = dispatch
        .kernel
        .uint("WORKGROUP", threads)
        .uint("PER_THREAD", per_thread);
    dispatch.groups =
        (operand.shape.rows() * operand.shape.channels4()).div_ceil(threads * per_thread) as u64;
    dispatch
}
