//! [`PerProcess`]: a value that each process creates for itself, also after `fork`.

#![expect(unsafe_code, reason = "a child must neither wait for a lock of its parent nor drop what it inherited")]

use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::process::Process;

/// A value that is created on first use, once in each process.
///
/// A child of `fork` inherits the locks of threads that it does not have, so it must not touch what its parent created: a
/// runtime, sockets, TLS sessions. The inherited value is leaked: it is neither used nor dropped.
pub struct PerProcess<T> {
    current: AtomicPtr<Entry<T>>,
    owns: PhantomData<T>,
}

struct Entry<T> {
    process: Process,
    value: T,
}

impl<T> PerProcess<T> {
    /// Creates an empty cell.
    #[must_use]
    pub const fn new() -> Self {
        Self { current: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }

    /// The value that this process created, if it did.
    pub fn get(&self) -> Option<&T> {
        // SAFETY: the pointer is null or came from `Box::into_raw` below. What it points to is freed only in `drop`,
        // which no borrow of `self` outlives; a child that puts another in its place leaves it allocated.
        let entry = unsafe { self.current.load(Ordering::Acquire).as_ref() };
        entry.filter(|entry| entry.process == Process::current()).map(|entry| &entry.value)
    }

    /// Returns the value of this process, and creates it on first use.
    ///
    /// # Errors
    ///
    /// The error of `create`. The next call tries again.
    pub fn get_or_try_init<E>(&self, create: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let inherited = self.current.load(Ordering::Acquire);
        let mine = Box::into_raw(Box::new(Entry { process: Process::current(), value: create()? }));
        match self.current.compare_exchange(inherited, mine, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: `mine` came from `Box::into_raw` and is now owned by `self`; see `get`.
            Ok(_) => Ok(unsafe { &(*mine).value }),
            Err(other) => {
                // SAFETY: another thread of this process was first, so `mine` was never shared, and the entry of that
                // thread is owned by `self`.
                let (_mine, other) = unsafe { (Box::from_raw(mine), &*other) };
                Ok(&other.value)
            }
        }
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let entry = *self.current.get_mut();
        if self.get().is_some() {
            // SAFETY: it came from `Box::into_raw` in this process, and `&mut self` proves that it is not borrowed.
            drop(unsafe { Box::from_raw(entry) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn threads_share_one_value() {
        let (cell, made) = (PerProcess::new(), AtomicUsize::new(0));
        let count = || Ok::<_, Infallible>(made.fetch_add(1, Ordering::Relaxed));
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| *cell.get_or_try_init(count).unwrap())).collect();
            let seen: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            assert!(seen.iter().all(|value| *value == seen[0]), "{seen:?}");
        });
    }

    #[test]
    fn failed_init_is_retried_and_the_value_is_dropped_once() {
        let cell = PerProcess::new();
        let value = Arc::new(());
        assert_eq!(cell.get_or_try_init(|| Err::<Arc<()>, _>("not yet")).err(), Some("not yet"));
        assert!(cell.get().is_none());
        cell.get_or_try_init(|| Ok::<_, Infallible>(Arc::clone(&value))).unwrap();
        assert_eq!(Arc::strong_count(&value), 2);
        drop(cell);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn inherited_value_is_neither_used_nor_dropped() {
        let value = Arc::new(());
        let inherited = Box::new(Entry { process: Process::of_a_parent(), value: Arc::clone(&value) });
        let cell = PerProcess { current: AtomicPtr::new(Box::into_raw(inherited)), owns: PhantomData };
        assert!(cell.get().is_none());
        let own = Arc::new(());
        cell.get_or_try_init(|| Ok::<_, Infallible>(Arc::clone(&own))).unwrap();
        assert!(Arc::ptr_eq(cell.get().unwrap(), &own));
        drop(cell);
        assert_eq!((Arc::strong_count(&value), Arc::strong_count(&own)), (2, 1));
    }
}
