//! The client, and how its calls start.

use std::rc::Rc;

use builderaikits::{Error, ErrorKind, RequestOptions, Result};
use builderaikits_bridge::{self as bridge, Call, HostTimes, options};
use napi::bindgen_prelude::{Either, Env, Function};
use napi_derive::napi;
use serde::de::DeserializeOwned;

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
    let create = || {
        let mut client_options = options::client_options_from_vars(lookup(&variable))?;
        options::apply_client_options(&mut client_options, parse(&options, ErrorKind::Config)?)?;
        let client = bridge::Client::new(client_options, "node")?;
        Ok(Client { client, calls: Rc::clone(&queue.0) })
    };
    or_error_record(env, create())
}

#[napi]
impl Client {
    /// Creates a copy with these options in place of its own.
    #[napi(catch_unwind)]
    pub fn with_options<'env>(&self, env: &'env Env, options: String) -> napi::Result<Either<Self, ErrorRecord<'env>>> {
        let create = || {
            let overrides = options::client_overrides(parse(&options, ErrorKind::Config)?)?;
            let client = self.client.with_options(overrides)?;
            Ok(Self { client, calls: Rc::clone(&self.calls) })
        };
        Ok(or_error_record(env, create()))
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
        let start = || {
            let call = Call::from_json(&operation, &request)?;
            let options = match options {
                None => RequestOptions::default(),
                Some(options) => options::request_options(parse(&options, ErrorKind::InvalidRequest)?)?,
            };
            let id = self.client.submit(self.calls.queue(), call, options, HostTimes::default());
            id.and_then(|id| self.calls.started(env, id)).ok_or_else(not_started)
        };
        or_error_record(env, start())
    }

    /// Returns what the client knows as JSON, or an error record. Sends nothing. The request is JSON as it would be sent; it
    /// is empty for a query without one.
    #[napi(catch_unwind)]
    pub fn query<'env>(&self, env: &'env Env, name: String, request: String) -> Either<String, ErrorRecord<'env>> {
        or_error_record(env, self.client.query(&name, &request))
    }

    /// Rejects new calls.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.client.close();
    }

    /// The base URL of the service.
    #[napi(getter, catch_unwind)]
    pub fn base_url(&self) -> String {
        self.client.base_url().to_owned()
    }
}

/// A variable that cannot be read counts as not set.
pub(crate) fn lookup(variable: &Function<'_, String, Option<String>>) -> impl Fn(&str) -> Option<String> {
    |name| variable.call(name.to_owned()).ok().flatten()
}

fn or_error_record<T>(env: &Env, result: Result<T>) -> Either<T, ErrorRecord<'_>> {
    match result {
        Ok(value) => Either::A(value),
        Err(error) => Either::B(ErrorRecord::new(env, error)),
    }
}

/// `JSON.stringify` writes invalid JSON only for an unpaired surrogate, and nests too deeply only if a `toJSON` does;
/// `operation.ts` then names the place. Serde's own message could quote the prompt.
fn parse<T: DeserializeOwned>(text: &str, kind: ErrorKind) -> Result<T> {
    serde_json::from_str(text).map_err(|_| Error::new(kind, "The argument is not valid JSON."))
}

/// The environment is going away, or has more calls in flight than ids.
fn not_started() -> Error {
    Error::new(ErrorKind::Closed, "This worker is shutting down and accepts no new requests.")
}
