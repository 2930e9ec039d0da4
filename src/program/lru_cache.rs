//! A cache of the values used last. They can be made again: programs for images of many sizes.

use std::mem;

/// The values used last, by key. There is always one.
#[derive(Debug)]
pub struct LruCache<K, V> {
    most: usize,
    newest: (K, V),
    /// The others, the one used longest ago first.
    older: Vec<(K, V)>,
}

impl<K: PartialEq, V> LruCache<K, V> {
    /// Keeps at most `most` values, but never fewer than two; `value` is the first.
    pub fn new(most: usize, key: K, value: V) -> Self {
        Self {
            most: most.max(2),
            newest: (key, value),
            older: Vec::new(),
        }
    }

    /// The value used last.
    pub fn newest(&self) -> &V {
        &self.newest.1
    }

    /// The value of `key`, if it is there. This does not count as a use.
    pub fn get(&self, key: &K) -> Option<&V> {
        std::iter::once(&self.newest)
            .chain(&self.older)
            .find(|(kept, _)| kept == key)
            .map(|(_, value)| value)
    }

    /// Uses the value of `key`. If it is not there, the one used longest ago is dropped, and then
    /// `make` makes it.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn get_or_make<E>(
        &mut self,
        key: K,
        make: impl FnOnce(&K) -> Result<V, E>,
    ) -> Result<&V, E> {
        if self.newest.0 != key {
            let value = match self.older.iter().position(|(kept, _)| *kept == key) {
                Some(position) => self.older.remove(position).1,
                None => {
                    let surplus = (self.older.len() + 2).saturating_sub(self.most);
                    self.older.drain(..surplus);
                    make(&key)?
                }
            };
            let newest = mem::replace(&mut self.newest, (key, value));
            self.older.push(newest);
        }
        Ok(&self.newest.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// Uses `key`. Says whether it was made, and how many values there were meanwhile.
    fn used(
        cache: &mut LruCache<u32, Rc<u32>>,
        alive: &RefCell<Vec<std::rc::Weak<u32>>>,
        key: u32,
    ) -> Option<usize> {
        let mut there = None;
        let make = |&key: &u32| {
            there = Some(
                alive
                    .borrow()
                    .iter()
                    .filter(|value| value.strong_count() > 0)
                    .count(),
            );
            let value = Rc::new(10 * key);
            alive.borrow_mut().push(Rc::downgrade(&value));
            Ok::<_, ()>(value)
        };
        assert_eq!(
            cache.get_or_make(key, make).map(|value| **value),
            Ok(10 * key)
        );
        assert_eq!(**cache.newest(), 10 * key);
        there
    }

    #[test]
    fn the_one_used_longest_ago_goes_before_another_is_made() {
        let first = Rc::new(10);
        let alive = RefCell::new(vec![Rc::downgrade(&first)]);
        let mut cache = LruCache::new(3, 1, first);
        assert_eq!(
            [2, 3].map(|key| used(&mut cache, &alive, key)),
            [Some(1), Some(2)]
        );
        assert_eq!(
            [1, 1, 3, 1].map(|key| used(&mut cache, &alive, key)),
            [None; 4]
        );
        // 2 is the oldest now.
        assert_eq!(used(&mut cache, &alive, 4), Some(2));
        assert!(cache.get(&2).is_none() && [1, 3, 4].iter().all(|key| cache.get(key).is_some()));
        assert_eq!(
            [3, 1, 2].map(|key| used(&mut cache, &alive, key)),
            [None, None, Some(2)]
        );
        assert!(
            cache.get(&4).is_none(),
            "looking at a value does not count as a use"
        );
    }

    #[test]
    fn what_cannot_be_made_costs_nothing_that_is_used() {
        let mut cache = LruCache::new(0, 'a', 1);
        assert_eq!(cache.get_or_make('b', |_| Err("no")), Err("no"));
        assert_eq!(cache.get_or_make('a', |_| Err("never asked")), Ok(&1));
        assert_eq!(cache.get_or_make('b', |_| Ok::<_, ()>(2)), Ok(&2));
        assert_eq!((cache.get(&'a'), cache.get(&'b')), (Some(&1), Some(&2)));
        assert_eq!(cache.get_or_make('c', |_| Ok::<_, ()>(3)), Ok(&3));
        assert_eq!((cache.get(&'a'), cache.get(&'b')), (None, Some(&2)));
    }
}
