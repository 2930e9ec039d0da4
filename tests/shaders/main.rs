//! What needs no device: every shader through every backend, and the files of the families.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod duplicates;
mod families;
mod files;
mod networks;
mod operations;
mod profiles;
mod shaders;
mod tab;
mod translate;
mod variants;
