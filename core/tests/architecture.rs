//! The invariants of the architecture that can be checked on the sources.

#![expect(clippy::string_slice, reason = "the slices end at matches of ASCII text")]
#![expect(clippy::arithmetic_side_effects, reason = "counts in a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The files of core/src in layers, from bottom to top. A file imports from lower layers only.
const LAYERS: &[&[&str]] = &[
    &["redacted.rs"],
    &["error_kind.rs"],
    &["error.rs"],
    &["http/error.rs", "http/tracked_body.rs", "http/tls.rs"],
    &["http/transport.rs"],
    &["models/json_object.rs", "models/kit.rs", "models/response_metadata.rs", "models/cost.rs"],
    &["models/bill.rs", "models/catalog.rs", "models/estimate.rs", "models/client_usage.rs"],
    &["models/run_request.rs"],
    &["models/request_json.rs", "models/run.rs"],
    &["models/decode_lenient.rs"],
    &["models/decode.rs"],
    &["config/api_key.rs", "config/base_url.rs", "config/headers.rs", "config/proxy.rs"],
    &["config/prices.rs", "config/rate_limit.rs"],
    &["config/options.rs"],
    &["config/environment.rs"],
    &["config/resolve.rs"],
    &["pipeline/deadline.rs", "pipeline/retry.rs", "pipeline/retry_after.rs", "pipeline/budget.rs"],
    &["pacing/gate.rs", "pacing/ledger.rs", "pacing/limit.rs", "pacing/output_estimates.rs"],
    &["pacing/limiter.rs", "pacing/model_server.rs"],
    &["pacing/waiters.rs", "pacing/simulation.rs", "pacing/limiter_tests.rs"],
    &["pacing/state.rs"],
    &["pacing/queue.rs"],
    &["pacing/pacer.rs"],
    &["pipeline/body.rs", "pipeline/counters.rs", "pipeline/request.rs"],
    &["pipeline/error_body.rs"],
    &["pipeline/response.rs"],
    &["pipeline/attempt_error.rs"],
    &["pipeline/attempt.rs"],
    &["pipeline/execute.rs"],
    &["client.rs"],
    &["api/operation.rs"],
    &["api/kits.rs"],
    &["bindings.rs", "fuzz.rs"],
    &["lib.rs"],
];

#[test]
fn imports_are_acyclic() {
    let core = import_graph(&sources(&root().join("core/src")));
    assert_eq!(cycle(&core), None);
    assert_eq!(upward_imports(&core, LAYERS), Vec::<String>::new());
    let sandbox = import_graph(&sources(&root().join("sandbox/src")));
    assert_eq!(cycle(&sandbox), None);
}

/// The check itself: a cycle and an upward import are found, in whatever form they are written.
#[test]
fn injected_cycles_and_upward_imports_are_found() {
    let files = |b: &str, c: &str| {
        BTreeMap::from([
            ("lib.rs".to_owned(), "mod a;\nmod net;".to_owned()),
            ("a.rs".to_owned(), "use crate::net::b::B;".to_owned()),
            ("net/mod.rs".to_owned(), "pub(crate) mod b;\npub(crate) mod c;".to_owned()),
            ("net/b.rs".to_owned(), b.to_owned()),
            ("net/c.rs".to_owned(), c.to_owned()),
        ])
    };
    const LAYERS: &[&[&str]] = &[&["net/c.rs"], &["net/b.rs"], &["a.rs"], &["lib.rs"]];
    let clean = import_graph(&files("use crate::net::c::C;", ""));
    assert_eq!((cycle(&clean), upward_imports(&clean, LAYERS)), (None, vec![]));
    let cyclic = [
        ("use crate::net::c::C;", "use crate::a::A;"),
        ("use crate::{net::c::C};", "fn f() -> crate::a::A {}"),
        ("use crate::net::{c::{C, D}};", "use crate::{\n    a::A,\n};"),
        ("use super::c::C;", "use super::super::a::A;"),
    ];
    for (b, c) in cyclic {
        let graph = import_graph(&files(b, c));
        let found = cycle(&graph).unwrap_or_else(|| panic!("{b} {c}: {graph:?}"));
        assert!(["a.rs", "net/b.rs", "net/c.rs"].iter().all(|file| found.contains(file)), "{found}");
        assert_eq!(upward_imports(&graph, LAYERS), ["net/c.rs imports a.rs"]);
    }
    let unlisted = import_graph(&BTreeMap::from([("new.rs".to_owned(), String::new())]));
    assert_eq!(upward_imports(&unlisted, LAYERS), ["new.rs is in no layer"]);
}

