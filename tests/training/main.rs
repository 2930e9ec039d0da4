//! Whole runs, on whatever adapter `PIX2PIX_ADAPTER` names (the default one when unset).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod accumulate;
mod failure;
mod fitting_tiles;
mod half;
mod in_memory;
mod learning;
mod networks;
mod pretrained;
mod recipe;
mod refusals;
mod resume;
mod runs;
mod sizes;
mod tiles;
