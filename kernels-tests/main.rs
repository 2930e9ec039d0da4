//! Every kernel against its loop-only f64 twin, on whatever adapter `PIX2PIX_ADAPTER` names (the
//! default one when unset).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod activation;
mod adam;
mod batch_norm;
mod channel_sum;
mod contraction;
mod conv2d;
mod conv2d_grad_weight;
mod conv_transpose2d;
mod device;
mod device_memory;
mod dropout;
mod elementwise;
mod ema;
mod families;
mod form;
mod fuse;
mod fused;
mod gradient_penalty;
mod half;
mod harness;
mod image_pool;
mod initial;
mod loss;
mod loss_scale;
mod memory_plan;
mod monitor;
mod objectives;
mod program;
mod random;
mod recipe;
mod recompute;
mod reduction;
mod resample;
mod running_statistics;
mod second_order;
mod sgd;
mod shaders;
mod sizes;
mod tape;
mod tiles;
mod training;
mod translate;
mod tune;
mod window;
