//! Where the service is: what a base URL may be, so that key and prompt go only where their owner means them to.

use std::net::IpAddr;

use http::Uri;
use url::{Host, Url};

use crate::error::{Error, Result};

/// A checked base URL, with `kits/run` appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    run: Uri,
}

impl Endpoint {
    /// The service's own address.
    pub(crate) const OFFICIAL: &str = "https://api.builderaikits.com/v1";
    const OFFICIAL_HOST: &str = "api.builderaikits.com";

    pub(crate) fn new(base_url: &str, allow_http: bool) -> Result<Self> {
        let bad = |why: &str| Err(Error::config(format!("base_url: {why}; give it as `{}`", Self::OFFICIAL)));
        // Before parsing: the parser drops tabs and line breaks and turns `\` into `/`, and so would change the host.
        if base_url.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return bad("has white space, a control character or a backslash");
        }
        // The parser also skips slashes, or adds them, and would take the path of `https:///v1` for its host.
        let after_scheme = base_url.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//"));
        let named = after_scheme.is_some_and(|rest| !rest.starts_with('/'));
        let Some(mut run) = Url::parse(base_url).ok().filter(|_| named) else {
            return bad("is not a URL with a host");
        };
        // Also an empty one, which the parser drops.
        if after_scheme.and_then(|rest| rest.split('/').next()).is_some_and(|host| host.contains('@')) {
            return bad("has a user name or password");
        }
        // Also an empty one: `base_url?` would otherwise eat the path.
        if run.query().is_some() || run.fragment().is_some() {
            return bad("has a query or fragment");
        }
        match run.scheme() {
            "https" => {}
            "http" if allow_http || is_loopback(&run) => {}
            "http" => {
                return Err(Error::config(
                    "base_url: plain http shows key and prompts to all on the way; use https, \
                     or set allow_http for a sandbox of your own",
                ));
            }
            _ => return bad("is not https"),
        }
        let path = format!("{}/kits/run", run.path().trim_end_matches('/'));
        run.set_path(&path);
        // The HTTP library takes fewer characters than the parser, and at most 64 KiB.
        match Uri::try_from(run.as_str()) {
            Ok(run) => Ok(Self { run }),
            Err(_) => bad("is too long or has a character that cannot be sent"),
        }
    }

    pub(crate) fn run_uri(&self) -> &Uri {
        &self.run
    }

    pub(crate) fn is_https(&self) -> bool {
        self.run.scheme_str() == Some("https")
    }

    pub(crate) fn is_official(&self) -> bool {
        // With the dot at its end the name means the same host.
        self.run.host().is_some_and(|host| host.trim_end_matches('.') == Self::OFFICIAL_HOST)
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
            (Endpoint::OFFICIAL, "https://api.builderaikits.com/v1/kits/run"),
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
        ];
        for (base, run) in good {
            let endpoint = Endpoint::new(base, false).unwrap();
            assert_eq!(
                (endpoint.run_uri().to_string(), endpoint.is_https()),
                (run.to_owned(), run.starts_with("https:"))
            );
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
            ("ftp://example.com", "not https"),
            ("file:///etc/passwd", "not a URL with a host"),
            ("data:text/plain,x", "not a URL with a host"),
            ("http://example.com/v1", "plain http"),
            ("http://localhost.evil.com/v1", "plain http"),
            ("http://127.0.0.1.evil.com/v1", "plain http"),
            ("http://localhost./v1", "plain http"),
            ("http://[::2]/v1", "plain http"),
            ("http://192.168.0.1/v1", "plain http"),
            ("http://0.0.0.0/v1", "plain http"),
            ("https://user@example.com/v1", "user name"),
            ("https://:pw@example.com/v1", "user name"),
            ("https://user:pw@example.com/v1", "user name"),
            ("https://@example.com/v1", "user name"),
            ("https://:@example.com/v1", "user name"),
            ("https://example.com/v1?", "query"),
            ("https://example.com/v1?a=b", "query"),
            ("https://example.com/v1#", "fragment"),
            ("https://example.com/v1#a", "fragment"),
            ("https://exam\nple.com/v1", "control"),
            ("https://exam\tple.com/v1", "control"),
            ("https://example.com/v1\r\n", "white space"),
            (" https://example.com/v1", "white space"),
            ("https://example.com\\@evil.com/v1", "backslash"),
            ("https://example.com/\0", "control"),
            ("https://example.com/\u{85}", "control"),
        ];
        let long = format!("https://example.com/{}", "a".repeat(66_000));
        for (base, why) in bad.into_iter().chain([(&*long, "too long")]) {
            let error = Endpoint::new(base, false).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Config, "{base:?}");
            assert!(error.message().starts_with("base_url: ") && error.message().contains(why), "{base:?}: {error}");
        }
        assert!(Endpoint::new("http://sandbox:8787/v1", true).is_ok());
        assert!(Endpoint::new("ftp://sandbox/v1", true).is_err());
    }

    #[test]
    fn only_the_service_itself_is_official() {
        let table = [
            (Endpoint::OFFICIAL, true),
            ("https://API.builderaikits.com/v2", true),
            ("https://api.builderaikits.com./v1", true),
            ("https://api.builderaikits.com:444/v1", true),
            ("https://api.builderaikits.com.evil.com/v1", false),
            ("https://example.com/v1", false),
        ];
        for (base, official) in table {
            assert_eq!(Endpoint::new(base, false).unwrap().is_official(), official, "{base}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_url_of_ours_or_a_config_error(text in ".*", scheme in "(https?://)?") {
            match Endpoint::new(&format!("{scheme}{text}"), false) {
                Ok(endpoint) => {
                    let url = &Url::parse(&endpoint.run_uri().to_string()).unwrap();
                    proptest::prop_assert!(url.path().ends_with("/kits/run"));
                    proptest::prop_assert!(url.query().is_none() && url.username().is_empty());
                    proptest::prop_assert!(endpoint.is_https() || is_loopback(url));
                }
                Err(error) => proptest::prop_assert_eq!(error.kind(), crate::ErrorKind::Config),
            }
        }
    }
}
