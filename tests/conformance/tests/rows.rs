//! `tests/ROWS.md` holds what it says: every row of the catalogue is there, and both of its ends exist.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use builderaikits_conformance::vector;

/// The catalogue's groups that this table is about, with the number of rows in each.
const CATALOGUE: [(&str, u32); 7] = [("N", 28), ("R", 3), ("S", 20), ("J", 12), ("I", 15), ("T", 3), ("L", 2)];
/// Half a surrogate pair: only strings of Python and JavaScript can hold one, and their tests have it.
const OF_THE_LANGUAGES: &str = "I11";

#[test]
fn every_row_is_proven_by_something_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("tests/ROWS.md")).expect("tests/ROWS.md");
    let vectors = vector::load(&root.join("tests/vectors")).expect("tests/vectors");
    let names: HashSet<&str> = vectors.iter().map(|vector| vector.name.as_str()).collect();
    let mut files: HashMap<String, String> = HashMap::new();
    let mut rows = HashSet::new();
    let mut used = HashSet::new();
    let mut wrong = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| ") && line.contains(": `")) {
        let mut cells = line.trim_matches('|').splitn(2, '|').map(str::trim);
        let (row, proofs) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
        if !rows.insert(row) {
            wrong.push(format!("{row}: is there twice"));
        }
        for proof in proofs.split("; ").map(|proof| proof.trim_end_matches('|').trim()) {
            let name = proof.split('`').nth(1).unwrap_or_default();
            let exists = match proof.split_once(": ") {
                Some(("vector", _)) => {
                    used.insert(name);
                    names.contains(name)
                }
                Some(("test", _)) => name.split_once("::").is_some_and(|(file, function)| {
                    let source = files
                        .entry(file.to_owned())
                        .or_insert_with(|| std::fs::read_to_string(root.join(file)).unwrap_or_default());
                    // `proptest!` writes its functions without the attribute of a line of its own.
                    source.contains(&format!("fn {function}("))
                }),
                _ => false,
            };
            if !exists {
                wrong.push(format!("{row}: there is no {proof}"));
            }
        }
    }
    for (group, count) in CATALOGUE {
        let missing = (1..=count).map(|n| format!("{group}{n}")).filter(|row| row != OF_THE_LANGUAGES);
        wrong.extend(missing.filter(|row| !rows.contains(row.as_str())).map(|row| format!("{row}: is missing")));
    }
    wrong.extend(names.difference(&used).map(|name| format!("vector `{name}`: proves no row")));
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    assert!(rows.len() > 200, "{} rows", rows.len());
}
