//! Options from plain values: the one place where the types of other languages are checked.
//!
//! Names are the core's, with `_ms` for durations in milliseconds. A value of a wrong type is an error that names its
//! option; it is never silently replaced.

use std::time::Duration;

use builderaikits::{
    ApiKey, ClientOptions, ClientOverrides, Cost, Error, ErrorKind, ErrorParts, Kit, Quota, RateLimit, Redacted,
    RequestOptions, Result, Timeout,
};
use serde_json::{Map, Value};

use crate::HostTimes;

pub use builderaikits::bindings::options_from_env_with as client_options_from_vars;

/// Applies `values` to the options of a client. Absent options keep their values; a null timeout is no limit.
///
/// # Errors
///
/// [`ErrorKind::Config`] with the name of the option.
pub fn apply_client_options(options: &mut ClientOptions, values: Map<String, Value>) -> Result<()> {
    for (name, value) in values {
        let value = Given { kind: ErrorKind::Config, name: &name, value };
        match name.as_str() {
            "api_key" => options.api_key = Some(ApiKey::new(&value.string()?)?),
            "base_url" => options.base_url = value.string()?.into(),
            "timeout_ms" => options.timeout = value.timeout()?.into(),
            "attempt_timeout_ms" => options.attempt_timeout = value.timeout()?.into(),
            "connect_timeout_ms" => options.connect_timeout = value.timeout()?.into(),
            "max_retries" => options.max_retries = value.integer(0)?,
            "retry_ambiguous" => options.retry_ambiguous = value.bool()?,
            "retry_budget" => options.retry_budget = value.bool()?,
            "rate_limit" => options.rate_limit = value.rate_limit()?,
            "prices" => options.prices = value.prices()?,
            "max_concurrency" => options.max_concurrency = value.optional(|value| value.integer(1))?,
            "max_response_bytes" => options.max_response_bytes = value.integer(1)?,
            "headers" => options.headers = value.headers()?,
            "proxy" => options.proxy = value.optional(Given::string)?.map(Redacted),
            "ca_file" => options.ca_file = value.optional(Given::string)?.map(Into::into),
            "allow_http" => options.allow_http = value.bool()?,
            "app_name" => options.app_name = value.optional(Given::string)?,
            _ => return Err(value.unknown("client option")),
        }
    }
    Ok(())
}

/// The options that a copy of a client changes.
///
/// # Errors
///
/// [`ErrorKind::Config`] with the name of the option, also for one that copies share.
pub fn client_overrides(values: Map<String, Value>) -> Result<ClientOverrides> {
    let mut overrides = ClientOverrides::default();
    for (name, value) in values {
        let value = Given { kind: ErrorKind::Config, name: &name, value };
        match name.as_str() {
            "api_key" => overrides.api_key = Some(ApiKey::new(&value.string()?)?),
            "timeout_ms" => overrides.timeout = Some(value.timeout()?),
            "attempt_timeout_ms" => overrides.attempt_timeout = Some(value.timeout()?),
            "max_retries" => overrides.max_retries = Some(value.integer(0)?),
            "retry_ambiguous" => overrides.retry_ambiguous = Some(value.bool()?),
            "headers" => overrides.headers = Some(value.headers()?),
            "app_name" => overrides.app_name = Some(value.string()?),
            "base_url" | "connect_timeout_ms" | "retry_budget" | "rate_limit" | "prices" | "max_concurrency"
            | "max_response_bytes" | "proxy" | "ca_file" | "allow_http" => {
                return Err(value.invalid(|name| {
                    format!(
                        "`{name}` cannot be changed for a copy of a client, because copies share connections and limits. \
                         Create a new client."
                    )
                }));
            }
            _ => return Err(value.unknown("client option")),
        }
    }
    Ok(overrides)
}

/// The options of one call.
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`] with the name of the option.
pub fn request_options(values: Map<String, Value>) -> Result<RequestOptions> {
    let mut options = RequestOptions::default();
    for (name, value) in values {
        let value = Given { kind: ErrorKind::InvalidRequest, name: &name, value };
        match name.as_str() {
            "timeout_ms" => options.timeout = Some(value.timeout()?),
            "max_retries" => options.max_retries = Some(value.integer(0)?),
            "retry_ambiguous" => options.retry_ambiguous = Some(value.bool()?),
            "idempotency_key" => options.idempotency_key = Some(value.string()?),
            "headers" => options.headers = value.headers()?,
            _ => return Err(value.unknown("request option")),
        }
    }
    Ok(options)
}

/// Removes from the options of a call what its host knows of its time: `queued_for_ms` and `deadline_ms`.
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`] with the name of the value.
pub fn take_host_times(values: &mut Map<String, Value>) -> Result<HostTimes> {
    let mut take = |name: &str| match values.remove(name) {
        None => Ok(None),
        Some(value) => Given { kind: ErrorKind::InvalidRequest, name, value }.timeout().map(Into::into),
    };
    let queued_for = take("queued_for_ms")?;
    Ok(HostTimes { queued_for: queued_for.unwrap_or_default(), deadline: take("deadline_ms")? })
}

