//! The body of a 200.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| builderaikits::fuzz::run(data));
