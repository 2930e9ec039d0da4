//! Devices, the tape and programs, on whatever adapter `PIX2PIX_ADAPTER` names (the default one
//! when unset).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod device;
mod device_memory;
mod fuse;
mod fused;
mod gradient_penalty;
mod gradients;
mod initial;
mod memory_plan;
mod objectives;
mod program;
mod recompute;
mod second_order;
mod tape;
mod tune;
mod values;
mod vector_width;
