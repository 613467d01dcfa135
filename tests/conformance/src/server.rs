//! The scripted server: who connects, which case a request belongs to, which step answers it, and what was seen.

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use crate::answer::{Ending, perform};
use crate::request::{Received, Seen, read_request};
use crate::step::Step;

/// Plays the service from scripts, one script a case, on a loopback port of its own.
///
/// A request for `/<case>/…` takes the next step of that case; the last step repeats. A path of no scripted case is
/// answered 404 and is seen all the same, under its first segment. Dropping the server closes every connection.
#[derive(Debug)]
pub struct ScriptedServer {
    port: u16,
    cases: Arc<Cases>,
    accepting: JoinHandle<()>,
}

impl ScriptedServer {
    /// Starts on `127.0.0.1` and a free port; runs on the caller's tokio runtime.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let cases = Arc::new(Cases::default());
        let accepting = tokio::spawn(accept(listener, Arc::clone(&cases)));
        Ok(Self { port, cases, accepting })
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The base URL to give a client: `http://127.0.0.1:PORT/<case>/v1`.
    #[must_use]
    pub fn base_url(&self, case: &str) -> String {
        format!("http://127.0.0.1:{}/{case}/v1", self.port)
    }

    /// Sets the steps of a case, from its first one on, and forgets what that case has seen so far.
    /// `case` is one path segment of letters, digits, `-`, `_` and `.`.
    pub fn script(&self, case: &str, steps: Vec<Step>) {
        let script = Script { steps: steps.into_iter().map(Arc::new).collect(), seen: Vec::new() };
        self.cases.lock().insert(case.to_owned(), script);
    }

    /// Every request of a case that arrived whole, in order of arrival.
    #[must_use]
    pub fn seen(&self, case: &str) -> Vec<Seen> {
        self.cases.lock().get(case).map(|script| script.seen.clone()).unwrap_or_default()
    }

    /// Waits until the client has closed the connection of the last request of a case; at once if there is none.
    /// No time limit of its own.
    pub async fn last_connection_closed(&self, case: &str) {
        loop {
            let changed = self.cases.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let open = self
                .cases
                .lock()
                .get(case)
                .and_then(|script| script.seen.last())
                .is_some_and(|last| last.closed_at.is_none());
            if !open {
                return;
            }
            changed.await;
        }
    }

    /// Drops the script of a case and what it has seen.
    pub fn forget(&self, case: &str) {
        self.cases.lock().remove(case);
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[derive(Debug, Default)]
struct Cases {
    scripts: Mutex<HashMap<String, Script>>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Script {
    steps: Vec<Arc<Step>>,
    seen: Vec<Seen>,
}

/// Where a request stands in what its case has seen.
struct Place {
    case: String,
    index: usize,
}

impl Cases {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Script>> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, received: Received, connection: u64) -> (Place, Arc<Step>) {
        let case = received.case();
        let mut scripts = self.lock();
        let script = scripts.entry(case.clone()).or_default();
        let index = script.seen.len();
        let step = script.steps.get(index).or(script.steps.last()).cloned();
        script.seen.push(received.into_seen(connection));
        (Place { case, index }, step.unwrap_or_else(|| Arc::new(Step::no_such_case())))
    }

    fn closed(&self, place: &Place) {
        let now = Instant::now();
        if let Some(seen) = self.lock().get_mut(&place.case).and_then(|script| script.seen.get_mut(place.index)) {
            seen.closed_at.get_or_insert(now);
        }
        self.changed.notify_waiters();
    }
}

async fn accept(listener: TcpListener, cases: Arc<Cases>) {
    // Dropped together with this task, and with it every connection.
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A failed accept (the peer gave up, no descriptor free) concerns that one connection only.
                let Ok((stream, _)) = accepted else {
                    tokio::task::yield_now().await;
                    continue;
                };
                number += 1;
                connections.spawn(serve(stream, number, Arc::clone(&cases)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(mut stream: TcpStream, connection: u64, cases: Arc<Cases>) {
    // Without it a body written after its head waits for the peer's delayed acknowledgement.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut unread = BytesMut::new();
    let mut last = None;
    while let Ok(Some(received)) = read_request(&mut stream, &mut unread).await {
        let client_closes = received.wants_close();
        let (place, step) = cases.record(received, connection);
        let place = last.insert(place);
        let (mut reader, mut writer) = stream.split();
        let ending = tokio::select! {
            ending = perform(&step, &mut writer) => ending,
            () = closed_by_peer(&mut reader, &mut unread) => break,
        };
        match ending {
            Ok(Ending::Keep) if !client_closes => {}
            Ok(Ending::Keep | Ending::Close) => return,
            Ok(Ending::Reset) => {
                // Linger of zero: the close that follows is an RST.
                let _ = stream.set_zero_linger();
                return;
            }
            Err(_) => {
                cases.closed(place);
                return;
            }
        }
    }
    if let Some(place) = &last {
        cases.closed(place);
    }
}

/// Reads ahead until the peer sends FIN or RST.
async fn closed_by_peer(reader: &mut (impl AsyncRead + Unpin), unread: &mut BytesMut) {
    while !matches!(reader.read_buf(unread).await, Ok(0) | Err(_)) {}
}
