//! The options of a client: the one place where each is born, has its default, and is checked.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::auth::{ApiKey, KEY_PREFIX, REDACTED};
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::proxy::Proxy;

/// The options of a [`Client`](crate::Client).
///
/// A plain struct: name what differs and take the rest with `..Config::from_env()?` (or `..Config::default()`, which
/// reads no `BUILDERAIKITS_*` variable; proxies are looked up when the client is made: see [`proxy`](Self::proxy)). An
/// option added later is then not a breaking change.
///
/// ```
/// use builderaikits::{ApiKey, Client, Config};
/// use std::time::Duration;
///
/// let client = Client::new(Config {
///     api_key: Some(ApiKey::new("bak_example")?),
///     timeout: Some(Duration::from_secs(30)),
///     ..Config::default()
/// })?;
/// # Ok::<(), builderaikits::Error>(())
/// ```
#[derive(Clone)]
pub struct Config {
    /// The API key; required. [`from_env`](Self::from_env) takes it from `BUILDERAIKITS_API_KEY`. For the service's
    /// own host it must begin with `bak_`, so that a pasted key of another vendor is never sent there.
    pub api_key: Option<ApiKey>,
    /// Where the service is, up to and with its version; `kits/run` is appended. Default
    /// `https://api.builderaikits.com/v1`; [`from_env`](Self::from_env) takes it from `BUILDERAIKITS_BASE_URL`.
    ///
    /// `https` only, but for `localhost`, 127.0.0.0/8 and ::1, or with [`allow_http`](Self::allow_http). No user
    /// name, password, query, fragment, or control character.
    pub base_url: String,
    /// The most time that a call may take: all attempts, waits, and the queue. Default 120 s; `None`: no deadline.
    pub timeout: Option<Duration>,
    /// The most time that one attempt may take, its body included. Default: none but [`timeout`](Self::timeout).
    pub attempt_timeout: Option<Duration>,
    /// The most time that DNS, TCP and TLS may take together. Default 5 s; `None`: no limit of its own.
    pub connect_timeout: Option<Duration>,
    /// Attempts after the first. Default 2; 0: none at all. An HTTP/2 stream that the service says it did not begin, as
    /// where it ends a connection, is repeated up to 5 times beside them.
    pub max_retries: u32,
    /// Whether a call is repeated that was sent and got no answer, and so may have run and be billed. Default false.
    pub retry_ambiguous: bool,
    /// The most attempts on the wire at once, for this client and its copies; the rest queue, first come first served,
    /// and their deadline runs. Default `None`: 1,000, or three quarters of the process's soft limit of open files
    /// where that is less: the rest of the process has files too.
    pub max_concurrency: Option<usize>,
    /// The largest answer taken, in bytes. Default 16 MiB. Of an error's body the first 64 KiB are kept.
    pub max_response_bytes: usize,
    /// Headers for every request, as name and value. Default none; [`from_env`](Self::from_env) takes them from
    /// `BUILDERAIKITS_CUSTOM_HEADERS`, one `Name: value` a line.
    ///
    /// The SDK's own cannot be set: authorization, host, content-*, transfer-encoding, accept-encoding, connection,
    /// proxy-authorization, idempotency-key.
    pub headers: Vec<(String, String)>,
    /// The URL of an `http` or `https` proxy, or `off`. Default `None`: the one that `HTTPS_PROXY` or `ALL_PROXY`
    /// names, but for the hosts of `NO_PROXY`. The key goes only inside the tunnel; plain http never uses a proxy.
    pub proxy: Option<String>,
    /// A PEM file of certificates to trust beside the operating system's and the bundled ones. Default none. Read
    /// when the client is made.
    pub ca_file: Option<PathBuf>,
    /// Whether `base_url` may be plain `http` on any host, for a sandbox in another container: key, prompts and answers
    /// can then be read by all on the way. Default false.
    pub allow_http: bool,
    /// Your program, as `name/version`: put at the end of `User-Agent`. Default none.
    pub app_name: Option<String>,
    /// What [`from_vars`](Self::from_vars) found about proxies. Default `None`: the environment of the process is asked.
    #[doc(hidden)]
    pub proxy_variables: Option<Vec<(&'static str, String)>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            api_key: None,
            base_url: Endpoint::OFFICIAL.to_owned(),
            timeout: Some(Duration::from_secs(120)),
            attempt_timeout: None,
            connect_timeout: Some(Duration::from_secs(5)),
            max_retries: 2,
            retry_ambiguous: false,
            max_concurrency: None,
            max_response_bytes: 16 << 20,
            headers: Vec::new(),
            proxy: None,
            ca_file: None,
            allow_http: false,
            app_name: None,
            proxy_variables: None,
        }
    }
}

