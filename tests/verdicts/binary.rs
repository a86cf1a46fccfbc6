//! The guests, built: the test binary and the programs.

use std::path::PathBuf;
use std::sync::OnceLock;

use harness_tests::build;

/// What there is to run.
pub(crate) struct Guests {
    /// The test binary of `tests/guests/`.
    pub(crate) binary: PathBuf,
    /// The directory of the programs of `fixtures/`.
    pub(crate) programs: PathBuf,
}

/// Builds both where they are not built already, once in this process; cargo makes it once for all.
pub(crate) fn guests() -> &'static Guests {
    static GUESTS: OnceLock<Guests> = OnceLock::new();
    GUESTS.get_or_init(|| {
        let binary = build::binary(
            "guests",
            &["test", "--workspace", "--all-features", "--offline", "--test", "guests", "--no-run"],
        );
        let program = build::binary("exit_code", &["build", "-p", "fixtures", "--bins"]);
        Guests { binary, programs: program.parent().expect("a directory").to_owned() }
    })
}
