//! What the system says of a process, and how many files it may open.

use std::{fs, io};

/// Open files of this process.
///
/// # Errors
///
/// What the system says.
pub fn open_files() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/fd")?.count())
}

/// Resident memory of this process, in KiB.
///
/// # Errors
///
/// What the system says; `InvalidData` where it is not Linux.
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
/// Says what to do where the hard limit is under `needed`.
pub fn need_open_files(needed: u64) -> io::Result<()> {
    let most = rlimit::increase_nofile_limit(u64::MAX)?;
    if most < needed {
        let message = format!("this test needs {needed} open files, and the hard limit is {most}: raise `ulimit -Hn`");
        return Err(io::Error::other(message));
    }
    Ok(())
}
