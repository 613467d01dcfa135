//! [`Operation`]: the seam between an endpoint and everything that executes it.

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use tracing::{Instrument, info_span};

use crate::client::Client;
use crate::config::options::RequestOptions;
use crate::error::{Error, ErrorKind, ErrorParts, Result};
use crate::models::bill::Bill;
use crate::models::cost::Cost;
use crate::models::kit::Kit;
use crate::models::response_metadata::ResponseMetadata;
use crate::pacing::output_estimates::Workload;
use crate::pipeline::deadline::HostTimes;
use crate::pipeline::error_body::message_and_code;
use crate::pipeline::execute::Success;
use crate::pipeline::request::{OperationRequest, Request, RequestSettings};

/// An operation of the service: what it sends, and how its response is read. An endpoint is one type that implements it.
pub trait Operation: Send + 'static {
    /// What the operation returns.
    type Response: Send + 'static;
    /// The name, such as `kits.run`.
    const NAME: &'static str;
    /// The HTTP method.
    const METHOD: Method;
    /// Whether the operation may be sent again whatever happened to an attempt.
    const IDEMPOTENT: bool;

    /// The kit that the operation runs on, for its price. Default: none.
    fn kit(&self) -> Option<Kit> {
        None
    }

    /// What the operation will use of a limit of tokens. Default: nothing.
    fn workload(&self) -> Option<Workload> {
        None
    }

    /// The tokens of a response, if 1,000 cost `price`, and their cost, which the response takes. Default: not known.
    fn bill(_response: &mut Self::Response, _price: Option<Cost>) -> Bill {
        Bill::default()
    }

    /// The path below the base URL.
    fn path(&self) -> Cow<'static, str>;

    /// Validates the operation and writes its body as JSON.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](ErrorKind::InvalidRequest).
    fn body(self) -> Result<Option<Bytes>>;

    /// Reads the response, and takes `metadata` if that succeeds.
    ///
    /// # Errors
    ///
    /// The end of the sentence "The response …", without any part of the body.
    fn decode(body: &[u8], metadata: &mut ResponseMetadata) -> std::result::Result<Self::Response, String>;
}

/// Executes an operation. This is the only function that is generic over it.
#[expect(clippy::manual_async_fn, reason = "an `async fn` has two places for each argument in its future")]
pub(crate) fn execute<O, R>(
    client: Client,
    operation: O,
    options: RequestOptions,
    host: HostTimes,
) -> impl Future<Output = Result<R>> + Send + use<O, R>
where
    O: Operation,
    O::Response: Into<R>,
{
    async move {
        let price = operation.kit().and_then(|kit| client.settings().prices.of(&kit));
        let mut request = prepare(&client, operation, &options, host)?;
        let mut success = send(&client, &mut request).await?;
        match O::decode(&success.response.body, &mut success.metadata) {
            Ok(mut decoded) => {
                let bill = O::bill(&mut decoded, price);
                client.pipeline().succeeded(success.permit, &request, &bill);
                Ok(decoded.into())
            }
            Err(reason) => {
                client.pipeline().failed();
                Err(undecodable(success, &reason, client.settings()))
            }
        }
    }
}

fn prepare<O: Operation>(client: &Client, operation: O, options: &RequestOptions, host: HostTimes) -> Result<Request> {
    let (name, path) = (O::NAME, operation.path());
    let workload = if client.pipeline().pacer().counts_tokens { operation.workload().map(Box::new) } else { None };
    let (method, idempotent) = (O::METHOD, O::IDEMPOTENT);
    let operation = OperationRequest { name, method, path, body: operation.body()?, idempotent, workload };
    if tokio::runtime::Handle::try_current().is_err() {
        return Err(Error::new(
            ErrorKind::Config,
            "No Tokio runtime is running. Call this from an async context, for example under #[tokio::main].",
        ));
    }
    Request::new(operation, options, host, client.settings())
}

async fn send(client: &Client, request: &mut Request) -> Result<Success> {
    if client.is_closed() {
        return Err(Error::closed());
    }
    let span = info_span!("builderaikits.call", operation = request.name, idempotency_key = request.idempotency_key());
    let success = match span.is_disabled() {
        // The common case, without a move of the future into `Instrumented`.
        true => client.pipeline().execute(request).await,
        false => client.pipeline().execute(request).instrument(span).await,
    };
    success.inspect_err(|_| client.pipeline().failed())
}

/// The error of a success that could not be decoded. It may be billed, so its whole body is kept.
fn undecodable(success: Success, reason: &str, settings: &RequestSettings) -> Error {
    let Success { mut response, metadata, .. } = success;
    response.headers = metadata.headers.into_inner();
    response.redact_body(&settings.api_key, false);
    let content_type = response.content_type().unwrap_or_else(|| "no content-type".to_owned());
    // A success that carries an error.
    let (message, code) = message_and_code(&response.body, &settings.api_key);
    let says = message.map_or_else(String::new, |message| format!(": {message}"));
    let mut parts = ErrorParts {
        kind: ErrorKind::BadResponse,
        message: format!(
            "The response ({content_type}) {reason}{says}. You may have been billed; the raw response is in the error's body."
        ),
        attempts: metadata.attempts,
        may_have_run: true,
        code,
        idempotency_key: Some(metadata.idempotency_key),
        elapsed: metadata.elapsed,
        ..ErrorParts::default()
    };
    response.move_into(&mut parts);
    Error::from(parts)
}
