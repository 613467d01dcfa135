//! The public names of the crate, and the auto traits of its types.

use std::panic::{RefUnwindSafe, UnwindSafe};

use builderaikits::{
    ApiKey, Client, ClientOptions, ClientOverrides, ClientUsage, Cost, Error, ErrorKind, ErrorParts, Estimate,
    HeaderMap, HttpClientHook, Kit, KitInfo, Kits, Output, PacingStatus, Plan, Quota, RateLimit, Redacted,
    RequestOptions, ResponseMetadata, Result, Run, RunRequest, Timeout, Usage,
};

use crate::common::{hello, options};

/// Adding, removing or renaming a public name changes this list, and with it the version of the crate.
#[test]
fn public_names() {
    let lib = include_str!("../src/lib.rs");
    let code: Vec<&str> = lib.lines().map(str::trim).filter(|line| !line.starts_with("//")).collect();
    // Hidden: the API of the bindings, and what `make fuzz` builds.
    let code = code.join(" ").replace("#[cfg(fuzzing)] #[doc(hidden)] pub mod fuzz;", "");
    let code = code.replace("#[doc(hidden)] pub mod bindings;", "");
    let mut names: Vec<&str> = code
        .split("pub use ")
        .skip(1)
        .flat_map(|rest| {
            let item = rest.split(';').next().unwrap_or_default();
            let names = item.rsplit("::").next().unwrap_or_default();
            names.trim_matches(['{', '}', ' ']).split(',').map(str::trim).filter(|name| !name.is_empty())
        })
        .collect();
    names.sort_unstable();
    let promised = [
        "ApiKey",
        "Client",
        "ClientOptions",
        "ClientOverrides",
        "ClientUsage",
        "Cost",
        "Error",
        "ErrorKind",
        "ErrorParts",
        "Estimate",
        "HeaderMap",
        "HttpClientHook",
        "Kit",
        "KitInfo",
        "Kits",
        "Output",
        "PacingStatus",
        "Plan",
        "Quota",
        "RateLimit",
        "Redacted",
        "RequestOptions",
        "ResponseMetadata",
        "Result",
        "Run",
        "RunRequest",
        "Timeout",
        "Usage",
    ];
    assert_eq!(names, promised);
    assert_eq!(code.matches("pub ").count(), code.matches("pub use ").count(), "lib.rs only names what others define");
}

#[test]
fn types_go_between_threads() {
    fn shared<T: Send + Sync + Unpin + 'static>() {}
    fn copied<T: Clone + Send + Sync + Unpin + 'static>() {}
    fn caught<T: UnwindSafe + RefUnwindSafe>() {}

    copied::<ApiKey>();
    copied::<RequestOptions>();
    copied::<Client>();
    copied::<ClientOptions>();
    copied::<ClientOverrides>();
    copied::<ClientUsage>();
    copied::<Cost>();
    copied::<Estimate>();
    copied::<HttpClientHook>();
    copied::<KitInfo>();
    copied::<PacingStatus>();
    copied::<Plan>();
    copied::<Quota>();
    copied::<RateLimit>();
    copied::<Redacted<String>>();
    copied::<Timeout>();
    copied::<Error>();
    copied::<ErrorKind>();
    copied::<ErrorParts>();
    copied::<HeaderMap>();
    copied::<Kit>();
    copied::<Kits>();
    copied::<Output>();
    copied::<ResponseMetadata>();
    copied::<Run>();
    copied::<RunRequest>();
    copied::<Usage>();
    shared::<Result<Run>>();
    caught::<Error>();
    caught::<Run>();

    fn source<T: std::error::Error + Send + Sync + 'static>() {}
    source::<Error>();
}

/// The future of a call owns what it needs.
#[tokio::test]
async fn calls_can_be_stored_spawned_joined_and_selected() {
    fn owned<F: Future<Output = Result<Run>> + Send + 'static>(call: F) -> F {
        call
    }

    let sandbox = builderaikits_sandbox::Sandbox::start(builderaikits_sandbox::Options::default()).unwrap();
    let client = Client::new(options(sandbox.url())).unwrap();
    let stored = owned(client.kits().run(hello()));
    let with_options = owned(client.kits().run_with(hello(), RequestOptions::default()));
    let spawned = tokio::spawn(client.kits().run(hello()));
    let (a, b) = tokio::join!(client.kits().run(hello()), client.kits().run(hello()));
    let selected = tokio::select! {
        run = client.kits().run(hello()) => run,
        run = client.kits().run(hello()) => run,
    };
    let mapped = async { client.kits().run(hello()).await.map(|run| run.output.text) };
    assert!(a.is_ok() && b.is_ok() && selected.is_ok());
    assert!(stored.await.is_ok() && with_options.await.is_ok() && spawned.await.unwrap().is_ok());
    assert!(mapped.await.is_ok());
}
