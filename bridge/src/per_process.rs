//! A value that each process makes for itself: after `fork`, a child makes its own and leaves its parent's alone.

#![expect(unsafe_code, reason = "a child may neither wait for a lock of its parent nor drop what it inherited")]

use std::marker::PhantomData;
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Made lazily, once for each process that asks.
///
/// A child of `fork` inherits threads' locks without the threads, so that whatever its parent made (a runtime, sockets,
/// TLS sessions) must be touched no more. It is left where it is, forgotten and never dropped.
pub struct PerProcess<T> {
    current: AtomicPtr<Made<T>>,
    owns: PhantomData<T>,
}

struct Made<T> {
    by: u32,
    value: T,
}

impl<T> PerProcess<T> {
    /// Nothing is made yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { current: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }

    /// What this process made, if it did.
    pub fn get(&self) -> Option<&T> {
        // SAFETY: the pointer is null or came from `Box::into_raw` below. What it points to is freed only in `drop`,
        // which no borrow of `self` outlives; a child that puts another in its place leaves it allocated.
        let made = unsafe { self.current.load(Ordering::Acquire).as_ref() };
        made.filter(|made| made.by == process::id()).map(|made| &made.value)
    }

    /// What this process made, which it makes now if it has not.
    ///
    /// # Errors
    ///
    /// What `make` fails with; the next call tries again.
    pub fn get_or_make<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let inherited = self.current.load(Ordering::Acquire);
        let mine = Box::into_raw(Box::new(Made { by: process::id(), value: make()? }));
        match self.current.compare_exchange(inherited, mine, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: `mine` came from `Box::into_raw` and is now owned by `self`; see `get`.
            Ok(_) => Ok(unsafe { &(*mine).value }),
            Err(other) => {
                // SAFETY: another thread of this process was first, so that nobody has seen `mine`; and what that
                // thread put there is owned by `self`.
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
        let made = *self.current.get_mut();
        if self.get().is_some() {
            // SAFETY: it came from `Box::into_raw` in this process, and `&mut self` says that nobody borrows it.
            drop(unsafe { Box::from_raw(made) });
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
    fn threads_agree_on_one() {
        let (cell, made) = (PerProcess::new(), AtomicUsize::new(0));
        let count = || Ok::<_, Infallible>(made.fetch_add(1, Ordering::Relaxed));
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| *cell.get_or_make(count).unwrap())).collect();
            let seen: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            assert!(seen.iter().all(|value| *value == seen[0]), "{seen:?}");
        });
    }

    #[test]
    fn an_error_is_tried_again_and_a_value_dropped_once() {
        let cell = PerProcess::new();
        let value = Arc::new(());
        assert_eq!(cell.get_or_make(|| Err::<Arc<()>, _>("not yet")).err(), Some("not yet"));
        assert!(cell.get().is_none());
        cell.get_or_make(|| Ok::<_, Infallible>(Arc::clone(&value))).unwrap();
        assert_eq!(Arc::strong_count(&value), 2);
        drop(cell);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn what_a_parent_made_is_neither_used_nor_dropped() {
        let value = Arc::new(());
        let inherited = Box::new(Made { by: process::id() ^ 1, value: Arc::clone(&value) });
        let cell = PerProcess { current: AtomicPtr::new(Box::into_raw(inherited)), owns: PhantomData };
        assert!(cell.get().is_none());
        let own = Arc::new(());
        cell.get_or_make(|| Ok::<_, Infallible>(Arc::clone(&own))).unwrap();
        assert!(Arc::ptr_eq(cell.get().unwrap(), &own));
        drop(cell);
        assert_eq!((Arc::strong_count(&value), Arc::strong_count(&own)), (2, 1));
    }
}
