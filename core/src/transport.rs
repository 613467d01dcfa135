//! The one file that names the HTTP library. It sends one attempt, and ends in a [`Reply`] or a [`Failure`].

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fs;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method};
use http_body::{Body, Frame, SizeHint};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use crate::config::{Checked, Config, Proxy};
use crate::error::{Error, Result};
use crate::request::Request;

/// Of an answer with a status of 300 or above, this many bytes are kept…
const LARGEST_ERROR_BODY: usize = 64 << 10;
/// …of what came within this time after its head.
const LONGEST_ERROR_BODY: Duration = Duration::from_secs(2);
/// Below the 60 to 75 s after which common servers drop an idle connection without saying so.
const IDLE: Duration = Duration::from_secs(30);
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_ANSWER: Duration = Duration::from_secs(10);
/// Longer than this after `connect_timeout`, no connection is coming.
const FORGOTTEN: Duration = Duration::from_secs(1);
/// No more is set aside for a body on the word of its length alone.
const LARGEST_RESERVE: usize = 1 << 20;

/// An answer, as far as it came.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Why the body is not whole, if it is not.
    pub(crate) cut: Option<Cut>,
}

/// Why a body is not whole.
pub(crate) enum Cut {
    TooLarge,
    Broken(String),
    TimedOut(String),
}

/// An attempt without an answer.
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    pub(crate) message: String,
    /// Whether the connection had begun to take the request's body: until then it cannot have run.
    pub(crate) sent: bool,
}

/// What kept an attempt from its answer; each says what it means for repeating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// No connection, or one that broke: may be repeated if nothing was sent.
    Connection,
    /// The proxy does not let us through: it will not next time.
    Proxy,
    /// The other side cannot be trusted, or speaks no TLS of ours: it will not next time.
    Tls,
    /// A limit of time ran out: may be repeated if nothing was sent.
    Timeout,
}

/// When an attempt must end, and the option that says so.
#[derive(Clone, Copy)]
pub(crate) struct Until {
    pub(crate) at: Instant,
    pub(crate) option: &'static str,
    pub(crate) length: Duration,
}

impl Until {
    pub(crate) fn ran_out(&self, phase: &str) -> String {
        format!("{} of {:?} ran out {phase}", self.option, self.length)
    }
}

/// A pool of connections to the service.
pub(crate) struct Transport {
    http: reqwest::Client,
    largest_answer: usize,
    connect_timeout: Option<Duration>,
}

