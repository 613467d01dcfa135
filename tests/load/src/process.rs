//! Memory and open files of this process.

use std::{fs, io};

/// The number of open files.
///
/// # Errors
///
/// The system's error.
pub fn open_files() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/fd")?.count())
}

/// Resident memory, in KiB.
///
/// # Errors
///
/// The system's error; `InvalidData` on systems other than Linux.
pub fn resident_kib() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kib.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/self/status has no VmRSS"))
}

/// Raises the soft limit of open files to the hard one.
///
/// # Errors
///
/// The hard limit is below `needed`. The message says what to do.
pub fn need_open_files(needed: u64) -> io::Result<()> {
    let limit = rlimit::increase_nofile_limit(u64::MAX)?;
    if limit < needed {
        let message = format!("this test needs {needed} open files, and the hard limit is {limit}: raise `ulimit -Hn`");
        return Err(io::Error::other(message));
    }
    Ok(())
}
