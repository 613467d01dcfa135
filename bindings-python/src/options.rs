//! Options and requests: Python's values as the bridge takes them.

use builderaikits::{CallOptions, Config, Error, ErrorKind, ErrorParts, Result, RunRequest};
use builderaikits_bridge::options::{self, limit};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};
use serde_json::{Map, Value};

use crate::value::{Path, class, object, to_json};

/// `config` with the options of a client in `given`.
pub(crate) fn configured(mut config: Config, given: &Bound<'_, PyDict>) -> Result<Config> {
    let values = plain(given).map_err(|message| error(ErrorKind::Config, message))?;
    options::configure(&mut config, values)?;
    Ok(config)
}

/// What a call asks, and its options.
pub(crate) fn call(
    kit: &Bound<'_, PyAny>,
    input: &Bound<'_, PyAny>,
    config: &Bound<'_, PyAny>,
    extra_body: &Bound<'_, PyAny>,
    given: Option<&Bound<'_, PyDict>>,
) -> Result<(RunRequest, CallOptions)> {
    let refused = |message| error(ErrorKind::InvalidRequest, message);
    let request = match usual(kit, input, config, extra_body) {
        Some(request) => request,
        None => RunRequest::from_json(Value::Object(body(kit, input, config, extra_body).map_err(refused)?))?,
    };
    let options = match given {
        None => CallOptions::default(),
        Some(given) => options::call_options(plain(given).map_err(refused)?)?,
    };
    Ok((request, options))
}

/// A request of known fields only, each of its usual type, as most are: it crosses without being JSON in between. What
/// is none is read, or refused, as JSON.
fn usual(
    kit: &Bound<'_, PyAny>,
    input: &Bound<'_, PyAny>,
    config: &Bound<'_, PyAny>,
    extra_body: &Bound<'_, PyAny>,
) -> Option<RunRequest> {
    let text = |value: &Bound<'_, PyAny>| Some(value.cast::<PyString>().ok()?.to_str().ok()?.to_owned());
    if !extra_body.is_none() {
        return None;
    }
    let (mut prompt, mut context) = (None, None);
    match input.cast::<PyDict>() {
        Err(_) => prompt = Some(text(input)?),
        Ok(input) => {
            for (name, value) in input {
                match name.cast::<PyString>().ok()?.to_str().ok()? {
                    "prompt" => prompt = Some(text(&value)?),
                    "context" if value.is_none() => {}
                    "context" => context = Some(text(&value)?),
                    _ => return None,
                }
            }
        }
    }
    let mut request = RunRequest::new(kit.cast::<PyString>().ok()?.to_str().ok()?, prompt?);
    if let Some(context) = context {
        request = request.context(context);
    }
    if config.is_none() {
        return Some(request);
    }
    for (name, value) in config.cast::<PyDict>().ok()? {
        request = match name.cast::<PyString>().ok()?.to_str().ok()? {
            "max_tokens" | "temperature" if value.is_none() => request,
            "max_tokens" if value.is_exact_instance_of::<PyInt>() => request.max_tokens(value.extract().ok()?),
            "temperature" => {
                let temperature = value.cast_exact::<PyFloat>().ok()?.value();
                request.temperature(Some(temperature).filter(|temperature| temperature.is_finite())?)
            }
            _ => return None,
        };
    }
    Some(request)
}

fn body(
    kit: &Bound<'_, PyAny>,
    input: &Bound<'_, PyAny>,
    config: &Bound<'_, PyAny>,
    extra_body: &Bound<'_, PyAny>,
) -> Result<Map<String, Value>, String> {
    let mut body = match extra_body.cast::<PyDict>() {
        Ok(extra) => object(extra, Path::Root("extra_body"))?,
        Err(_) if extra_body.is_none() => Map::new(),
        Err(_) => return Err(format!("extra_body: must be a dict, not `{}`", class(extra_body))),
    };
    for (name, value) in [("kit", kit), ("input", input), ("config", config)] {
        if body.insert(name.to_owned(), to_json(value, Path::Root(name))?).is_some() {
            return Err(format!("extra_body.{name}: is an argument of its own; give it there"));
        }
    }
    Ok(body)
}

/// Options under the bridge's names: durations, which Python has in seconds, are in milliseconds there.
fn plain(given: &Bound<'_, PyDict>) -> Result<Map<String, Value>, String> {
    let mut values = Map::new();
    for (name, value) in given.iter() {
        let name = name.cast::<PyString>().ok().and_then(|name| name.to_str().ok()).unwrap_or_default();
        if name.ends_with("timeout") {
            values.insert(format!("{name}_ms"), milliseconds(name, &value)?);
        } else {
            values.insert(name.to_owned(), to_json(&value, Path::Root(name))?);
        }
    }
    Ok(values)
}

fn milliseconds(name: &str, value: &Bound<'_, PyAny>) -> Result<Value, String> {
    if value.is_none() {
        return Ok(Value::Null);
    }
    let is_number =
        (value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>()) && !value.is_instance_of::<PyBool>();
    match value.extract::<f64>() {
        Ok(seconds) if is_number => {
            limit(name, seconds)?;
            // An infinite one is none, which is null in JSON.
            Ok(Value::from(seconds * 1000.0))
        }
        Err(_) if is_number => Err(format!("{name}: is too large a number; None is no limit")),
        _ => Err(format!("{name}: must be a number of seconds, or None for no limit; not `{}`", class(value))),
    }
}

fn error(kind: ErrorKind, message: String) -> Error {
    Error::from(ErrorParts { kind, message, ..ErrorParts::default() })
}
