//! Runs of `Sandbox` in tests: where the machine lacks what is asked for, the test goes the way of an isolated one.

use harness::{Sandbox, Unsupported};

use crate::skip::skip;

/// A shell with this script.
pub fn shell(sandbox: Sandbox, script: &str) -> Sandbox {
    sandbox.command("sh").args(["-c", script])
}

/// What a program wrote, as text.
pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8").trim_end()
}

/// Skips the test, having said so.
///
/// # Panics
/// With what is missing, unless tests may be skipped.
pub fn lacks(test: &str, lack: &Unsupported) {
    let may_skip = std::env::var("HARNESS_UNSUPPORTED").is_ok_and(|word| word == "skip");
    assert!(may_skip, "{test}: {lack}");
    skip(test, lack.need(), &format!("{}; remedy: {}", lack.found(), lack.remedy()));
}

/// The run of a sandbox; ends the test where the machine cannot run it.
#[macro_export]
macro_rules! run {
    ($sandbox:expr) => {{
        fn here() {}
        match $sandbox.output() {
            Ok(run) => run,
            Err(harness::Error::Unsupported(lack)) => {
                let name = std::any::type_name_of_val(&here);
                $crate::sandbox::lacks(name.strip_suffix("::here").unwrap_or(name), &lack);
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }};
}
