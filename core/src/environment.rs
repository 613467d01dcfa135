//! What the environment says: of options, and of proxies. Nothing else of the core reads it.

use crate::auth::ApiKey;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::proxy::{NO_PROXIES, PROXIES};

impl Config {
    /// The defaults, with what the environment says: `BUILDERAIKITS_API_KEY`, `BUILDERAIKITS_BASE_URL` and
    /// `BUILDERAIKITS_CUSTOM_HEADERS`. One that is empty counts as not set.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config), which names the variable, when one cannot be read.
    pub fn from_env() -> Result<Self> {
        Self::read(variable)
    }

    /// For the SDK's other languages: as [`from_env`](Self::from_env), of an environment that is not the process's,
    /// such as that of a worker thread. `lookup` has the value of a variable; it is also asked for those about proxies.
    #[doc(hidden)]
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut config = Self::read(|name| Ok(lookup(name).filter(|value| !is_blank(value))))?;
        let names = PROXIES.iter().chain(&NO_PROXIES);
        config.proxy_variables = Some(names.filter_map(|name| Some((*name, lookup(name)?))).collect());
        Ok(config)
    }

    fn read(variable: impl Fn(&str) -> Result<Option<String>>) -> Result<Self> {
        let mut config = Self::default();
        if let Some(key) = variable("BUILDERAIKITS_API_KEY")? {
            config.api_key = Some(ApiKey::new(&key)?);
        }
        if let Some(url) = variable("BUILDERAIKITS_BASE_URL")? {
            config.base_url = url;
        }
        for line in variable("BUILDERAIKITS_CUSTOM_HEADERS")?.iter().flat_map(|lines| lines.lines()) {
            if line.trim().is_empty() {
                continue;
            }
            let Some((name, value)) = line.split_once(':') else {
                return Err(Error::config("BUILDERAIKITS_CUSTOM_HEADERS: a line is not of the form `Name: value`"));
            };
            config.headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        Ok(config)
    }

    /// A variable about proxies.
    pub(crate) fn proxy_variable(&self, name: &str) -> Result<Option<String>> {
        match &self.proxy_variables {
            Some(given) => Ok(given.iter().find(|(given, _)| *given == name).map(|(_, value)| value.clone())),
            None => of_process(name),
        }
    }
}

/// A variable of the process's environment, unless it is empty.
fn variable(name: &str) -> Result<Option<String>> {
    Ok(of_process(name)?.filter(|value| !is_blank(value)))
}

fn of_process(name: &str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Error::config(format!("{name}: is not valid Unicode"))),
    }
}

fn is_blank(value: &str) -> bool {
    value.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::Proxy;

    #[test]
    fn variables_of_another_environment_than_the_process() {
        let read = |variables: &[(&str, &str)]| {
            let value =
                |name: &str| variables.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).into());
            Config::from_vars(value).and_then(|config| Ok((config.check()?, config)))
        };
        const KEY: (&str, &str) = ("BUILDERAIKITS_API_KEY", "bak_k");
        let (checked, config) =
            read(&[KEY, ("BUILDERAIKITS_BASE_URL", "https://example.com"), ("BUILDERAIKITS_CUSTOM_HEADERS", "x-a: b")])
                .unwrap();
        assert_eq!((config.base_url.as_str(), checked.headers.len()), ("https://example.com", 1));
        let refused = [
            (&[][..], "api_key: is missing"),
            (&[("BUILDERAIKITS_API_KEY", " ")], "api_key: is missing"),
            (&[KEY, ("BUILDERAIKITS_CUSTOM_HEADERS", "x")], "BUILDERAIKITS_CUSTOM_HEADERS: a line"),
            (&[KEY, ("ALL_PROXY", "http://bad host")], "ALL_PROXY: is not a URL"),
        ];
        for (variables, message) in refused {
            let error = read(variables).err().unwrap();
            assert!(error.message().starts_with(message), "{error}");
        }
        let (checked, mut config) = read(&[KEY, ("all_proxy", "p:1"), ("no_proxy", "a,b")]).unwrap();
        assert!(
            matches!(checked.proxy, Proxy::Through { url, except } if url.as_str() == "http://p:1/" && except == "a,b")
        );
        config.proxy = Some("off".into());
        assert!(matches!(config.check().unwrap().proxy, Proxy::Off));
    }
}
