//! The option `base_url`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| builderaikits::fuzz::base_url(data));