impl Config {
    /// Checks every option, as [`Client::new`](crate::Client::new) does.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config), which names the first option that is bad, and the way out.
    pub fn validate(&self) -> Result<()> {
        self.check().map(|_| ())
    }

    pub(crate) fn check(&self) -> Result<Checked> {
        let endpoint = Endpoint::new(&self.base_url, self.allow_http)?;
        let Some(key) = self.api_key.clone() else {
            return Err(Error::config("api_key: is missing; give it, or set BUILDERAIKITS_API_KEY"));
        };
        if endpoint.is_official() && !key.has_prefix() {
            return Err(Error::config(format!("api_key: does not begin with `{KEY_PREFIX}`; is it another vendor's?")));
        }
        let times = [
            ("timeout", self.timeout),
            ("attempt_timeout", self.attempt_timeout),
            ("connect_timeout", self.connect_timeout),
        ];
        for (name, time) in times {
            check_time(name, time).map_err(Error::config)?;
        }
        let sizes = [("max_concurrency", self.max_concurrency), ("max_response_bytes", Some(self.max_response_bytes))];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == Some(0)) {
            return Err(Error::config(format!("{name}: must be at least 1")));
        }
        let headers = parse_headers(&self.headers).map_err(Error::config)?;
        if self.app_name.as_ref().is_some_and(|app| app.is_empty() || !app.bytes().all(|b| (b' '..=b'~').contains(&b)))
        {
            return Err(Error::config("app_name: must be visible ASCII, as `name/version`"));
        }
        let proxy = Proxy::new(self.proxy.as_deref(), |name| self.proxy_variable(name))?;
        Ok(Checked { endpoint, key, headers, proxy })
    }

    /// How many attempts may be on the wire at once.
    pub(crate) fn slots(&self) -> usize {
        self.max_concurrency.unwrap_or_else(|| slots_of(open_files()))
    }

    /// The first option that is not a copy's own, where `other` has another value for it.
    pub(crate) fn shared_option_that_differs(&self, other: &Self) -> Option<&'static str> {
        let differs = [
            ("base_url", self.base_url != other.base_url),
            ("allow_http", self.allow_http != other.allow_http),
            ("proxy", self.proxy != other.proxy),
            ("ca_file", self.ca_file != other.ca_file),
            ("connect_timeout", self.connect_timeout != other.connect_timeout),
            ("max_concurrency", self.max_concurrency != other.max_concurrency),
            ("max_response_bytes", self.max_response_bytes != other.max_response_bytes),
        ];
        differs.iter().find(|(_, differs)| *differs).map(|(option, _)| *option)
    }
}

/// What [`Config::check`] found, in the form that the client works with.
#[derive(Clone)]
pub(crate) struct Checked {
    pub(crate) endpoint: Endpoint,
    pub(crate) key: ApiKey,
    pub(crate) headers: HeaderMap,
    pub(crate) proxy: Proxy,
}

/// A limit of time of a client or a call: longer than nothing.
pub(crate) fn check_time(name: &str, time: Option<Duration>) -> Result<(), String> {
    match time {
        Some(Duration::ZERO) => Err(format!("{name}: must be more than 0; leave it out for the default")),
        _ => Ok(()),
    }
}

