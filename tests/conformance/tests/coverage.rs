//! Checks `tests/COVERAGE.md`: what it names exists, and nothing that needs a row is left out.
#![expect(clippy::expect_used, clippy::panic, reason = "a failure here fails the test")]

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use builderaikits_conformance::case::{CALL_FIELDS, CALL_OPTIONS, CLIENT_OPTIONS};
use builderaikits_conformance::{error_kinds, vector};

#[test]
fn every_vector_and_test_of_a_row_exists() {
    let vectors = vector_names();
    let mut sources: HashMap<String, String> = HashMap::new();
    let mut missing = Vec::new();
    for row in rows() {
        missing.extend(row.vectors.iter().filter(|name| !vectors.contains(*name)).map(|name| format!("vector {name}")));
        for test in &row.tests {
            let exists = test.split_once("::").is_some_and(|(file, function)| {
                let read = || std::fs::read_to_string(root().join(file)).unwrap_or_default();
                sources.entry(file.to_owned()).or_insert_with(read).contains(&format!("fn {function}("))
            });
            if !exists {
                missing.push(format!("test {test}"));
            }
        }
    }
    assert!(missing.is_empty(), "tests/COVERAGE.md names what does not exist:\n{}", missing.join("\n"));
}

#[test]
fn every_vector_has_a_row() {
    let covered: HashSet<String> = rows().into_iter().flat_map(|row| row.vectors).collect();
    let uncovered: BTreeSet<String> = vector_names().into_iter().filter(|name| !covered.contains(name)).collect();
    assert!(uncovered.is_empty(), "vectors without a row in tests/COVERAGE.md: {uncovered:?}");
}

#[test]
fn every_option_and_error_kind_has_a_row() {
    let named: HashSet<String> = rows().into_iter().flat_map(|row| code_spans(&row.behavior)).collect();
    // The table names durations without the unit that the vectors add.
    let options = CLIENT_OPTIONS.iter().chain(&CALL_OPTIONS).map(|name| name.trim_end_matches("_ms"));
    let fields = CALL_FIELDS.iter().copied().filter(|name| *name != "options");
    let needed = options.chain(fields).chain(error_kinds::names());
    let unnamed: BTreeSet<&str> = needed.filter(|name| !named.contains(*name)).collect();
    assert!(unnamed.is_empty(), "no row of tests/COVERAGE.md names {unnamed:?}");
}

#[test]
fn every_row_is_a_unique_sentence_with_a_proof() {
    let mut behaviors = HashSet::new();
    for row in rows() {
        assert!(row.behavior.ends_with('.') && row.behavior.contains(' '), "not a sentence: {}", row.behavior);
        assert!(!row.vectors.is_empty() || !row.tests.is_empty(), "no proof: {}", row.behavior);
        assert!(behaviors.insert(row.behavior.clone()), "two rows: {}", row.behavior);
    }
    assert!(behaviors.len() > 100, "only {} rows were found", behaviors.len());
}

struct Row {
    behavior: String,
    vectors: Vec<String>,
    tests: Vec<String>,
}

/// Reads the rows of every table: behavior, vectors and tests.
fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(root().join("tests/COVERAGE.md")).expect("tests/COVERAGE.md");
    let lines = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| behavior ") && !line.starts_with("| --- "));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let [behavior, vectors, tests] = cells[..] else { panic!("a row needs three cells: {line}") };
            Row { behavior: behavior.to_owned(), vectors: code_spans(vectors), tests: code_spans(tests) }
        })
        .collect()
}

/// The texts in backticks.
fn code_spans(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn vector_names() -> HashSet<String> {
    let vectors = vector::load(&root().join("tests/vectors")).expect("tests/vectors");
    vectors.into_iter().map(|vector| vector.name).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