impl Transport {
    pub(crate) fn new(config: &Config, checked: &Checked, user_agent: &HeaderValue, most: usize) -> Result<Self> {
        let https = checked.endpoint.is_https();
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(https, config)?)
            .https_only(https)
            // A proxy on the way sees this one; requests carry their own.
            .user_agent(user_agent.clone())
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(most)
            .http2_keep_alive_interval(PING_EVERY)
            .http2_keep_alive_timeout(PING_ANSWER)
            .no_proxy();
        if let Some(limit) = config.connect_timeout {
            builder = builder.connect_timeout(limit);
        }
        if https && let Some(proxy) = proxy(&checked.proxy)? {
            builder = builder.proxy(proxy);
        }
        let http =
            builder.build().map_err(|e| Error::config(format!("the HTTP client cannot be made: {}", chain(&e))))?;
        Ok(Self { http, largest_answer: config.max_response_bytes, connect_timeout: config.connect_timeout })
    }

    /// Sends one attempt and reads its answer. Dropping the future aborts the request.
    pub(crate) async fn send(
        &self,
        request: &Request,
        authorization: HeaderValue,
        until: Option<Until>,
    ) -> Result<Reply, Failure> {
        let sent = Arc::new(AtomicBool::new(false));
        match within(until.as_ref(), self.execute(request, &authorization, &sent)).await {
            Ok(Ok(answer)) => Ok(self.read(answer, until).await),
            Ok(Err(error)) => Err(self.failure(&error, sent.load(Ordering::Acquire))),
            Err(until) => {
                let sent = sent.load(Ordering::Acquire);
                let phase = if sent { "while waiting for the answer" } else { "while connecting" };
                Err(Failure { cause: Cause::Timeout, message: until.ran_out(phase), sent })
            }
        }
    }

    /// Sends until there is an answer's head. One that was not sent long after its connection should have been there is
    /// asked for anew: where several HTTP/2 connections begin or end together, the library can forget who waits.
    async fn execute(
        &self,
        request: &Request,
        authorization: &HeaderValue,
        sent: &Arc<AtomicBool>,
    ) -> reqwest::Result<reqwest::Response> {
        loop {
            let mut message = reqwest::Request::new(Method::POST, request.url.clone());
            *message.headers_mut() = request.headers.clone();
            message.headers_mut().insert(http::header::AUTHORIZATION, authorization.clone());
            let body = NotedBody { data: Some(request.body.clone()), asked_for: Arc::clone(sent) };
            *message.body_mut() = Some(reqwest::Body::wrap(body));
            let mut answer = pin!(self.http.execute(message));
            let Some(limit) = self.connect_timeout else { return answer.await };
            match timeout(limit.saturating_add(FORGOTTEN), answer.as_mut()).await {
                Ok(answer) => return answer,
                Err(_) if sent.load(Ordering::Acquire) => return answer.await,
                Err(_) => debug!("waited too long for a connection; asking for another"),
            }
        }
    }

    async fn read(&self, mut answer: reqwest::Response, until: Option<Until>) -> Reply {
        let status = answer.status().as_u16();
        let headers = std::mem::take(answer.headers_mut());
        let (most, until) = if answer.status().is_success() {
            (self.largest_answer, until)
        } else {
            (LARGEST_ERROR_BODY, Some(sooner(until)))
        };
        let length = answer.content_length().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let mut body = Received::new(length.min(most).min(LARGEST_RESERVE));
        let cut = loop {
            match within(until.as_ref(), answer.chunk()).await {
                Ok(Ok(Some(chunk))) => {
                    if !body.take(chunk, most) {
                        break Some(Cut::TooLarge);
                    }
                }
                Ok(Ok(None)) => break None,
                Ok(Err(error)) => break Some(Cut::Broken(format!("the answer was cut short: {}", chain(&error)))),
                Err(until) => break Some(Cut::TimedOut(until.ran_out("while reading the answer"))),
            }
        };
        Reply { status, headers, body: body.into_bytes(), cut }
    }

    fn failure(&self, error: &reqwest::Error, sent: bool) -> Failure {
        let reason = chain(error);
        let failure = |cause, message, sent| Failure { cause, message, sent };
        if find::<h2::Error>(error).is_some_and(is_refused) {
            return failure(Cause::Connection, format!("the server refused the stream: {reason}"), false);
        }
        if sent {
            let cause = if error.is_timeout() { Cause::Timeout } else { Cause::Connection };
            return failure(cause, format!("the connection broke before the answer: {reason}"), true);
        }
        if find::<rustls::Error>(error).is_some() {
            return failure(Cause::Tls, format!("the server is not trusted: {reason}"), false);
        }
        if error.is_timeout() {
            let message = match self.connect_timeout {
                Some(limit) => format!("connect_timeout of {limit:?} ran out while connecting"),
                None => format!("connecting took too long: {reason}"),
            };
            return failure(Cause::Timeout, message, false);
        }
        // The library has no other sign of a proxy that wants a password.
        let cause = if reason.contains("proxy authorization required") { Cause::Proxy } else { Cause::Connection };
        failure(cause, format!("could not connect: {reason}"), false)
    }
}

/// Waits for `work` until the limit, if there is one.
async fn within<T>(until: Option<&Until>, work: impl Future<Output = T>) -> Result<T, Until> {
    match until {
        None => Ok(work.await),
        Some(until) => timeout_at(until.at, work).await.map_err(|_| *until),
    }
}

fn sooner(until: Option<Until>) -> Until {
    let now = Instant::now();
    let at = now.checked_add(LONGEST_ERROR_BODY).unwrap_or(now);
    let own = Until { at, option: "the limit for an error's body", length: LONGEST_ERROR_BODY };
    until.filter(|until| until.at < at).unwrap_or(own)
}

/// The server said that it did not begin the stream (RFC 9113, 8.7): safe to send again.
fn is_refused(error: &h2::Error) -> bool {
    let unprocessed = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
    let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    error.is_remote() && (unprocessed || refused)
}