/// A timeout in seconds. Infinity is no limit, and so is a number that is too large for a clock.
///
/// # Errors
///
/// The end of a sentence about a number that is 0, negative or NaN.
pub fn timeout_from_secs(seconds: f64) -> std::result::Result<Timeout, &'static str> {
    if seconds.is_nan() || seconds <= 0.0 {
        return Err("must be more than 0. Omit it for the default.");
    }
    // At least 1 ns, so that a number above 0 is not rounded to 0.
    let timeout = Duration::try_from_secs_f64(seconds).map(|timeout| timeout.max(Duration::from_nanos(1)));
    Ok(timeout.map_or(Timeout::Never, Timeout::After))
}

/// A value with the name of its option, and the kind of the error if it is invalid.
struct Given<'a> {
    kind: ErrorKind,
    name: &'a str,
    value: Value,
}

impl Given<'_> {
    fn string(self) -> Result<String> {
        match self.value {
            Value::String(text) => Ok(text),
            _ => Err(self.invalid(|name| format!("`{name}` must be a string."))),
        }
    }

    fn bool(self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| self.invalid(|name| format!("`{name}` must be true or false.")))
    }

    fn integer<T: TryFrom<u64> + Max>(self, min: u64) -> Result<T> {
        let number = self.value.as_u64().filter(|number| *number >= min).and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| self.invalid(|name| format!("`{name}` must be an integer from {min} to {}.", T::MAX)))
    }

    fn timeout(self) -> Result<Timeout> {
        if self.value.is_null() {
            return Ok(Timeout::Never);
        }
        let Some(ms) = self.value.as_f64() else {
            return Err(self.invalid(|name| format!("`{name}` must be a number, or null for no limit.")));
        };
        timeout_from_secs(ms / 1000.0).map_err(|problem| self.invalid(|name| format!("`{name}` {problem}")))
    }

    fn headers(self) -> Result<Vec<(String, Redacted<String>)>> {
        match self.value {
            Value::Object(ref headers) if headers.values().all(Value::is_string) => {}
            _ => return Err(self.invalid(|name| format!("`{name}` must map header names to strings."))),
        }
        let headers = self.value.as_object().into_iter().flatten();
        Ok(headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.into()))).collect())
    }

    /// A text such as `maker`, or an object with `requests`, `tokens` and `per_ms`.
    fn rate_limit(self) -> Result<RateLimit> {
        let Value::Object(quota) = &self.value else {
            return match self.value.as_str() {
                Some(text) => text.parse(),
                None => Err(self.invalid(|name| format!("`{name}` must be a string, or an object of numbers."))),
            };
        };
        let number = |field: &str| match quota.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(number) => number
                .as_u64()
                .map(Some)
                .ok_or_else(|| self.invalid(|name| format!("`{name}.{field}` must be an integer of at least 1."))),
        };
        if let Some(unknown) = quota.keys().find(|field| !["requests", "tokens", "per_ms"].contains(&field.as_str())) {
            let unknown = unknown.strip_suffix("_ms").unwrap_or(unknown).escape_debug();
            return Err(self.invalid(|name| format!("`{name}` has requests, tokens and per, but not `{unknown}`.")));
        }
        let per = match quota.get("per_ms") {
            None | Some(Value::Null) => Quota::DEFAULT_PER,
            Some(ms) => match ms.as_f64().map(|ms| Duration::try_from_secs_f64(ms / 1000.0)) {
                Some(Ok(per)) => per,
                _ => return Err(self.invalid(|name| format!("`{name}.per` must be a length of time."))),
            },
        };
        Ok(RateLimit::Custom(Quota { requests: number("requests")?, tokens: number("tokens")?, per }))
    }

    /// US dollars per 1,000 tokens by kit, as numbers or as decimal text.
    fn prices(self) -> Result<Vec<(Kit, Cost)>> {
        let Value::Object(prices) = &self.value else {
            return Err(self.invalid(|name| format!("`{name}` must map kit ids to prices.")));
        };
        let price = |(kit, price): (&String, &Value)| {
            let text = match price {
                Value::String(text) => text.clone(),
                // Without an exponent, unlike JSON.
                Value::Number(number) => number.as_f64().unwrap_or(f64::NAN).to_string(),
                _ => String::new(),
            };
            builderaikits::bindings::price(kit, &text).map(|price| (Kit::from(kit.as_str()), price))
        };
        prices.iter().map(price).collect()
    }

    fn optional<T>(self, read: impl FnOnce(Self) -> Result<T>) -> Result<Option<T>> {
        if self.value.is_null() { Ok(None) } else { read(self).map(Some) }
    }

    fn unknown(&self, what: &str) -> Error {
        self.invalid(|name| format!("Unknown {what} `{}`.", name.escape_debug()))
    }

    fn invalid(&self, message: impl FnOnce(&str) -> String) -> Error {
        Error::from(ErrorParts {
            kind: self.kind,
            message: message(self.option()),
            option: Some(self.option().to_owned()),
            ..ErrorParts::default()
        })
    }

    /// The option's name, without its unit.
    fn option(&self) -> &str {
        self.name.strip_suffix("_ms").unwrap_or(self.name)
    }
}

