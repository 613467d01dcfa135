//! [`BaseUrl`]: which base URLs are valid, so that key and prompt are only sent where the caller means them to go.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::OnceLock;

use http::Uri;
use url::{Host, Url};

use crate::error::{Error, Result};

/// A valid base URL. Paths of operations are appended to it.
#[derive(Debug)]
pub(crate) struct BaseUrl {
    url: Url,
    /// The URL of the operation that was called first. Appending a path parses it again, at 3 % of a call's instructions.
    first: OnceLock<(&'static str, Url)>,
}

impl BaseUrl {
    /// The service's own address.
    pub(crate) const OFFICIAL: &str = "https://api.builderaikits.com/v1";
    const OFFICIAL_HOST: &str = "api.builderaikits.com";

    pub(crate) fn new(base_url: &str, allow_http: bool) -> Result<Self> {
        let invalid =
            |why: &str| Err(Error::config("base_url", format!("`base_url` {why}. Example: {}", Self::OFFICIAL)));
        // This is checked before parsing: the parser drops tabs and line breaks and turns `\` into `/`, which would
        // change the host.
        if base_url.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return invalid("must not contain whitespace, control characters or backslashes");
        }
        // The parser also skips or adds slashes, and would take the path of `https:///v1` for its host.
        let after_scheme = base_url.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//"));
        let has_host = after_scheme.is_some_and(|rest| !rest.starts_with('/'));
        let Some(mut url) = Url::parse(base_url).ok().filter(|_| has_host) else {
            return invalid("is not a URL with a host");
        };
        // The parser drops empty credentials, so the text is checked.
        if after_scheme.and_then(|rest| rest.split('/').next()).is_some_and(|host| host.contains('@')) {
            return invalid("must not contain credentials");
        }
        // The parser would decode it, so that the text shows another host than the one that is called.
        if after_scheme.and_then(|rest| rest.split('/').next()).is_some_and(|host| host.contains('%')) {
            return invalid("must not have a percent-encoded host");
        }
        // An empty query or fragment is rejected too, because it would swallow the path that is appended.
        if url.query().is_some() || url.fragment().is_some() {
            return invalid("must not contain a query or a fragment");
        }
        match url.scheme() {
            "https" => {}
            "http" if allow_http || is_loopback(&url) => {}
            "http" => {
                return Err(Error::config(
                    "base_url",
                    "`base_url` uses plain http, which exposes your API key and prompts on the network. Use https, or \
                     set `allow_http` for a local sandbox.",
                ));
            }
            _ => return invalid("must use https"),
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        // The HTTP library accepts fewer characters than the parser, and at most 64 KiB.
        match Uri::try_from(url.as_str()) {
            Ok(_) => Ok(Self { url, first: OnceLock::new() }),
            Err(_) => invalid("is too long, or has a character that cannot be sent"),
        }
    }

    /// The URL of an operation, such as `kits/run`.
    pub(crate) fn join(&self, path: Cow<'static, str>) -> Url {
        let append = |path: &str| {
            let mut url = self.url.clone();
            url.set_path(&format!("{}/{path}", self.url.path().trim_end_matches('/')));
            url
        };
        if let Cow::Borrowed(path) = path {
            let (first, url) = self.first.get_or_init(|| (path, append(path)));
            if *first == path {
                return url.clone();
            }
        }
        append(&path)
    }

    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host and port, if they are called over plain http.
    pub(crate) fn plain_http_authority(&self) -> Option<&str> {
        Some(self.url.authority()).filter(|_| !self.is_https())
    }

    pub(crate) fn is_official(&self) -> bool {
        // A dot at the end of a name denotes the same host.
        self.url.host_str().is_some_and(|host| host.trim_end_matches('.') == Self::OFFICIAL_HOST)
    }

