//! Connections to the service: DNS, TCP, the proxy where there is one, TLS, and one limit of time over all of them.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use crate::config::{Checked, Config};
use crate::error::{Error, Result};
use crate::proxy::Proxy;
use crate::stream::Stream;
use crate::tls;

/// A line on which nothing comes is asked whether it is still there after this long, and this often, and so often…
const PROBE_AFTER: Duration = Duration::from_secs(15);
const PROBES: u32 = 3;
/// …and one that acknowledges nothing of what is sent is given up after this.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);
/// The longest head that a proxy may answer with.
const LARGEST_HEAD: usize = 8 << 10;

type BoxError = Box<dyn StdError + Send + Sync>;
type Connecting<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;
/// TCP, with the TLS of a proxy where it speaks https.
type Line = MaybeHttpsStream<TokioIo<TcpStream>>;

/// What kept an attempt from its answer; each says what it means for repeating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// No connection, or one that broke: may be repeated if nothing was sent.
    Connection,
    /// The service says that it did not begin it: may be repeated.
    Refused,
    /// The proxy does not let us through: it will not next time.
    Proxy,
    /// The other side cannot be trusted, or speaks no TLS of ours: it will not next time.
    Tls,
    /// A limit of time ran out: may be repeated if nothing was sent.
    Timeout,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct NoConnection {
    pub(crate) cause: Cause,
    pub(crate) message: String,
}

/// Makes the connections of a pool, which clones it for every request.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Way>);

struct Way {
    https: HttpsConnector<Route>,
    limit: Option<Duration>,
}

impl Connector {
    pub(crate) fn new(config: &Config, checked: &Checked, user_agent: &HeaderValue) -> Result<Self> {
        let https = checked.endpoint.is_https();
        let tls = tls::config(https, config.ca_file.as_deref())?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Shared among the addresses of a name, so that one that is dead leaves time for the next.
        tcp.set_connect_timeout(config.connect_timeout);
        tcp.set_keepalive(Some(PROBE_AFTER));
        tcp.set_keepalive_interval(Some(PROBE_AFTER));
        tcp.set_keepalive_retries(Some(PROBES));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        let tunnel = through(&checked.proxy, checked.endpoint.run_uri())?.filter(|_| https).map(|proxy| {
            let mut to_proxy = tls.clone();
            // A tunnel is asked for in HTTP/1.
            to_proxy.alpn_protocols.clear();
            Arc::new(Tunnel { to_proxy: (tcp.clone(), to_proxy).into(), proxy, user_agent: user_agent.clone() })
        });
        let mut connector = HttpsConnector::from((Route { tcp, tunnel }, tls));
        if https {
            connector.enforce_https();
        }
        Ok(Self(Arc::new(Way { https: connector, limit: config.connect_timeout })))
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = NoConnection;
    type Future = Connecting<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NoConnection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = self.0.https.clone().call(to);
        let limit = self.0.limit;
        Box::pin(async move {
            let ended = match limit {
                None => connecting.await,
                Some(limit) => timeout(limit, connecting).await.map_err(|_| NoConnection::timed_out(limit))?,
            };
            ended.map(Stream::from).map_err(|error| NoConnection::because_of(&*error, limit))
        })
    }
}

/// What TLS with the service is spoken over.
#[derive(Clone)]
struct Route {
    tcp: HttpConnector,
    tunnel: Option<Arc<Tunnel>>,
}

struct Tunnel {
    to_proxy: HttpsConnector<HttpConnector>,
    proxy: Intercept,
    user_agent: HeaderValue,
}

impl Service<Uri> for Route {
    type Response = Line;
    type Error = BoxError;
    type Future = Connecting<Line, BoxError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let Some(tunnel) = self.tunnel.clone() else {
            let connecting = self.tcp.call(to);
            return Box::pin(async move { Ok(MaybeHttpsStream::Http(connecting.await?)) });
        };
        Box::pin(async move {
            let line = tunnel.to_proxy.clone().call(tunnel.proxy.uri().clone()).await?;
            Ok(open_tunnel(line, &tunnel.ask(&to)).await?)
        })
    }
}

impl Tunnel {
    fn ask(&self, to: &Uri) -> Vec<u8> {
        let host = to.host().unwrap_or_default();
        let port = to.port_u16().unwrap_or(443);
        let mut ask = format!("CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}:{port}\r\nuser-agent: ").into_bytes();
        ask.extend_from_slice(self.user_agent.as_bytes());
        if let Some(password) = self.proxy.basic_auth() {
            ask.extend_from_slice(b"\r\nproxy-authorization: ");
            ask.extend_from_slice(password.as_bytes());
        }
        ask.extend_from_slice(b"\r\n\r\n");
        ask
    }
}

