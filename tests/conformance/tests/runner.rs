//! The runner from end to end, with a driver without an SDK.

use std::fs;
use std::process::{Command, Output};

use serde_json::{Value, json};

type TestResult = Result<(), Box<dyn std::error::Error>>;

fn run(cases: &Value, more: &[&str]) -> Result<(Output, String), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    fs::write(directory.path().join("theme.json"), cases.to_string())?;
    let driver = concat!(env!("CARGO_BIN_EXE_fake-driver"), " one-request");
    let output = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(["--driver", "rust", "--driver-command", driver, "--vectors"])
        .arg(directory.path())
        .args(more)
        .env("BUILDERAIKITS_API_KEY", "bak_from_the_environment")
        .env("https_proxy", "http://127.0.0.1:1")
        .output()?;
    let text = String::from_utf8(output.stdout.clone())? + &String::from_utf8(output.stderr.clone())?;
    Ok((output, text))
}

fn case(prompt: &str, expect: &Value) -> Value {
    json!({"name": format!("case {prompt}"), "call": {"kit": "k", "input": {"prompt": prompt}},
        "server": [{"status": 200, "body": {}}], "expect": expect})
}

#[test]
fn matching_cases_pass() -> TestResult {
    let cancelled = json!({"name": "cancelled", "call": {"kit": "k", "options": {"cancel_after_ms": 30}},
        "server": [{"fault": "stall"}], "expect": {"error": {"kind": "cancelled"}, "aborted_within_ms": 2000}});
    let two = json!({"name": "two calls", "calls": [{"kit": "k"}, {"kit": "k"}], "pause_ms": 20,
        "server": [{"status": 429}, {"status": 200}],
        "expect": {"calls": [{"error": {"status": 429}}, {"ok": {}}], "gap_ms": [[20, 5000]], "server_saw": 2}});
    let limit = json!({"window": "fixed", "requests": 2, "per_ms": 60_000});
    let limited = json!({"name": "limited", "calls": [{"times": 2}, {}], "limit": limit,
        "expect": {"calls": [{"ok": {}}, {"error": {"status": 429}}], "server_saw": 3, "rejected": 1}});
    let at_once = json!({"name": "at once", "concurrent": true, "calls": [{"times": 3}],
        "server": [{"status": 200, "delay_ms": 1000}], "expect": {"ok": {}, "total_ms": [1000, 2900]}});
    let ok = json!({"ok": {"output": {"text": "hi"}}, "server_saw": 1,
        "requests": [{"path": "/v1/kits/run", "headers": {"authorization": {"$contains": "Bearer bak_canary"}}}]});
    let mut unsupported = case("unsupported", &json!({"error": {}}));
    unsupported["client"] = json!({"max_retries": -1});
    let cases = json!([case("environment", &ok), cancelled, two, limited, at_once, unsupported]);
    let (output, text) = run(&cases, &[])?;
    assert!(output.status.success(), "{text}");
    assert_eq!(
        text,
        "ok   theme / case environment\nok   theme / cancelled\nok   theme / two calls\n\
         ok   theme / limited\nok   theme / at once\nunsupported  theme / case unsupported (max_retries)\n\
         1 unsupported by the language of this driver\n5 passed, 0 failed\n"
    );
    let (_, text) = run(&cases, &["--only", "two"])?;
    assert_eq!(text, "ok   theme / two calls\n1 passed, 0 failed\n");
    Ok(())
}

#[test]
fn failed_case_prints_its_reason() -> TestResult {
    let ok = json!({"ok": {}});
    for (prompt, expect, reasons) in [
        ("wrong", json!({"ok": {"id": "run_2"}}), &["     ok.id: expected \"run_2\", got \"run_1\""][..]),
        ("hang", ok.clone(), &["     no reply within 300ms"]),
        (
            "die",
            ok.clone(),
            &[
                "no reply: the driver exited with exit status: 3",
                "| this is the end of standard error, with [redacted]",
            ],
        ),
        (
            "garbage",
            ok.clone(),
            &["FAIL the driver wrote a line that is not an object", "wrote the API key to standard output"],
        ),
        ("twice", ok.clone(), &["FAIL the driver replied twice to case-0.0"]),
        ("leak", json!({"error": {}}), &["     the API key is in the reply"]),
        ("stderr", json!({"ok": {}, "absent": ["a prompt"]}), &["     absent: a text of 8 bytes is on standard error"]),
        ("unsupported", ok.clone(), &["     rust must support max_retries"]),
    ] {
        let watchdog = if prompt == "hang" { "300" } else { "60000" };
        let (output, text) = run(&json!([case(prompt, &expect)]), &["--watchdog-ms", watchdog])?;
        assert_eq!(output.status.code(), Some(1), "{prompt}: {text}");
        assert!(text.lines().last().is_some_and(|line| line.ends_with(" failed")), "{text}");
        for reason in reasons {
            assert!(text.contains(reason), "{prompt}: {text}");
        }
        assert!(!text.contains("bak_canary"), "{text}");
    }
    Ok(())
}

#[test]
fn driver_exit_fails_the_remaining_cases() -> TestResult {
    let mut cases = vec![case("die", &json!({"ok": {}}))];
    cases.extend((0..20).map(|number| case(&format!("hang {number}"), &json!({"ok": {}}))));
    let (output, text) = run(&json!(cases), &["--watchdog-ms", "60000"])?;
    assert_eq!(output.status.code(), Some(1));
    assert!(text.lines().filter(|line| line.starts_with("FAIL theme")).count() >= 14, "{text}");
    Ok(())
}

#[test]
fn run_without_cases_fails() -> TestResult {
    let (output, text) = run(&json!([case("good", &json!({"ok": {}}))]), &["--only", "nothing"])?;
    assert_eq!((output.status.code(), text.as_str()), (Some(1), "0 passed, 0 failed\n"));
    Ok(())
}

#[test]
fn invalid_setup_exits_with_2() -> TestResult {
    let typo = json!([{"name": "n", "call": {}, "sever": [], "expect": {"ok": {}}}]);
    let good = json!([case("good", &json!({"ok": {}}))]);
    for (cases, more, reason) in [
        (&typo, &[][..], "theme / n: unknown field `sever`"),
        (&good, &["--driver-command", "/nowhere/at/all"], "cannot start the driver"),
        (&good, &["--drivers", "x"], "unexpected argument '--drivers'"),
        (&good, &["--only"], "a value is required for '--only <TEXT>'"),
    ] {
        let (output, text) = run(cases, more)?;
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(reason), "{text}");
    }
    Ok(())
}
