//! The scripted server: which case a request belongs to, which step responds to it, and which requests arrived.

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

use crate::perform::{ConnectionEnd, perform};
use crate::read_request::read_request;
use crate::request::RecordedRequest;
use crate::service::Service;
use crate::step::Step;

/// Plays the service from scripts, one script per case, on its own loopback port.
///
/// A request for `/<case>/…` takes the next step of that case, and the last step repeats. The response to a path without a
/// scripted case is 404; the request is still recorded, under its first segment. Dropping the server closes every
/// connection.
#[derive(Debug)]
pub struct ScriptedServer {
    port: u16,
    cases: Arc<Cases>,
    accepting: JoinHandle<()>,
}

impl ScriptedServer {
    /// Starts on `127.0.0.1` and a free port, on the caller's tokio runtime.
    ///
    /// # Errors
    /// If no loopback port can be bound.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let cases = Arc::new(Cases::default());
        let accepting = tokio::spawn(accept(listener, Arc::clone(&cases)));
        Ok(Self { port, cases, accepting })
    }

    /// The port that the server listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The base URL for a client: `http://127.0.0.1:PORT/<case>/v1`.
    #[must_use]
    pub fn base_url(&self, case: &str) -> String {
        format!("http://127.0.0.1:{}/{case}/v1", self.port)
    }

    /// Sets the service of a case, such as its steps, which start with the first one, and drops the requests recorded so
    /// far. `case` is one path segment of letters, digits, `-`, `_` and `.`.
    pub fn script(&self, case: &str, service: impl Into<Service>) {
        let script = Script { service: service.into(), requests: Vec::new() };
        self.cases.lock().insert(case.to_owned(), script);
    }

    /// Every request of a case that arrived completely, in order of arrival.
    #[must_use]
    pub fn requests(&self, case: &str) -> Vec<RecordedRequest> {
        self.cases.lock().get(case).map(|script| script.requests.clone()).unwrap_or_default()
    }

    /// Waits, without a timeout, until the client has closed the connection of the last request of a case. Returns at once
    /// if there is no request.
    pub async fn last_connection_closed(&self, case: &str) {
        loop {
            let changed = self.cases.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let open = self
                .cases
                .lock()
                .get(case)
                .and_then(|script| script.requests.last())
                .is_some_and(|last| last.closed_at.is_none());
            if !open {
                return;
            }
            changed.await;
        }
    }

    /// Removes the script of a case and its recorded requests.
    pub fn remove(&self, case: &str) {
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
    service: Service,
    requests: Vec<RecordedRequest>,
}

/// Identifies a recorded request: its case, and its index there.
struct RequestId {
    case: String,
    index: usize,
}

impl Cases {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Script>> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request and returns the step that responds to it.
    fn record(&self, mut request: RecordedRequest) -> (RequestId, Arc<Step>) {
        let case = request.case_id();
        let mut scripts = self.lock();
        let script = scripts.entry(case.clone()).or_default();
        let index = script.requests.len();
        let step;
        (step, request.rejected) = script.service.respond(index, Instant::now());
        script.requests.push(request);
        (RequestId { case, index }, step)
    }

    fn record_close(&self, id: &RequestId) {
        let now = Instant::now();
        if let Some(request) = self.lock().get_mut(&id.case).and_then(|script| script.requests.get_mut(id.index)) {
            request.closed_at.get_or_insert(now);
        }
        self.changed.notify_waiters();
    }
}

async fn accept(listener: TcpListener, cases: Arc<Cases>) {
    // Dropping this task drops the set, which closes every connection.
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A failed accept (the peer closed, no descriptor is free) concerns that connection only.
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
    // Without it, a body written after its head waits for the peer's delayed acknowledgement.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut unread = BytesMut::new();
    let mut last = None;
    while let Ok(Some(request)) = read_request(&mut stream, &mut unread, connection).await {
        let client_closes = request.asks_to_close();
        let (id, step) = cases.record(request);
        let id = last.insert(id);
        let (mut reader, mut writer) = stream.split();
        let end = tokio::select! {
            end = perform(&step, &mut writer) => end,
            () = closed_by_peer(&mut reader, &mut unread) => break,
        };
        match end {
            Ok(ConnectionEnd::Keep) if !client_closes => {}
            Ok(ConnectionEnd::Keep | ConnectionEnd::Close) => return,
            Ok(ConnectionEnd::Reset) => {
                // With a linger time of zero, the close that follows is an RST.
                let _ = stream.set_zero_linger();
                return;
            }
            Err(_) => {
                cases.record_close(id);
                return;
            }
        }
    }
    if let Some(id) = &last {
        cases.record_close(id);
    }
}

/// Reads into `unread` until the peer sends FIN or RST.
async fn closed_by_peer(reader: &mut (impl AsyncRead + Unpin), unread: &mut BytesMut) {
    while !matches!(reader.read_buf(unread).await, Ok(0) | Err(_)) {}
}
