//! The tokio runtimes of the process.

#![cfg_attr(unix, expect(unsafe_code, reason = "the signal mask of a thread is set by C functions"))]

use std::num::NonZero;
use std::{io, thread};

use tokio::runtime::{Builder, Runtime};

use crate::per_process::PerProcess;

/// HTTP is not bound by the CPU, so more threads would only cost memory. On one core a second thread costs context
/// switches too.
const MAX_WORKERS: usize = 2;

/// Each DNS lookup blocks a thread.
const MAX_DNS_THREADS: usize = 8;

static RUNTIME: PerProcess<Runtime> = PerProcess::new();

/// Each has the host and port that it is for.
static PLAIN_HTTP: [PerProcess<(String, Runtime)>; 4] = [const { PerProcess::new() }; 4];

/// Returns the runtime, and creates it on first use. It is never dropped: a runtime that is dropped while the process
/// exits waits for its threads, or crashes them.
///
/// Servers that are called over plain http have one each, and beyond four the last one: a server that sends informational
/// responses without end can hold a thread for a second there (SECURITY.md), and must not delay calls to others.
pub(crate) fn runtime(plain_http: Option<&str>) -> io::Result<&'static Runtime> {
    let Some(authority) = plain_http else { return RUNTIME.get_or_try_init(build) };
    let mut last = None;
    for cell in &PLAIN_HTTP {
        let (owner, runtime) = cell.get_or_try_init(|| build().map(|runtime| (authority.to_owned(), runtime)))?;
        if owner == authority {
            return Ok(runtime);
        }
        last = Some(runtime);
    }
    last.map_or_else(|| RUNTIME.get_or_try_init(build), Ok)
}

fn build() -> io::Result<Runtime> {
    let cores = thread::available_parallelism().map_or(MAX_WORKERS, NonZero::get);
    Builder::new_multi_thread()
        .worker_threads(cores.min(MAX_WORKERS))
        .max_blocking_threads(MAX_DNS_THREADS)
        .thread_name("builderaikits")
        .on_thread_start(block_signals)
        .enable_io()
        .enable_time()
        .build()
}

/// Leaves signals to the threads of the host, whose handlers may need what only those have. It also keeps SIGPIPE away, which
/// would end the process when a server closes a connection that is written to, unless the host ignores it.
#[cfg(unix)]
fn block_signals() {
    /// What a thread causes itself cannot be left to another one.
    const OWN: [libc::c_int; 7] =
        [libc::SIGABRT, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGSEGV, libc::SIGSYS, libc::SIGTRAP];
    let mut signals = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigfillset` initializes the set, and the others read it or change it.
    unsafe {
        libc::sigfillset(signals.as_mut_ptr());
        for signal in OWN {
            libc::sigdelset(signals.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, signals.as_ptr(), std::ptr::null_mut());
    }
}

#[cfg(not(unix))]
fn block_signals() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn plain_http_servers_have_a_runtime_each() {
        let of = |authority| std::ptr::from_ref(runtime(authority).unwrap());
        let first: Vec<_> = ["a:1", "a:2", "b:1", "b:2"].map(|authority| of(Some(authority))).into();
        for (index, runtime) in first.iter().enumerate() {
            assert!(!first[..index].contains(runtime) && *runtime != of(None), "{index}");
        }
        assert_eq!((of(Some("a:1")), of(Some("b:2"))), (first[0], first[3]));
        assert_eq!(of(Some("c:1")), first[3]);
    }

    #[test]
    fn threads_block_signals() {
        let status = runtime(None).unwrap().block_on(async {
            tokio::spawn(async { fs::read_to_string("/proc/thread-self/status").unwrap() }).await.unwrap()
        });
        let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap().trim();
        let blocked = |signal: i32| u64::from_str_radix(mask, 16).unwrap() >> (signal - 1) & 1 == 1;
        for signal in [libc::SIGPIPE, libc::SIGTERM, libc::SIGINT, libc::SIGURG, libc::SIGPROF, libc::SIGUSR1] {
            assert!(blocked(signal), "{signal}");
        }
        for signal in [libc::SIGSEGV, libc::SIGABRT, libc::SIGFPE] {
            assert!(!blocked(signal), "{signal}");
        }
    }
}
