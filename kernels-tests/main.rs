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
mod conv2d;
mod conv2d_grad_weight;
mod conv_transpose2d;
mod dropout;
mod elementwise;
mod ema;
mod image_pool;
mod loss;
mod loss_scale;
mod monitor;
mod random;
mod reduction;
mod resample;
mod sgd;
mod window;
