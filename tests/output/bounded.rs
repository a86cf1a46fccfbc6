//! Much output costs little memory.

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::Twin;

/// The runner's own size is about 20 MiB in a debug build; captured output is in it once or twice.
const MOST: u64 = 64 << 20;

#[test]
fn a_gibibyte_of_captured_output() {
    needs!(Need::NAMESPACES);
    let ran = Twin::tests(&["output::a_gibibyte"]).run();
    assert!(!ran.passed());
    assert_eq!(ran.outcome("output::a_gibibyte"), "panicked", "{}", tail(&ran.stdout));
    assert!(ran.ended.maxrss < MOST, "{} MiB", ran.ended.maxrss >> 20);
    assert!(ran.stdout.len() < 8 << 20, "{}", ran.stdout.len());
    let (begin, end) = ran.stdout.split_once(" of stdout left out here").expect("a mark at the cut");
    assert!(begin.contains("the first line\n0123456789"), "the begin is missing");
    assert!(end.contains("890 .\nthe last line\n"), "the end is missing: {}", tail(end));
    // What was left out is said: 1 GiB less 1 MiB of the begin and 64 KiB of the end.
    assert!(
        begin.ends_with("1022.9 MiB") || begin.ends_with("1 GiB") || begin.ends_with("1023 MiB"),
        "{}",
        tail(begin)
    );
}

fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(500);
    text.get(start..).unwrap_or_default()
}

#[test]
fn a_panic_message_of_a_mebibyte() {
    needs!(Need::NAMESPACES);
    let ran = Twin::tests(&["output::panics_with_a_mebibyte"]).run();
    assert!(!ran.passed());
    assert_eq!(ran.outcome("output::panics_with_a_mebibyte"), "panicked");
    assert!(ran.stdout.contains("begin mmm") && ran.stdout.contains("mmm end"));
    assert!(ran.ended.maxrss < MOST, "{} MiB", ran.ended.maxrss >> 20);
    let message = ran.run_of("output::panics_with_a_mebibyte")["outcome"]["message"].clone();
    assert!(message.as_str().unwrap().starts_with("begin mmm"));
}
