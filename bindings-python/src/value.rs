//! Python's values as JSON's, and back.

use std::fmt;

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde_json::{Map, Number, Value};

/// What is nested deeper is refused; this also ends a list that holds itself.
const DEEPEST: usize = 100;

/// Where a value stands in what the user gave, for messages.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    Root(&'a str),
    Key(&'a Self, &'a str),
    Index(&'a Self, usize),
}

/// A value of JSON, or why it is none: a message that names the place, and shows nothing that stands there.
///
/// It runs no code of Python's, so that nothing changes while it is read.
pub(crate) fn to_json(value: &Bound<'_, PyAny>, path: Path<'_>) -> Result<Value, String> {
    if let Ok(text) = value.cast::<PyString>() {
        return text_of(text).map(Value::String).ok_or_else(|| format!("{path}: {SURROGATE}"));
    }
    if value.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(dict) = value.cast::<PyDict>() {
        return object(dict, path).map(Value::Object);
    }
    // A bool is an int, too.
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(Value::Bool(truth.is_true()));
    }
    if let Ok(number) = value.cast::<PyInt>() {
        let whole = number.extract::<i64>().map(Value::from).or_else(|_| number.extract::<u64>().map(Value::from));
        return whole.map_err(|_| format!("{path}: the number does not fit into 64 bits"));
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return match Number::from_f64(number.value()) {
            Some(number) => Ok(Value::Number(number)),
            None => Err(format!("{path}: must be a finite number")),
        };
    }
    if let Ok(list) = value.cast::<PyList>() {
        return array(list.iter(), path);
    }
    if let Ok(tuple) = value.cast::<PyTuple>() {
        return array(tuple.iter(), path);
    }
    Err(format!("{path}: is made of str, int, float, bool, None, list and dict; not `{}`", class(value)))
}

/// As [`to_json`], of a dict.
pub(crate) fn object(dict: &Bound<'_, PyDict>, path: Path<'_>) -> Result<Map<String, Value>, String> {
    path.check_depth()?;
    let mut object = Map::new();
    for (key, value) in dict.iter() {
        let Ok(key) = key.cast::<PyString>() else {
            return Err(format!("{path}: a key is no str but `{}`", class(&key)));
        };
        let Some(key) = text_of(key) else { return Err(format!("{path}: a key {SURROGATE}")) };
        let value = to_json(&value, Path::Key(&path, &key))?;
        object.insert(key, value);
    }
    Ok(object)
}

fn array<'py>(items: impl Iterator<Item = Bound<'py, PyAny>>, path: Path<'_>) -> Result<Value, String> {
    path.check_depth()?;
    items.enumerate().map(|(index, item)| to_json(&item, Path::Index(&path, index))).collect()
}

const SURROGATE: &str = "has a lone surrogate, which is half a character; encode it with errors=\"replace\" first";

fn text_of(text: &Bound<'_, PyString>) -> Option<String> {
    text.to_str().ok().map(str::to_owned)
}

pub(crate) fn class(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}

/// A value of JSON as Python has it.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => None::<()>.into_bound_py_any(py),
        Value::Bool(truth) => truth.into_bound_py_any(py),
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
        Value::Object(object) => dict(py, object)?.into_bound_py_any(py),
    }
}

/// As [`to_python`], of an object.
pub(crate) fn dict<'py>(py: Python<'py>, object: &Map<String, Value>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    object.iter().try_for_each(|(key, value)| dict.set_item(key, to_python(py, value)?))?;
    Ok(dict)
}

impl Path<'_> {
    fn check_depth(&self) -> Result<(), String> {
        let mut at = self;
        let mut depth = 0_usize;
        while let Self::Key(above, _) | Self::Index(above, _) = at {
            at = above;
            depth = depth.saturating_add(1);
        }
        if depth < DEEPEST { Ok(()) } else { Err(format!("{at}: is nested over {DEEPEST} levels deep")) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(name) => f.write_str(name),
            Self::Key(above, key) => write!(f, "{above}.{}", key.escape_debug()),
            Self::Index(above, index) => write!(f, "{above}[{index}]"),
        }
    }
}
