//! The client, and how its calls begin.

use std::rc::Rc;

use builderaikits::{CallOptions, Config, Error, ErrorKind, ErrorParts, Result, RunRequest};
use builderaikits_bridge::{self as bridge, options};
use napi::bindgen_prelude::{Either, Env, Function};
use napi_derive::napi;
use serde_json::{Map, Value};

use crate::calls::{Calls, InFlight};
use crate::failure::Failed;

/// A client. What makes one gives it, or why there is none.
#[napi]
pub struct Client {
    client: bridge::Client,
    /// Where its calls end.
    calls: Rc<InFlight>,
}

/// Makes a client of the environment's options, with these over them: a JSON object under the core's names. Its calls end
/// in `calls`. `variable` has the value of a variable of the environment: a worker's, or a test runner's, is not that of
/// the process.
#[napi(catch_unwind)]
pub fn client<'env>(
    env: &'env Env,
    calls: &Calls,
    given: String,
    variable: Function<'_, String, Option<String>>,
) -> Either<Client, Failed<'env>> {
    let configured = Config::from_vars(lookup(&variable)).and_then(|config| configured(config, &given));
    made(env, &calls.0, configured.and_then(|config| bridge::Client::new(config, "node")))
}

#[napi]
impl Client {
    /// A copy with these options over its own.
    #[napi(catch_unwind)]
    pub fn with_options<'env>(&self, env: &'env Env, given: String) -> napi::Result<Either<Self, Failed<'env>>> {
        let configured = configured(self.client.config().clone(), &given);
        Ok(made(env, &self.calls, configured.and_then(|config| self.client.with_options(config))))
    }

    /// Begins a call, and gives its number among all calls, or why it did not begin. The request is the wire's JSON;
    /// options are a JSON object under the core's names.
    #[napi(catch_unwind)]
    pub fn submit<'env>(&self, env: &'env Env, request: String, given: Option<String>) -> Either<i64, Failed<'env>> {
        let (request, options) = match read(&request, given.as_deref()) {
            Ok(call) => call,
            Err(error) => return Either::B(Failed::of(env, error, None)),
        };
        let call = self.client.submit(self.calls.queue(), request, options);
        match call.and_then(|call| self.calls.begun(env, call)) {
            Some(number) => Either::A(number),
            None => Either::B(Failed::of(env, not_begun(), None)),
        }
    }

    /// Refuses new calls.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.client.close();
    }

    /// Where the service is.
    #[napi(getter, catch_unwind)]
    pub fn base_url(&self) -> String {
        self.client.config().base_url.clone()
    }
}

/// A variable that cannot be read is one that is not there.
pub(crate) fn lookup(variable: &Function<'_, String, Option<String>>) -> impl Fn(&str) -> Option<String> {
    |name| variable.call(name.to_owned()).ok().flatten()
}

fn made<'env>(env: &'env Env, calls: &Rc<InFlight>, client: Result<bridge::Client>) -> Either<Client, Failed<'env>> {
    match client {
        Ok(client) => Either::A(Client { client, calls: Rc::clone(calls) }),
        Err(error) => Either::B(Failed::of(env, error, None)),
    }
}

fn configured(mut config: Config, given: &str) -> Result<Config> {
    options::configure(&mut config, json(given, ErrorKind::Config)?)?;
    Ok(config)
}

fn read(request: &str, given: Option<&str>) -> Result<(RunRequest, CallOptions)> {
    let request = RunRequest::from_json(json(request, ErrorKind::InvalidRequest)?)?;
    let options = match given {
        None => CallOptions::default(),
        Some(given) => options::call_options(json::<Map<String, Value>>(given, ErrorKind::InvalidRequest)?)?,
    };
    Ok((request, options))
}

/// What is no JSON has a lone surrogate in it, or was nested too deep: `json.ts` says where. Serde's own words could
/// show what stands there.
fn json<T: serde::de::DeserializeOwned>(text: &str, kind: ErrorKind) -> Result<T> {
    serde_json::from_str(text).map_err(|_| error(kind, "is not JSON"))
}

/// The environment is going away, or has more calls than can be counted.
fn not_begun() -> Error {
    error(ErrorKind::Closed, "this JavaScript environment takes no more calls")
}

fn error(kind: ErrorKind, message: &str) -> Error {
    Error::from(ErrorParts { kind, message: message.to_owned(), ..ErrorParts::default() })
}
