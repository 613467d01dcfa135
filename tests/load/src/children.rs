//! Our own programs as child processes: the fixed server, and whatever else has to be alone in its process.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A running `load-server`. It is killed when this is dropped, and ends by itself when this process does.
#[derive(Debug)]
pub struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts the program; when this returns, it is listening.
    ///
    /// # Errors
    ///
    /// What the system says, or `UnexpectedEof` if it ends at once.
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

    /// The base URL whose calls end in `status` after `delay_ms` milliseconds. Status 0 never answers.
    #[must_use]
    pub fn url(&self, status: u16, delay_ms: u64) -> String {
        format!("{}/{status}/{delay_ms}", self.url)
    }

    /// How many requests have come in so far.
    ///
    /// # Errors
    ///
    /// What the system says, or `InvalidData` if the server says no number.
    pub fn count(&self) -> io::Result<u64> {
        count(&self.url)
    }
}

/// How many requests have come in so far to the server that this URL is of.
///
/// # Errors
///
/// As [`Server::count`].
pub fn count(url: &str) -> io::Result<u64> {
    let address = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /count HTTP/1.1\r\n\r\n")?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let number = answer.rsplit("\r\n").next().and_then(|body| body.parse().ok());
    number.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, answer))
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program left behind, and how long it took from its last line on stdout to its end.
#[derive(Debug)]
pub struct Ended {
    /// Exit code, stdout and stderr.
    pub output: Output,
    /// From the last line until the process is gone. A program says `end` where its `main` ends.
    pub exit: Duration,
}

/// Runs a program to its end, without logs: what it prints is its own.
///
/// # Errors
///
/// What the system says.
pub fn run(program: impl AsRef<Path>, arguments: &[&str]) -> io::Result<Ended> {
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
    Ok(Ended { output: Output { status, stdout: said, stderr }, exit })
}
