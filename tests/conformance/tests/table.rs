//! Whether the table of `tests/vectors` can tell an SDK from something that only looks like one.

use std::path::Path;
use std::time::Duration;

use builderaikits_conformance::runner::{Options, run};
use builderaikits_conformance::vector::load;

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_driver_that_only_says_ok_fails_a_third_of_the_table() -> Result<(), Box<dyn std::error::Error>> {
    fails_a_third("always-ok").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_driver_that_only_says_one_error_fails_a_third_of_the_table() -> Result<(), Box<dyn std::error::Error>> {
    fails_a_third("always-error").await
}

async fn fails_a_third(mode: &str) -> Result<(), Box<dyn std::error::Error>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors");
    let mut vectors = load(&directory)?;
    let cases = vectors.len();
    assert!(cases > 0, "no vectors in {}", directory.display());
    // What the server saw would tell these drivers apart at once: the replies alone must do it.
    vectors.iter_mut().for_each(|vector| vector.judge_replies_only());
    let options = Options {
        driver: "rust".to_owned(),
        command: vec![env!("CARGO_BIN_EXE_fake-driver").to_owned(), mode.to_owned()],
        directory,
        watchdog: Duration::from_secs(60),
    };
    let report = run(vectors, &options).await?;
    assert_eq!(report.driver, Vec::<String>::new());
    assert!(report.failed() >= cases.div_ceil(3), "{mode} fails {} of {cases} only", report.failed());
    Ok(())
}
