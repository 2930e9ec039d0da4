//! Ctrl-C, and the signal that asks a process to end.

use super::note;
use crate::train::TrainError;
use crate::train::run::RunDir;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The exit code of a process that Ctrl-C ended.
pub const INTERRUPTED: u8 = 130;

/// From when on a second signal is one that somebody meant. Some programs hand on a signal that the
/// terminal has sent as well, and then it comes twice at once.
const MEANT: Duration = Duration::from_secs(1);

/// What the signal does.
#[derive(Debug)]
enum Phase {
    /// Before the work begins: the process ends, and the folder of a new run is removed.
    Before(Option<RunDir>),
    /// During the work: translation ends after this image or tile, `prepare` after the images that
    /// are being made, and scores after this pair.
    Working,
    /// During a training: it is saved and ends after this step. A second signal ends the process,
    /// and removes the folder of a new run that has saved nothing.
    Training {
        new: Option<RunDir>,
        stopped: Option<Instant>,
    },
    /// While a server answers: it is told to end. A second signal ends the process.
    #[cfg(feature = "studio")]
    Serving {
        end: EndServer,
        stopped: Option<Instant>,
    },
}

/// Tells a server to end.
#[cfg(feature = "studio")]
struct EndServer(Box<dyn Fn() + Send>);

#[cfg(feature = "studio")]
impl std::fmt::Debug for EndServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EndServer")
    }
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

    /// The same during a training, which a second signal ends at once.
    pub fn begin_training(&self) -> &AtomicBool {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let new = match &mut *phase {
            Phase::Before(new) => new.take(),
            _ => None,
        };
        *phase = Phase::Training { new, stopped: None };
        &self.flag
    }

    /// From now on the signal calls `end`, and a second one ends the process at once.
    #[cfg(feature = "studio")]
    pub fn begin_serving(&self, end: impl Fn() + Send + 'static) {
        let end = EndServer(Box::new(end));
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        *phase = Phase::Serving { end, stopped: None };
    }

    /// After a training: from here on a second signal ends nothing. The copy of the run's folder is
    /// let go, and its lock ends with the last copy.
    pub fn end_training(&self) {
        self.begin();
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
        match &mut *self.phase.lock().unwrap_or_else(PoisonError::into_inner) {
            Phase::Working => self.flag.store(true, Ordering::Relaxed),
            Phase::Before(new) => end(new.as_ref()),
            Phase::Training { new, stopped } => match stopped {
                None => {
                    *stopped = Some(Instant::now());
                    self.flag.store(true, Ordering::Relaxed);
                    note(
                        "stopping: the run is saved and ends; Ctrl-C again ends it at once, \
                         without saving",
                    );
                }
                Some(since) if since.elapsed() < MEANT => {}
                Some(_) => end(new.as_ref()),
            },
            #[cfg(feature = "studio")]
            Phase::Serving {
                end: end_server,
                stopped,
            } => match stopped {
                None => {
                    *stopped = Some(Instant::now());
                    note(
                        "ending: a training of the studio is saved first; Ctrl-C again ends it at \
                         once, without saving",
                    );
                    (end_server.0)();
                }
                Some(since) if since.elapsed() < MEANT => {}
                Some(_) => end(None),
            },
        }
    }
}

/// Ends the process, and removes the folder of a `new` run that has saved nothing.
fn end(new: Option<&RunDir>) -> ! {
    new.into_iter().for_each(RunDir::remove_unsaved);
    exit_at_once(INTERRUPTED.into())
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::train::Config;

    /// A second signal would remove the folder if nothing was saved.
    #[test]
    fn a_training_knows_if_its_run_is_new() {
        let root = tempfile::tempdir().unwrap();
        let run = RunDir::create(root.path(), "r").unwrap();
        run.write_config(&Config::default()).unwrap();
        for (new, expected) in [(Some(run), true), (None, false)] {
            let stop = Stop {
                phase: Arc::new(Mutex::new(Phase::Before(new))),
                flag: Arc::default(),
            };
            assert!(!stop.begin_training().load(Ordering::Relaxed));
            stop.signal();
            stop.signal();
            assert!(stop.check().is_err());
            let phase = stop.phase.lock().unwrap();
            let is_new = |phase: &Phase| match phase {
                Phase::Training { new, stopped } => stopped.map(|_| new.is_some()),
                _ => None,
            };
            assert_eq!(is_new(&phase), Some(expected));
            drop(phase);
            stop.end_training();
            assert!(
                RunDir::open(root.path(), "r").is_ok(),
                "it is locked no more"
            );
        }
    }
}
