//! Ctrl-C, and the signal that asks a process to end.

use super::note;
use crate::train::TrainError;
use crate::train::run::RunDir;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The exit code of a process that Ctrl-C ended.
pub const INTERRUPTED: u8 = 130;

/// What the signal does.
#[derive(Debug)]
enum Phase {
    /// Before the work begins: the process ends, and the folder of a new run is removed.
    Before(Option<RunDir>),
    /// During the work: training ends after this step, translation after this image or tile, and
    /// `prepare` after the images that are being made.
    Working,
}

/// How far a command is when the signal comes.
#[derive(Debug, Clone)]
pub struct Stop {
    phase: Arc<Mutex<Phase>>,
    flag: Arc<AtomicBool>,
}

impl Stop {
    /// Catches the signal from now on. Until the work begins, the signal also removes the folder of
    /// a `new` run.
    pub fn listen(new: Option<&RunDir>) -> Self {
        let stop = Self {
            phase: Arc::new(Mutex::new(Phase::Before(new.cloned()))),
            flag: Arc::default(),
        };
        let caught = stop.clone();
        // Without a handler, Ctrl-C loses the steps after the last checkpoint. A translation ends
        // in the middle of a file.
        if ctrlc::set_handler(move || caught.signal()).is_err() {
            note(
                "note: Ctrl-C cannot be caught here, and ends the process at once; a run goes on \
                 from its last checkpoint",
            );
        }
        stop
    }

    /// From now on the signal sets the flag that is returned.
    pub fn begin(&self) -> &AtomicBool {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = Phase::Working;
        &self.flag
    }

    /// Fails if the signal came during the work. It is called where the work can end.
    ///
    /// # Errors
    /// [`TrainError::Interrupted`].
    pub fn check(&self) -> Result<(), TrainError> {
        if self.flag.load(Ordering::Relaxed) {
            Err(TrainError::Interrupted)
        } else {
            Ok(())
        }
    }

    fn signal(&self) {
        match &*self.phase.lock().unwrap_or_else(PoisonError::into_inner) {
            Phase::Working => self.flag.store(true, Ordering::Relaxed),
            Phase::Before(new) => {
                new.iter().for_each(RunDir::remove_unsaved);
                exit_at_once(INTERRUPTED.into())
            }
        }
    }
}

/// Ends the process at once. On Unix, libraries do not clean up then. A driver would free what its
/// compiler still uses in another thread.
fn exit_at_once(code: i32) -> ! {
    #[cfg(unix)]
    // SAFETY: `_exit` may be called at any time in any thread; nothing that we own needs to be
    // dropped or flushed at this point.
    unsafe {
        libc::_exit(code)
    }
    #[cfg(not(unix))]
    std::process::exit(code)
}
