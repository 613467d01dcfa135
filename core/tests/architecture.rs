//! The invariants of the architecture that can be read off the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_libraries_of_the_wire_have_their_files() {
    let table: [(&str, &[&str]); 7] = [
        ("hyper::", &["idle.rs", "stream.rs", "transport.rs"]),
        ("h2::", &["transport.rs"]),
        ("hyper_util::", &["connect.rs", "idle.rs", "stream.rs", "transport.rs"]),
        ("hyper_rustls", &["connect.rs", "stream.rs"]),
        ("httparse", &["connect.rs"]),
        (" rustls", &["tls.rs"]),
        ("webpki_roots", &["tls.rs"]),
    ];
    for (library, files) in table {
        assert_eq!(files_with(library), files, "{library}");
    }
}

#[test]
fn deciding_is_pure() {
    let retry = &sources()["retry.rs"];
    for word in ["crate::", "super::", "now(", "Instant", "sleep", "tokio", "getrandom", "rand::", "uuid", "tracing"] {
        assert!(!retry.contains(word), "retry.rs: {word}");
    }
}

#[test]
fn wall_clock_has_one_reader() {
    for clock in ["SystemTime::now", "UNIX_EPOCH", "chrono", "time::OffsetDateTime"] {
        let expected: &[&str] = if clock == "SystemTime::now" { &["response.rs"] } else { &[] };
        assert_eq!(files_with(clock), expected, "{clock}");
    }
    // The other clock is the runtime's, which its tests can stop.
    let others =
        sources().into_iter().filter(|(_, source)| source.contains("Instant") && !source.contains("tokio::time::"));
    // The HTTP library's timers speak in the other one.
    assert_eq!(others.map(|(file, _)| file).collect::<Vec<_>>(), ["idle.rs"]);
}

#[test]
fn the_environment_has_one_reader() {
    assert_eq!(files_with("env::var"), ["environment.rs"]);
}

#[test]
fn arrows_run_one_way() {
    let sources = sources();
    let modules: Vec<&str> = sources.keys().map(|file| file.trim_end_matches(".rs")).collect();
    for (file, source) in &sources {
        for path in source.split("crate::").skip(1) {
            let name: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            assert!(name != "lib" && modules.contains(&&*name), "{file} imports `{name}` of lib.rs");
        }
        assert!(!source.contains("super::"), "{file}: modules are named from the root");
    }
    assert!(!sources["error.rs"].contains("crate::"), "error.rs is the ground");
    assert!(!sources["budget.rs"].contains("crate::"), "budget.rs needs none of ours");
}

#[test]
fn nothing_is_unsafe() {
    for (file, source) in &sources() {
        let source = source.replace("#![forbid(unsafe_code)]", "");
        assert!(!source.contains("unsafe"), "{file}");
        assert_eq!(file == "lib.rs", source.len() < sources()[file].len(), "lib.rs forbids it");
    }
}

#[test]
fn the_other_readings_of_the_wire_are_their_own() {
    for package in ["sandbox", "tests/conformance"] {
        let folder = root().join(package);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for line in manifest.lines().map(str::trim) {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default().trim_matches('"');
            assert!(name != "builderaikits" && !line.contains("package = \"builderaikits\""), "{package}: {line}");
        }
        for file in rust_files(&folder.join("src")) {
            let source = fs::read_to_string(&file).unwrap();
            assert!(!code(&source).contains("builderaikits::"), "{}", file.display());
        }
    }
}

#[test]
fn every_file_of_tests_is_run() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let all = fs::read_to_string(tests.join("all.rs")).unwrap();
    for file in fs::read_dir(&tests).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".rs");
        assert!(name == "all" || all.lines().any(|line| line == format!("mod {name};")), "{name} stands not in all.rs");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names of the core's files in which this stands.
fn files_with(text: &str) -> Vec<String> {
    let with = |(file, source): (String, String)| source.contains(text).then_some(file);
    sources().into_iter().filter_map(with).collect()
}

/// The core's files by name, without comments and tests.
fn sources() -> BTreeMap<String, String> {
    let files = rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(files.len() > 10);
    let read = |file: PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        (name, code(&fs::read_to_string(file).unwrap()))
    };
    files.into_iter().map(read).collect()
}

/// Without comments, and without the tests at the end.
fn code(source: &str) -> String {
    let source = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
