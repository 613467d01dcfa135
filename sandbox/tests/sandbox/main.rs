//! The sandbox over a real socket, as a library and as a program.

#[cfg(test)]
mod hostile;
#[cfg(test)]
#[cfg(unix)] // it sends signals
mod program;
#[cfg(test)]
mod server;
#[cfg(test)]
mod wire;
