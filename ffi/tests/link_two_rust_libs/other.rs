//! Another Rust library, with its own copy of Rust's runtime. It panics and catches the panic.

use std::collections::HashMap;

#[unsafe(no_mangle)]
pub extern "C" fn other_number() -> i32 {
    let map: HashMap<_, _> = (0..42).map(|n| (n, n.to_string())).collect();
    let caught = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(())));
    if caught.is_err() { i32::try_from(map.len()).unwrap_or(0) } else { -1 }
}
