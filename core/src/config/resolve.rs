//! Validates a client's options and brings them into the form that the client works with.

use std::time::Duration;

use http::HeaderMap;

use crate::config::api_key::{ApiKey, KEY_PREFIX};
use crate::config::base_url::BaseUrl;
use crate::config::headers::parse_headers;
use crate::config::options::ClientOptions;
use crate::config::prices::Prices;
use crate::config::proxy::Proxy;
use crate::error::{Error, ErrorKind, Result};

/// Validated options.
#[derive(Debug)]
pub(crate) struct ResolvedOptions {
    pub(crate) base_url: BaseUrl,
    pub(crate) api_key: ApiKey,
    pub(crate) headers: HeaderMap,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) prices: Prices,
    pub(crate) max_concurrency: usize,
}

impl ClientOptions {
    /// Validates every option, as [`Client::new`](crate::Client::new) does.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) with the name of the first invalid option and what to do.
    pub fn validate(&self) -> Result<()> {
        self.resolve().map(|_| ())
    }

    pub(crate) fn resolve(&self) -> Result<ResolvedOptions> {
        let base_url = BaseUrl::new(&self.base_url, self.allow_http)?;
        let Some(api_key) = self.api_key.clone() else {
            return Err(Error::config(
                "api_key",
                "`api_key` is required. Pass `api_key`, or set the BUILDERAIKITS_API_KEY environment variable.",
            ));
        };
        if base_url.is_official() && !api_key.has_prefix() {
            return Err(Error::config(
                "api_key",
                format!(
                    "`api_key` must start with `{KEY_PREFIX}` for {}. This looks like a key for another service, so it \
                     was not sent.",
                    BaseUrl::OFFICIAL
                ),
            ));
        }
        let timeouts = [
            ("timeout", self.timeout),
            ("attempt_timeout", self.attempt_timeout),
            ("connect_timeout", self.connect_timeout),
        ];
        for (option, timeout) in timeouts {
            validate_timeout(ErrorKind::Config, option, timeout)?;
        }
        let sizes = [("max_concurrency", self.max_concurrency), ("max_response_bytes", Some(self.max_response_bytes))];
        if let Some((option, _)) = sizes.iter().find(|(_, size)| *size == Some(0)) {
            return Err(Error::config(option, format!("`{option}` must be at least 1.")));
        }
        self.rate_limit.validate()?;
        let prices = Prices::new(&self.prices)?;
        let headers = parse_headers(&self.headers, ErrorKind::Config)?;
        if self.app_name.as_ref().is_some_and(|app| app.is_empty() || !app.bytes().all(|b| (b' '..=b'~').contains(&b)))
        {
            return Err(Error::config("app_name", "`app_name` must be printable ASCII, for example my-app/1.2."));
        }
        let proxy = Proxy::find(self.proxy.as_ref().map(|proxy| proxy.as_str()), |name| self.proxy_env_var(name))?;
        let max_concurrency = self.max_concurrency.unwrap_or_else(|| default_max_concurrency(open_file_limit()));
        Ok(ResolvedOptions { base_url, api_key, headers, proxy, prices, max_concurrency })
    }
}

/// Rejects a timeout of 0, of a client ([`ErrorKind::Config`]) or of a call ([`ErrorKind::InvalidRequest`]).
pub(crate) fn validate_timeout(kind: ErrorKind, option: &str, timeout: Option<Duration>) -> Result<()> {
    match timeout {
        Some(Duration::ZERO) => {
            Err(Error::invalid(kind, option, format!("`{option}` must be more than 0. Omit it for the default.")))
        }
        _ => Ok(()),
    }
}

fn default_max_concurrency(open_files: Option<usize>) -> usize {
    open_files.map_or(1000, |limit| (limit / 4).saturating_mul(3).clamp(1, 1000))
}

