//! Whole runs, on whatever adapter `PIX2PIX_ADAPTER` names (the default one when unset).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod half;
mod recipe;
mod resume;
mod runs;
mod sizes;
mod tiles;
