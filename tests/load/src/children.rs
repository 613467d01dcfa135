//! This crate's programs as child processes.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A running `load-server`. It is killed when it is dropped, and exits when this process does.
#[derive(Debug)]
pub struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts the program and waits until it listens.
    ///
    /// # Errors
    ///
    /// The system's error, or `UnexpectedEof` if it exits at once.
    pub fn start(program: impl AsRef<Path>) -> io::Result<Self> {
        let mut child = Command::new(program.as_ref())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()?;
        let mut url = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut url)?;
        }
        let server = Self { child, url: url.trim_end().to_owned() };
        if server.url.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(server) }
    }

    /// The base URL whose responses have `status`, after `delay_ms` milliseconds. Status 0 never responds, and `429r` is 429
    /// with a Retry-After of a second.
    #[must_use]
    pub fn url(&self, status: impl std::fmt::Display, delay_ms: u64) -> String {
        format!("{}/{status}/{delay_ms}", self.url)
    }

    /// The number of requests so far.
    ///
    /// # Errors
    ///
    /// The system's error, or `InvalidData` if the response is no number.
    pub fn count(&self) -> io::Result<u64> {
        count(&self.url)
    }
}

/// The number of requests so far at the server of this URL.
///
/// # Errors
///
/// As [`Server::count`].
pub fn count(url: &str) -> io::Result<u64> {
    let address = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /count HTTP/1.1\r\n\r\n")?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let number = response.rsplit("\r\n").next().and_then(|body| body.parse().ok());
    number.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, response))
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if the process has exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The output of a program, and the time from its last line on standard output to its exit.
#[derive(Debug)]
pub struct Exited {
    /// Exit code, standard output and standard error.
    pub output: Output,
    /// The time from the last line until the process exited. A program prints `end` at the end of its `main`.
    pub exit: Duration,
}

/// Runs a program to its exit, without logs.
///
/// # Errors
///
/// The system's error.
pub fn run(program: impl AsRef<Path>, arguments: &[&str]) -> io::Result<Exited> {
    let mut child = Command::new(program.as_ref())
        .args(arguments)
        .env_remove("LOAD_LOGS")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let errors = child.stderr.take().map(|mut stderr| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).map(|_| text)
        })
    });
    let (mut said, mut last) = (Vec::new(), Instant::now());
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout);
        while lines.read_until(b'\n', &mut said)? > 0 {
            last = Instant::now();
        }
    }
    let status = child.wait()?;
    let exit = last.elapsed();
    let stderr = errors.and_then(|reader| reader.join().ok()).transpose()?.unwrap_or_default();
    Ok(Exited { output: Output { status, stdout: said, stderr }, exit })
}
