//! The `pix2pix` program: parses the command line and calls [`pix2pix::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    pix2pix::gpu::quiet_drivers();
    pix2pix::cli::run()
}
