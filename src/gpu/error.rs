//! What can go wrong between us and the device.

use thiserror::Error;

/// Errors of the `gpu` floor; each says what was being done and what to do about it.
#[derive(Debug, Error)]
pub enum GpuError {
    /// No adapter of any backend was found.
    #[error("no GPU adapter found: {remedy}")]
    NoAdapter {
        /// One line that says what to install on this operating system.
        remedy: &'static str,
    },
    /// The adapter that was asked for is not there.
    #[error("no adapter matches \"{selector}\"; there are: {available} (see `pix2pix adapters`)")]
    UnknownAdapter {
        /// What the user asked for.
        selector: String,
        /// The adapters by index and name.
        available: String,
    },
    /// The driver refused to open a device on an adapter.
    #[error("cannot open adapter \"{adapter}\": {reason}; choose another one with `adapter`")]
    OpenDevice {
        /// The adapter's name.
        adapter: String,
        /// The driver's words.
        reason: String,
    },
    /// A device limit lies below what a kernel or a buffer needs.
    #[error("{what} needs {needed} {unit}, the device allows {allowed}; {remedy}")]
    Limit {
        /// The thing that does not fit.
        what: String,
        /// How much it needs.
        needed: u64,
        /// How much there is.
        allowed: u64,
        /// The unit of both numbers.
        unit: &'static str,
        /// What the user can do.
        remedy: &'static str,
    },
    /// The device has no memory left.
    #[error(
        "out of device memory while {doing}, {} MiB are in use; use smaller images, a smaller \
         batch or a narrower network",
        held >> 20
    )]
    OutOfMemory {
        /// What was being done.
        doing: String,
        /// Bytes of all buffers that it had given by then.
        held: u64,
    },
    /// The device was lost: a driver reset, a time-out or an unplugged adapter.
    #[error("the device was lost ({reason}); continue the run with `resume`")]
    DeviceLost {
        /// The driver's words.
        reason: String,
    },
    /// The driver or wgpu refused a call: a bug on one of the two sides.
    #[error("the device refused {doing}: {reason}")]
    Refused {
        /// What was being done.
        doing: String,
        /// The words of the refusal.
        reason: String,
    },
    /// 16-bit floats were asked for on a device that has none.
    #[error(
        "{adapter} has no 16-bit floats in shaders, which `precision` f16 needs; use `precision` \
         f32 or another `adapter`"
    )]
    NoF16 {
        /// The adapter's name.
        adapter: String,
    },
    /// A shader does not parse or validate.
    #[error("shader {shader}: {reason}")]
    Shader {
        /// Folder and file stem under `shaders/`.
        shader: String,
        /// The first lines of naga's report.
        reason: String,
    },
    /// A shader names a part that is not there.
    #[error("shader {shader}: there is no part \"{part}\" in shaders/parts/; there are: {known}")]
    Part {
        /// Folder and file stem under `shaders/`.
        shader: String,
        /// The name in its line of parts.
        part: String,
        /// The parts that there are.
        known: String,
    },
    /// A constant or alias stands twice in the shader with its parts, or nowhere though it is to be
    /// replaced.
    #[error(
        "shader {shader}: {what} {name} is declared {found} times, it must be declared exactly once"
    )]
    Declaration {
        /// Folder and file stem under `shaders/`.
        shader: String,
        /// `constant` or `alias`.
        what: &'static str,
        /// Its name.
        name: String,
        /// How many declarations there are.
        found: usize,
    },
    /// Bindings or parameters of a dispatch do not match the shader's declarations.
    #[error("shader {shader}: {what}: the shader declares {declared}, the caller gives {given}")]
    Interface {
        /// Folder and file stem under `shaders/`.
        shader: String,
        /// Which part of the interface.
        what: &'static str,
        /// What the shader declares.
        declared: String,
        /// What the caller gives.
        given: String,
    },
}
