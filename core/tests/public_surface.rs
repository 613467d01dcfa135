//! The names that the crate promises, and what their types can do in programs of many threads.

use std::panic::{RefUnwindSafe, UnwindSafe};

use builderaikits::{
    ApiKey, CallOptions, Client, Config, Error, ErrorKind, ErrorParts, HeaderMap, Kit, Kits, Output, ResponseMetadata,
    Result, Run, RunRequest, Usage,
};

use crate::common::{config, hello};

/// A name that is added, removed or renamed changes this list, and so the version of the crate.
#[test]
fn public_names() {
    let lib = include_str!("../src/lib.rs");
    let code: Vec<&str> = lib.lines().map(str::trim).filter(|line| !line.starts_with("//")).collect();
    // Only in the builds of `make fuzz`.
    let code = code.join(" ").replace("#[cfg(fuzzing)] #[doc(hidden)] pub mod fuzz;", "");
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
        "CallOptions",
        "Client",
        "Config",
        "Error",
        "ErrorKind",
        "ErrorParts",
        "HeaderMap",
        "Kit",
        "Kits",
        "Output",
        "ResponseMetadata",
        "Result",
        "Run",
        "RunRequest",
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
    copied::<CallOptions>();
    copied::<Client>();
    copied::<Config>();
    copied::<Error>();
    copied::<ErrorKind>();
    copied::<ErrorParts>();
    copied::<HeaderMap>();
    copied::<Kit>();
    copied::<Kits<'static>>();
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

#[test]
fn calls_go_between_threads() {
    fn sent<F: Future<Output = Result<Run>> + Send>(_: &F) {}
    fn spawned<F: Future<Output = Result<Run>> + Send + 'static>(_: &F) {}

    let client = Client::new(config("http://127.0.0.1:1")).unwrap();
    let kits = client.kits();
    sent(&kits.run(hello()));
    sent(&kits.run_with(hello(), CallOptions::default()));
    let own = client.clone();
    spawned(&async move { own.kits().run(hello()).await });
}
