//! Which proxy https requests use: the option `proxy`, else the environment.

use url::Url;

use crate::error::{Error, Result};
use crate::redacted::Redacted;

/// The variables that name a proxy, in order of precedence.
const PROXY_VARS: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// The variables that list the hosts that are reached without a proxy.
const NO_PROXY_VARS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// A proxy for https requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub(crate) url: Url,
    /// The list of `NO_PROXY`, for a proxy from the environment.
    pub(crate) no_proxy: String,
}

impl Proxy {
    /// Finds the proxy, if one is set. `option` is [`ClientOptions::proxy`](crate::ClientOptions::proxy); `env_var`
    /// returns the value of a variable.
    pub(crate) fn find(option: Option<&str>, env_var: impl Fn(&str) -> Result<Option<String>>) -> Result<Option<Self>> {
        match option {
            Some("off") => Ok(None),
            Some(url) => Ok(Some(Self { url: parse("`proxy`", url)?, no_proxy: String::new() })),
            None => Self::from_env(env_var),
        }
    }

    fn from_env(env_var: impl Fn(&str) -> Result<Option<String>>) -> Result<Option<Self>> {
        for name in PROXY_VARS {
            if let Some(url) = env_var(name)?.filter(|url| !url.trim().is_empty()) {
                let no_proxy = no_proxy_list(env_var)?;
                // The HTTP library applies `*` to names only, not to addresses.
                if no_proxy.split(',').any(|host| host.trim() == "*") {
                    return Ok(None);
                }
                return Ok(Some(Self { url: parse(name, &url)?, no_proxy }));
            }
        }
        Ok(None)
    }
}

/// The proxy variables of an environment that is not the process's, such as that of a worker thread.
#[derive(Debug, Clone, Default)]
pub struct ProxyEnv(Vec<(&'static str, Redacted<String>)>);

impl ProxyEnv {
    pub(crate) fn new(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let names = PROXY_VARS.iter().chain(&NO_PROXY_VARS);
        Self(names.filter_map(|name| Some((*name, lookup(name)?.into()))).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| value.0.clone())
    }
}

fn no_proxy_list(env_var: impl Fn(&str) -> Result<Option<String>>) -> Result<String> {
    for name in NO_PROXY_VARS {
        if let Some(hosts) = env_var(name)? {
            return Ok(hosts);
        }
    }
    Ok(String::new())
}

/// Parses a proxy URL from `origin`, an option or a variable. Messages never show the value: it can carry a password.
fn parse(origin: &str, value: &str) -> Result<Url> {
    let invalid = |why| {
        let message = format!(
            "{origin} {why}. Expected http://host:port, https://host:port or socks5://host:port. Set `proxy` to \"off\" \
             to connect directly."
        );
        Error::config("proxy", message)
    };
    // As in curl, `host:port` is a proxy that speaks http.
    let url = if value.contains("://") { Url::parse(value) } else { Url::parse(&format!("http://{value}")) };
    let url = url.map_err(|_| invalid("is not a valid URL"))?;
    if !matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") {
        return Err(invalid("has an unsupported scheme"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(invalid("has no host"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_table() {
        const HTTPS: (&str, &str) = ("HTTPS_PROXY", "p:1");
        let table = [
            (None, &[][..], None),
            (None, &[("https_proxy", "p:1"), ("ALL_PROXY", "q:1")], Some(("http://p:1/", ""))),
            (None, &[("HTTPS_PROXY", ""), ("ALL_PROXY", "q:1"), ("no_proxy", "a,b")], Some(("http://q:1/", "a,b"))),
            (None, &[HTTPS, ("NO_PROXY", ""), ("no_proxy", "*")], Some(("http://p:1/", ""))),
            (None, &[HTTPS, ("NO_PROXY", "*")], None),
            (None, &[HTTPS, ("NO_PROXY", "a, *")], None),
            (None, &[("ALL_PROXY", "socks5h://p:1")], Some(("socks5h://p:1", ""))),
            (Some("off"), &[HTTPS], None),
            (Some("q:1"), &[HTTPS, ("NO_PROXY", "*")], Some(("http://q:1/", ""))),
            (Some("http://user:pw@proxy:3128"), &[], Some(("http://user:pw@proxy:3128/", ""))),
            (Some("https://proxy"), &[], Some(("https://proxy/", ""))),
            (Some("socks5://proxy:1080"), &[], Some(("socks5://proxy:1080", ""))),
            (Some("proxy:3128"), &[], Some(("http://proxy:3128/", ""))),
        ];
        for (option, variables, expected) in table {
            let proxy = find(option, variables).unwrap();
            let found = proxy.as_ref().map(|proxy| (proxy.url.as_str(), proxy.no_proxy.as_str()));
            assert_eq!(found, expected, "{option:?} {variables:?}");
        }
    }

    #[test]
    fn invalid_proxy_errors_do_not_leak_credentials() {
        let table = [
            (Some(""), &[][..], "`proxy` is not a valid URL"),
            (Some("http://user:secret@bad host"), &[], "`proxy` is not a valid URL"),
            (Some("socks4://secret"), &[], "`proxy` has an unsupported scheme"),
            (Some("socks5://"), &[], "`proxy` has no host"),
            (None, &[("ALL_PROXY", "http://user:secret@bad host")], "ALL_PROXY is not a valid URL"),
            (
                None,
                &[("https_proxy", "socks4://secret"), ("ALL_PROXY", "q:1")],
                "https_proxy has an unsupported scheme",
            ),
        ];
        for (option, variables, message) in table {
            let error = find(option, variables).unwrap_err();
            assert_eq!((error.kind(), error.option()), (crate::ErrorKind::Config, Some("proxy")));
            assert!(error.message().starts_with(message) && !error.to_string().contains("secret"), "{error}");
        }
    }

    fn find(option: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<Proxy>> {
        let value =
            |name: &str| variables.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned());
        Proxy::find(option, |name| Ok(value(name)))
    }
}