/// A re-export does not hide an import: neither one of `lib.rs`, nor one of a `mod.rs`.
#[test]
fn imports_through_re_exports_are_found() {
    const LAYERS: &[&[&str]] = &[&["a.rs"], &["net/b.rs"], &["lib.rs"]];
    let files = |lib: &str, net: &str, a: &str| {
        BTreeMap::from([
            ("lib.rs".to_owned(), format!("mod a;\npub(crate) mod net;\n{lib}")),
            ("a.rs".to_owned(), a.to_owned()),
            ("net/mod.rs".to_owned(), format!("pub(crate) mod b;\n{net}")),
            ("net/b.rs".to_owned(), "use crate::a::A;".to_owned()),
        ])
    };
    let table = [
        ("pub use net::b::B;", "", "use crate::B;", "a.rs imports lib.rs"),
        ("pub use crate::net::b::B;", "", "use crate::{B};", "a.rs imports lib.rs"),
        ("pub use self::net::b::B;", "", "fn f() -> super::B {}", "a.rs imports lib.rs"),
        ("", "pub(crate) use b::B;", "use crate::net::B;", "a.rs imports net/mod.rs"),
        ("", "pub(crate) use self::b::{B, C};", "use crate::net::{B};", "a.rs imports net/mod.rs"),
        ("", "pub(crate) use super::net::b::B;", "use crate::net;", "a.rs imports net/mod.rs"),
        ("", "pub(crate) use b::*;", "use crate::net::{self, *};", "a.rs imports net/mod.rs"),
    ];
    for (lib, net, a, upward) in table {
        let graph = import_graph(&files(lib, net, a));
        let found = cycle(&graph).unwrap_or_else(|| panic!("{lib} {net} {a}: {graph:?}"));
        assert!(found.contains("a.rs") && found.contains("net/b.rs"), "{found}");
        assert_eq!(upward_imports(&graph, LAYERS), [upward]);
    }
    // Only declarations: no import.
    let clean = import_graph(&files("", "", ""));
    assert_eq!((cycle(&clean), upward_imports(&clean, LAYERS)), (None, vec![]));
}

#[test]
fn mod_files_only_declare_modules() {
    for (file, source) in core().iter().filter(|(file, _)| file.ends_with("mod.rs")) {
        let other = source.lines().find(|line| !line.is_empty() && !line.starts_with("pub(crate) mod "));
        assert_eq!(other, None, "{file}");
    }
}

#[test]
fn wire_libraries_are_confined() {
    let table: [(&str, &[&str]); 9] = [
        ("reqwest", &["http/transport.rs"]),
        ("hyper", &[]),
        ("hyper_util", &[]),
        ("h2", &["http/error.rs"]),
        ("rustls", &["http/tls.rs", "http/transport.rs"]),
        ("rustls_native_certs", &["http/tls.rs"]),
        ("webpki_roots", &["http/tls.rs"]),
        ("http_body", &["http/tracked_body.rs"]),
        ("tokio_rustls", &[]),
    ];
    for (library, files) in table {
        let named = core().into_iter().filter(|(_, source)| names_crate(source, library));
        assert_eq!(named.map(|(file, _)| file).collect::<Vec<_>>(), files, "{library}");
    }
    for source in ["use h2::Reason;", "use h2;", "use h2 as x;", "use {bytes, h2};", "extern crate h2;", "f(h2 :: g)"] {
        assert!(names_crate(source, "h2"), "{source}");
    }
    for source in ["b\"h2\"", "xh2::f()", "h2_x::f()", "use crate::h2x;"] {
        assert!(!names_crate(source, "h2"), "{source}");
    }
}

#[test]
fn retry_decisions_are_pure() {
    for file in ["pipeline/retry.rs", "pipeline/retry_after.rs"] {
        let source = &core()[file];
        for word in
            ["crate::", "super::", "now(", "Instant", "sleep", "tokio", "getrandom", "rand::", "uuid", "tracing"]
        {
            assert!(!source.contains(word), "{file}: {word}");
        }
    }
}

#[test]
fn retry_loop_is_not_generic_and_does_not_decode() {
    let source = &core()["pipeline/execute.rs"];
    for word in ["Operation", "decode", "execute<", "models::run"] {
        assert!(!source.contains(word), "{word}");
    }
}

#[test]
fn wall_clock_has_one_reader() {
    for clock in ["SystemTime::now", "UNIX_EPOCH", "chrono", "time::OffsetDateTime"] {
        let expected: &[&str] = if clock == "SystemTime::now" { &["pipeline/response.rs"] } else { &[] };
        assert_eq!(files_with(clock), expected, "{clock}");
    }
    // Every other file uses the runtime's clock, which tests can pause.
    for (file, source) in core() {
        assert!(!source.contains("Instant") || source.contains("tokio::time::"), "{file}");
        let own = source.split("std::time::").skip(1).map(|rest| rest.split(';').next().unwrap_or_default());
        assert!(!own.into_iter().any(|import| import.contains("Instant")), "{file}");
    }
}

