//! One attempt: sent over a pool of connections, it ends in a [`Reply`] or a [`Failure`].

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use crate::config::{Checked, Config};
use crate::connect::{Cause, Connector, NoConnection, causes, is_timeout, reasons};
use crate::error::Result;
use crate::idle;
use crate::request::Request;

/// Of an answer with a status of 300 or above, this many bytes are kept…
const LARGEST_ERROR_BODY: usize = 64 << 10;
/// …of what came within this time after its head.
const LONGEST_ERROR_BODY: Duration = Duration::from_secs(2);
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_ANSWER: Duration = Duration::from_secs(10);
/// Longer than this after `connect_timeout`, no connection is coming.
const FORGOTTEN: Duration = Duration::from_secs(1);
/// No more is set aside for a body on the word of its length alone.
const LARGEST_RESERVE: usize = 4 << 20;

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
    http: legacy::Client<Connector, NotedBody>,
    https: bool,
    largest_answer: usize,
    connect_timeout: Option<Duration>,
}

impl Transport {
    pub(crate) fn new(config: &Config, checked: &Checked, user_agent: &HeaderValue, most: usize) -> Result<Self> {
        // It repeats a request of its own accord only if that was not begun on a connection that had gone stale.
        let http = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(idle::Looks::often())
            .pool_idle_timeout(idle::KEPT)
            .pool_max_idle_per_host(most)
            .http2_keep_alive_interval(PING_EVERY)
            .http2_keep_alive_timeout(PING_ANSWER)
            .build(Connector::new(config, checked, user_agent)?);
        Ok(Self {
            http,
            https: checked.endpoint.is_https(),
            largest_answer: config.max_response_bytes,
            connect_timeout: config.connect_timeout,
        })
    }

    /// Sends one attempt and reads its answer. Dropping the future aborts the request.
    pub(crate) async fn send(
        &self,
        request: &mut Request,
        authorization: HeaderValue,
        until: Option<Until>,
    ) -> Result<Reply, Failure> {
        let mut patience = self.connect_timeout.filter(|_| self.https).map(|limit| limit.saturating_add(FORGOTTEN));
        loop {
            let sending = Sending::default();
            let body = NotedBody { data: Some(request.body()), sending: sending.clone() };
            let mut message = http::Request::new(body);
            *message.method_mut() = Method::POST;
            *message.uri_mut() = request.uri().clone();
            *message.headers_mut() = request.headers(authorization.clone());
            let mut answer = pin!(self.http.request(message));
            let _given_up = GivenUp(&sending);
            let (first, is_last) = forgotten_or(patience, until);
            let mut ended = within(first.as_ref(), answer.as_mut()).await;
            if ended.is_err() && !is_last {
                if sending.withdraw() {
                    debug!("waited too long for a connection; asking for another");
                    // Longer each time: it may be waiting for its turn on one.
                    patience = patience.and_then(|length| length.checked_mul(2));
                    continue;
                }
                ended = within(until.as_ref(), answer.as_mut()).await;
            }
            return match ended {
                Ok(Ok(answer)) => {
                    if answer.status().is_success() {
                        request.is_answered();
                    }
                    Ok(self.read(answer, until).await)
                }
                Ok(Err(error)) => Err(failure(&error, !sending.withdraw())),
                Err(until) => {
                    let sent = !sending.withdraw();
                    let phase = if sent { "while waiting for the answer" } else { "while waiting for a connection" };
                    Err(Failure { cause: Cause::Timeout, message: until.ran_out(phase), sent })
                }
            };
        }
    }

