//! The options of clients and calls. Their names, units and meaning of None in Python are defined here, once.

use builderaikits::{CallOptions, Config, ErrorKind};
use builderaikits_bridge::options;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};
use serde_json::{Map, Value};

use self::Form::{Body, Plain, Timeout};
use crate::errors::Rejection;
use crate::json::{Path, to_json, type_name};

/// How Python writes the value of an option.
#[derive(Clone, Copy)]
enum Form {
    /// The same value as in JSON. None is the same as leaving the option out.
    Plain,
    /// Seconds, which the bridge takes in milliseconds. None means no limit.
    Timeout,
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

/// Applies the options of a client to `config`.
pub(crate) fn client(mut config: Config, options: &Bound<'_, PyDict>) -> Result<Config, Rejection> {
    let values = serialize(options, CLIENT_OPTIONS, ErrorKind::Config)?;
    options::configure(&mut config, values)?;
    Ok(config)
}

/// Reads the options of a call.
pub(crate) fn request(options: &Bound<'_, PyDict>) -> Result<CallOptions, Rejection> {
    if options.is_empty() {
        return Ok(CallOptions::default());
    }
    Ok(options::call_options(serialize(options, REQUEST_OPTIONS, ErrorKind::InvalidRequest)?)?)
}

/// Replaces the names of request options in a message of the core by those of Python.
pub(crate) fn with_python_names(message: String) -> String {
    REQUEST_OPTIONS.iter().filter(|(_, _, form)| matches!(form, Plain)).fold(message, |message, (python, bridge, _)| {
        if python == bridge { message } else { message.replace(&format!("`{bridge}`"), &format!("`{python}`")) }
    })
}

fn serialize(options: &Bound<'_, PyDict>, table: &Table, kind: ErrorKind) -> Result<Map<String, Value>, Rejection> {
    let mut values = Map::new();
    for (name, value) in options.iter() {
        let name = name.cast::<PyString>().map_err(PyErr::from)?.to_str()?;
        let Some((python, bridge, form)) = table.iter().find(|(python, _, _)| *python == name) else {
            return Err(unexpected(name, table).into());
        };
        let value = match form {
            Body => continue,
            Plain if value.is_none() => continue,
            Plain => to_json(&value, Path::Root(python)),
            Timeout => milliseconds(python, &value),
        };
        values.insert((*bridge).to_owned(), value.map_err(|message| Rejection::new(kind, message))?);
    }
    Ok(values)
}

fn unexpected(name: &str, table: &Table) -> PyErr {
    let names: Vec<_> = table.iter().map(|(python, _, _)| *python).collect();
    PyTypeError::new_err(format!("unexpected keyword argument '{name}'. The options are {}.", names.join(", ")))
}

fn milliseconds(name: &str, value: &Bound<'_, PyAny>) -> Result<Value, String> {
    if value.is_none() {
        return Ok(Value::Null);
    }
    let is_number =
        (value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>()) && !value.is_instance_of::<PyBool>();
    match value.extract::<f64>() {
        Ok(seconds) if is_number => {
            options::limit(name, seconds)?;
            // An infinite number becomes null, which means no limit.
            Ok(Value::from(seconds * 1000.0))
        }
        Err(_) if is_number => Err(format!("`{name}` is too large. Pass None for no limit.")),
        _ => Err(format!("`{name}` must be a number of seconds, or None for no limit, not `{}`.", type_name(value))),
    }
}