/// The causes of an error in one line, without the library's own first words, which carry the URL.
fn chain(error: &reqwest::Error) -> String {
    let mut reasons: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(error) = next {
        let reason = error.to_string();
        if reasons.last() != Some(&reason) {
            reasons.push(reason);
        }
        next = error.source();
    }
    if reasons.is_empty() { "no reason given".to_owned() } else { reasons.join(": ") }
}

/// The first cause of this type, also where an I/O error wraps it.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let found = error.downcast_ref::<T>().or_else(|| wrapped?.downcast_ref::<T>());
        if found.is_some() {
            return found;
        }
        next = wrapped.map_or_else(|| error.source(), |inner| Some(inner as &(dyn StdError + 'static)));
    }
    None
}

/// A body that comes in one piece keeps that piece, without a copy.
enum Received {
    Whole(Bytes, usize),
    Pieces(BytesMut),
}

impl Received {
    fn new(reserve: usize) -> Self {
        Self::Whole(Bytes::new(), reserve)
    }

    /// Adds a piece, up to `most` bytes in all. False when there was more.
    fn take(&mut self, mut piece: Bytes, most: usize) -> bool {
        let room = most.saturating_sub(self.len());
        let fits = piece.len() <= room;
        piece.truncate(room);
        match self {
            Self::Whole(first, _) if first.is_empty() => *first = piece,
            Self::Whole(first, reserve) => {
                let mut pieces = BytesMut::with_capacity((*reserve).max(first.len()));
                pieces.extend_from_slice(first);
                pieces.extend_from_slice(&piece);
                *self = Self::Pieces(pieces);
            }
            Self::Pieces(pieces) => pieces.extend_from_slice(&piece),
        }
        fits
    }

    fn len(&self) -> usize {
        match self {
            Self::Whole(first, _) => first.len(),
            Self::Pieces(pieces) => pieces.len(),
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Whole(first, _) => first,
            Self::Pieces(pieces) => pieces.freeze(),
        }
    }
}

/// A request body that notes when the connection first asks for it.
struct NotedBody {
    data: Option<Bytes>,
    asked_for: Arc<AtomicBool>,
}

impl Body for NotedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.asked_for.store(true, Ordering::Release);
        Poll::Ready(self.data.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX)))
    }
}

fn proxy(proxy: &Proxy) -> Result<Option<reqwest::Proxy>> {
    let (url, except) = match proxy {
        Proxy::Off => return Ok(None),
        Proxy::Fixed(url) => (url, None),
        Proxy::Environment(url) => (url, reqwest::NoProxy::from_env()),
    };
    let proxy = reqwest::Proxy::https(url.clone()).map_err(|_| Error::config("proxy: cannot be used as a proxy"))?;
    Ok(Some(proxy.no_proxy(except)))
}

fn tls(https: bool, config: &Config) -> Result<rustls::ClientConfig> {
    let mut roots = if https { system_and_bundled_roots() } else { RootCertStore::empty() };
    if let Some(file) = &config.ca_file {
        let bad = |why: &str| Error::config(format!("ca_file: {} {why}", file.display()));
        let pem = fs::read(file).map_err(|e| bad(&format!("cannot be read: {e}")))?;
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem).collect();
        if certificates.is_empty() {
            return Err(bad("holds no certificate in PEM form"));
        }
        for certificate in certificates {
            let certificate = certificate.map_err(|_| bad("is not valid PEM"))?;
            roots.add(certificate).map_err(|_| bad("holds a certificate that cannot be read"))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::config(format!("TLS cannot be set up: {e}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

/// The operating system's roots and the bundled ones together, so that slim containers and company networks both work.
fn system_and_bundled_roots() -> RootCertStore {
    /// Reading them takes milliseconds. Never waited for: after a fork, another thread's lock would never open.
    static READ: Mutex<Option<RootCertStore>> = Mutex::new(None);
    if let Ok(read) = READ.try_lock()
        && let Some(roots) = &*read
    {
        return roots.clone();
    }
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Ok(mut read) = READ.try_lock() {
        *read = Some(roots.clone());
    }
    roots
}
