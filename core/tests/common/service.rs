//! A service that the test controls: each request arrives as an [`Exchange`], and the test sends the response.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufStream};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::wire::{header, read_body, read_head};
use super::{KEY, within_timeout};

/// The body of a run that succeeded.
pub(crate) const RUN: &str = r#"{"id":"run_1","output":{"text":"hi"},"usage":{"total_tokens":2}}"#;

pub(crate) struct Service {
    scheme: &'static str,
    port: u16,
    exchanges: mpsc::UnboundedReceiver<Exchange>,
    accepting: JoinHandle<()>,
}

/// A complete request that waits for its response. Its connection closes if it is dropped without a response.
pub(crate) struct Exchange {
    pub(crate) head: String,
    pub(crate) body: String,
    response: oneshot::Sender<String>,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    pub(crate) async fn start_tls(acceptor: TlsAcceptor) -> Self {
        Self::start_with(Some(acceptor)).await
    }

    async fn start_with(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, exchanges) = mpsc::unbounded_channel();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let tls = tls.map(Arc::new);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, tls) = (sender.clone(), tls.clone());
                connections.spawn(async move {
                    stream.set_nodelay(true)?;
                    match tls {
                        None => serve(stream, sender).await,
                        Some(tls) => serve(tls.accept(stream).await?, sender).await,
                    }
                });
            }
        });
        Self { scheme, port, exchanges, accepting }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The next request, in the order in which they arrived.
    pub(crate) async fn next(&mut self) -> Exchange {
        within_timeout("a request", self.exchanges.recv()).await.unwrap()
    }

    /// Whether no request has arrived. A request may still be in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.exchanges.is_empty()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Exchange {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub(crate) fn has_key(&self) -> bool {
        self.header("authorization") == Some(&format!("Bearer {KEY}"))
    }

    /// Whether this request has this prompt.
    pub(crate) fn is_of(&self, prompt: &str) -> bool {
        self.body.contains(&format!("\"prompt\":\"{prompt}\""))
    }

    pub(crate) fn succeed(self) {
        self.respond("200 OK", &[], RUN);
    }

    pub(crate) fn respond(self, status: &str, headers: &[&str], body: &str) {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        // Fails only if the client has closed the connection.
        let _ =
            self.response.send(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()));
    }

    /// Waits until the client closes the connection.
    pub(crate) async fn closed_by_client(mut self) {
        within_timeout("the end of the connection", self.response.closed()).await;
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    exchanges: mpsc::UnboundedSender<Exchange>,
) -> io::Result<()> {
    let mut stream = BufStream::new(stream);
    loop {
        let head = read_head(&mut stream).await?;
        let body = String::from_utf8_lossy(&read_body(&mut stream, &head).await?).into_owned();
        let (response, receiver) = oneshot::channel();
        let _ = exchanges.send(Exchange { head, body, response });
        let text = tokio::select! {
            text = receiver => text.map_err(io::Error::other)?,
            // The client sends nothing before the response, so a read ends only with the connection.
            _ = stream.read_u8() => return Ok(()),
        };
        stream.write_all(text.as_bytes()).await?;
        stream.flush().await?;
    }
}