/// The proxy on the way, if there is one.
fn through(proxy: &Proxy, to: &Uri) -> Result<Option<Intercept>> {
    let Proxy::Through { url, except } = proxy else { return Ok(None) };
    let everywhere = || Matcher::builder().all(url.as_str());
    if everywhere().build().intercept(to).is_none() {
        return Err(Error::config("proxy: cannot be used as a proxy; give it as `http://host:port`"));
    }
    Ok(everywhere().no(except.as_str()).build().intercept(to))
}

/// Asks the proxy at the other end for a tunnel.
///
/// By hand, since the library's own tunnel does not tell the status that it was refused with.
async fn open_tunnel(line: Line, ask: &[u8]) -> Result<Line, NoTunnel> {
    let mut line = TokioIo::new(line);
    line.write_all(ask).await.map_err(NoTunnel::Broken)?;
    line.flush().await.map_err(NoTunnel::Broken)?;
    let mut head = Vec::with_capacity(1 << 10);
    loop {
        if line.read_buf(&mut head).await.map_err(NoTunnel::Broken)? == 0 {
            return Err(NoTunnel::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        let mut headers = [httparse::EMPTY_HEADER; 100];
        let mut answer = httparse::Response::new(&mut headers);
        let parsed = answer.parse(&head).map_err(NoTunnel::NotHttp)?;
        match answer.code.filter(|_| parsed.is_complete()) {
            Some(200..300) => return Ok(line.into_inner()),
            Some(status) => return Err(NoTunnel::Refused(status)),
            None if head.len() > LARGEST_HEAD => return Err(NoTunnel::NotHttp(httparse::Error::TooManyHeaders)),
            None => {}
        }
    }
}

/// A proxy that opened no tunnel.
#[derive(Debug)]
enum NoTunnel {
    Refused(u16),
    NotHttp(httparse::Error),
    Broken(io::Error),
}

impl NoTunnel {
    /// Whether it would be the same next time: the proxy wants a password, or does not know this host.
    fn is_final(&self) -> bool {
        matches!(self, Self::Refused(400..500)) && !matches!(self, Self::Refused(408 | 429))
    }
}

impl fmt::Display for NoTunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the proxy opens no tunnel")?;
        match self {
            Self::Refused(status) => {
                let reason = StatusCode::from_u16(*status).ok().and_then(|status| status.canonical_reason());
                write!(f, ": it answers {status} {}", reason.unwrap_or_default())?;
                // 401 is what some say for 407.
                if matches!(status, 401 | 407) {
                    f.write_str(" (give its user and password in its URL)")
                } else {
                    Ok(())
                }
            }
            Self::NotHttp(why) => write!(f, ": its answer is not HTTP: {why}"),
            Self::Broken(_) => Ok(()),
        }
    }
}

impl StdError for NoTunnel {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Broken(error) => Some(error),
            _ => None,
        }
    }
}

impl NoConnection {
    fn timed_out(limit: Duration) -> Self {
        Self { cause: Cause::Timeout, message: format!("connect_timeout of {limit:?} ran out while connecting") }
    }

    fn because_of(error: &(dyn StdError + 'static), limit: Option<Duration>) -> Self {
        let reason = reasons(Some(error));
        let could_not_connect = format!("could not connect: {reason}");
        let mut causes = causes(error);
        if causes.clone().any(tls::is_refusal) {
            return Self { cause: Cause::Tls, message: format!("the server is not trusted: {reason}") };
        }
        if causes.clone().any(is_timeout) {
            return match limit {
                Some(limit) => Self::timed_out(limit),
                None => Self { cause: Cause::Timeout, message: could_not_connect },
            };
        }
        let refused = causes.any(|cause| cause.downcast_ref::<NoTunnel>().is_some_and(NoTunnel::is_final));
        Self { cause: if refused { Cause::Proxy } else { Cause::Connection }, message: could_not_connect }
    }
}

impl fmt::Display for NoConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for NoConnection {}

/// The error, what caused it, what caused that… also where an I/O error wraps one.
pub(crate) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> + Clone {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map_or_else(|| error.source(), |inner| Some(inner as &(dyn StdError + 'static)))
    })
}

/// Those causes in one line.
pub(crate) fn reasons(error: Option<&(dyn StdError + 'static)>) -> String {
    let mut reasons: Vec<String> = error.into_iter().flat_map(causes).map(ToString::to_string).collect();
    reasons.dedup();
    if reasons.is_empty() { "no reason given".to_owned() } else { reasons.join(": ") }
}

/// Whether an error is a limit of time, the operating system's included.
pub(crate) fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}
