//! Wakes an event loop: a byte on a pair of connected sockets.

use std::io::{self, Read, Write};

#[cfg(unix)]
use std::os::fd::{AsRawFd, IntoRawFd};
#[cfg(unix)]
use std::os::unix::net::UnixStream as Socket;

#[cfg(windows)]
use std::net::TcpStream as Socket;
#[cfg(windows)]
use std::os::windows::io::{AsRawSocket, IntoRawSocket};

/// Owns both sockets, so that a write never fails because the other one is closed.
pub(crate) struct Wake {
    read: Socket,
    write: Socket,
}

impl Wake {
    pub(crate) fn new() -> io::Result<Self> {
        let (read, write) = pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        Ok(Self { read, write })
    }

    /// Makes the descriptor readable. If the buffer is full, it already is.
    pub(crate) fn wake(&self) {
        let _ = (&self.write).write(&[1]);
    }

    /// Reads what `wake` wrote, before the queue is drained.
    pub(crate) fn clear(&self) {
        // The queue writes one byte whenever it becomes non-empty. If more are left, the loop wakes again.
        let _ = (&self.read).read(&mut [0; 64]);
    }

    #[cfg(unix)]
    pub(crate) fn fileno(&self) -> i64 {
        self.read.as_raw_fd().into()
    }

    #[cfg(unix)]
    pub(crate) fn dup(&self) -> io::Result<i64> {
        Ok(self.read.try_clone()?.into_raw_fd().into())
    }

    #[cfg(windows)]
    pub(crate) fn fileno(&self) -> i64 {
        self.read.as_raw_socket().cast_signed()
    }

    #[cfg(windows)]
    pub(crate) fn dup(&self) -> io::Result<i64> {
        Ok(self.read.try_clone()?.into_raw_socket().cast_signed())
    }
}

#[cfg(unix)]
fn pair() -> io::Result<(Socket, Socket)> {
    Socket::pair()
}

/// Does the same as Python's `socket.socketpair`, and closes connections from other programs.
#[cfg(windows)]
fn pair() -> io::Result<(Socket, Socket)> {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    let write = Socket::connect(listener.local_addr()?)?;
    write.set_nodelay(true)?;
    loop {
        let (read, from) = listener.accept()?;
        if from == write.local_addr()? {
            return Ok((read, write));
        }
    }
}