/// The process's soft limit of open files, if it has one.
fn open_file_limit() -> Option<usize> {
    #[cfg(unix)]
    return rlimit::Resource::NOFILE.get_soft().ok().and_then(|limit| usize::try_from(limit).ok());
    #[cfg(not(unix))]
    return None;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::rate_limit::RateLimit;
    use crate::models::catalog::Quota;
    use crate::models::cost::Cost;

    fn valid() -> ClientOptions {
        ClientOptions { api_key: ApiKey::new("bak_k").ok(), proxy: Some("off".into()), ..ClientOptions::default() }
    }

    #[test]
    fn options_table() {
        let zero = Some(Duration::ZERO);
        let no_limit = RateLimit::Custom(Quota { requests: None, tokens: None, per: Duration::from_secs(60) });
        let invalid = [
            (ClientOptions { api_key: None, ..valid() }, "`api_key` is required"),
            (ClientOptions { api_key: ApiKey::new("sk-secret").ok(), ..valid() }, "`api_key` must start with `bak_`"),
            (ClientOptions { base_url: "http://example.com".into(), ..valid() }, "`base_url` uses plain http"),
            (ClientOptions { timeout: zero, ..valid() }, "`timeout` must be more than 0"),
            (ClientOptions { attempt_timeout: zero, ..valid() }, "`attempt_timeout` must be more than 0"),
            (ClientOptions { connect_timeout: zero, ..valid() }, "`connect_timeout` must be more than 0"),
            (ClientOptions { rate_limit: no_limit, ..valid() }, "`rate_limit` needs a number"),
            (
                ClientOptions { prices: vec![("text_gen".into(), Cost::default())], ..valid() },
                "`prices`: 'text_gen' is",
            ),
            (ClientOptions { max_concurrency: Some(0), ..valid() }, "`max_concurrency` must be at least 1"),
            (ClientOptions { max_response_bytes: 0, ..valid() }, "`max_response_bytes` must be at least 1"),
            (ClientOptions { app_name: Some(String::new()), ..valid() }, "`app_name` must be printable ASCII"),
            (ClientOptions { app_name: Some("a/1\r\nx: y".into()), ..valid() }, "`app_name` must be printable ASCII"),
            (ClientOptions { headers: vec![("host".into(), "secret".into())], ..valid() }, "`headers`: 'host' is set"),
            (ClientOptions { proxy: Some("socks4://secret".into()), ..valid() }, "`proxy` has an unsupported scheme"),
        ];
        for (options, message) in invalid {
            let error = options.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let option = error.option().map(|option| format!("`{option}`"));
            assert!(error.message().starts_with(message) && option.is_some_and(|o| message.starts_with(&o)), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let valid = [
            valid(),
            ClientOptions { base_url: "https://example.com".into(), api_key: ApiKey::new("other").ok(), ..valid() },
            ClientOptions { timeout: None, connect_timeout: None, attempt_timeout: Some(Duration::MAX), ..valid() },
            ClientOptions { app_name: Some("my app/1.2".into()), max_retries: 0, ..valid() },
            ClientOptions { proxy: Some("http://user:pw@proxy:3128".into()), ..valid() },
        ];
        for options in valid {
            options.validate().unwrap();
        }
    }

    #[test]
    fn max_concurrency_follows_the_open_file_limit() {
        let limit = |options: ClientOptions| options.resolve().unwrap().max_concurrency;
        assert_eq!(limit(ClientOptions { max_concurrency: Some(7), ..valid() }), 7);
        assert_eq!(limit(valid()), default_max_concurrency(open_file_limit()));
        assert_eq!(open_file_limit().is_some_and(|files| files > 1), cfg!(unix));
        let table = [
            (None, 1000),
            (Some(0), 1),
            (Some(256), 192),
            (Some(1024), 768),
            (Some(2000), 1000),
            (Some(1 << 20), 1000),
        ];
        for (files, permits) in table {
            assert_eq!(default_max_concurrency(files), permits, "{files:?}");
        }
    }
}
