//! Options and requests from plain values: the one place where other languages' types are checked.
//!
//! Names are the core's. A value of a wrong type is an error that names its option, never a silent default.

use std::time::Duration;

use builderaikits::{ApiKey, CallOptions, Config, Error, ErrorKind, ErrorParts, Result};
use serde_json::{Map, Value};

/// Sets the options in `values` on `config`: those that are not there keep what they are. Durations are `timeout_ms`,
/// `attempt_timeout_ms` and `connect_timeout_ms`, in milliseconds; null is no limit.
///
/// # Errors
///
/// [`ErrorKind::Config`], which names the option.
pub fn configure(config: &mut Config, values: Map<String, Value>) -> Result<()> {
    set_config(config, values).map_err(|message| error(ErrorKind::Config, message))
}

/// The options of a call: `timeout_ms`, `max_retries`, `retry_ambiguous`, `idempotency_key`, `headers`.
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`], which names the option.
pub fn call_options(values: Map<String, Value>) -> Result<CallOptions> {
    set_call(values).map_err(|message| error(ErrorKind::InvalidRequest, message))
}

fn set_config(config: &mut Config, values: Map<String, Value>) -> Result<(), String> {
    for (name, value) in values {
        let name = name.as_str();
        match name {
            // The key's own message says more than this place could.
            "api_key" => {
                let key = text(name, value)?;
                config.api_key = Some(ApiKey::new(&key).map_err(|error| error.message().to_owned())?);
            }
            "base_url" => config.base_url = text(name, value)?,
            "timeout_ms" => config.timeout = milliseconds("timeout", &value)?,
            "attempt_timeout_ms" => config.attempt_timeout = milliseconds("attempt_timeout", &value)?,
            "connect_timeout_ms" => config.connect_timeout = milliseconds("connect_timeout", &value)?,
            "max_retries" => config.max_retries = whole(name, &value)?,
            "retry_ambiguous" => config.retry_ambiguous = truth(name, &value)?,
            "max_concurrency" => config.max_concurrency = optional(value, |value| whole(name, &value))?,
            "max_response_bytes" => config.max_response_bytes = whole(name, &value)?,
            "headers" => config.headers = headers(value)?,
            "proxy" => config.proxy = optional(value, |value| text(name, value))?,
            "ca_file" => config.ca_file = optional(value, |value| text(name, value))?.map(Into::into),
            "allow_http" => config.allow_http = truth(name, &value)?,
            "app_name" => config.app_name = optional(value, |value| text(name, value))?,
            _ => return Err(format!("{}: is not an option of a client", name.escape_debug())),
        }
    }
    Ok(())
}

fn set_call(values: Map<String, Value>) -> Result<CallOptions, String> {
    let mut options = CallOptions::default();
    for (name, value) in values {
        let name = name.as_str();
        match name {
            "timeout_ms" => options.timeout = Some(milliseconds("timeout", &value)?),
            "max_retries" => options.max_retries = Some(whole(name, &value)?),
            "retry_ambiguous" => options.retry_ambiguous = Some(truth(name, &value)?),
            "idempotency_key" => options.idempotency_key = Some(text(name, value)?),
            "headers" => options.headers = headers(value)?,
            _ => return Err(format!("{}: is not an option of a call", name.escape_debug())),
        }
    }
    Ok(options)
}

/// A limit of time. Null: none. One too long to count is none as well, which no clock could tell from it.
pub fn milliseconds(name: &str, value: &Value) -> Result<Option<Duration>, String> {
    let Some(ms) = value.as_f64().or_else(|| value.is_null().then_some(f64::INFINITY)) else {
        return Err(format!("{name}: must be a number, or nothing for no limit"));
    };
    limit(name, ms / 1000.0)
}

/// A limit of time in seconds, of a language that has numbers JSON has not. Infinite: none.
///
/// # Errors
///
/// When it is 0, negative, or not a number.
pub fn limit(name: &str, seconds: f64) -> Result<Option<Duration>, String> {
    if seconds.is_nan() || seconds <= 0.0 {
        return Err(format!("{name}: must be more than 0; leave it out for the default"));
    }
    // The shortest there is, so that what is more than 0 stays so.
    Ok(Duration::try_from_secs_f64(seconds).ok().map(|time| time.max(Duration::from_nanos(1))))
}

fn optional<T>(value: Value, read: impl FnOnce(Value) -> Result<T, String>) -> Result<Option<T>, String> {
    if value.is_null() { Ok(None) } else { read(value).map(Some) }
}

fn text(name: &str, value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(format!("{name}: must be a string")),
    }
}

fn truth(name: &str, value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("{name}: must be true or false"))
}

fn whole<T: TryFrom<u64>>(name: &str, value: &Value) -> Result<T, String> {
    let number = value.as_u64().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| format!("{name}: must be a whole number, 0 or more"))
}

fn headers(value: Value) -> Result<Vec<(String, String)>, String> {
    let Value::Object(headers) = value else {
        return Err("headers: must be names with their values".to_owned());
    };
    headers
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(value) => Ok((name, value)),
            _ => Err(format!("headers: the value of `{}` must be a string", name.escape_debug())),
        })
        .collect()
}

fn error(kind: ErrorKind, message: String) -> Error {
    Error::from(ErrorParts { kind, message, ..ErrorParts::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            _ => panic!("a table of objects"),
        }
    }

    #[test]
    fn client_options_table() {
        let good = json!({
            "api_key": "bak_1", "base_url": "https://example.com", "timeout_ms": null, "attempt_timeout_ms": 1.5,
            "connect_timeout_ms": 1e300, "max_retries": 0, "retry_ambiguous": true, "max_concurrency": 7,
            "max_response_bytes": 9, "headers": {"a": "b"}, "proxy": "off", "ca_file": "/x", "allow_http": true,
            "app_name": "app/1"
        });
        let mut config = Config::default();
        configure(&mut config, map(good)).unwrap();
        assert_eq!((config.timeout, config.attempt_timeout), (None, Some(Duration::from_micros(1500))));
        assert_eq!((config.connect_timeout, config.max_retries, config.retry_ambiguous), (None, 0, true));
        assert_eq!((config.max_concurrency, config.max_response_bytes, config.allow_http), (Some(7), 9, true));
        assert_eq!(config.headers, [("a".to_owned(), "b".to_owned())]);
        assert_eq!((config.proxy.as_deref(), config.app_name.as_deref()), (Some("off"), Some("app/1")));
        assert!(config.api_key.is_some() && config.base_url == "https://example.com");

        let bad = [
            (json!({"api_key": ""}), "api_key: is empty"),
            (json!({"api_key": 5}), "api_key: must be a string"),
            (json!({"base_url": null}), "base_url: must be a string"),
            (json!({"timeout_ms": 0}), "timeout: must be more than 0"),
            (json!({"timeout_ms": -5}), "timeout: must be more than 0"),
            (json!({"timeout_ms": "5"}), "timeout: must be a number"),
            (json!({"max_retries": -1}), "max_retries: must be a whole number"),
            (json!({"max_retries": 1.5}), "max_retries: must be a whole number"),
            (json!({"max_retries": 4294967296_u64}), "max_retries: must be a whole number"),
            (json!({"max_retries": true}), "max_retries: must be a whole number"),
            (json!({"retry_ambiguous": 1}), "retry_ambiguous: must be true or false"),
            (json!({"headers": ["a"]}), "headers: must be names"),
            (json!({"headers": {"a": 1}}), "headers: the value of `a` must be a string"),
            (json!({"timeout": 5}), "timeout: is not an option"),
        ];
        for (options, message) in bad {
            let error = configure(&mut Config::default(), map(options)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().starts_with(message), "{error}");
        }
    }

    #[test]
    fn call_options_table() {
        let options = json!({"timeout_ms": null, "max_retries": 3, "retry_ambiguous": false, "idempotency_key": "k", "headers": {"a": "b"}});
        let options = call_options(map(options)).unwrap();
        assert_eq!((options.timeout, options.max_retries, options.retry_ambiguous), (Some(None), Some(3), Some(false)));
        let bad = [
            (json!({"timeout_ms": 0}), "timeout: must be more than 0"),
            (json!({"max_retries": -1}), "max_retries: must be a whole number"),
            (json!({"idempotency_key": 1}), "idempotency_key: must be a string"),
            (json!({"signal": 1}), "signal: is not an option of a call"),
        ];
        for (options, message) in bad {
            let error = call_options(map(options)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(error.message().starts_with(message), "{error}");
        }
    }

    #[test]
    fn limits_of_time() {
        let table = [
            (1.0, Ok(Some(Duration::from_secs(1)))),
            (1e-12, Ok(Some(Duration::from_nanos(1)))),
            (f64::INFINITY, Ok(None)),
            (1e300, Ok(None)),
            (0.0, Err(())),
            (-1.0, Err(())),
            (f64::NAN, Err(())),
            (f64::NEG_INFINITY, Err(())),
        ];
        for (seconds, time) in table {
            assert_eq!(limit("timeout", seconds).map_err(drop), time, "{seconds}");
        }
    }
}