#[test]
fn environment_has_one_reader() {
    assert_eq!(files_with("env::var"), ["config/environment.rs"]);
}

#[test]
fn core_has_no_unsafe_code() {
    for (file, source) in &core() {
        let source = source.replace("#![forbid(unsafe_code)]", "");
        assert!(!source.contains("unsafe"), "{file}");
        assert_eq!(file == "lib.rs", source.len() < core()[file].len(), "lib.rs forbids it");
    }
}

#[test]
fn files_are_short() {
    for (file, source) in &core() {
        // Comments and tests are left out.
        let lines = source.lines().count();
        assert!(lines <= 300, "{file} has {lines} lines");
    }
}

#[test]
fn sandbox_and_conformance_do_not_use_the_core() {
    for package in ["sandbox", "tests/conformance"] {
        let folder = root().join(package);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for line in manifest.lines().map(str::trim) {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default().trim_matches('"');
            assert!(name != "builderaikits" && !line.contains("package = \"builderaikits\""), "{package}: {line}");
        }
        for (file, source) in sources(&folder.join("src")) {
            assert!(!source.contains("builderaikits::"), "{package}: {file}");
        }
    }
}

#[test]
fn every_test_file_is_run() {
    let tests = root().join("core/tests");
    let all = fs::read_to_string(tests.join("all.rs")).unwrap();
    for file in fs::read_dir(&tests).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".rs");
        assert!(name == "all" || all.lines().any(|line| line == format!("mod {name};")), "{name} is not in all.rs");
    }
}

type Graph = BTreeMap<String, BTreeSet<String>>;

/// Which file imports which: in `use` declarations and elsewhere. The declaration `mod child;` is no import.
///
/// A name that no file of its own defines is imported from the file of its module: `crate::Client` from `lib.rs`,
/// `crate::http::X` from `http/mod.rs`. So an import through a re-export is an import of the file that re-exports it.
fn import_graph(sources: &BTreeMap<String, String>) -> Graph {
    let modules: BTreeMap<String, &String> =
        sources.keys().filter(|file| *file != "main.rs").map(|file| (module_of(file), file)).collect();
    let imports_of = |file: &String, source: &String| {
        let own = module_of(file);
        let children: Vec<&str> = match is_root_of_modules(file) {
            true => modules.keys().filter_map(|module| child_of(module, &own)).collect(),
            false => Vec::new(),
        };
        let mut imports = BTreeSet::new();
        for path in paths(source, &own, &children) {
            // The longest prefix of the path that is a module names the file; the empty one is the crate's root.
            let segments: Vec<&str> = path.split("::").collect();
            let longest = (0..=segments.len()).rev().find_map(|n| modules.get(&segments[..n].join("::")));
            imports.extend(longest.filter(|import| **import != file).map(|import| (*import).clone()));
        }
        (file.clone(), imports)
    };
    sources.iter().map(|(file, source)| imports_of(file, source)).collect()
}

/// Whether the file can name other files without `crate::` or `super::`.
fn is_root_of_modules(file: &str) -> bool {
    file == "lib.rs" || file == "main.rs" || file.ends_with("mod.rs")
}

/// The name of `module` if it is directly inside `parent`.
fn child_of<'a>(module: &'a str, parent: &str) -> Option<&'a str> {
    let name = if parent.is_empty() { module } else { module.strip_prefix(parent)?.strip_prefix("::")? };
    Some(name).filter(|name| !name.is_empty() && !name.contains("::"))
}

/// The paths of a source from the crate's root, without `crate::`. `children` are the modules that the source declares.
fn paths(source: &str, own: &str, children: &[&str]) -> Vec<String> {
    let mut paths = Vec::new();
    let text = one_line(source);
    let prefixes = ["crate", "super", "self"].iter().chain(children);
    for start in
        prefixes.flat_map(|prefix| text.match_indices(&format!("{prefix}::")).map(|(at, _)| at).collect::<Vec<_>>())
    {
        if text[..start].ends_with("::") || text[..start].ends_with(is_identifier) {
            continue;
        }
        let mut rest = &text[start..];
        let mut base: Vec<&str> = own.split("::").filter(|segment| !segment.is_empty()).collect();
        if let Some(after) = rest.strip_prefix("crate::") {
            base.clear();
            rest = after;
        }
        rest = rest.strip_prefix("self::").unwrap_or(rest);
        while let Some(after) = rest.strip_prefix("super::") {
            base.pop();
            rest = after;
        }
        expand(&base.join("::"), rest, &mut paths);
    }
    paths
}

