//! What a clear error is.

use harness_tests::twin::{Ran, Twin};
use serde_json::Value;

/// One set-up error.
#[derive(Debug)]
pub(crate) struct Expected<'a> {
    /// Its step and object.
    pub(crate) line: &'a str,
    pub(crate) errno: &'a str,
    /// A part of the remedy.
    pub(crate) remedy: &'a str,
}

/// The test failed with this error: said once, with one errno and one remedy.
pub(crate) fn failed(ran: &Ran, test: &str, expected: &Expected<'_>) {
    let Expected { line, errno, remedy } = expected;
    let output = ran.output();
    let run = ran.run_of(test);
    assert!(!ran.passed(), "{output}");
    assert_eq!(
        (&run["verdict"], &run["setup_error"]["errno"]),
        (&"fail".into(), &Value::from(*errno)),
        "{output}"
    );
    assert!(run["setup_error"]["step"].is_string());
    once(&output, &format!("isolated test twins::{test} "));
    once(&output, &format!("failed  {line}: "));
    once(&output, &format!("({errno})"));
    let said = output.lines().filter(|line| line.trim_start().starts_with("remedy ")).collect::<Vec<_>>();
    assert!(said.len() == 1 && said[0].contains(remedy), "{output}");
}

/// The machine lacks something: need, found and remedy, each said once.
pub(crate) fn unsupported(ran: &Ran, test: &str, need: &str, found: &str, remedy: &str) {
    let output = ran.output();
    let run = ran.run_of(test);
    assert!(!ran.passed(), "{output}");
    assert_eq!(run["verdict"], "fail", "{output}");
    once(&output, &format!("isolated test twins::{test} cannot run on this machine\n  needs "));
    once(&output, "\n  remedy  ");
    for (key, expected) in [("need", need), ("found", found), ("remedy", remedy)] {
        let value = run["unsupported"][key].as_str().unwrap_or_default();
        assert!(value.contains(expected), "{key} is {value:?}\n{output}");
        assert!(!value.is_empty(), "{key}");
        assert!(output.contains(value), "{key} is {value:?}\n{output}");
    }
}

/// The text stands there exactly once.
pub(crate) fn once(output: &str, text: &str) {
    assert_eq!(output.matches(text).count(), 1, "{text:?} in\n{output}");
}

/// Runs one of `needs::` on this machine as it is.
pub(crate) fn run(test: &str) -> Ran {
    Twin::tests(&[test]).run()
}
