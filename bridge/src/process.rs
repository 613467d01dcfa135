//! [`Process`]: which process this is, also if a forked child has the process id of its parent.

#![cfg_attr(unix, expect(unsafe_code, reason = "pthread_atfork is a C function"))]

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// The process that asks. A child of `fork` is another one than its parent, even if both have process id 1, each in a
/// namespace of its own. The id is compared as well, because a child of a bare `clone` does not run fork handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pid: u32,
    forks: u32,
}

/// How many times `fork` was called on the way to this process, since the first use of the SDK.
static FORKS: AtomicU32 = AtomicU32::new(0);

impl Process {
    pub(crate) fn current() -> Self {
        #[cfg(unix)]
        count_forks();
        Self { pid: process::id(), forks: FORKS.load(Ordering::Relaxed) }
    }

    /// The parent of this process, if both have the same process id.
    #[cfg(test)]
    pub(crate) fn of_a_parent() -> Self {
        let current = Self::current();
        Self { forks: current.forks.wrapping_sub(1), ..current }
    }
}

#[cfg(unix)]
fn count_forks() {
    use std::sync::atomic::AtomicBool;

    extern "C" fn in_the_child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }

    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if !REGISTERED.load(Ordering::Relaxed) && !REGISTERED.swap(true, Ordering::Relaxed) {
        // It fails only without memory; then the process id alone is compared.
        // SAFETY: the handler only changes an atomic, which is allowed in a child of `fork`.
        unsafe { libc::pthread_atfork(None, None, Some(in_the_child)) };
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn forked_child_is_another_process_even_with_the_same_pid() {
        let parent = Process::current();
        assert_eq!(parent, Process::current());
        // SAFETY: the child calls only functions that are safe after `fork`, and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let now = Process::current();
            let differs = now.forks == parent.forks.wrapping_add(1) && now != Process { pid: now.pid, ..parent };
            // SAFETY: it ends the process without running destructors.
            unsafe { libc::_exit(if differs { 0 } else { 1 }) };
        }
        let mut status = 1;
        // SAFETY: `status` is writable.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
        assert_eq!(parent, Process::current());
    }
}