/// Whether the source names a crate, as a path or in an import.
fn names_crate(source: &str, library: &str) -> bool {
    let text = one_line(source);
    let mut names = text.match_indices(library);
    names.any(|(start, _)| {
        let (before, after) = (&text[..start], &text[start + library.len()..]);
        let statement = before.rsplit([';', '}']).next().unwrap_or_default().trim_start();
        let imported =
            ["use ", "pub use ", "pub(crate) use ", "extern crate "].iter().any(|word| statement.starts_with(word));
        let is_word = !before.ends_with(is_identifier) && !after.starts_with(is_identifier);
        // In an import, a crate's name is the first segment.
        is_word && !before.ends_with("::") && (after.starts_with("::") || imported)
    })
}

/// The source with single spaces, and none beside `::`.
fn one_line(source: &str) -> String {
    source.split_whitespace().collect::<Vec<_>>().join(" ").replace(":: ", "::").replace(" ::", "::")
}

/// Expands `a::{b, c::{d, e}}` behind `base`.
fn expand(base: &str, rest: &str, paths: &mut Vec<String>) {
    let end = rest.find(|c: char| !is_identifier(c) && c != ':').unwrap_or(rest.len());
    let head = rest[..end].trim_end_matches(':');
    let path = [base, head].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("::");
    let Some(group) = rest[end..].strip_prefix('{').filter(|_| rest[..end].is_empty() || rest[..end].ends_with("::"))
    else {
        paths.push(path);
        return;
    };
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                let item = group[start..at].trim();
                if !item.is_empty() {
                    expand(&path, item, paths);
                }
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
}

fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The module of a file: `http/tls.rs` is `http::tls`, `http/mod.rs` is `http`, `lib.rs` is the root.
fn module_of(file: &str) -> String {
    let module = file.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
    if module == "lib" || module == "main" { String::new() } else { module }
}

/// The files of one import cycle, if there is one.
fn cycle(graph: &Graph) -> Option<String> {
    fn visit<'a>(
        graph: &'a Graph,
        file: &'a String,
        path: &mut Vec<&'a String>,
        done: &mut BTreeSet<&'a String>,
    ) -> Option<String> {
        if let Some(start) = path.iter().position(|visited| *visited == file) {
            let names: Vec<&str> = path[start..].iter().map(|name| name.as_str()).collect();
            return Some(format!("{} -> {file}", names.join(" -> ")));
        }
        if !done.insert(file) {
            return None;
        }
        path.push(file);
        let found = graph.get(file).into_iter().flatten().find_map(|import| visit(graph, import, path, done));
        path.pop();
        found
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|file| visit(graph, file, &mut Vec::new(), &mut done))
}

/// Imports that do not go to a lower layer, and files that are in no layer.
fn upward_imports(graph: &Graph, layers: &[&[&str]]) -> Vec<String> {
    let layer = |file: &str| layers.iter().position(|files| files.contains(&file));
    let mut found = Vec::new();
    for (file, imports) in graph.iter().filter(|(file, _)| !file.ends_with("mod.rs")) {
        match layer(file) {
            None => found.push(format!("{file} is in no layer")),
            Some(own) => {
                let upward = imports.iter().filter(|import| layer(import).is_none_or(|other| other >= own));
                found.extend(upward.map(|import| format!("{file} imports {import}")));
            }
        }
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn core() -> BTreeMap<String, String> {
    sources(&root().join("core/src"))
}

/// The core's files that contain this text.
fn files_with(text: &str) -> Vec<String> {
    core().into_iter().filter_map(|(file, source)| source.contains(text).then_some(file)).collect()
}

/// The files of a folder by their path in it, without comments and tests.
fn sources(folder: &Path) -> BTreeMap<String, String> {
    fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                collect(&entry.path(), &format!("{name}/"), files);
            } else if name.ends_with(".rs") {
                files.insert(name, code(&fs::read_to_string(entry.path()).unwrap()));
            }
        }
    }
    let mut files = BTreeMap::new();
    collect(folder, "", &mut files);
    assert!(files.len() > 5);
    files
}

/// The source without lines of comments and without its test modules, which end at a `}` at the start of a line.
fn code(source: &str) -> String {
    let mut code = String::new();
    let mut parts = source.split("#[cfg(test)]\nmod ");
    code.push_str(parts.next().unwrap_or_default());
    for part in parts {
        // `mod tests;` has no body here.
        let body = part.find('{').filter(|brace| !part[..*brace].contains(';'));
        code.push_str(body.and_then(|_| part.split_once("\n}\n")).map_or("", |(_, after)| after));
    }
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn code_leaves_out_comments_and_tests_only() {
    let source = "//! doc\nuse a;\n#[cfg(test)]\nmod tests {\n    fn x() {\n    }\n}\nuse b;\n    /// doc\nuse c;\n";
    assert_eq!(code(source), "use a;\nuse b;\nuse c;");
}
