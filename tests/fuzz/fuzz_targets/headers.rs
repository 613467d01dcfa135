//! The option `headers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| builderaikits::fuzz::headers(data));
