//! The driver process: started once, one line in per call, lines out in any order.

use std::env;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::task::JoinHandle;

use crate::case::CANARY_KEY;
use crate::driver_output::{DriverOutput, read_replies, read_stderr, stderr_tail};
use crate::exchange::Exchange;

pub(crate) struct Driver {
    input: AsyncMutex<Option<ChildStdin>>,
    output: Arc<DriverOutput>,
    exit: watch::Receiver<Option<ExitStatus>>,
    waiter: JoinHandle<()>,
    readers: [JoinHandle<()>; 2],
}

/// The driver can send no more replies.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DriverError {
    #[error("no reply: the driver exited with {status}{stderr}")]
    Exited { status: ExitStatus, stderr: String },
    #[error("no reply: the driver closed its standard output{stderr}")]
    OutputClosed { stderr: String },
}

impl Driver {
    /// Starts `command` in `directory`, without proxy and SDK variables in its environment.
    pub(crate) fn start(command: &[String], directory: &Path) -> io::Result<Self> {
        let (program, arguments) = command.split_first().ok_or_else(|| io::Error::other("the command is empty"))?;
        let mut process = Command::new(program);
        process.args(arguments).current_dir(directory).kill_on_drop(true);
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, _) in env::vars_os() {
            let upper = name.to_string_lossy().to_ascii_uppercase();
            if upper.ends_with("_PROXY") || upper.starts_with("BUILDERAIKITS_") {
                process.env_remove(name);
            }
        }
        let mut child = process.spawn()?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("the driver has no pipes"));
        };
        let output = Arc::new(DriverOutput::default());
        let (exit_sender, exit) = watch::channel(None);
        Ok(Self {
            input: AsyncMutex::new(Some(stdin)),
            waiter: tokio::spawn(wait(child, exit_sender)),
            readers: [
                tokio::spawn(read_replies(stdout, Arc::clone(&output))),
                tokio::spawn(read_stderr(stderr, Arc::clone(&output))),
            ],
            output,
            exit,
        })
    }

    /// Writes lines at once, and waits, without a timeout, for the reply to each. A line is an object with an id.
    ///
    /// # Errors
    /// If the driver has exited, with the end of its standard error.
    pub(crate) async fn call(&self, lines: &[Value]) -> Result<Vec<Exchange>, DriverError> {
        let (mut bytes, mut replies) = (Vec::new(), Vec::with_capacity(lines.len()));
        for line in lines {
            let id = line.get("id").and_then(Value::as_str).unwrap_or_default();
            let Some(reply) = self.output.expect_reply(id) else {
                return Err(self.exit_error().await);
            };
            replies.push(reply);
            bytes.extend_from_slice(line.to_string().as_bytes());
            bytes.push(b'\n');
        }
        let begun = Instant::now();
        // A failed write needs no report of its own: the output of the driver ends, too.
        if let Some(input) = self.input.lock().await.as_mut() {
            let _ = input.write_all(&bytes).await;
        }
        let written = Instant::now();
        let mut exchanges = Vec::with_capacity(replies.len());
        for reply in replies {
            match reply.await {
                Ok((read, line)) => exchanges.push(Exchange { begun, written: written.min(read), read, line }),
                Err(_) => return Err(self.exit_error().await),
            }
        }
        Ok(exchanges)
    }

    /// Ends the input of the driver and waits until it exits, at most for `timeout`. Returns its protocol errors, and all
    /// of its standard error.
    pub(crate) async fn finish(mut self, timeout: Duration) -> (Vec<String>, String) {
        drop(self.input.lock().await.take());
        let status = self.exit_status(timeout).await;
        self.waiter.abort();
        for reader in &mut self.readers {
            // A child process of the driver may survive and hold the pipe open.
            let _ = tokio::time::timeout(Duration::from_secs(2), &mut *reader).await;
            reader.abort();
        }
        let stderr = self.output.stderr();
        let mut errors = self.output.protocol_errors();
        match status {
            None => errors.push(format!("was still running {timeout:?} after the end of its input")),
            Some(status) if !status.success() => errors.push(format!("exited with {status}{}", stderr_tail(&stderr))),
            Some(_) => {}
        }
        if stderr.contains(CANARY_KEY) {
            errors.push("wrote the API key to standard error".to_owned());
        }
        (errors, stderr)
    }

    async fn exit_error(&self) -> DriverError {
        let status = self.exit_status(Duration::from_secs(5)).await;
        self.output.stderr_ended(Duration::from_secs(1)).await;
        let stderr = stderr_tail(&self.output.stderr());
        match status {
            Some(status) => DriverError::Exited { status, stderr },
            None => DriverError::OutputClosed { stderr },
        }
    }

    async fn exit_status(&self, timeout: Duration) -> Option<ExitStatus> {
        let mut exit = self.exit.clone();
        let status = tokio::time::timeout(timeout, exit.wait_for(Option::is_some)).await;
        status.ok()?.ok().and_then(|status| *status)
    }
}

async fn wait(mut child: Child, exit: watch::Sender<Option<ExitStatus>>) {
    if let Ok(status) = child.wait().await {
        exit.send_replace(Some(status));
    }
}
