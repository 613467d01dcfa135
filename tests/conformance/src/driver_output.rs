//! The output of the driver: replies on standard output, log lines on standard error.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::{Notify, oneshot};

use crate::case::CANARY_KEY;
use crate::secrets::redact_one;

/// A longer line of the driver is split.
const MAX_LINE_BYTES: u64 = 64 * 1024 * 1024;

#[derive(Default)]
pub(crate) struct DriverOutput {
    replies: Mutex<Replies>,
    protocol_errors: Mutex<Vec<String>>,
    stderr: Mutex<Vec<u8>>,
    stderr_ended: Notify,
}

#[derive(Default)]
struct Replies {
    /// The receiver of each reply by id. `None` after the reply arrived.
    expected: HashMap<String, Option<ReplySender>>,
    ended: bool,
}

/// The time when a reply was read, and its line.
type Reply = (Instant, String);
type ReplySender = oneshot::Sender<Reply>;

impl DriverOutput {
    /// Registers an id. Returns `None` if the output has ended.
    pub(crate) fn expect_reply(&self, id: &str) -> Option<oneshot::Receiver<Reply>> {
        let mut replies = lock(&self.replies);
        if replies.ended {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        replies.expected.insert(id.to_owned(), Some(sender));
        Some(receiver)
    }

    pub(crate) fn protocol_errors(&self) -> Vec<String> {
        lock(&self.protocol_errors).clone()
    }

    /// Everything that the driver wrote to standard error so far.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&lock(&self.stderr)).into_owned()
    }

    /// Waits until standard error ends, at most for `timeout`.
    pub(crate) async fn stderr_ended(&self, timeout: Duration) {
        if tokio::time::timeout(timeout, self.stderr_ended.notified()).await.is_ok() {
            self.stderr_ended.notify_one();
        }
    }

    fn deliver(&self, line: String, read: Instant) {
        let error = match serde_json::from_str::<ReplyId>(&line) {
            Ok(ReplyId { id }) => {
                let sender = lock(&self.replies).expected.get_mut(&id).map(Option::take);
                match sender {
                    Some(Some(sender)) => {
                        // The receiver is gone if the watchdog has ended the case.
                        let _ = sender.send((read, line));
                        return;
                    }
                    Some(None) => format!("replied twice to {id}"),
                    None => format!("replied to the unknown id {id}"),
                }
            }
            Err(_) => "wrote a line that is not an object with an id".to_owned(),
        };
        let mut errors = lock(&self.protocol_errors);
        if line.contains(CANARY_KEY) {
            errors.push("wrote the API key to standard output".to_owned());
        }
        let start: String = line.trim_end().chars().take(80).collect();
        errors.push(format!("{error}: {:?}", redact_one(&start, CANARY_KEY)));
    }
}

#[derive(Deserialize)]
struct ReplyId {
    id: String,
}

pub(crate) async fn read_replies(stdout: ChildStdout, output: Arc<DriverOutput>) {
    let mut stdout = BufReader::with_capacity(256 * 1024, stdout);
    loop {
        let mut line = Vec::new();
        let ended = !matches!((&mut stdout).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await, Ok(1..));
        if ended {
            break;
        }
        let read = Instant::now();
        match String::from_utf8(line) {
            Ok(line) => output.deliver(line, read),
            Err(_) => lock(&output.protocol_errors).push("wrote a line that is not UTF-8".to_owned()),
        }
    }
    *lock(&output.replies) = Replies { ended: true, ..Replies::default() };
}

pub(crate) async fn read_stderr(mut stderr: ChildStderr, output: Arc<DriverOutput>) {
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = stderr.read(&mut chunk).await {
        lock(&output.stderr).extend_from_slice(chunk.get(..length).unwrap_or_default());
    }
    // The permit stays until a task waits for it, and each waiter passes it on.
    output.stderr_ended.notify_one();
}

/// The last 10 lines of standard error, without the key.
pub(crate) fn stderr_tail(stderr: &str) -> String {
    let mut lines: Vec<&str> = stderr.lines().rev().filter(|line| !line.trim().is_empty()).take(10).collect();
    lines.reverse();
    let shorten = |line: &str| line.chars().take(200).collect::<String>();
    lines.into_iter().map(|line| format!("\n  | {}", shorten(&redact_one(line, CANARY_KEY)))).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
