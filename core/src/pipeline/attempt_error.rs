//! [`AttemptError`]: a failed attempt, what it means for a retry, and the error that a call ends with because of it.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{ErrorKind, ErrorParts};
use crate::http::error::TransportError;
use crate::pipeline::body::BodyError;
use crate::pipeline::response::RawResponse;
use crate::pipeline::retry::{FailedAttempt, FailureClass};

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptError {
    /// There was no response.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A deadline passed before the head of the response. It may have run if it was sent.
    #[error("{message}")]
    Timeout { message: String, sent: bool },
    /// The status is not a success. It decides, even if the body is incomplete.
    #[error("{message}")]
    Status {
        response: Box<RawResponse>,
        message: String,
        code: Option<String>,
        retry_after: Option<Duration>,
        should_retry: Option<bool>,
    },
    /// A success whose body is incomplete.
    #[error("{error}")]
    Body { response: Box<RawResponse>, error: BodyError },
}

impl AttemptError {
    /// What the retry policy needs to know.
    pub(crate) fn failed_attempt(&self) -> FailedAttempt {
        let class = match self {
            Self::Transport(error) => match error {
                TransportError::Connect { .. } | TransportError::ConnectTimeout { .. } => FailureClass::NotSent,
                TransportError::Unprocessed { .. } => FailureClass::Unprocessed,
                TransportError::ProxyAuthentication { .. }
                | TransportError::Certificate { .. }
                | TransportError::Handshake { .. } => FailureClass::Permanent { may_have_run: false },
                TransportError::Lost { .. } | TransportError::Silent { .. } | TransportError::Truncated { .. } => {
                    FailureClass::Ambiguous
                }
            },
            Self::Timeout { sent: false, .. } => FailureClass::NotSent,
            Self::Timeout { sent: true, .. } => FailureClass::Ambiguous,
            Self::Status { response, .. } => FailureClass::from_status(response.status),
            Self::Body { error: BodyError::TooLarge { .. }, .. } => FailureClass::Permanent { may_have_run: true },
            Self::Body { .. } => FailureClass::Ambiguous,
        };
        let (retry_after, should_retry) = match self {
            Self::Status { retry_after, should_retry, .. } => (*retry_after, *should_retry),
            _ => (None, None),
        };
        FailedAttempt { class, status: self.status(), retry_after, should_retry }
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Transport(TransportError::Certificate { .. } | TransportError::Handshake { .. }) => ErrorKind::Tls,
            Self::Transport(TransportError::ConnectTimeout { .. } | TransportError::Silent { .. })
            | Self::Timeout { .. }
            | Self::Body { error: BodyError::Timeout(_), .. } => ErrorKind::Timeout,
            Self::Transport(_) | Self::Body { error: BodyError::Truncated(_), .. } => ErrorKind::Connection,
            Self::Body { error: BodyError::TooLarge { .. }, .. } => ErrorKind::BadResponse,
            Self::Status { response, .. } => ErrorKind::from_status(response.status),
        }
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.response().map(|response| response.status)
    }

    pub(crate) fn request_id(&self) -> Option<String> {
        self.response().and_then(RawResponse::request_id)
    }

    /// The fields of the error that depend on this attempt alone.
    pub(crate) fn into_parts(self) -> ErrorParts {
        let mut parts = ErrorParts { kind: self.kind(), message: self.to_string(), ..ErrorParts::default() };
        let (response, source) = match self {
            Self::Transport(error) => (None, error.into_source()),
            Self::Timeout { .. } => (None, None),
            Self::Status { response, code, retry_after, .. } => {
                (parts.code, parts.retry_after) = (code, retry_after);
                (Some(response), None)
            }
            Self::Body { response, error: BodyError::Truncated(error) } => (Some(response), error.into_source()),
            Self::Body { response, .. } => (Some(response), None),
        };
        parts.source = source.map(|source| Arc::new(source) as _);
        if let Some(response) = response {
            response.move_into(&mut parts);
        }
        parts
    }

    fn response(&self) -> Option<&RawResponse> {
        match self {
            Self::Status { response, .. } | Self::Body { response, .. } => Some(response),
            Self::Transport(_) | Self::Timeout { .. } => None,
        }
    }
}
