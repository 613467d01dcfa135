//! What wakes a host whose calls have ended: a descriptor to poll, or the return of a function that blocks.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Both ways at once.
pub(crate) struct Wake {
    descriptor: Descriptor,
    waiting: AtomicUsize,
    lock: Mutex<()>,
    ended: Condvar,
}

impl Wake {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            descriptor: Descriptor::new()?,
            waiting: AtomicUsize::new(0),
            lock: Mutex::new(()),
            ended: Condvar::new(),
        })
    }

    /// Never blocks for longer than the lock is held, which is never while somebody waits.
    pub(crate) fn wake(&self) {
        self.descriptor.wake();
        if self.waiting.load(Ordering::SeqCst) > 0 {
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.ended.notify_all();
        }
    }

    /// The descriptor that becomes readable, or -1 where the system has none that fits.
    pub(crate) fn descriptor(&self) -> i32 {
        self.descriptor.number()
    }

    /// Looks until `look` finds something or the time is over.
    pub(crate) fn wait(&self, most: Duration, mut look: impl FnMut() -> bool) {
        let until = Instant::now().checked_add(most);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: whoever wakes after this look finds the condition waited for.
        while !look() {
            let left = until.map_or(most, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            held = self.ended.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(held);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A counter: one descriptor, and no end of wakes fits.
#[cfg(target_os = "linux")]
struct Descriptor(std::os::fd::OwnedFd);

#[cfg(target_os = "linux")]
impl Descriptor {
    fn new() -> io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    fn wake(&self) {
        // Full only after 2^64 wakes that nobody took; then it is readable anyway.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    fn number(&self) -> i32 {
        std::os::fd::AsRawFd::as_raw_fd(&self.0)
    }
}

/// Both ends of a pipe, so that whoever writes never writes to nobody. Closed on exec, as the standard library does.
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
        // What does not fit is one wake too many: it is readable.
        let _ = rustix::io::write(&self.1, &1_u64.to_ne_bytes());
    }

    fn number(&self) -> i32 {
        std::os::fd::AsRawFd::as_raw_fd(&self.0)
    }
}

/// Hosts block in `baik_1_drain` there.
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
