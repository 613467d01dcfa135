//! The sandbox as its users meet it: over a real socket, as a library and as a program.

#[cfg(test)]
mod program;
#[cfg(test)]
mod server;
#[cfg(test)]
mod wire;
