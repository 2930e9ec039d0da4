//! Every kernel against its loop-only f64 twin, on whatever adapter `PIX2PIX_ADAPTER` names (the default one when unset).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod harness;

mod activation;
mod elementwise;
