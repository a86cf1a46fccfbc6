//! `harness scope -- CMD`.

use std::process::Command;

use harness_tests::build::tool;
use harness_tests::twin::Twin;

use crate::branch::{Branch, Neighbour, enter};
use crate::rungs::climbed;

const DELEGATED: &str = "below a cgroup that is delegated to us";

/// The command and its runners, together in one cgroup, find their leaves right above it.
#[test]
fn its_runners_are_on_the_first_rung() {
    let Some(branch) = Branch::new("its_runners_are_on_the_first_rung") else { return };
    let script = format!(
        "{}\nexec {} scope -- sh -euc 'cat /proc/self/cgroup >&2; \"$0\" \"$@\"; exit' \"$0\" \"$@\"",
        enter(&branch.top),
        tool().display()
    );
    let tests = ["ladder::fits", "ladder::does_not_fit", "ladder::is_killed"];
    let ran = Twin::in_shell(&[], &script, &tests).run();
    assert!(ran.stderr.contains("/harness.command\n"), "{}", ran.output());
    climbed(&ran, DELEGATED, &branch.top);
}

/// Whoever lives in the cgroup is moved only where that was said.
#[test]
fn neighbours_move_when_asked() {
    let Some(branch) = Branch::new("neighbours_move_when_asked") else { return };
    let neighbour = Neighbour::of(&branch.top);
    let script =
        format!("{}\nexec {} scope --all -- cat /proc/self/cgroup", enter(&branch.top), tool().display());
    let output = Command::new("sh").args(["-euc", &script]).output().unwrap();
    let inside = String::from_utf8(output.stdout).unwrap();
    assert!(inside.contains("/harness.command\n"), "{inside}");
    assert_eq!(neighbour.lives_in(), inside);
}

/// The exit status is the command's, and one's own where there is no command.
#[test]
fn exit_codes() {
    let commands: [(&[&str], i32); 3] =
        [(&["sh", "-c", "exit 3"], 3), (&["/etc/passwd"], 126), (&["/no/such"], 127)];
    let found = commands.map(|(command, _)| {
        Command::new(tool()).args(["scope", "--"]).args(command).output().unwrap().status.code()
    });
    // 125 where this machine has no place, which the tests of the ladder are about.
    let has_place = found[0] != Some(125);
    assert_eq!(found, commands.map(|(_, code)| Some(if has_place { code } else { 125 })));
    let nothing = Command::new(tool()).arg("scope").output().unwrap();
    assert_eq!(nothing.status.code(), Some(2));
}