/// The maximum of an integer option, for its message.
trait Max {
    const MAX: u64;
}

impl Max for u32 {
    const MAX: u64 = 4_294_967_295;
}

impl Max for usize {
    /// Integers above are not exact in JSON.
    const MAX: u64 = 9_007_199_254_740_991;
}

#[cfg(test)]
mod tests {
    use super::*;
    use builderaikits::Plan;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            _ => panic!("a table of objects"),
        }
    }

    #[test]
    fn client_options_table() {
        let valid = json!({
            "api_key": "bak_1", "base_url": "https://example.com", "timeout_ms": null, "attempt_timeout_ms": 1.5,
            "connect_timeout_ms": 1e300, "max_retries": 0, "retry_ambiguous": true, "max_concurrency": 7,
            "max_response_bytes": 9, "headers": {"a": "b"}, "proxy": "off", "ca_file": "/x", "allow_http": true,
            "app_name": "app/1", "retry_budget": false, "rate_limit": "maker", "prices": {"summarizer": 0.0000005,
            "new-kit": "1.5"}
        });
        let mut options = ClientOptions::default();
        apply_client_options(&mut options, map(valid)).unwrap();
        assert_eq!((options.timeout, options.attempt_timeout), (None, Some(Duration::from_micros(1500))));
        assert_eq!((options.connect_timeout, options.max_retries, options.retry_ambiguous), (None, 0, true));
        assert_eq!((options.max_concurrency, options.max_response_bytes, options.allow_http), (Some(7), 9, true));
        assert_eq!(options.headers, [("a".to_owned(), "b".into())]);
        assert_eq!((options.proxy.unwrap().as_str(), options.app_name.as_deref()), ("off", Some("app/1")));
        assert_eq!((options.retry_budget, options.rate_limit), (false, RateLimit::Plan(Plan::Maker)));
        let prices = options.prices.iter().map(|(kit, price)| (kit.as_str(), price.nano_usd())).collect::<Vec<_>>();
        assert_eq!(prices, [("new-kit", 1_500_000_000), ("summarizer", 500)]);
        assert!(options.api_key.is_some() && *options.base_url == "https://example.com");

        let invalid = [
            (json!({"api_key": ""}), "api_key", "`api_key` is empty"),
            (json!({"api_key": 5}), "api_key", "`api_key` must be a string"),
            (json!({"base_url": null}), "base_url", "`base_url` must be a string"),
            (json!({"timeout_ms": 0}), "timeout", "`timeout` must be more than 0"),
            (json!({"timeout_ms": -5}), "timeout", "`timeout` must be more than 0"),
            (json!({"timeout_ms": "5"}), "timeout", "`timeout` must be a number, or null"),
            (json!({"max_retries": -1}), "max_retries", "`max_retries` must be an integer from 0 to 4294967295"),
            (json!({"max_retries": 1.5}), "max_retries", "`max_retries` must be an integer"),
            (json!({"max_retries": 4294967296_u64}), "max_retries", "`max_retries` must be an integer"),
            (json!({"max_retries": true}), "max_retries", "`max_retries` must be an integer"),
            (json!({"max_concurrency": 0}), "max_concurrency", "`max_concurrency` must be an integer from 1 to"),
            (json!({"rate_limit": "fast"}), "rate_limit", "`rate_limit` is not known"),
            (json!({"rate_limit": 30}), "rate_limit", "`rate_limit` must be a string, or an object"),
            (json!({"rate_limit": {"requests": -1}}), "rate_limit", "`rate_limit.requests` must be an integer"),
            (json!({"rate_limit": {"per_ms": "1"}}), "rate_limit", "`rate_limit.per` must be a length of time"),
            (json!({"rate_limit": {"per_ms": -1}}), "rate_limit", "`rate_limit.per` must be a length of time"),
            (json!({"rate_limit": {"request": 1}}), "rate_limit", "`rate_limit` has requests, tokens and per, but"),
            (json!({"prices": 1}), "prices", "`prices` must map kit ids to prices"),
            (
                json!({"prices": {"text-gen": -1}}),
                "prices",
                "`prices`: the price of 'text-gen' must be a number of US dollars",
            ),
            (json!({"prices": {"text-gen": null}}), "prices", "`prices`: the price of 'text-gen' must be"),
            (json!({"retry_ambiguous": 1}), "retry_ambiguous", "`retry_ambiguous` must be true or false"),
            (json!({"headers": ["a"]}), "headers", "`headers` must map header names to strings"),
            (json!({"headers": {"a": 1}}), "headers", "`headers` must map header names to strings"),
            (json!({"timeout": 5}), "timeout", "Unknown client option `timeout`"),
        ];
        for (options, option, message) in invalid {
            let error = apply_client_options(&mut ClientOptions::default(), map(options)).unwrap_err();
            assert_eq!((error.kind(), error.option()), (ErrorKind::Config, Some(option)));
            assert!(error.message().starts_with(message), "{error}");
        }
    }

    #[test]
    fn rate_limit_from_numbers() {
        let mut options = ClientOptions::default();
        let limit = json!({"rate_limit": {"requests": 30, "tokens": null, "per_ms": 6000.5}});
        apply_client_options(&mut options, map(limit)).unwrap();
        let per = Duration::from_micros(6_000_500);
        assert_eq!(options.rate_limit, RateLimit::Custom(Quota { requests: Some(30), tokens: None, per }));
    }

    #[test]
    fn client_overrides_table() {
        let valid = json!({"api_key": "bak_1", "timeout_ms": null, "attempt_timeout_ms": 5, "max_retries": 3,
            "retry_ambiguous": true, "headers": {}, "app_name": "app/1"});
        let overrides = client_overrides(map(valid)).unwrap();
        assert_eq!(overrides.timeout, Some(Timeout::Never));
        assert_eq!(overrides.attempt_timeout, Some(Timeout::After(Duration::from_millis(5))));
        assert_eq!((overrides.max_retries, overrides.headers), (Some(3), Some(vec![])));
        for option in [
            "base_url",
            "proxy",
            "ca_file",
            "rate_limit",
            "retry_budget",
            "prices",
            "max_concurrency",
            "max_response_bytes",
            "allow_http",
        ] {
            let error = client_overrides(map(json!({ option: null }))).unwrap_err();
            assert_eq!((error.kind(), error.option()), (ErrorKind::Config, Some(option)));
            assert!(error.message().contains("copies share connections"), "{error}");
        }
        let error = client_overrides(map(json!({"foo": 1}))).unwrap_err();
        assert_eq!(error.message(), "Unknown client option `foo`.");
    }

    #[test]
    fn request_options_table() {
        let valid = json!({"timeout_ms": null, "max_retries": 3, "retry_ambiguous": false, "idempotency_key": "k",
            "headers": {"a": "b"}});
        let options = request_options(map(valid)).unwrap();
        assert_eq!((options.timeout, options.max_retries), (Some(Timeout::Never), Some(3)));
        assert_eq!((options.retry_ambiguous, options.idempotency_key.as_deref()), (Some(false), Some("k")));
        let invalid = [
            (json!({"timeout_ms": 0}), "`timeout` must be more than 0"),
            (json!({"max_retries": -1}), "`max_retries` must be an integer"),
            (json!({"idempotency_key": 1}), "`idempotency_key` must be a string"),
            (json!({"signal": 1}), "Unknown request option `signal`"),
        ];
        for (options, message) in invalid {
            let error = request_options(map(options)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(error.message().starts_with(message), "{error}");
        }
    }

    #[test]
    fn timeout_from_secs_table() {
        let table = [
            (1.0, Some(Timeout::After(Duration::from_secs(1)))),
            (1e-12, Some(Timeout::After(Duration::from_nanos(1)))),
            (f64::INFINITY, Some(Timeout::Never)),
            (1e300, Some(Timeout::Never)),
            (0.0, None),
            (-1.0, None),
            (f64::NAN, None),
            (f64::NEG_INFINITY, None),
        ];
        for (seconds, timeout) in table {
            assert_eq!(timeout_from_secs(seconds).ok(), timeout, "{seconds}");
        }
    }
}
