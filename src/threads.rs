//! Floor 0: work on several threads. Where there are none, as in a browser's tab, the caller does
//! all of it.

use std::io;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, Builder};

/// Whether threads can be started at all.
pub const AVAILABLE: bool = !cfg!(all(target_family = "wasm", target_os = "unknown"));

/// How many threads work side by side: one for each core that this process may use.
pub fn count() -> usize {
    match AVAILABLE {
        true => thread::available_parallelism().map_or(1, NonZeroUsize::get),
        false => 1,
    }
}

/// Runs `work` on so many threads at once, of which this one is the last. It returns when all of
/// them have. A panic of one goes on here.
///
/// # Errors
/// A thread that cannot be started. Then `unstarted` is called, no further thread is started, and
/// the others do the work.
pub fn run(
    threads: usize,
    work: impl Fn() + Sync,
    unstarted: impl FnOnce(),
) -> Result<(), io::Error> {
    if threads <= 1 || !AVAILABLE {
        work();
        return Ok(());
    }
    thread::scope(|scope| {
        let mut started = Vec::with_capacity(threads - 1);
        let mut all = Ok(());
        for _ in 1..threads {
            match Builder::new().spawn_scoped(scope, &work) {
                Ok(handle) => started.push(handle),
                Err(error) => {
                    unstarted();
                    all = Err(error);
                    break;
                }
            }
        }
        work();
        for handle in started {
            if let Err(panic) = handle.join() {
                resume_unwind(panic);
            }
        }
        all
    })
}

/// Hands each item to `work`, on all cores.
pub fn each<T: Send>(items: impl ExactSizeIterator<Item = T> + Send, work: impl Fn(T) + Sync) {
    let threads = count().min(items.len());
    let items = Mutex::new(items);
    let next = || {
        let mut items = items.lock().unwrap_or_else(PoisonError::into_inner);
        items.next()
    };
    let one_after_the_other = || {
        while let Some(item) = next() {
            work(item);
        }
    };
    // If a thread cannot be started, nothing is lost: this one works too.
    let _ = run(threads, one_after_the_other, || {});
}

/// What `work` makes of each item, in the order of the items, on all cores.
pub fn map<T: Sync, R: Send + Sync>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let slots: Vec<OnceLock<R>> = items.iter().map(|_| OnceLock::new()).collect();
    each(items.iter().zip(&slots), |(item, slot)| {
        slot.get_or_init(|| work(item));
    });
    slots.into_iter().filter_map(OnceLock::into_inner).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn each_thread_works_and_results_keep_their_order() {
        for threads in [0, 1, 2, 9] {
            let times = AtomicUsize::new(0);
            let work = || {
                times.fetch_add(1, Ordering::Relaxed);
            };
            run(threads, work, || {}).unwrap();
            assert_eq!(times.into_inner(), threads.max(1));
        }
        let items: Vec<usize> = (0..100).collect();
        let squares = map(&items, |item| item * item);
        assert!(
            squares
                .iter()
                .enumerate()
                .all(|(i, square)| i * i == *square)
        );
        assert!(map(&[], |item: &usize| *item).is_empty());
        let mut numbers = vec![1; 10];
        each(numbers.chunks_mut(3), |part| part.fill(2));
        assert_eq!(numbers, [2; 10]);
    }

    #[test]
    fn a_panic_of_a_thread_goes_on_in_the_caller() {
        let caught = std::panic::catch_unwind(|| {
            map(&[1, 2, 3, 4], |&item: &i32| {
                assert_ne!(item, 3, "the third")
            });
        });
        let panic = caught.unwrap_err();
        assert!(
            panic
                .downcast_ref::<String>()
                .unwrap()
                .contains("the third")
        );
    }
}
