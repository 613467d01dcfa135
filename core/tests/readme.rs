//! The tables of the project's README are those of the code.

use std::fs;
use std::time::Duration;

use builderaikits::{Config, ErrorKind};

#[test]
fn options_are_those_of_config_and_call_options() {
    let (config, call) = (fields("core/src/config.rs", "Config"), fields("core/src/kits.rs", "CallOptions"));
    let rows = table("| option |");
    let names: Vec<&str> = rows.iter().map(|row| quoted(&row[0])).collect();
    let of_calls_alone = call.iter().filter(|option| !config.contains(option));
    assert_eq!(names, config.iter().chain(of_calls_alone).collect::<Vec<_>>());
    for row in &rows {
        let name = quoted(&row[0]).to_owned();
        let mark = match (config.contains(&name), call.contains(&name)) {
            (true, true) => "¹",
            (false, _) => "²",
            _ => "`",
        };
        assert!(row[0].ends_with(mark), "{}: per call too is ¹, per call only ²", row[0]);
    }
}

#[test]
fn defaults_are_those_of_config() {
    let config = Config::default();
    let seconds = |time: Option<Duration>| time.map_or("none".to_owned(), |time| format!("{} s", time.as_secs()));
    let table_of_defaults = [
        ("base_url", format!("`BUILDERAIKITS_BASE_URL`, else `{}`", config.base_url)),
        ("timeout", seconds(config.timeout)),
        ("attempt_timeout", seconds(config.attempt_timeout)),
        ("connect_timeout", seconds(config.connect_timeout)),
        ("max_retries", config.max_retries.to_string()),
        ("retry_ambiguous", config.retry_ambiguous.to_string()),
        ("max_response_bytes", format!("{} MiB", config.max_response_bytes >> 20)),
        ("ca_file", config.ca_file.map_or("none".to_owned(), |file| file.display().to_string())),
        ("allow_http", config.allow_http.to_string()),
        ("app_name", config.app_name.unwrap_or("none".to_owned())),
    ];
    let rows = table("| option |");
    for (name, default) in table_of_defaults {
        let row = rows.iter().find(|row| quoted(&row[0]) == name).unwrap_or_else(|| panic!("{name}: has no row"));
        assert_eq!(row[1], default, "{name}");
    }
}

/// Names and order are the core's; classes are those that the conformance runner holds Python and Node.js to.
#[test]
fn kinds_are_those_of_the_core() {
    let core = source("core/src/error.rs");
    let kinds: Vec<&str> =
        core.split("Self::").filter_map(|arm| arm.split_once(" => \"")?.1.split('"').next()).collect();
    let runner = source("tests/conformance/src/tables.rs");
    let classes: Vec<&str> = runner.split("\n    row(\"").skip(1).filter_map(|row| row.split('"').nth(2)).collect();
    let rows = table("| kind |");
    assert_eq!(rows.iter().map(|row| quoted(&row[0])).collect::<Vec<_>>(), kinds);
    assert_eq!(rows.iter().map(|row| quoted(&row[2])).collect::<Vec<_>>(), classes);
    for row in &rows {
        if let Ok(status) = row[1].chars().take_while(char::is_ascii_digit).collect::<String>().parse() {
            assert_eq!(ErrorKind::from_status(status).as_str(), quoted(&row[0]), "{status}");
        }
    }
}

/// The cells of each row of the table whose head begins so.
fn table(head: &str) -> Vec<Vec<String>> {
    let readme = source("README.md");
    let rows =
        readme.lines().skip_while(|line| !line.starts_with(head)).skip(2).take_while(|line| line.starts_with('|'));
    let rows: Vec<_> =
        rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect();
    assert!(!rows.is_empty(), "README.md has no table {head}");
    rows
}

/// The first words in backticks.
fn quoted(cell: &str) -> &str {
    cell.split('`').nth(1).unwrap_or_default()
}

/// The public fields of a struct, in order.
fn fields(file: &str, name: &str) -> Vec<String> {
    let source = source(file);
    let (_, body) = source.split_once(&format!("pub struct {name} {{\n")).unwrap();
    let body = body.split("\n}").next().unwrap();
    body.lines().filter_map(|line| Some(line.trim().strip_prefix("pub ")?.split_once(':')?.0.to_owned())).collect()
}

fn source(file: &str) -> String {
    fs::read_to_string(format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}
