//! The modules of this crate import each other without cycles.
#![expect(clippy::expect_used, reason = "a failure here fails the test")]

use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn imports_are_acyclic() {
    let mut imports = imports();
    // Removes modules that import no remaining module. A cycle never becomes empty.
    loop {
        let leaves: Vec<String> =
            imports.iter().filter(|(_, names)| names.is_empty()).map(|(module, _)| module.clone()).collect();
        if leaves.is_empty() {
            break;
        }
        for leaf in &leaves {
            imports.remove(leaf);
            imports.values_mut().for_each(|names| names.retain(|name| name != leaf));
        }
    }
    assert!(imports.is_empty(), "these modules import each other: {imports:#?}");
}

/// The modules that each module names as `crate::module`, except in its tests.
fn imports() -> BTreeMap<String, Vec<String>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = std::fs::read_dir(directory).expect("src").map(|entry| entry.expect("an entry").path());
    let modules = files.filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let modules = modules.filter(|file| !file.ends_with("lib.rs") && !file.ends_with("main.rs"));
    let imports = modules.map(|file| {
        let module = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let source = std::fs::read_to_string(&file).expect("a source file");
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        let names = source.split("crate::").skip(1);
        let names = names.map(|path| path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        (module, names.collect())
    });
    let imports: BTreeMap<String, Vec<String>> = imports.collect();
    assert!(imports.len() > 10, "the sources were not found");
    for (module, names) in &imports {
        let unknown: Vec<&String> = names.iter().filter(|name| !imports.contains_key(*name)).collect();
        assert!(unknown.is_empty(), "{module} imports {unknown:?}, which is not a module");
    }
    imports
}
