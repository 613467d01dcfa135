//! One attempt: [`send`] to the head of the response, then [`read`] to its end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tracing::debug;

use crate::config::api_key::ApiKey;
use crate::http::tracked_body::{CancelOnDrop, SendListener, SendState};
use crate::http::transport::{Response, Transport};
use crate::pipeline::attempt_error::{AttemptError, success_or_error};
use crate::pipeline::body::read_body;
use crate::pipeline::deadline::{Deadline, before};
use crate::pipeline::request::Request;
use crate::pipeline::response::RawResponse;

/// The maximum of an error body, in bytes…
const MAX_ERROR_BODY_BYTES: usize = 64 << 10;
/// …and the time to read it, after its head.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(2);
/// After `connect_timeout` and this time, no connection is on its way.
const CHECKOUT_GRACE: Duration = Duration::from_secs(1);

/// Sends one attempt and waits for the head of its response. `listener` is told when its body begins to be sent. Dropping the
/// future aborts the request.
pub(crate) async fn send(
    transport: &Transport,
    request: &mut Request,
    listener: Arc<dyn SendListener>,
    deadline: Option<Deadline>,
) -> Result<Response, AttemptError> {
    let settings = Arc::clone(&request.settings);
    let clean = |text: &str| settings.api_key.clean(text);
    // If several HTTP/2 connections begin or end together, the HTTP library can forget a request that waits for one. So
    // a request that waits for longer than a connection can take is cancelled and asks for a connection again.
    let mut checkout_timeout = request.checkout_timeout().map(|limit| limit.saturating_add(CHECKOUT_GRACE));
    loop {
        let state = SendState::new(Arc::clone(&listener));
        let mut response = pin!(transport.send(
            request.method.clone(),
            request.url.clone(),
            request.headers(),
            request.body(),
            &state,
            &clean
        ));
        let _cancel_on_drop = CancelOnDrop(&state);
        let checkout = checkout_timeout
            .and_then(|limit| Deadline::from_now("connect_timeout", limit))
            .filter(|checkout| deadline.is_none_or(|deadline| checkout.at < deadline.at));
        let mut result = before(checkout.or(deadline).as_ref(), response.as_mut()).await;
        if result.is_err() && checkout.is_some() {
            if !state.cancel() {
                debug!("waited too long for a connection; asking for another");
                // Doubled each time: the request may be waiting for its turn on a connection.
                checkout_timeout = checkout_timeout.and_then(|limit| limit.checked_mul(2));
                continue;
            }
            result = before(deadline.as_ref(), response.as_mut()).await;
        }
        return match result {
            Ok(Ok(response)) => {
                if response.status().is_success() {
                    request.release_body();
                }
                Ok(response)
            }
            Ok(Err(error)) => Err(error.into()),
            Err(deadline) => {
                let sent = state.cancel();
                let phase = if sent { "while waiting for the response" } else { "while waiting for a connection" };
                Err(AttemptError::Timeout { message: deadline.exceeded_message(phase), sent })
            }
        };
    }
}

/// Reads a response to its end. The API key is redacted from all that is kept.
pub(crate) async fn read(
    mut response: Response,
    max_response_bytes: usize,
    api_key: &ApiKey,
    deadline: Option<Deadline>,
) -> Result<RawResponse, AttemptError> {
    let status = response.status();
    let headers = response.take_headers();
    let (max_bytes, deadline) = if status.is_success() {
        (max_response_bytes, deadline)
    } else {
        let own = Deadline::from_now("the time limit of an error body", ERROR_BODY_TIMEOUT);
        (MAX_ERROR_BODY_BYTES, Deadline::earlier(deadline, own))
    };
    let (body, error) = read_body(&mut response, max_bytes, deadline, &|text| api_key.clean(text)).await;
    success_or_error(RawResponse { status: status.as_u16(), headers, body }, error, api_key)
}
