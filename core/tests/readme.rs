//! The tables of the project's README match the code.

use std::fs;
use std::time::Duration;

use builderaikits::{ClientOptions, ErrorKind, Kit, Plan, Quota};

#[test]
fn options_table_matches_the_option_structs() {
    let (config, call) = (fields("ClientOptions"), fields("RequestOptions"));
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
fn default_column_matches_the_defaults() {
    let config = ClientOptions::default();
    let seconds = |time: Option<Duration>| time.map_or("none".to_owned(), |time| format!("{} s", time.as_secs()));
    let table_of_defaults = [
        ("base_url", format!("`BUILDERAIKITS_BASE_URL`, else `{}`", *config.base_url)),
        ("timeout", seconds(config.timeout)),
        ("attempt_timeout", seconds(config.attempt_timeout)),
        ("connect_timeout", seconds(config.connect_timeout)),
        ("max_retries", config.max_retries.to_string()),
        ("retry_ambiguous", config.retry_ambiguous.to_string()),
        ("retry_budget", config.retry_budget.to_string()),
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

/// The documented defaults in the other languages are the core's defaults.
#[test]
fn defaults_in_other_languages_match() {
    let config = ClientOptions::default();
    let (timeout, connect) = (config.timeout.unwrap(), config.connect_timeout.unwrap());
    let ms = |time: Duration| format!("{},{:03}", time.as_millis() / 1000, time.as_millis() % 1000);
    let sec = |time: Duration| time.as_secs().to_string();
    let same = |text: String| [text.clone(), text.clone(), text];
    let truth = |yes: bool| [yes.to_string(), if yes { "True" } else { "False" }.to_owned(), yes.to_string()];
    let table = [
        ("Timeout", "timeout", [ms(timeout), sec(timeout), format!("{} s", sec(timeout))]),
        ("ConnectTimeout", "connect_timeout", [ms(connect), sec(connect), format!("{} s", sec(connect))]),
        ("MaxRetries", "max_retries", same(config.max_retries.to_string())),
        ("RetryAmbiguous", "retry_ambiguous", truth(config.retry_ambiguous)),
        ("MaxResponseBytes", "max_response_bytes", same(format!("{} MiB", config.max_response_bytes >> 20))),
        ("AllowHTTP", "allow_http", truth(config.allow_http)),
    ];
    let node = source("bindings-node/ts/types.ts");
    let node = node.split_once("export interface ClientOverrides").unwrap().1;
    let python = source("bindings-python/python/builderaikits/_types.py").replace("\n    limit", " limit");
    let python = python.split_once("class ClientOverrides").unwrap().1;
    let go = source("bindings-go/option.go").replace("\n// ", " ");
    for (name, python_name, [in_node, in_python, in_go]) in table {
        let (first, rest) = name.split_at(1);
        let node_name = format!("{}{rest}", first.to_lowercase());
        let doc = node.split(&format!("\n  {node_name}?: ")).next().unwrap().lines().last().unwrap();
        assert!(doc.contains(&format!("Default: {in_node}. */")), "types.ts, {node_name}: {doc}");
        let doc = python.split(&format!("\n    {python_name}: ")).nth(1).unwrap().split("\"\"\"").nth(1).unwrap();
        assert!(doc.contains(&format!("Default: {in_python}.")), "_types.py, {python_name}: {doc}");
        let doc = go.split(&format!("\n With{name} ")).nth(1).unwrap().lines().next().unwrap();
        assert!(doc.contains(&format!("Default: {in_go}.")), "option.go, With{name}: {doc}");
    }
}

#[test]
fn tables_of_kits_and_plans_match_the_catalog() {
    let thousands = |number: u64| {
        let (high, low) = (number.div_euclid(1_000), number.rem_euclid(1_000));
        if high == 0 { low.to_string() } else { format!("{high},{low:03}") }
    };
    let kits = Kit::ALL.map(|kit| {
        let info = kit.info().unwrap();
        let price = info.price_per_1k_tokens.to_string();
        vec![format!("`{}`", info.id), info.purpose.to_owned(), thousands(info.max_tokens.into()), price]
    });
    assert_eq!(table("| kit |"), kits);
    let plans = Plan::ALL.map(|plan| {
        let Quota { requests, tokens, per } = plan.quota();
        assert_eq!(per, Duration::from_secs(60));
        vec![format!("`{}`", plan.name()), thousands(requests.unwrap()), thousands(tokens.unwrap())]
    });
    assert_eq!(table("| plan |"), plans);
}

/// Names and order match the core. Classes match those that the conformance runner requires of Python and Node.
#[test]
fn error_table_matches_error_kind() {
    let core = source("core/src/error_kind.rs");
    let rows = core.split("error_kinds! {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap();
    let kinds: Vec<&str> = rows.lines().filter_map(|row| row.split_once(" = \"")?.1.split('"').next()).collect();
    let runner = source("tests/conformance/src/error_kinds.rs");
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

/// The cells of each row of the table whose header row starts with `head`.
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
fn fields(name: &str) -> Vec<String> {
    let source = source("core/src/config/options.rs");
    let (_, body) = source.split_once(&format!("pub struct {name} {{\n")).unwrap();
    let body = body.split("\n}").next().unwrap().replace("#[doc(hidden)]\n    pub ", "");
    body.lines().filter_map(|line| Some(line.trim().strip_prefix("pub ")?.split_once(':')?.0.to_owned())).collect()
}

fn source(file: &str) -> String {
    fs::read_to_string(format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}
