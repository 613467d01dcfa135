//! [`Wake`]: tells a host that calls have completed, by a descriptor to poll and by waking threads that block.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wakes hosts that poll and hosts that block.
pub(crate) struct Wake {
    descriptor: Descriptor,
    waiting: AtomicUsize,
    lock: Mutex<()>,
    completed: Condvar,
}

impl Wake {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            descriptor: Descriptor::new()?,
            waiting: AtomicUsize::new(0),
            lock: Mutex::new(()),
            completed: Condvar::new(),
        })
    }

    /// Wakes the host. It blocks no longer than the lock is held; a waiting thread does not hold it.
    pub(crate) fn wake(&self) {
        self.descriptor.wake();
        if self.waiting.load(Ordering::SeqCst) > 0 {
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.completed.notify_all();
        }
    }

    /// The descriptor that becomes readable, or -1 if the system has no suitable kind.
    pub(crate) fn descriptor(&self) -> i32 {
        self.descriptor.number()
    }

    /// Blocks until `is_done` returns true or the timeout elapses.
    pub(crate) fn wait(&self, timeout: Duration, mut is_done: impl FnMut() -> bool) {
        let deadline = Instant::now().checked_add(timeout);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        // It is called under the lock, so a wake that comes after it finds this thread waiting.
        while !is_done() {
            let left = deadline.map_or(timeout, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            held = self.completed.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(held);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A counter: one descriptor, and it cannot fill up.
#[cfg(target_os = "linux")]
struct Descriptor(std::os::fd::OwnedFd);

#[cfg(target_os = "linux")]
impl Descriptor {
    fn new() -> io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    fn wake(&self) {
        // It fails only after 2^64 unread wakes, when the descriptor is readable anyway.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    fn number(&self) -> i32 {
        std::os::fd::AsRawFd::as_raw_fd(&self.0)
    }
}

/// Both ends of a pipe, so that a write never fails for lack of a reader. The standard library sets close-on-exec.
#[cfg(all(unix, not(target_os = "linux")))]
struct Descriptor(io::PipeReader, io::PipeWriter);

#[cfg(all(unix, not(target_os = "linux")))]
impl Descriptor {
    fn new() -> io::Result<Self> {
        let (read, write) = io::pipe()?;
        rustix::io::ioctl_fionbio(&read, true)?;
        rustix::io::ioctl_fionbio(&write, true)?;
        Ok(Self(read, write))
    }

    fn wake(&self) {
        // A write that does not fit is not needed: the descriptor is readable.
        let _ = rustix::io::write(&self.1, &1_u64.to_ne_bytes());
    }

    fn number(&self) -> i32 {
        std::os::fd::AsRawFd::as_raw_fd(&self.0)
    }
}

/// Hosts block in `baik_1_drain` on other systems.
#[cfg(not(unix))]
struct Descriptor;

#[cfg(not(unix))]
impl Descriptor {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    fn wake(&self) {}

    fn number(&self) -> i32 {
        -1
    }
}
