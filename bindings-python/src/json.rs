//! Conversion between Python and JSON values.

use std::fmt;

use builderaikits::{Error, ErrorKind, ErrorParts};
use builderaikits_bridge::MAX_JSON_DEPTH;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde_json::{Map, Number, Value};

/// The position of a value, for messages.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    /// A field of the request or a constructor, such as `input`.
    Field(&'a str),
    /// An option, which messages have in backticks.
    Option(&'a str),
    Key(&'a Self, &'a str),
    Index(&'a Self, usize),
}

/// A value that was rejected. The message names the position and never shows the value.
pub(crate) struct InvalidValue {
    field: String,
    message: String,
}

impl InvalidValue {
    /// `problem` is the end of a sentence that begins with the position.
    pub(crate) fn new(path: Path<'_>, problem: impl fmt::Display) -> Self {
        Self { field: path.to_string().replace('`', ""), message: format!("{path} {problem}") }
    }

    pub(crate) fn message(self) -> String {
        self.message
    }

    pub(crate) fn into_error(self, kind: ErrorKind) -> Error {
        Error::from(ErrorParts { kind, message: self.message, option: Some(self.field), ..ErrorParts::default() })
    }
}

/// Converts a Python value to JSON.
///
/// Runs no Python code, so that nothing can change during the conversion.
pub(crate) fn to_json(value: &Bound<'_, PyAny>, path: Path<'_>) -> Result<Value, InvalidValue> {
    if let Ok(text) = value.cast::<PyString>() {
        return to_text(text).map(Value::String).ok_or_else(|| InvalidValue::new(path, SURROGATE));
    }
    if value.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(dict) = value.cast::<PyDict>() {
        return object(dict, path).map(Value::Object);
    }
    // Before `int`, because `bool` is a subclass of it.
    if let Ok(boolean) = value.cast::<PyBool>() {
        return Ok(Value::Bool(boolean.is_true()));
    }
    if let Ok(number) = value.cast::<PyInt>() {
        let integer = number.extract::<i64>().map(Value::from).or_else(|_| number.extract::<u64>().map(Value::from));
        return integer.map_err(|_| InvalidValue::new(path, "must fit in 64 bits. Pass a smaller number."));
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return match Number::from_f64(number.value()) {
            Some(number) => Ok(Value::Number(number)),
            None => Err(InvalidValue::new(path, "must be a finite number, not NaN or infinity.")),
        };
    }
    if let Ok(list) = value.cast::<PyList>() {
        return array(list.iter(), path);
    }
    if let Ok(tuple) = value.cast::<PyTuple>() {
        return array(tuple.iter(), path);
    }
    let name = type_name(value);
    let problem = format!("has the unsupported type '{name}'. Use str, int, float, bool, None, list, tuple or dict.");
    Err(InvalidValue::new(path, problem))
}

/// Converts a dict. See [`to_json`].
pub(crate) fn object(dict: &Bound<'_, PyDict>, path: Path<'_>) -> Result<Map<String, Value>, InvalidValue> {
    path.check_depth()?;
    let mut object = Map::new();
    for (key, value) in dict.iter() {
        let Ok(key) = key.cast::<PyString>() else {
            let problem = format!("has a key of type '{}'. Keys must be str.", type_name(&key));
            return Err(InvalidValue::new(path, problem));
        };
        let Some(key) = to_text(key) else {
            return Err(InvalidValue::new(path, format!("has a key that {SURROGATE}")));
        };
        let value = to_json(&value, Path::Key(&path, &key))?;
        object.insert(key, value);
    }
    Ok(object)
}

fn array<'py>(items: impl Iterator<Item = Bound<'py, PyAny>>, path: Path<'_>) -> Result<Value, InvalidValue> {
    path.check_depth()?;
    items.enumerate().map(|(index, item)| to_json(&item, Path::Index(&path, index))).collect()
}

const SURROGATE: &str = "contains an unpaired surrogate and cannot be encoded as UTF-8. Remove it, or encode the text with \
    errors=\"replace\" first.";

fn to_text(text: &Bound<'_, PyString>) -> Option<String> {
    text.to_str().ok().map(str::to_owned)
}

/// The name of a value's type, for messages.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}

/// Converts a JSON value to Python.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => None::<()>.into_bound_py_any(py),
        Value::Bool(boolean) => boolean.into_bound_py_any(py),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => number.into_bound_py_any(py),
            (_, Some(number)) => number.into_bound_py_any(py),
            _ => number.as_f64().into_bound_py_any(py),
        },
        Value::String(text) => text.into_bound_py_any(py),
        Value::Array(items) => {
            let list = PyList::empty(py);
            items.iter().try_for_each(|item| list.append(to_python(py, item)?))?;
            list.into_bound_py_any(py)
        }
        Value::Object(object) => to_dict(py, object)?.into_bound_py_any(py),
    }
}

/// Converts a JSON object to a dict.
pub(crate) fn to_dict<'py>(py: Python<'py>, object: &Map<String, Value>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    object.iter().try_for_each(|(key, value)| dict.set_item(key, to_python(py, value)?))?;
    Ok(dict)
}

/// Converts the text of a JSON object to a dict.
pub(crate) fn dict_from_json<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyDict>> {
    let object = serde_json::from_str(json).map_err(|error| PyValueError::new_err(error.to_string()))?;
    to_dict(py, &object)
}

impl Path<'_> {
    /// Also ends the conversion of a list that contains itself.
    fn check_depth(&self) -> Result<(), InvalidValue> {
        let mut root = self;
        let mut depth = 0_usize;
        while let Self::Key(parent, _) | Self::Index(parent, _) = root {
            root = parent;
            depth = depth.saturating_add(1);
        }
        if depth < MAX_JSON_DEPTH {
            Ok(())
        } else {
            let problem =
                format!("is nested more than {MAX_JSON_DEPTH} levels deep. Flatten it, or pass a part as text.");
            Err(InvalidValue::new(*root, problem))
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::Option(name) => write!(f, "`{name}`"),
            Self::Key(parent, key) => write!(f, "{parent}.{}", key.escape_debug()),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}