/// The user's headers, of a client or a call, which may not touch what the SDK itself says.
pub(crate) fn parse_headers(headers: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let shown = name.escape_debug();
        let parsed: HeaderName = name.parse().map_err(|_| format!("headers: `{shown}` is not a header's name"))?;
        if is_ours(parsed.as_str()) {
            return Err(format!("headers: `{shown}` is set by the SDK and cannot be replaced"));
        }
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| format!("headers: the value of `{shown}` has a line break or another control character"))?;
        value.set_sensitive(true);
        map.append(parsed, value);
    }
    Ok(map)
}

fn is_ours(name: &str) -> bool {
    const OURS: [&str; 7] = [
        "authorization",
        "host",
        "transfer-encoding",
        "accept-encoding",
        "connection",
        "proxy-authorization",
        "idempotency-key",
    ];
    OURS.contains(&name) || name.starts_with("content-")
}

/// The default of `max_concurrency`.
fn slots_of(open_files: Option<usize>) -> usize {
    open_files.map_or(1000, |most| (most / 4).saturating_mul(3).clamp(1, 1000))
}

/// The process's soft limit of open files, where there is one.
fn open_files() -> Option<usize> {
    #[cfg(unix)]
    return rlimit::Resource::NOFILE.get_soft().ok().and_then(|most| usize::try_from(most).ok());
    #[cfg(not(unix))]
    return None;
}

