//! The driver process: started once, a line in for every call, lines out in any order.

use std::collections::HashMap;
use std::env;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex as AsyncMutex, Notify, oneshot, watch};
use tokio::task::JoinHandle;

use crate::judge::Exchange;
use crate::secrets::hide_one;
use crate::vector::CANARY_KEY;

/// Longest line of a driver, in bytes.
const MAX_LINE: u64 = 64 * 1024 * 1024;

pub(crate) struct Driver {
    input: AsyncMutex<Option<ChildStdin>>,
    shared: Arc<Shared>,
    ended: watch::Receiver<Option<ExitStatus>>,
    waiting: JoinHandle<()>,
    readers: [JoinHandle<()>; 2],
}

#[derive(Default)]
struct Shared {
    /// By id: who waits for the reply. `None` once it has come.
    replies: Mutex<HashMap<String, Option<Waiting>>>,
    output_ended: Mutex<bool>,
    errors_ended: Notify,
    complaints: Mutex<Vec<String>>,
    errors: Mutex<Vec<u8>>,
}

/// Takes the moment of a reply and its line.
type Waiting = oneshot::Sender<(Instant, String)>;

#[derive(Deserialize)]
struct Id {
    id: String,
}

impl Driver {
    /// Starts `command` in `directory`, without variables of proxies or of the SDK in its environment.
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
        let (Some(input), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("the driver has no pipes"));
        };
        let shared = Arc::new(Shared::default());
        let (ends, ended) = watch::channel(None);
        Ok(Self {
            input: AsyncMutex::new(Some(input)),
            waiting: tokio::spawn(wait(child, ends)),
            readers: [
                tokio::spawn(read_replies(output, Arc::clone(&shared))),
                tokio::spawn(read_errors(errors, Arc::clone(&shared))),
            ],
            shared,
            ended,
        })
    }

    /// Writes one line and waits for the reply to its id, without a time limit of its own.
    ///
    /// # Errors
    /// When the driver has ended: how, and its last words.
    pub(crate) async fn call(&self, id: &str, line: &Value) -> Result<Exchange, String> {
        let (reply, replied) = oneshot::channel();
        lock(&self.shared.replies).insert(id.to_owned(), Some(reply));
        if *lock(&self.shared.output_ended) {
            return Err(self.obituary().await);
        }
        let mut bytes = line.to_string().into_bytes();
        bytes.push(b'\n');
        let wrote = match self.input.lock().await.as_mut() {
            Some(input) => input.write_all(&bytes).await,
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        let written = Instant::now();
        match (wrote, replied.await) {
            (_, Ok((read, line))) => Ok(Exchange { written: written.min(read), read, line }),
            _ => Err(self.obituary().await),
        }
    }

    /// Ends the driver's input, waits until it has ended, or ends it after `patience`. Returns what it did wrong as
    /// a whole, and all it wrote to standard error.
    pub(crate) async fn finish(mut self, patience: Duration) -> (Vec<String>, String) {
        drop(self.input.lock().await.take());
        let ended = tokio::time::timeout(patience, self.ended.wait_for(Option::is_some)).await;
        let status = ended.ok().and_then(|ended| ended.ok().and_then(|status| *status));
        self.waiting.abort();
        for reader in &mut self.readers {
            // A child of the driver that lives on may hold the pipe open.
            let _ = tokio::time::timeout(Duration::from_secs(2), &mut *reader).await;
            reader.abort();
        }
        let errors = String::from_utf8_lossy(&lock(&self.shared.errors)).into_owned();
        let mut complaints = lock(&self.shared.complaints).clone();
        match status {
            None => complaints.push(format!("still ran {patience:?} after the end of its input")),
            Some(status) if !status.success() => complaints.push(format!("ended with {status}{}", last_words(&errors))),
            Some(_) => {}
        }
        if errors.contains(CANARY_KEY) {
            complaints.push("the API key stands on standard error".to_owned());
        }
        (complaints, errors)
    }

    async fn obituary(&self) -> String {
        let mut ended = self.ended.clone();
        let status = tokio::time::timeout(Duration::from_secs(5), ended.wait_for(Option::is_some)).await;
        let status = status.ok().and_then(|ended| ended.ok().and_then(|status| *status));
        // Its last words may still stand in the pipe.
        if tokio::time::timeout(Duration::from_secs(1), self.shared.errors_ended.notified()).await.is_ok() {
            self.shared.errors_ended.notify_one();
        }
        let words = last_words(&String::from_utf8_lossy(&lock(&self.shared.errors)));
        match status {
            Some(status) => format!("no reply: the driver ended with {status}{words}"),
            None => format!("no reply: the driver closed its standard output{words}"),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn wait(mut child: Child, ends: watch::Sender<Option<ExitStatus>>) {
    if let Ok(status) = child.wait().await {
        ends.send_replace(Some(status));
    }
}

async fn read_replies(output: ChildStdout, shared: Arc<Shared>) {
    let mut output = BufReader::with_capacity(256 * 1024, output);
    loop {
        let mut line = Vec::new();
        let ended = !matches!((&mut output).take(MAX_LINE).read_until(b'\n', &mut line).await, Ok(1..));
        if ended {
            break;
        }
        let read = Instant::now();
        match String::from_utf8(line) {
            Ok(line) => deliver(line, read, &shared),
            Err(_) => lock(&shared.complaints).push("wrote a line that is not UTF-8".to_owned()),
        }
    }
    *lock(&shared.output_ended) = true;
    lock(&shared.replies).clear();
}

fn deliver(line: String, read: Instant, shared: &Shared) {
    let id = serde_json::from_str::<Id>(&line).map(|reply| reply.id);
    let waiting = id.as_ref().ok().map(|id| (id, lock(&shared.replies).get_mut(id).map(Option::take)));
    let complaint = match waiting {
        // Nobody waits any more where the watchdog has given the case up.
        Some((_, Some(Some(reply)))) => {
            let _ = reply.send((read, line));
            return;
        }
        Some((id, Some(None))) => format!("replied twice to {id}"),
        Some((id, None)) => format!("replied to {id}, which was never asked"),
        None => "wrote a line that is not an object with an id".to_owned(),
    };
    let mut complaints = lock(&shared.complaints);
    if line.contains(CANARY_KEY) {
        complaints.push("the API key stands on standard output".to_owned());
    }
    let start: String = line.trim_end().chars().take(80).collect();
    complaints.push(format!("{complaint}: {:?}", hide_one(&start, CANARY_KEY)));
}

async fn read_errors(mut errors: ChildStderr, shared: Arc<Shared>) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = errors.read(&mut piece).await {
        lock(&shared.errors).extend_from_slice(piece.get(..length).unwrap_or_default());
    }
    // Kept until somebody asks, who leaves it to the next.
    shared.errors_ended.notify_one();
}

/// The last 10 lines, without the key.
fn last_words(errors: &str) -> String {
    let mut lines: Vec<&str> = errors.lines().rev().filter(|line| !line.trim().is_empty()).take(10).collect();
    lines.reverse();
    let cut = |line: &str| line.chars().take(200).collect::<String>();
    lines.into_iter().map(|line| format!("\n  | {}", cut(&hide_one(line, CANARY_KEY)))).collect()
}