    pub(crate) fn as_str(&self) -> &str {
        self.url.as_str()
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_url_table() {
        let good = [
            (BaseUrl::OFFICIAL, "https://api.builderaikits.com/v1/kits/run"),
            ("https://api.builderaikits.com/v1/", "https://api.builderaikits.com/v1/kits/run"),
            ("https://example.com", "https://example.com/kits/run"),
            ("https://example.com/a@b", "https://example.com/a@b/kits/run"),
            ("https://example.com/", "https://example.com/kits/run"),
            ("https://example.com/a/b///", "https://example.com/a/b/kits/run"),
            ("https://example.com:8443/v1", "https://example.com:8443/v1/kits/run"),
            ("HTTPS://EXAMPLE.com/V1", "https://example.com/V1/kits/run"),
            ("http://localhost:8787/v1", "http://localhost:8787/v1/kits/run"),
            ("http://LOCALHOST/v1", "http://localhost/v1/kits/run"),
            ("http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1/kits/run"),
            ("http://127.255.0.9/v1", "http://127.255.0.9/v1/kits/run"),
            ("http://[::1]:9/v1", "http://[::1]:9/v1/kits/run"),
            ("https://example.com/a%2eb", "https://example.com/a%2eb/kits/run"),
            ("https://bücher.example/v1", "https://xn--bcher-kva.example/v1/kits/run"),
        ];
        for (base, run) in good {
            let base = BaseUrl::new(base, false).unwrap();
            assert_eq!((base.join("kits/run".into()).as_str(), base.is_https()), (run, run.starts_with("https:")));
            assert!(base.join("other".into()).path().ends_with("/other"));
        }
        let bad = [
            ("", "not a URL with a host"),
            ("api.builderaikits.com/v1", "not a URL with a host"),
            ("https://", "not a URL with a host"),
            ("https:///v1", "not a URL with a host"),
            ("https:/example.com", "not a URL with a host"),
            ("https:example.com", "not a URL with a host"),
            ("https:/example.com/s://api.builderaikits.com", "not a URL with a host"),
            ("https:example.com://api.builderaikits.com/v1", "not a URL with a host"),
            ("https:///example.com://v1", "not a URL with a host"),
            ("ftp://example.com", "must use https"),
            ("file:///etc/passwd", "not a URL with a host"),
            ("data:text/plain,x", "not a URL with a host"),
            ("http://example.com/v1", "plain http"),
            ("http://localhost.evil.com/v1", "plain http"),
            ("http://127.0.0.1.evil.com/v1", "plain http"),
            ("http://localhost./v1", "plain http"),
            ("http://[::2]/v1", "plain http"),
            ("http://192.168.0.1/v1", "plain http"),
            ("http://0.0.0.0/v1", "plain http"),
            ("https://user@example.com/v1", "credentials"),
            ("https://:pw@example.com/v1", "credentials"),
            ("https://user:pw@example.com/v1", "credentials"),
            ("https://@example.com/v1", "credentials"),
            ("https://:@example.com/v1", "credentials"),
            ("https://api.builderaikits.com%2eexample.com/v1", "percent-encoded host"),
            ("https://exampl%65.com/v1", "percent-encoded host"),
            ("https://[fe80::1%25eth0]/v1", "not a URL with a host"),
            ("https://example.com/v1?", "query"),
            ("https://example.com/v1?a=b", "query"),
            ("https://example.com/v1#", "fragment"),
            ("https://example.com/v1#a", "fragment"),
            ("https://exam\nple.com/v1", "control"),
            ("https://exam\tple.com/v1", "control"),
            ("https://example.com/v1\r\n", "whitespace"),
            (" https://example.com/v1", "whitespace"),
            ("https://example.com\\@evil.com/v1", "backslash"),
            ("https://example.com/\0", "control"),
            ("https://example.com/\u{85}", "control"),
        ];
        let long = format!("https://example.com/{}", "a".repeat(66_000));
        for (base, why) in bad.into_iter().chain([(&*long, "too long")]) {
            let error = BaseUrl::new(base, false).unwrap_err();
            assert_eq!((error.kind(), error.option()), (crate::ErrorKind::Config, Some("base_url")), "{base:?}");
            assert!(error.message().starts_with("`base_url` ") && error.message().contains(why), "{base:?}: {error}");
        }
        assert!(BaseUrl::new("http://sandbox:8787/v1", true).is_ok());
        assert!(BaseUrl::new("ftp://sandbox/v1", true).is_err());
    }

    #[test]
    fn official_host_table() {
        let table = [
            (BaseUrl::OFFICIAL, true),
            ("https://API.builderaikits.com/v2", true),
            ("https://api.builderaikits.com./v1", true),
            ("https://api.builderaikits.com:444/v1", true),
            ("https://api.builderaikits.com.evil.com/v1", false),
            ("https://example.com/v1", false),
        ];
        for (base, official) in table {
            assert_eq!(BaseUrl::new(base, false).unwrap().is_official(), official, "{base}");
        }
    }

    proptest::proptest! {
        #[test]
        fn base_url_never_panics(text in ".*", scheme in "(https?://)?") {
            match BaseUrl::new(&format!("{scheme}{text}"), false) {
                Ok(base) => {
                    let url = &base.join("kits/run".into());
                    proptest::prop_assert!(url.path().ends_with("/kits/run"));
                    proptest::prop_assert!(url.query().is_none() && url.username().is_empty());
                    proptest::prop_assert!(base.is_https() || is_loopback(url));
                }
                Err(error) => proptest::prop_assert_eq!(error.kind(), crate::ErrorKind::Config),
            }
        }
    }
}
