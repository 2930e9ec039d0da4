//! Collects every kernel that a program can select, each once.

use crate::networks::{forced_networks, networks};
use crate::operations::{candidates_of_all, operations};
use crate::translate::{Translated, Versions, translate};
use pix2pix::gpu::{Interface, KernelSpec, Profile};
use pix2pix::program::{Plan, fuse};
use pix2pix::state::StateList;
use pix2pix::tape::{Dispatch, Tape, Var};
use std::collections::HashMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A kernel, and one launch of it.
pub struct Variant {
    /// The shader's name with its constants, as tables print it.
    pub label: String,
    /// A launch.
    pub dispatch: Dispatch,
    /// What its text declares.
    pub interface: Interface,
    /// What naga makes of that text for the oldest versions, or why it is no shader.
    pub translated: Result<Translated, String>,
}

/// Launches of the distinct kernels.
#[derive(Default)]
pub struct Found(HashMap<KernelSpec, Dispatch>);

/// A part of the search, which runs on a thread of its own.
pub type Search = Box<dyn Fn(&mut Found) + Send + Sync>;

impl Found {
    /// Adds what a tape launches on each of these devices, fused and not.
    pub fn add(&mut self, tape: &Tape, states: &StateList, outputs: &[Var], profiles: &[Profile]) {
        // Fusion asks nothing of the device, so that each tape is fused once.
        for tape in [tape, &fuse(tape, states, outputs)] {
            for profile in profiles {
                let as_it_is = Profile {
                    fusion: false,
                    ..profile.clone()
                };
                let plan = Plan::new(tape, states, outputs, &as_it_is).unwrap();
                for dispatch in plan.steps.into_iter().flat_map(|step| step.dispatches) {
                    if !self.0.contains_key(&dispatch.kernel) {
                        self.0.insert(dispatch.kernel.clone(), dispatch);
                    }
                }
            }
        }
    }
}

/// Every kernel, in the order of the labels. What naga says to them is asked once for all tests.
pub static VARIANTS: LazyLock<Vec<Variant>> = LazyLock::new(|| {
    let searches: Vec<Search> = networks()
        .into_iter()
        .chain(operations())
        .chain(candidates_of_all())
        .chain(forced_networks())
        .collect();
    let found = in_parallel(&searches, |search| {
        let mut found = Found::default();
        search(&mut found);
        found.0
    });
    // Of the launches of one kernel the first that was asked for, whichever thread was faster.
    let mut all = HashMap::new();
    for (kernel, dispatch) in found.into_iter().flatten() {
        all.entry(kernel).or_insert(dispatch);
    }
    let dispatches: Vec<Dispatch> = all.into_values().collect();
    let mut variants = in_parallel(&dispatches, |dispatch| {
        let label = dispatch.kernel.label();
        let text = dispatch.kernel.text().unwrap();
        Variant {
            interface: Interface::of(&label, &text).unwrap(),
            translated: translate(&label, &text, Versions::Oldest),
            dispatch: dispatch.clone(),
            label,
        }
    });
    variants.sort_by(|a, b| a.label.cmp(&b.label));
    variants
});

/// `f` of each item, in their order, computed on as many threads as the machine has cores.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut results = Vec::new();
        while let Some((at, item)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            items.get(at).map(|item| (at, item))
        } {
            results.push((at, f(item)));
        }
        results
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut results: Vec<(usize, R)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
