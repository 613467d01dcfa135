//! The options of clients and calls. Their names, units and meaning of None in Python are defined here, once.

use builderaikits::{ClientOptions, ClientOverrides, ErrorKind, RequestOptions};
use builderaikits_bridge::options;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};
use serde_json::{Map, Number, Value};

use self::Form::{Body, Plain, Quota, Timeout};
use crate::errors::Rejection;
use crate::json::{InvalidValue, Path, to_json, type_name};

/// How Python writes the value of an option.
#[derive(Clone, Copy)]
enum Form {
    /// The same value as in JSON. None is the same as leaving the option out.
    Plain,
    /// Seconds, which the bridge takes in milliseconds. None means no limit.
    Timeout,
    /// A plain value, or a dict with `per` in seconds, which the bridge takes as `per_ms`.
    Quota,
    /// Belongs to the request, which `request.rs` reads.
    Body,
}

/// Options: the name in Python, the name in the bridge, and the form of the value.
type Table = [(&'static str, &'static str, Form)];

const fn plain(name: &'static str) -> (&'static str, &'static str, Form) {
    (name, name, Plain)
}

const CLIENT_OPTIONS: &Table = &[
    plain("api_key"),
    plain("base_url"),
    ("timeout", "timeout_ms", Timeout),
    ("attempt_timeout", "attempt_timeout_ms", Timeout),
    ("connect_timeout", "connect_timeout_ms", Timeout),
    plain("max_retries"),
    plain("retry_ambiguous"),
    plain("retry_budget"),
    ("rate_limit", "rate_limit", Quota),
    plain("prices"),
    plain("max_concurrency"),
    plain("max_response_bytes"),
    plain("headers"),
    plain("proxy"),
    plain("ca_file"),
    plain("allow_http"),
    plain("app_name"),
];

const REQUEST_OPTIONS: &Table = &[
    ("timeout", "timeout_ms", Timeout),
    plain("max_retries"),
    plain("retry_ambiguous"),
    plain("idempotency_key"),
    ("extra_headers", "headers", Plain),
    (EXTRA_BODY, EXTRA_BODY, Body),
];

pub(crate) const EXTRA_BODY: &str = "extra_body";

/// Reads the options of a client. The environment has those that were not given.
pub(crate) fn client_options(given: &Bound<'_, PyDict>) -> Result<ClientOptions, Rejection> {
    let mut options = ClientOptions::from_env()?;
    options::apply_client_options(&mut options, serialize(given, CLIENT_OPTIONS, ErrorKind::Config)?)?;
    Ok(options)
}

/// Reads the options of a copy of a client.
pub(crate) fn client_overrides(given: &Bound<'_, PyDict>) -> Result<ClientOverrides, Rejection> {
    Ok(options::client_overrides(serialize(given, CLIENT_OPTIONS, ErrorKind::Config)?)?)
}

/// Reads the options of a call.
pub(crate) fn request_options(given: &Bound<'_, PyDict>) -> Result<RequestOptions, Rejection> {
    if given.is_empty() {
        return Ok(RequestOptions::default());
    }
    Ok(options::request_options(serialize(given, REQUEST_OPTIONS, ErrorKind::InvalidRequest)?)?)
}

/// The name in Python of a request option of the core. Other names stay as they are.
pub(crate) fn python_name(name: &str) -> &str {
    let option = REQUEST_OPTIONS.iter().find(|(_, bridge, form)| matches!(form, Plain) && *bridge == name);
    option.map_or(name, |(python, _, _)| python)
}

/// Replaces the names of request options in a message of the core by those of Python.
pub(crate) fn with_python_names(message: &str) -> String {
    REQUEST_OPTIONS.iter().filter(|(_, _, form)| matches!(form, Plain)).fold(
        message.to_owned(),
        |message, (python, bridge, _)| {
            if python == bridge { message } else { message.replace(&format!("`{bridge}`"), &format!("`{python}`")) }
        },
    )
}

fn serialize(given: &Bound<'_, PyDict>, table: &Table, kind: ErrorKind) -> Result<Map<String, Value>, Rejection> {
    let mut values = Map::new();
    for (name, value) in given.iter() {
        let name = name.cast::<PyString>().map_err(PyErr::from)?.to_str()?;
        let Some((python, bridge, form)) = table.iter().find(|(python, _, _)| *python == name) else {
            return Err(unexpected(name, table).into());
        };
        let value = match form {
            Body => continue,
            Plain | Quota if value.is_none() => continue,
            Plain => to_json(&value, Path::Option(python)),
            Quota => to_json(&value, Path::Option(python)).and_then(|value| quota(python, value)),
            Timeout => milliseconds(python, &value),
        };
        values.insert((*bridge).to_owned(), value.map_err(|invalid| invalid.into_error(kind))?);
    }
    Ok(values)
}

fn unexpected(name: &str, table: &Table) -> PyErr {
    let names: Vec<_> = table.iter().map(|(python, _, _)| *python).collect();
    PyTypeError::new_err(format!("unexpected keyword argument '{name}'. The options are {}.", names.join(", ")))
}

/// Renames `per` and converts it to milliseconds. The bridge rejects anything else that is invalid.
fn quota(option: &str, value: Value) -> Result<Value, InvalidValue> {
    let Value::Object(mut fields) = value else { return Ok(value) };
    if fields.contains_key("per_ms") {
        return Err(InvalidValue::new(
            Path::Option(option),
            "has requests, tokens and per in seconds, but not `per_ms`.",
        ));
    }
    if let Some(per) = fields.remove("per") {
        let milliseconds = per.as_f64().and_then(|seconds| Number::from_f64(seconds * 1000.0));
        fields.insert("per_ms".to_owned(), milliseconds.map_or(per, Value::Number));
    }
    Ok(Value::Object(fields))
}

fn milliseconds(name: &str, value: &Bound<'_, PyAny>) -> Result<Value, InvalidValue> {
    if value.is_none() {
        return Ok(Value::Null);
    }
    let invalid = |problem: &str| InvalidValue::new(Path::Option(name), problem);
    let is_number =
        (value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>()) && !value.is_instance_of::<PyBool>();
    match value.extract::<f64>() {
        Ok(seconds) if is_number => {
            options::timeout_from_secs(seconds).map_err(invalid)?;
            // An infinite number becomes null, which means no limit.
            Ok(Value::from(seconds * 1000.0))
        }
        Err(_) if is_number => Err(invalid("is too large. Pass None for no limit.")),
        _ => Err(invalid(&format!("must be a number of seconds, or None for no limit, not '{}'.", type_name(value)))),
    }
}
