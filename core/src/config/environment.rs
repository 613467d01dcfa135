//! The only file of the core that reads the environment: options and proxies.

use crate::config::api_key::ApiKey;
use crate::config::options::ClientOptions;
use crate::config::proxy::ProxyEnv;
use crate::error::{Error, Result};

impl ClientOptions {
    /// The defaults with the options that the environment sets: `BUILDERAIKITS_API_KEY`, `BUILDERAIKITS_BASE_URL`,
    /// `BUILDERAIKITS_RATE_LIMIT` and `BUILDERAIKITS_CUSTOM_HEADERS`. An empty variable counts as not set.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) with the name of a variable that is invalid.
    pub fn from_env() -> Result<Self> {
        Self::read(|name| Ok(env_var(name)?.filter(|value| !is_blank(value))))
    }

    /// As [`from_env`](Self::from_env) for an environment that is not the process's. `lookup` returns the value of a
    /// variable; it is also asked for the proxy variables.
    pub(crate) fn from_env_with(lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut options = Self::read(|name| Ok(lookup(name).filter(|value| !is_blank(value))))?;
        options.proxy_env = Some(ProxyEnv::new(lookup));
        Ok(options)
    }

    fn read(env_var: impl Fn(&str) -> Result<Option<String>>) -> Result<Self> {
        let mut options = Self::default();
        if let Some(key) = env_var("BUILDERAIKITS_API_KEY")? {
            options.api_key = Some(ApiKey::new(&key)?);
        }
        if let Some(url) = env_var("BUILDERAIKITS_BASE_URL")? {
            options.base_url = url.into();
        }
        if let Some(limit) = env_var("BUILDERAIKITS_RATE_LIMIT")? {
            options.rate_limit = limit.parse().map_err(|error: Error| {
                Error::config("rate_limit", format!("BUILDERAIKITS_RATE_LIMIT: {}", error.message()))
            })?;
        }
        let headers = env_var("BUILDERAIKITS_CUSTOM_HEADERS")?.unwrap_or_default();
        for (line, number) in headers.lines().zip(1_usize..) {
            if is_blank(line) {
                continue;
            }
            let Some((name, value)) = line.split_once(':') else {
                return Err(Error::config(
                    "headers",
                    format!("BUILDERAIKITS_CUSTOM_HEADERS: line {number} is not `Name: value`."),
                ));
            };
            options.headers.push((name.trim().to_owned(), value.trim().into()));
        }
        Ok(options)
    }

    /// The value of a proxy variable.
    pub(crate) fn proxy_env_var(&self, name: &str) -> Result<Option<String>> {
        match &self.proxy_env {
            Some(proxy_env) => Ok(proxy_env.get(name)),
            None => env_var(name),
        }
    }
}

/// The value of a variable of the process's environment.
fn env_var(name: &str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Error::config(name, format!("{name} is not valid Unicode."))),
    }
}

fn is_blank(value: &str) -> bool {
    value.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::rate_limit::RateLimit;
    use crate::models::catalog::Plan;

    #[test]
    fn from_env_with_custom_lookup() {
        let read = |variables: &[(&str, &str)]| {
            let value =
                |name: &str| variables.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).into());
            ClientOptions::from_env_with(value).and_then(|options| Ok((options.resolve()?, options)))
        };
        const KEY: (&str, &str) = ("BUILDERAIKITS_API_KEY", "bak_k");
        let (resolved, _) =
            read(&[KEY, ("BUILDERAIKITS_BASE_URL", "https://example.com"), ("BUILDERAIKITS_CUSTOM_HEADERS", "x-a: b")])
                .unwrap();
        assert_eq!((resolved.base_url.as_str(), resolved.headers.len()), ("https://example.com/", 1));
        let (_, options) = read(&[KEY, ("BUILDERAIKITS_RATE_LIMIT", " maker")]).unwrap();
        assert_eq!(options.rate_limit, RateLimit::Plan(Plan::Maker));
        let invalid = [
            (&[][..], "`api_key` is required"),
            (&[("BUILDERAIKITS_API_KEY", " ")], "`api_key` is required"),
            (&[KEY, ("BUILDERAIKITS_CUSTOM_HEADERS", "a: b\n\nx")], "BUILDERAIKITS_CUSTOM_HEADERS: line 3"),
            (&[KEY, ("ALL_PROXY", "http://bad host")], "ALL_PROXY is not a valid URL"),
            (&[KEY, ("BUILDERAIKITS_RATE_LIMIT", "fast")], "BUILDERAIKITS_RATE_LIMIT: `rate_limit` is not known"),
        ];
        for (variables, message) in invalid {
            let error = read(variables).err().unwrap();
            assert!(error.message().starts_with(message), "{error}");
        }
        let (resolved, mut options) = read(&[KEY, ("all_proxy", "p:1"), ("no_proxy", "a,b")]).unwrap();
        let proxy = resolved.proxy.unwrap();
        assert_eq!((proxy.url.as_str(), proxy.no_proxy.as_str()), ("http://p:1/", "a,b"));
        options.proxy = Some("off".into());
        assert_eq!(options.resolve().unwrap().proxy, None);
    }
}
