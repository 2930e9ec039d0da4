//! Floor 0: the time, natively and in a browser's tab. All other floors but `cli` take it from
//! here: a tab has no clock behind [`std::time::Instant`], which panics there.

pub use std::time::Duration;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use std::time::Instant;
/// The clock of a tab: `globalThis.performance.now()`, of a window or a worker.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub use web_time::Instant;

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use std::time::{SystemTime, UNIX_EPOCH};
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
use web_time::{SystemTime, UNIX_EPOCH};

/// The time since the beginning of 1970, UTC. A clock that is set before that gives 0.
pub fn since_1970() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or(Duration::ZERO)
}
