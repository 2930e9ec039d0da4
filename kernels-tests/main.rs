//! Every kernel against its loop-only f64 twin, on whatever adapter `PIX2PIX_ADAPTER` names (the default one when unset).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod contraction;
mod fuse;
mod fused;
mod harness;

mod activation;
mod adam;
mod batch_norm;
mod channel_sum;
mod conv2d;
mod conv2d_grad_weight;
mod conv_transpose2d;
mod device;
mod device_memory;
mod dropout;
mod elementwise;
mod families;
mod half;
mod loss;
mod loss_scale;
mod memory_plan;
mod monitor;
mod objectives;
mod program;
mod random;
mod recompute;
mod reduction;
mod running_statistics;
mod second_order;
mod shaders;
mod tape;
mod training;
mod translate;
mod tune;