/// Shows no secret: the key, header values, and the proxy (it can carry a password) are redacted, and so is a base URL
/// that is not valid, whatever was pasted there.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base_url = Endpoint::new(&self.base_url, true).map_or(REDACTED, |_| &self.base_url);
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| (name, REDACTED)).collect();
        f.debug_struct("Config")
            .field("api_key", &self.api_key)
            .field("base_url", &base_url)
            .field("timeout", &self.timeout)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_retries", &self.max_retries)
            .field("retry_ambiguous", &self.retry_ambiguous)
            .field("max_concurrency", &self.max_concurrency)
            .field("max_response_bytes", &self.max_response_bytes)
            .field("headers", &headers)
            .field("proxy", &self.proxy.as_ref().map(|proxy| if proxy == "off" { "off" } else { REDACTED }))
            .field("ca_file", &self.ca_file)
            .field("allow_http", &self.allow_http)
            .field("app_name", &self.app_name)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Config {
        Config { api_key: ApiKey::new("bak_k").ok(), proxy: Some("off".into()), ..Config::default() }
    }

    #[test]
    fn options_table() {
        let headers = |name: &str, value: &str| Config { headers: vec![(name.into(), value.into())], ..good() };
        let zero = Some(Duration::ZERO);
        let bad = [
            (Config { api_key: None, ..good() }, "api_key: is missing"),
            (Config { api_key: ApiKey::new("sk-secret").ok(), ..good() }, "api_key: does not begin with `bak_`"),
            (Config { base_url: "http://example.com".into(), ..good() }, "base_url: plain http"),
            (Config { timeout: zero, ..good() }, "timeout: must be more than 0"),
            (Config { attempt_timeout: zero, ..good() }, "attempt_timeout: must be more than 0"),
            (Config { connect_timeout: zero, ..good() }, "connect_timeout: must be more than 0"),
            (Config { max_concurrency: Some(0), ..good() }, "max_concurrency: must be at least 1"),
            (Config { max_response_bytes: 0, ..good() }, "max_response_bytes: must be at least 1"),
            (Config { app_name: Some(String::new()), ..good() }, "app_name: must be visible ASCII"),
            (Config { app_name: Some("a/1\r\nx: y".into()), ..good() }, "app_name: must be visible ASCII"),
            (headers("Authorization", "secret"), "headers: `Authorization` is set by the SDK"),
            (headers("HOST", "secret"), "headers: `HOST` is set by the SDK"),
            (headers("content-type", "secret"), "headers: `content-type` is set by the SDK"),
            (headers("Content-New", "secret"), "headers: `Content-New` is set by the SDK"),
            (headers("transfer-encoding", "secret"), "headers: `transfer-encoding` is set by the SDK"),
            (headers("accept-encoding", "secret"), "headers: `accept-encoding` is set by the SDK"),
            (headers("connection", "secret"), "headers: `connection` is set by the SDK"),
            (headers("proxy-authorization", "secret"), "headers: `proxy-authorization` is set by the SDK"),
            (headers("idempotency-key", "secret"), "headers: `idempotency-key` is set by the SDK"),
            (headers("x\ny", "secret"), "headers: `x\\ny` is not a header's name"),
            (headers("", "secret"), "headers: `` is not a header's name"),
            (headers("x", "secret\r\ny: z"), "headers: the value of `x` has a line break"),
            (Config { proxy: Some("socks5://secret".into()), ..good() }, "proxy: is neither http nor https"),
        ];
        for (config, message) in bad {
            let error = config.validate().unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Config);
            assert!(error.message().starts_with(message), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let good = [
            good(),
            Config { base_url: "https://example.com".into(), api_key: ApiKey::new("other").ok(), ..good() },
            Config { timeout: None, connect_timeout: None, attempt_timeout: Some(Duration::MAX), ..good() },
            Config { app_name: Some("my app/1.2".into()), max_retries: 0, ..good() },
            headers("X-Team", "blue"),
            headers("user-agent", "mine"),
            Config { proxy: Some("http://user:pw@proxy:3128".into()), ..good() },
        ];
        for config in good {
            config.validate().unwrap();
        }
    }

    #[test]
    fn values_of_headers_are_marked_for_the_libraries() {
        let headers = parse_headers(&[("x-token".into(), "secret".into())]).unwrap();
        assert!(headers["x-token"].is_sensitive());
    }

    #[test]
    fn debug_shows_no_secret() {
        let config = Config {
            api_key: ApiKey::new("bak_secret").ok(),
            headers: vec![("x-token".into(), "secret".into())],
            proxy: Some("http://user:secret@proxy".into()),
            ..Config::default()
        };
        let shown = format!("{config:?}");
        assert!(!shown.contains("secret") && shown.contains("x-token"), "{shown}");
        for base_url in ["https://user:secret@example.com", "https://example.com/?key=secret", "secret"] {
            let shown = format!("{:?}", Config { base_url: base_url.into(), ..good() });
            assert!(!shown.contains("secret"), "{shown}");
        }
        assert!(format!("{:?}", good()).contains(Endpoint::OFFICIAL));
    }

    #[test]
    fn slots_fit_the_open_files() {
        assert_eq!(Config { max_concurrency: Some(7), ..good() }.slots(), 7);
        assert_eq!(good().slots(), slots_of(open_files()));
        assert_eq!(open_files().is_some_and(|files| files > 1), cfg!(unix));
        let table = [
            (None, 1000),
            (Some(0), 1),
            (Some(256), 192),
            (Some(1024), 768),
            (Some(2000), 1000),
            (Some(1 << 20), 1000),
        ];
        for (files, slots) in table {
            assert_eq!(slots_of(files), slots, "{files:?}");
        }
    }

    #[test]
    fn copies_share_what_belongs_to_connections() {
        let differs = |change: fn(&mut Config)| {
            let mut other = good();
            change(&mut other);
            good().shared_option_that_differs(&other)
        };
        assert_eq!(differs(|c| c.base_url.push('x')), Some("base_url"));
        assert_eq!(differs(|c| c.allow_http = true), Some("allow_http"));
        assert_eq!(differs(|c| c.proxy = None), Some("proxy"));
        assert_eq!(differs(|c| c.ca_file = Some("x".into())), Some("ca_file"));
        assert_eq!(differs(|c| c.connect_timeout = None), Some("connect_timeout"));
        assert_eq!(differs(|c| c.max_concurrency = Some(1)), Some("max_concurrency"));
        assert_eq!(differs(|c| c.max_response_bytes = 1), Some("max_response_bytes"));
        assert_eq!(differs(|c| c.max_retries = 9), None);
        assert_eq!(differs(|c| c.timeout = None), None);
    }
}
