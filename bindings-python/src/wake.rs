//! What wakes an event loop: a byte on a pair of sockets.

use std::io::{self, Read, Write};

#[cfg(unix)]
use std::os::fd::{AsRawFd, IntoRawFd};
#[cfg(unix)]
use std::os::unix::net::UnixStream as Socket;

#[cfg(windows)]
use std::net::TcpStream as Socket;
#[cfg(windows)]
use std::os::windows::io::{AsRawSocket, IntoRawSocket};

/// Both ends, so that whoever writes never writes to nobody.
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

    /// A byte that does not fit is one too many: so many are there that the loop is awake.
    pub(crate) fn wake(&self) {
        let _ = (&self.write).write(&[1]);
    }

    /// Takes what woke.
    pub(crate) fn clear(&self) {
        // One byte for each time that the queue was not empty; what is left wakes again.
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

/// As Python's `socket.socketpair` does it: whoever else connects is turned away.
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
