//! What the SDK's bindings for other languages need, and Rust users do not. It is not covered by semantic versioning.

use std::future::Future;
use std::pin::Pin;

use serde::Serialize;
use serde_json::Value;

use crate::api::operation::execute;
use crate::client::Client;
use crate::config::options::{ClientOptions, RequestOptions};
use crate::error::{Error, ErrorKind, ErrorParts, Result};
use crate::models::catalog::{KITS, KitInfo, Plan, Quota};
use crate::models::cost::Cost;
use crate::models::response_metadata::ResponseMetadata;
use crate::models::run::Run;
use crate::models::run_request::RunRequest;

pub use crate::api::operation::Operation;
pub use crate::client::ClosedFlag;
pub use crate::config::proxy::ProxyEnv;
pub use crate::models::bill::Bill;
pub use crate::models::decode_lenient::MAX_EXTRA_DEPTH as MAX_JSON_DEPTH;
pub use crate::pacing::output_estimates::Workload;
pub use crate::pipeline::deadline::HostTimes;

/// Creates a client whose `User-Agent` names a language.
///
/// # Errors
///
/// As [`Client::new`].
pub fn new_client(options: ClientOptions, language: &'static str) -> Result<Client> {
    Client::with_language(options, language)
}

/// The base URL of a client as it is called: the host in lower case and ASCII, without a slash at the end.
#[must_use]
pub fn base_url(client: &Client) -> &str {
    client.settings().base_url.as_str()
}

/// The host and port that a client calls over plain http; `None` over https.
#[must_use]
pub fn plain_http_authority(client: &Client) -> Option<&str> {
    client.settings().base_url.plain_http_authority()
}

/// As [`ClientOptions::from_env`] for an environment that is not the process's, such as that of a worker thread. `lookup`
/// returns the value of a variable.
///
/// # Errors
///
/// As [`ClientOptions::from_env`].
pub fn options_from_env_with(lookup: impl Fn(&str) -> Option<String>) -> Result<ClientOptions> {
    ClientOptions::from_env_with(lookup)
}

/// A price of the option `prices` from its text.
///
/// # Errors
///
/// [`Config`](ErrorKind::Config) with the name of the option and the kit.
pub fn price(kit: &str, text: &str) -> Result<Cost> {
    text.parse().map_err(|_| {
        let message = format!("`prices`: the price of '{}' must be {}.", kit.escape_debug(), Cost::FORM);
        Error::config("prices", message)
    })
}

/// The error of a call on a closed client.
#[must_use]
pub fn closed() -> Error {
    Error::closed()
}

/// The response of any operation.
#[derive(Debug, Clone)]
pub struct Response {
    /// What the service sent.
    pub payload: Payload,
    /// How the call went.
    pub metadata: ResponseMetadata,
}

/// What the service sent, as the bindings take it.
#[derive(Debug, Clone)]
pub enum Payload {
    /// A run. It keeps typed fields, because JSON in between would cost several percent of a call in Go.
    Run(Box<Run>),
    /// Any other response, as normalized JSON.
    Json(String),
}

impl From<Run> for Response {
    fn from(mut run: Run) -> Self {
        let metadata = std::mem::take(&mut run.response_metadata);
        Self { payload: Payload::Run(Box::new(run)), metadata }
    }
}

type Executing = Pin<Box<dyn Future<Output = Result<Response>> + Send>>;

/// A call of any operation, ready to be executed.
pub struct Call(Box<dyn FnOnce(Client, RequestOptions, HostTimes) -> Executing + Send>);

impl Call {
    /// Creates a call of an operation.
    pub fn new<O: Operation<Response: Into<Response>>>(operation: O) -> Self {
        Self(Box::new(move |client, options, host| Box::pin(execute(client, operation, options, host))))
    }

    /// Creates a call by the name of its operation, such as `kits.run`, and its request as JSON.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for an unknown name or an invalid request.
    pub fn from_json(operation: &str, request: &str) -> Result<Self> {
        match operation {
            RunRequest::NAME => RunRequest::from_json(request).map(Self::new),
            _ => {
                Err(Error::new(ErrorKind::InvalidRequest, format!("Unknown operation '{}'.", operation.escape_debug())))
            }
        }
    }

    /// Creates a call of `kits.run` by its request as a JSON value.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for an invalid request.
    pub fn run_from_value(request: Value) -> Result<Self> {
        RunRequest::from_value(request).map(Self::new)
    }

    /// Executes the call.
    #[must_use]
    pub fn execute(self, client: Client, options: RequestOptions, host: HostTimes) -> Executing {
        (self.0)(client, options, host)
    }
}

/// Returns what a client knows as JSON, without a request to the service: `usage`, and `kits.estimate` with a request as
/// JSON. Durations are in seconds, costs have `usd` as text and `nano_usd` as a number.
///
/// # Errors
///
/// [`InvalidRequest`](ErrorKind::InvalidRequest) for an unknown name or an invalid request.
pub fn query(client: &Client, name: &str, request: &str) -> Result<String> {
    match name {
        "usage" => to_json(&client.usage()),
        "kits.estimate" => to_json(&client.kits().estimate(&RunRequest::from_json(request)?)?),
        _ => Err(Error::new(ErrorKind::InvalidRequest, format!("Unknown query '{}'.", name.escape_debug()))),
    }
}

/// The kits and plans that this version knows, as JSON: `kits` with their [`KitInfo`], and `plans` with `id`, `requests` and
/// `tokens` per minute.
#[must_use]
pub fn catalog_json() -> String {
    #[derive(Serialize)]
    struct PlanRecord {
        id: &'static str,
        requests_per_minute: Option<u64>,
        tokens_per_minute: Option<u64>,
    }
    #[derive(Serialize)]
    struct Catalog {
        kits: [KitInfo; 4],
        plans: [PlanRecord; 2],
    }
    let plans = Plan::ALL.map(|plan| {
        let Quota { requests, tokens, .. } = plan.quota();
        PlanRecord { id: plan.name(), requests_per_minute: requests, tokens_per_minute: tokens }
    });
    serde_json::to_string(&Catalog { kits: KITS, plans }).unwrap_or_default()
}

fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|_| Error::new(ErrorKind::Internal, "Internal SDK error: a query has no JSON. Please report it."))
}

/// All fields of an error except its body, as one JSON object. Absent fields are left out; durations are in seconds.
#[must_use]
pub fn error_json(error: &Error) -> String {
    let record = ErrorRecord { display: error.to_string(), parts: error.parts() };
    serde_json::to_string(&record).unwrap_or_default()
}

#[derive(Serialize)]
struct ErrorRecord<'a> {
    display: String,
    #[serde(flatten)]
    parts: &'a ErrorParts,
}
