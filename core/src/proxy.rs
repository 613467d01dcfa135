//! Which proxy `https` goes through: the one that the option `proxy` names, else the one of the environment.

use url::Url;

use crate::error::{Error, Result};

/// Which proxy `https` goes through.
#[derive(Clone)]
pub(crate) enum Proxy {
    Off,
    /// `except` is the list of `NO_PROXY`, for one of the environment.
    Through {
        url: Url,
        except: String,
    },
}

/// The variables that name one, by their precedence.
pub(crate) const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// Those that name hosts which are reached without it.
pub(crate) const NO_PROXIES: [&str; 2] = ["NO_PROXY", "no_proxy"];

impl Proxy {
    /// `option` is that of [`Config`](crate::Config::proxy); `variable` has the value of a variable.
    pub(crate) fn new(option: Option<&str>, variable: impl Fn(&str) -> Result<Option<String>>) -> Result<Self> {
        match option {
            Some("off") => Ok(Self::Off),
            Some(url) => Ok(Self::Through { url: parse("proxy", url)?, except: String::new() }),
            None => Self::of_environment(variable),
        }
    }

    fn of_environment(variable: impl Fn(&str) -> Result<Option<String>>) -> Result<Self> {
        for name in PROXIES {
            if let Some(url) = variable(name)?.filter(|url| !url.trim().is_empty()) {
                let except = not_through_it(variable)?;
                // The HTTP library takes `*` for names, not for addresses.
                if except.split(',').any(|host| host.trim() == "*") {
                    return Ok(Self::Off);
                }
                return Ok(Self::Through { url: parse(name, &url)?, except });
            }
        }
        Ok(Self::Off)
    }
}

fn not_through_it(variable: impl Fn(&str) -> Result<Option<String>>) -> Result<String> {
    for name in NO_PROXIES {
        if let Some(hosts) = variable(name)? {
            return Ok(hosts);
        }
    }
    Ok(String::new())
}

/// `from` is the option or variable that has it. Never shows the value: it can carry a password.
fn parse(from: &str, value: &str) -> Result<Url> {
    let bad = |why| Error::config(format!("{from}: {why}; give `http://host:port`, or `off` as the option `proxy`"));
    // curl's habit, which environments follow: `host:port` is a proxy that speaks http.
    let url = if value.contains("://") { Url::parse(value) } else { Url::parse(&format!("http://{value}")) };
    let url = url.map_err(|_| bad("is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("is neither http nor https"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_table() {
        const HTTPS: (&str, &str) = ("HTTPS_PROXY", "p:1");
        let table = [
            (None, &[][..], None),
            (None, &[("https_proxy", "p:1"), ("ALL_PROXY", "q:1")], Some(("http://p:1/", ""))),
            (None, &[("HTTPS_PROXY", ""), ("ALL_PROXY", "q:1"), ("no_proxy", "a,b")], Some(("http://q:1/", "a,b"))),
            (None, &[HTTPS, ("NO_PROXY", ""), ("no_proxy", "*")], Some(("http://p:1/", ""))),
            (None, &[HTTPS, ("NO_PROXY", "*")], None),
            (None, &[HTTPS, ("NO_PROXY", "a, *")], None),
            (Some("off"), &[HTTPS], None),
            (Some("q:1"), &[HTTPS, ("NO_PROXY", "*")], Some(("http://q:1/", ""))),
            (Some("http://user:pw@proxy:3128"), &[], Some(("http://user:pw@proxy:3128/", ""))),
            (Some("https://proxy"), &[], Some(("https://proxy/", ""))),
            (Some("proxy:3128"), &[], Some(("http://proxy:3128/", ""))),
        ];
        for (option, variables, expected) in table {
            let proxy = proxy(option, variables).unwrap();
            let found = match &proxy {
                Proxy::Off => None,
                Proxy::Through { url, except } => Some((url.as_str(), except.as_str())),
            };
            assert_eq!(found, expected, "{option:?} {variables:?}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_not_shown() {
        let table = [
            (Some(""), &[][..], "proxy: is not a URL"),
            (Some("http://user:secret@bad host"), &[], "proxy: is not a URL"),
            (Some("socks5://secret"), &[], "proxy: is neither http nor https"),
            (None, &[("ALL_PROXY", "http://user:secret@bad host")], "ALL_PROXY: is not a URL"),
            (
                None,
                &[("https_proxy", "socks5://secret"), ("ALL_PROXY", "q:1")],
                "https_proxy: is neither http nor https",
            ),
        ];
        for (option, variables, message) in table {
            let error = proxy(option, variables).err().unwrap();
            assert_eq!(error.kind(), crate::ErrorKind::Config);
            assert!(error.message().starts_with(message) && !error.to_string().contains("secret"), "{error}");
        }
    }

    fn proxy(option: Option<&str>, variables: &[(&str, &str)]) -> Result<Proxy> {
        let value =
            |name: &str| variables.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned());
        Proxy::new(option, |name| Ok(value(name)))
    }
}
