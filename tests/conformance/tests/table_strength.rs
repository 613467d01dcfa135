//! The vectors must reject a driver that always sends the same reply.

use std::path::Path;
use std::time::Duration;

use builderaikits_conformance::runner::{Options, run};
use builderaikits_conformance::vector::load;

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn always_ok_fails_a_third_of_the_vectors() -> Result<(), Box<dyn std::error::Error>> {
    fails_a_third("always-ok").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn always_the_same_error_fails_a_third_of_the_vectors() -> Result<(), Box<dyn std::error::Error>> {
    fails_a_third("always-error").await
}

async fn fails_a_third(mode: &str) -> Result<(), Box<dyn std::error::Error>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors");
    let mut vectors = load(&directory)?;
    let cases = vectors.len();
    assert!(cases > 0, "no vectors in {}", directory.display());
    // These drivers send no requests, which the requests of the server would show at once. The replies alone must show it.
    vectors.iter_mut().for_each(|vector| vector.judge_replies_only());
    let options = Options {
        driver: "rust".to_owned(),
        command: vec![env!("CARGO_BIN_EXE_fake-driver").to_owned(), mode.to_owned()],
        directory,
        watchdog: Duration::from_secs(60),
    };
    let report = run(vectors, &options).await?;
    assert_eq!(report.driver_errors, Vec::<String>::new());
    assert!(report.failed() >= cases.div_ceil(3), "{mode} fails only {} of {cases}", report.failed());
    Ok(())
}
