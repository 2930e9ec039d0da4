//! Every kernel that a program can select, without a GPU: it validates, fits its caller, and
//! translates to SPIR-V, MSL and HLSL.

use crate::files::shader_files;
use crate::translate::{Translated, Versions, translate};
use crate::variants::{VARIANTS, Variant, in_parallel};
use pix2pix::gpu::{Access, HostShareable, Interface};
use pix2pix::tape::{Slot, StepState};
use std::collections::BTreeSet;
use std::collections::HashSet;

/// What WebGPU promises to every kernel.
const MOST_STORAGE_BINDINGS: usize = 8;
const MOST_INVOCATIONS: u32 = 256;
const MOST_WORKGROUP_BYTES: u32 = 16 << 10;

#[test]
fn every_variant_translates_to_spirv_msl_and_hlsl() {
    assert_none_refused(VARIANTS.iter().map(|variant| &variant.translated));
}

#[test]
#[ignore = "second tier: every version of every language"]
fn every_variant_translates_to_every_version() {
    let translated = in_parallel(
        &VARIANTS,
        |Variant {
             label, dispatch, ..
         }| { translate(label, &dispatch.kernel.text().unwrap(), Versions::Every) },
    );
    assert_none_refused(translated.iter());
}

fn assert_none_refused<'a>(
    translated: impl ExactSizeIterator<Item = &'a Result<Translated, String>>,
) {
    let count = translated.len();
    let refusal = |translated: &Result<Translated, String>| match translated {
        Ok(translated) => translated.outcome.clone().err(),
        Err(invalid) => Some(invalid.clone()),
    };
    let failures: Vec<String> = translated.filter_map(refusal).collect();
    assert!(
        failures.is_empty(),
        "{} of {count} variants:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// A tab reads the declarations alone, and must find the same in them.
fn is_that_of_its_declarations(variant: &Variant) {
    let text = variant.dispatch.kernel.text().unwrap();
    let declared = Interface::declared(&variant.label, &text).unwrap();
    assert_eq!(declared, variant.interface, "{}", variant.label);
}

#[test]
fn the_interface_of_each_file_is_that_of_its_declarations() {
    let mut seen = HashSet::new();
    let first = VARIANTS
        .iter()
        .filter(|variant| seen.insert(variant.dispatch.kernel.source.name));
    first.for_each(is_that_of_its_declarations);
    assert!(seen.len() > 50, "{} files", seen.len());
}

#[test]
#[ignore = "second tier: every variant"]
fn every_interface_is_that_of_its_declarations() {
    VARIANTS.iter().for_each(is_that_of_its_declarations);
}

#[test]
fn every_variant_fits_its_caller_and_the_least_device() {
    for variant in VARIANTS.iter() {
        fits_its_caller(variant);
        fits_the_least_device(variant);
    }
}

fn fits_its_caller(variant: &Variant) {
    let Variant {
        label,
        dispatch,
        interface,
        ..
    } = variant;
    assert_eq!(
        interface.bindings.len(),
        dispatch.slots.len() + 1,
        "{label}: bindings"
    );
    assert_eq!(
        interface.params_bytes as usize,
        dispatch.params.len(),
        "{label}: bytes of parameters"
    );
    assert_eq!(interface.bindings[0], (0, Access::Uniform), "{label}");
    let mut numbered = interface.bindings.iter().enumerate();
    assert!(
        numbered.all(|(i, &(number, _))| number as usize == i),
        "{label}: gaps"
    );
}

fn fits_the_least_device(variant: &Variant) {
    let Variant {
        label, interface, ..
    } = variant;
    let is_storage = |access: &Access| *access != Access::Uniform;
    let bindings = interface.bindings.iter();
    let storage = bindings.filter(|(_, access)| is_storage(access)).count();
    assert!(
        storage <= MOST_STORAGE_BINDINGS,
        "{label}: {storage} storage bindings"
    );
    let invocations: u32 = interface.workgroup.iter().product();
    assert!(
        (1..=MOST_INVOCATIONS).contains(&invocations),
        "{label}: {invocations} invocations"
    );
    let bytes = variant.translated.as_ref().unwrap().workgroup_bytes;
    assert!(
        bytes <= MOST_WORKGROUP_BYTES,
        "{label}: {bytes} bytes of workgroup memory"
    );
}

#[test]
fn every_uniform_has_the_members_that_its_rust_struct_has() {
    let mut differences = Vec::new();
    for variant in VARIANTS.iter() {
        let of_slot = |slot: &Slot| match slot {
            Slot::Step => StepState::members("", 0),
            _ => Vec::new(),
        };
        let dispatch = &variant.dispatch;
        let expected =
            std::iter::once((dispatch.members)()).chain(dispatch.slots.iter().map(of_slot));
        for (binding, rust) in expected.enumerate() {
            let wgsl = variant.interface.uniform(binding as u32);
            if wgsl != rust {
                differences.push(format!(
                    "{}, binding {binding}: WGSL {wgsl:?}, Rust {rust:?}",
                    variant.label
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// There were 3178 of them when this was written. Far fewer would mean that a search was lost.
#[test]
fn every_search_still_finds_its_variants() {
    assert!(VARIANTS.len() > 3000, "{} variants", VARIANTS.len());
}

#[test]
fn every_shader_file_is_selected_somewhere() {
    let selected: BTreeSet<String> = VARIANTS
        .iter()
        .map(|variant| variant.dispatch.kernel.source.name.to_owned())
        .collect();
    let files: BTreeSet<String> = shader_files()
        .iter()
        .map(|(family, stem, _)| format!("{family}/{stem}"))
        .collect();
    assert_eq!(selected, files);
}
