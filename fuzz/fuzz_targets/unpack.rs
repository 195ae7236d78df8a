#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crun_lua_fuzz::run("unpack", data));
