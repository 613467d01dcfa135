//! The client, and how its calls begin.

use builderaikits::{CallOptions, Config, Error, ErrorKind, ErrorParts, Result, RunRequest};
use builderaikits_bridge::{self as bridge, options};
use napi::bindgen_prelude::{Either, Env, Function};
use napi_derive::napi;
use serde_json::{Map, Value};

use crate::calls::Calls;
use crate::failure::Failed;

/// A client. What makes one gives it, or why there is none.
#[napi]
pub struct Client(bridge::Client);

/// Makes a client of the environment's options, with these over them: a JSON object under the core's names. `variable`
/// has the value of a variable of the environment: a worker's, or a test runner's, is not that of the process.
#[napi(catch_unwind)]
pub fn client<'env>(
    env: &'env Env,
    given: String,
    variable: Function<'_, String, Option<String>>,
) -> Either<Client, Failed<'env>> {
    let configured = Config::from_vars(lookup(&variable)).and_then(|config| configured(config, &given));
    made(env, configured.and_then(|config| bridge::Client::new(config, "node")))
}

#[napi]
impl Client {
    /// A copy with these options over its own.
    #[napi(catch_unwind)]
    pub fn with_options<'env>(&self, env: &'env Env, given: String) -> napi::Result<Either<Self, Failed<'env>>> {
        let configured = configured(self.0.config().clone(), &given);
        Ok(made(env, configured.and_then(|config| self.0.with_options(config))))
    }

    /// Begins a call that ends in `calls`, and gives its number there, or why it did not begin. The request is the
    /// wire's JSON; options are a JSON object under the core's names.
    #[napi(catch_unwind)]
    pub fn submit<'env>(
        &self,
        env: &'env Env,
        calls: &Calls,
        request: String,
        given: Option<String>,
    ) -> napi::Result<Either<f64, Failed<'env>>> {
        let (request, options) = match read(&request, given.as_deref()) {
            Ok(call) => call,
            Err(error) => return Ok(Either::B(Failed::of(env, error, None))),
        };
        let begun = match self.0.submit(calls.queue(), request, options) {
            Some(call) => calls.begun(env, call)?,
            None => None,
        };
        match begun {
            Some(number) => Ok(Either::A(number)),
            None => Ok(Either::B(Failed::of(env, not_begun(), None))),
        }
    }

    /// Refuses new calls.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.0.close();
    }

    /// Where the service is.
    #[napi(getter, catch_unwind)]
    pub fn base_url(&self) -> String {
        self.0.config().base_url.clone()
    }
}

/// A variable that cannot be read is one that is not there.
pub(crate) fn lookup(variable: &Function<'_, String, Option<String>>) -> impl Fn(&str) -> Option<String> {
    |name| variable.call(name.to_owned()).ok().flatten()
}

fn made(env: &Env, client: Result<bridge::Client>) -> Either<Client, Failed<'_>> {
    match client {
        Ok(client) => Either::A(Client(client)),
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