    async fn read(&self, answer: Response<Incoming>, until: Option<Until>) -> Reply {
        let (head, mut incoming) = answer.into_parts();
        let (most, until) = if head.status.is_success() {
            (self.largest_answer, until)
        } else {
            (LARGEST_ERROR_BODY, Some(sooner(until)))
        };
        let length = usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX);
        let mut body = Received::new(length.min(most).min(LARGEST_RESERVE));
        let cut = loop {
            match within(until.as_ref(), poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx))).await {
                Ok(Some(Ok(frame))) => {
                    // What is no data are trailers, of which none has a meaning here.
                    if let Ok(piece) = frame.into_data()
                        && !body.take(piece, most)
                    {
                        break Some(Cut::TooLarge);
                    }
                }
                Ok(None) => break None,
                Ok(Some(Err(error))) => {
                    break Some(Cut::Broken(format!("the answer was cut short: {}", reasons(Some(&error)))));
                }
                Err(until) => break Some(Cut::TimedOut(until.ran_out("while reading the answer"))),
            }
        };
        Reply { status: head.status.as_u16(), headers: head.headers, body: body.into_bytes(), cut }
    }
}

/// When a request that is not sent yet is asked for anew, or `until` where that comes first, and then true. Where
/// several HTTP/2 connections begin or end together, the library can forget who waits for one.
fn forgotten_or(patience: Option<Duration>, until: Option<Until>) -> (Option<Until>, bool) {
    let Some(length) = patience else { return (until, true) };
    match (Instant::now().checked_add(length), until) {
        (Some(at), Some(until)) if until.at <= at => (Some(until), true),
        (Some(at), _) => (Some(Until { at, option: "connect_timeout", length }), false),
        (None, until) => (until, true),
    }
}

fn failure(error: &legacy::Error, sent: bool) -> Failure {
    let mut causes = causes(error);
    if let Some(none) = causes.clone().find_map(|cause| cause.downcast_ref::<NoConnection>()) {
        return Failure { cause: none.cause, message: none.message.clone(), sent: false };
    }
    let reason = reasons(error.source());
    let failure = |cause, message, sent| Failure { cause, message, sent };
    if causes.clone().any(is_refused) {
        return failure(Cause::Refused, format!("the server refused the stream: {reason}"), false);
    }
    if !sent {
        return failure(Cause::Connection, format!("could not connect: {reason}"), false);
    }
    // Pings that are not answered, or the operating system's limits.
    let timeout = causes.any(|cause| is_timeout(cause) || cause.downcast_ref().is_some_and(hyper::Error::is_timeout));
    let cause = if timeout { Cause::Timeout } else { Cause::Connection };
    failure(cause, format!("the connection broke before the answer: {reason}"), true)
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
fn is_refused(error: &(dyn StdError + 'static)) -> bool {
    let Some(error) = error.downcast_ref::<h2::Error>() else { return false };
    let unprocessed = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
    let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    error.is_remote() && (unprocessed || refused)
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

/// Whether a request is on its way: decided once, by the connection that asks for its body or by whoever gives it up.
///
/// A connection can keep a request that nobody waits for any more, and send it later (HTTP/2, when a stream is free).
#[derive(Clone, Default)]
struct Sending(Arc<AtomicU8>);

const WAITING: u8 = 0;
const ASKED_FOR: u8 = 1;
const WITHDRAWN: u8 = 2;

impl Sending {
    /// From now on it is not sent. False: the connection has begun to take it.
    fn withdraw(&self) -> bool {
        self.decide(WITHDRAWN) == WITHDRAWN
    }

    /// What holds: this, or what was decided before.
    fn decide(&self, what: u8) -> u8 {
        match self.0.compare_exchange(WAITING, what, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => what,
            Err(before) => before,
        }
    }
}

/// Withdraws a request whose call is dropped.
struct GivenUp<'a>(&'a Sending);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        self.0.withdraw();
    }
}

/// A request body that notes when the connection first asks for it, and gives nothing once it is withdrawn.
struct NotedBody {
    data: Option<Bytes>,
    sending: Sending,
}

/// Ends the stream that would have carried the request.
#[derive(Debug)]
struct Withdrawn;

impl fmt::Display for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the call was given up before it was sent")
    }
}

impl StdError for Withdrawn {}

impl Body for NotedBody {
    type Data = Bytes;
    type Error = Withdrawn;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Withdrawn>>> {
        if self.sending.decide(ASKED_FOR) == WITHDRAWN {
            return Poll::Ready(Some(Err(Withdrawn)));
        }
        Poll::Ready(self.data.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX)))
    }
}
