//! [`Kits`]: running prompts on kits.

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;

use crate::api::operation::{Operation, execute};
use crate::client::Client;
use crate::config::options::RequestOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::models::bill::Bill;
use crate::models::cost::Cost;
use crate::models::decode;
use crate::models::estimate::Estimate;
use crate::models::kit::Kit;
use crate::models::response_metadata::ResponseMetadata;
use crate::models::run::Run;
use crate::models::run_request::RunRequest;
use crate::pacing::output_estimates::Workload;
use crate::pipeline::deadline::HostTimes;

/// The kits of the service: [`client.kits()`](Client::kits).
#[derive(Debug, Clone)]
pub struct Kits {
    client: Client,
}

impl Client {
    /// Returns the kits of the service.
    #[must_use]
    pub fn kits(&self) -> Kits {
        Kits { client: self.clone() }
    }
}

impl Kits {
    /// Runs a prompt on a kit and waits for the response.
    ///
    /// Retries 429, 408, failed connections, and 5xx, which may be billed twice, within the client's `max_retries`, retry
    /// budget and `timeout`. Dropping the future cancels the call: the request is aborted at once.
    ///
    /// The future owns what it needs, so that it can be stored, spawned and joined.
    ///
    /// ```
    /// # use builderaikits::*;
    /// # async fn example(client: Client) -> Result<()> {
    /// let kits = client.kits();
    /// let (a, b) = tokio::join!(
    ///     kits.run(RunRequest::new(Kit::TextGen, "Hello")),
    ///     client.kits().run(RunRequest::new(Kit::Classifier, "Great!")),
    /// );
    /// # (a?, b?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind). [`Error::may_have_run`] tells whether a failed call may be billed.
    pub fn run(&self, request: RunRequest) -> impl Future<Output = Result<Run>> + Send + use<> {
        self.run_with(request, RequestOptions::default())
    }

    /// As [`run`](Self::run), with options for this call.
    ///
    /// ```
    /// # use builderaikits::*;
    /// # use std::time::Duration;
    /// # async fn example(client: Client) -> Result<Run> {
    /// let options = RequestOptions { timeout: Some(Duration::from_secs(10).into()), ..RequestOptions::default() };
    /// client.kits().run_with(RunRequest::new(Kit::TextGen, "Hello"), options).await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run). An invalid option is [`InvalidRequest`](crate::ErrorKind::InvalidRequest).
    pub fn run_with(
        &self,
        request: RunRequest,
        options: RequestOptions,
    ) -> impl Future<Output = Result<Run>> + Send + use<> {
        execute(self.client.clone(), request, options, HostTimes::default())
    }

    /// Estimates the tokens and the maximum cost of a request. Nothing is sent.
    ///
    /// ```
    /// # use builderaikits::*;
    /// # let options = ClientOptions { api_key: Some(ApiKey::new("bak_example")?), ..ClientOptions::default() };
    /// # let client = Client::new(options)?;
    /// let estimate = client.kits().estimate(&RunRequest::new(Kit::TextGen, "Hello, world").max_tokens(500))?;
    /// assert_eq!((estimate.input_tokens, estimate.max_output_tokens), (3, Some(500)));
    /// assert_eq!(estimate.max_cost.map(|cost| cost.to_string()), Some("0.0002012".to_owned()));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest), as [`run`](Self::run).
    pub fn estimate(&self, request: &RunRequest) -> Result<Estimate> {
        request.validate()?;
        let (input_tokens, max_output_tokens) = (request.input_tokens(), request.max_output_tokens().map(u64::from));
        let total = max_output_tokens.map(|output| input_tokens.saturating_add(output));
        let price = self.client.settings().prices.of(&request.kit);
        let max_cost = price.zip(total).map(|(price, tokens)| price.of_tokens(tokens));
        Ok(Estimate { input_tokens, max_output_tokens, max_cost })
    }
}

/// `POST kits/run`.
impl Operation for RunRequest {
    type Response = Run;
    const NAME: &'static str = "kits.run";
    const METHOD: Method = Method::POST;
    const IDEMPOTENT: bool = false;

    fn kit(&self) -> Option<Kit> {
        Some(self.kit.clone())
    }

    fn workload(&self) -> Option<Workload> {
        Some(Workload {
            kit: self.kit.clone(),
            input_tokens: self.input_tokens(),
            max_tokens: self.config.max_tokens,
            max_output_tokens: self.max_output_tokens(),
        })
    }

    fn bill(run: &mut Run, price: Option<Cost>) -> Bill {
        let bill = run.bill(price);
        run.cost = bill.cost;
        bill
    }

    fn path(&self) -> Cow<'static, str> {
        "kits/run".into()
    }

    fn body(self) -> Result<Option<Bytes>> {
        self.validate()?;
        let mut body = Vec::with_capacity(self.json_size_hint());
        serde_json::to_writer(&mut body, &self)
            .map_err(|_| Error::new(ErrorKind::InvalidRequest, "The request cannot be serialized as JSON."))?;
        Ok(Some(body.into()))
    }

    fn decode(body: &[u8], metadata: &mut ResponseMetadata) -> std::result::Result<Run, String> {
        let mut run = decode::run(body)?;
        run.response_metadata = std::mem::take(metadata);
        Ok(run)
    }
}
