//! The client, and how its calls start.

use std::rc::Rc;

use builderaikits::{CallOptions, Config, Error, ErrorKind, ErrorParts, Result, RunRequest};
use builderaikits_bridge::{self as bridge, options};
use napi::bindgen_prelude::{Either, Env, Function};
use napi_derive::napi;
use serde_json::{Map, Value};

use crate::completion_queue::{CompletionQueue, PendingCalls};
use crate::error_record::ErrorRecord;

/// A client. Functions that create one return it or an error record.
#[napi]
pub struct Client {
    client: bridge::Client,
    /// Where its calls complete.
    calls: Rc<PendingCalls>,
}

/// Creates a client whose calls complete in `queue`. `options` is a JSON object with the core's names and overrides the
/// environment. `variable` returns the value of an environment variable: a worker and a test runner can have other values
/// than the process.
#[napi(catch_unwind)]
pub fn create_client<'env>(
    env: &'env Env,
    queue: &CompletionQueue,
    options: String,
    variable: Function<'_, String, Option<String>>,
) -> Either<Client, ErrorRecord<'env>> {
    let configured = Config::from_vars(lookup(&variable)).and_then(|config| configured(config, &options));
    client_or_error(env, &queue.0, configured.and_then(|config| bridge::Client::new(config, "node")))
}

#[napi]
impl Client {
    /// Creates a copy with these options in place of its own.
    #[napi(catch_unwind)]
    pub fn with_options<'env>(&self, env: &'env Env, options: String) -> napi::Result<Either<Self, ErrorRecord<'env>>> {
        let configured = configured(self.client.config().clone(), &options);
        Ok(client_or_error(env, &self.calls, configured.and_then(|config| self.client.with_options(config))))
    }

    /// Starts a call and returns its id, which is unique among all clients of the environment, or an error record. The
    /// request is JSON as it is sent; options are a JSON object with the core's names.
    #[napi(catch_unwind)]
    pub fn submit<'env>(
        &self,
        env: &'env Env,
        operation: String,
        request: String,
        options: Option<String>,
    ) -> Either<i64, ErrorRecord<'env>> {
        let (request, options) = match parse_call(&operation, &request, options.as_deref()) {
            Ok(call) => call,
            Err(error) => return Either::B(ErrorRecord::new(env, error, None)),
        };
        let call = self.client.submit(self.calls.queue(), request, options);
        match call.and_then(|call| self.calls.started(env, call)) {
            Some(id) => Either::A(id),
            None => Either::B(ErrorRecord::new(env, not_started(), None)),
        }
    }

    /// Rejects new calls.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.client.close();
    }

    /// The base URL of the service.
    #[napi(getter, catch_unwind)]
    pub fn base_url(&self) -> String {
        self.client.config().base_url.clone()
    }
}

/// A variable that cannot be read counts as not set.
pub(crate) fn lookup(variable: &Function<'_, String, Option<String>>) -> impl Fn(&str) -> Option<String> {
    |name| variable.call(name.to_owned()).ok().flatten()
}

fn client_or_error<'env>(
    env: &'env Env,
    calls: &Rc<PendingCalls>,
    client: Result<bridge::Client>,
) -> Either<Client, ErrorRecord<'env>> {
    match client {
        Ok(client) => Either::A(Client { client, calls: Rc::clone(calls) }),
        Err(error) => Either::B(ErrorRecord::new(env, error, None)),
    }
}

fn configured(mut config: Config, given: &str) -> Result<Config> {
    options::configure(&mut config, parse(given, ErrorKind::Config, "options")?)?;
    Ok(config)
}

fn parse_call(_operation: &str, request: &str, options: Option<&str>) -> Result<(RunRequest, CallOptions)> {
    let request = RunRequest::from_json(parse(request, ErrorKind::InvalidRequest, "request")?)?;
    let options = match options {
        None => CallOptions::default(),
        Some(options) => {
            options::call_options(parse::<Map<String, Value>>(options, ErrorKind::InvalidRequest, "options")?)?
        }
    };
    Ok((request, options))
}

/// `JSON.stringify` produces invalid JSON only for an unpaired surrogate, and nests too deeply only where a `toJSON` does;
/// `validate.ts` finds the place. Serde's own message could quote the prompt.
fn parse<T: serde::de::DeserializeOwned>(text: &str, kind: ErrorKind, what: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| error(kind, format!("The {what} cannot be read as JSON.")))
}

/// The environment is going away, or has more calls in flight than ids.
fn not_started() -> Error {
    error(ErrorKind::Closed, "This worker is shutting down and accepts no new requests.".to_owned())
}

fn error(kind: ErrorKind, message: String) -> Error {
    Error::from(ErrorParts { kind, message, ..ErrorParts::default() })
}
