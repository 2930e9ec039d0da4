//! Error scopes: what the driver says of one call.
//!
//! Natively the answer is there when the scope ends. A browser answers later, and nothing may wait
//! for it in a call that is not asynchronous. Then the answer is kept under way, and
//! [`Gpu::check`](super::Gpu::check) reports it.

use super::GpuError;
use super::lock::lock;
use std::fmt;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use wgpu::{ErrorFilter, ErrorScopeGuard};

type Answer = Pin<Box<dyn Future<Output = Option<wgpu::Error>> + Send>>;
type Named = Box<dyn FnOnce(&wgpu::Error) -> GpuError + Send>;

/// The answers of error scopes that have not come yet.
#[derive(Default)]
pub(super) struct Scopes {
    under_way: Mutex<Vec<(Answer, Named)>>,
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} scopes under way", lock(&self.under_way).len())
    }
}

impl Scopes {
    /// Begins a scope. End it with [`Scopes::end`].
    pub fn begin(device: &wgpu::Device, filter: ErrorFilter) -> ErrorScopeGuard {
        device.push_error_scope(filter)
    }

    /// Ends a scope. `name` makes our error of the driver's.
    ///
    /// # Errors
    /// What the driver said, if its answer is there already.
    pub fn end(
        &self,
        scope: ErrorScopeGuard,
        name: impl FnOnce(&wgpu::Error) -> GpuError + Send + 'static,
    ) -> Result<(), GpuError> {
        let mut answer: Answer = Box::pin(scope.pop());
        match poll_once(&mut answer) {
            Poll::Ready(None) => Ok(()),
            Poll::Ready(Some(error)) => Err(name(&error)),
            Poll::Pending => {
                lock(&self.under_way).push((answer, Box::new(name)));
                Ok(())
            }
        }
    }

    /// The first error among the answers that have come since.
    pub fn first_error(&self) -> Option<GpuError> {
        let mut first = None;
        let mut under_way = lock(&self.under_way);
        for (mut answer, name) in std::mem::take(&mut *under_way) {
            match poll_once(&mut answer) {
                Poll::Ready(None) => {}
                Poll::Ready(Some(error)) => first = first.or_else(|| Some(name(&error))),
                Poll::Pending => under_way.push((answer, name)),
            }
        }
        first
    }
}

/// Asks a future once. It wakes nobody: whoever wants to know asks again.
pub(super) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    fn refused(error: &wgpu::Error) -> GpuError {
        GpuError::Refused {
            doing: "a call".to_owned(),
            reason: error.to_string(),
        }
    }

    fn error(description: &str) -> wgpu::Error {
        wgpu::Error::Validation {
            source: description.into(),
            description: description.to_owned(),
        }
    }

    #[test]
    fn answers_that_come_later_are_reported_once_and_the_others_stay() {
        let scopes = Scopes::default();
        let answers: [Answer; 4] = [
            Box::pin(pending()),
            Box::pin(ready(None)),
            Box::pin(ready(Some(error("first")))),
            Box::pin(ready(Some(error("second")))),
        ];
        for answer in answers {
            lock(&scopes.under_way).push((answer, Box::new(refused)));
        }
        let found = scopes.first_error().unwrap().to_string();
        assert!(found.contains("first"), "{found}");
        assert!(scopes.first_error().is_none());
        assert_eq!(lock(&scopes.under_way).len(), 1);
    }
}
