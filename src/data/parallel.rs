//! One piece of work on many items, on several threads.

use super::error::DataError;
use crate::threads::run;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Runs `work` on all items, on so many `threads`. After an error no new item is begun.
///
/// # Errors
/// [`DataError::Spawn`]; else the error of the first item that failed, in the order of the items.
pub fn in_parallel<T: Sync, E: From<DataError> + Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<(usize, E)>> = Mutex::new(None);
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return };
            if let Err(error) = work(item) {
                next.store(items.len(), Ordering::Relaxed);
                // The value is whole even if a thread panicked while it held the lock.
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                if failed.as_ref().is_none_or(|&(first, _)| index < first) {
                    *failed = Some((index, error));
                }
            }
        }
    };
    let stop = || next.store(items.len(), Ordering::Relaxed);
    run(threads.min(items.len()), worker, stop).map_err(|source| DataError::Spawn { source })?;
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.map_or(Ok(()), |(_, error)| Err(error))
}

/// Hands what `read` makes of each item to `work`, on so many `threads`. What cannot be read does
/// not stop the others, so that all of it is known at once.
///
/// # Errors
/// Those of all items that cannot be read, in the order of the items. Else the first one of `work`,
/// and [`DataError::Spawn`].
pub(super) fn each_readable<T: Sync, I>(
    items: &[T],
    threads: usize,
    read: impl Fn(&T) -> Result<I, DataError> + Sync,
    work: impl Fn(I) -> Result<(), DataError> + Sync,
) -> Result<(), DataError> {
    let (unreadable, failed): (Mutex<BTreeMap<_, _>>, Mutex<BTreeMap<_, _>>) = Default::default();
    let keep = |errors: &Mutex<BTreeMap<usize, DataError>>, index, error| {
        let mut errors = errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.insert(index, error);
    };
    let places: Vec<(usize, &T)> = items.iter().enumerate().collect();
    in_parallel(
        &places,
        threads,
        |&(index, item)| -> Result<(), DataError> {
            match read(item).map(&work) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => keep(&failed, index, error),
                Err(error) => keep(&unreadable, index, error),
            }
            Ok(())
        },
    )?;
    let [unreadable, failed] = [unreadable, failed]
        .map(|errors| errors.into_inner().unwrap_or_else(PoisonError::into_inner));
    let first = || failed.into_values().next();
    DataError::of_files(unreadable.into_values().collect())
        .or_else(first)
        .map_or(Ok(()), Err)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn all_items_are_worked_on_and_the_first_failure_is_told() {
        let items: Vec<usize> = (0..50).collect();
        for threads in [0, 1, 4, 100] {
            let sum = AtomicUsize::new(0);
            let add = |&item: &usize| {
                sum.fetch_add(item, Ordering::Relaxed);
                Ok::<(), DataError>(())
            };
            in_parallel(&items, threads, add).unwrap();
            assert_eq!(sum.into_inner(), 49 * 50 / 2);
            let missing = |&item: &usize| match item % 10 {
                7 => Err(DataError::NotFound {
                    path: item.to_string().into(),
                }),
                _ => Ok(()),
            };
            let message = in_parallel(&items, threads, missing)
                .unwrap_err()
                .to_string();
            assert!(message.starts_with("7:"), "{message}");
        }
        in_parallel(&[], 4, |path: &PathBuf| {
            Err(DataError::NotFound { path: path.clone() })
        })
        .unwrap();
    }
}
