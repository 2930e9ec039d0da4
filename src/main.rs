//! The `pix2pix` program: parses the command line and calls [`pix2pix::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    // SAFETY: nothing has started a thread yet.
    unsafe { pix2pix::gpu::quiet_drivers() };
    pix2pix::cli::run()
}
