//! [`Operation`]: the seam between an endpoint and everything that executes it.

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use tracing::{Instrument, info_span};

use crate::client::Client;
use crate::config::options::RequestOptions;
use crate::error::{Error, ErrorKind, ErrorParts, Result};
use crate::models::response_metadata::ResponseMetadata;
use crate::pipeline::deadline::HostTimes;
use crate::pipeline::error_body::message_and_code;
use crate::pipeline::request::{OperationRequest, Request, RequestSettings};
use crate::pipeline::response::RawResponse;

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
        let mut request = prepare(&client, operation, &options, host)?;
        let (response, mut metadata) = send(&client, &mut request).await?;
        match O::decode(&response.body, &mut metadata) {
            Ok(decoded) => Ok(decoded.into()),
            Err(reason) => Err(undecodable(response, metadata, &reason, client.settings())),
        }
    }
}

fn prepare<O: Operation>(client: &Client, operation: O, options: &RequestOptions, host: HostTimes) -> Result<Request> {
    let (name, path) = (O::NAME, operation.path());
    let operation =
        OperationRequest { name, method: O::METHOD, path, body: operation.body()?, idempotent: O::IDEMPOTENT };
    if tokio::runtime::Handle::try_current().is_err() {
        return Err(Error::new(
            ErrorKind::Config,
            "No Tokio runtime is running. Call this from an async context, for example under #[tokio::main].",
        ));
    }
    Request::new(operation, options, host, client.settings())
}

async fn send(client: &Client, request: &mut Request) -> Result<(RawResponse, ResponseMetadata)> {
    if client.is_closed() {
        return Err(Error::closed());
    }
    let span = info_span!("builderaikits.call", operation = request.name, idempotency_key = request.idempotency_key());
    if span.is_disabled() {
        // The common case, without a move of the future into `Instrumented`.
        return client.pipeline().execute(request).await;
    }
    client.pipeline().execute(request).instrument(span).await
}

/// The error of a success that could not be decoded. It may be billed, so its whole body is kept.
fn undecodable(
    mut response: RawResponse,
    metadata: ResponseMetadata,
    reason: &str,
    settings: &RequestSettings,
) -> Error {
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
