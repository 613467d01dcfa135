//! Status, headers and body of a response that is not a success.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| builderaikits::fuzz::error_response(data));
