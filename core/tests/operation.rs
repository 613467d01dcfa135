//! The `Operation` trait with a second operation, which needs no change in the core.

use std::borrow::Cow;

use builderaikits::bindings::{Call, HostTimes, Operation, Payload, Response};
use builderaikits::{Client, ClientOptions, ErrorKind, RequestOptions, ResponseMetadata, Result};
use bytes::Bytes;
use http::Method;

use crate::common::service::{Exchange, Service};
use crate::common::{check, options, within_timeout};

/// `GET kits`: the ids of the kits.
struct ListKits;

struct KitList {
    ids: Vec<String>,
    metadata: ResponseMetadata,
}

impl Operation for ListKits {
    type Response = KitList;
    const NAME: &'static str = "kits.list";
    const METHOD: Method = Method::GET;
    const IDEMPOTENT: bool = true;

    fn path(&self) -> Cow<'static, str> {
        "kits".into()
    }

    fn body(self) -> Result<Option<Bytes>> {
        Ok(None)
    }

    fn decode(body: &[u8], metadata: &mut ResponseMetadata) -> std::result::Result<KitList, String> {
        let ids = serde_json::from_slice(body).map_err(|_| "is not a list of strings".to_owned())?;
        Ok(KitList { ids, metadata: std::mem::take(metadata) })
    }
}

impl From<KitList> for Response {
    fn from(list: KitList) -> Self {
        Self { payload: Payload::Json(serde_json::json!(list.ids).to_string()), metadata: list.metadata }
    }
}

/// Executes the operation; each exchange is one attempt.
async fn list_kits(
    client: ClientOptions,
    exchanges: impl AsyncFn(usize, Exchange),
    service: &mut Service,
) -> Result<Response> {
    let client = Client::new(client).unwrap();
    let call = Call::new(ListKits).execute(client, RequestOptions::default(), HostTimes::default());
    let serve = async {
        for attempt in 0.. {
            exchanges(attempt, service.next().await).await;
        }
    };
    tokio::select! {
        result = within_timeout("the result", call) => result,
        () = serve => unreachable!(),
    }
}

#[tokio::test]
async fn second_operation_is_sent_retried_and_decoded() {
    let mut service = Service::start().await;
    let client = options(service.url());
    let response = list_kits(
        client,
        async |attempt, exchange| {
            assert!(exchange.head.starts_with("GET /kits HTTP/1.1\r\n"), "{}", exchange.head);
            assert!(exchange.has_key() && exchange.header("idempotency-key").is_some());
            assert_eq!((exchange.header("content-type"), exchange.body.as_str()), (None, ""));
            match attempt {
                0 => exchange.respond("500 Internal Server Error", &["retry-after-ms: 1"], ""),
                _ => exchange.respond("200 OK", &["x-request-id: req_1"], r#"["text-gen","new-kit"]"#),
            }
        },
        &mut service,
    )
    .await
    .unwrap();
    assert!(matches!(&response.payload, Payload::Json(json) if json == r#"["text-gen","new-kit"]"#));
    assert_eq!((response.metadata.attempts, response.metadata.request_id.as_deref()), (2, Some("req_1")));
}

#[tokio::test]
async fn idempotent_operation_is_retried_after_an_ambiguous_failure() {
    let mut service = Service::start().await;
    let client = options(service.url());
    let response = list_kits(
        client,
        async |attempt, exchange| match attempt {
            // The connection closes without a response.
            0 => drop(exchange),
            _ => exchange.respond("200 OK", &[], "[]"),
        },
        &mut service,
    );
    assert_eq!(response.await.unwrap().metadata.attempts, 2);
}

#[tokio::test]
async fn undecodable_response_keeps_its_body() {
    let mut service = Service::start().await;
    let client = options(service.url());
    let error = list_kits(
        client,
        async |_, exchange| exchange.respond("200 OK", &["content-type: a/b", "x-request-id: req_1"], "{}"),
        &mut service,
    );
    let error = error.await.unwrap_err();
    check(&error, (ErrorKind::BadResponse, 1, true, false), &["The response (a/b) is not a list of strings."]);
    assert_eq!((error.status(), error.request_id()), (Some(200), Some("req_1")));
    assert_eq!(error.body().map(|body| &**body), Some(b"{}".as_slice()));
}
