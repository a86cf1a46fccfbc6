//! What a test function returns, as a number.

use std::process::{ExitCode, Termination};

/// The exit code that `main` would end with; `Err` prints itself to stderr on the way, as in `main`.
///
/// `ExitCode` does not tell its number, so it is compared with each.
pub fn report<T: Termination>(value: T) -> i32 {
    let code = value.report();
    let number = (0..=u8::MAX).find(|number| ExitCode::from(*number) == code);
    number.map_or(1, i32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_main() {
        assert_eq!(report(()), 0);
        assert_eq!(report(ExitCode::from(3)), 3);
        assert_eq!(report(ExitCode::from(255)), 255);
        assert_eq!(report(Ok::<(), String>(())), 0);
        assert_eq!(report(Err::<(), _>("no")), 1);
        assert_eq!(report(Err::<ExitCode, _>("no")), 1);
    }
}
