//! pix2pix with hand-written WGSL compute shaders: image-to-image translation with conditional
//! adversarial networks (arXiv 1611.07004), trained and run on any Vulkan, Metal or DX12 GPU. A
//! floor uses only the floors below it.
//!
//! | floor | module | what it is for |
//! |---|---|---|
//! | 0 | [`clock`], [`threads`], [`files`] | time, threads, files that are read; also in a tab |
//! | 1 | [`gpu`] | adapters, the device, buffers, kernels (WGSL to pipeline), typed errors |
//! | 2 | [`tensor`] | shapes, their physical layout and storage types |
//! | 3 | [`state`], [`tape`], [`contraction`], [`ops`] | lasting values; the tape; its operations |
//! | 4 | [`program`] | tape to program: dead code, memory plan, kernels, run, print |
//! | 5 | [`nn`] | U-Net, encoder-decoder, ResNet, and PatchGAN |
//! | 6 | [`data`] | pairs of pictures, augmentation, the loader; imports floor 0 alone |
//! | 7 | [`interop`] | files of other programs: safetensors, PyTorch, ONNX, TensorBoard |
//! | 7 | [`metrics`] | numbers from pictures: MAE to SSIM, label scores, intervals |
//! | 7 | [`models`] | the trained generators inside the program, by name (feature `assets`) |
//! | 8 | [`train`] | the configuration and its rules, losses, the step, checkpoints, the run |
//! | 9 | [`eval`] | how good a trained generator is: scores of pairs, and their page |
//! | 9 | [`compare`] | runs that differ in a few settings: a grid of them, its table and picture |
//! | 9 | [`inspect`] | a program as a table, a drawing, its shaders and its feature maps |
//! | 9 | [`mod@bench`] | timing of kernels and steps (feature `bench`) |
//! | 10 | `studio` | the local server: runs live, translation as one draws (feature `studio`) |
//! | 10 | `cli` | one file a subcommand; the only floor that prints (feature `cli`, a default) |

#[cfg(feature = "bench")]
pub mod bench;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
pub mod compare;
pub mod contraction;
pub mod data;
pub mod eval;
pub mod files;
pub mod gpu;
pub mod inspect;
pub mod interop;
pub mod metrics;
pub mod models;
pub mod nn;
pub mod ops;
pub mod program;
pub mod state;
#[cfg(feature = "studio")]
pub mod studio;
pub mod tape;
pub mod tensor;
pub mod threads;
pub mod train;
