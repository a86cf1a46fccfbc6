//! Each rung, and what is said where there is none.

use std::path::Path;

use harness_tests::twin::{Ran, Twin};
use harness_tests::users::Everybodys;

use crate::branch::{Branch, Neighbour, enter};

/// One that passes, one that must be killed for its memory, and one that asks for that.
const TESTS: [&str; 3] = ["ladder::fits", "ladder::does_not_fit", "ladder::is_killed"];

const MOVED: &str = "below our own cgroup, our processes moved to a leaf";
const DELEGATED: &str = "below a cgroup that is delegated to us";
const ANCESTOR: &str = "below an ancestor of our own cgroup";

/// The limit held, on this rung, below that cgroup.
pub(crate) fn climbed(ran: &Ran, rung: &str, parent: &Path) {
    for test in TESTS {
        let run = ran.run_of(test);
        let leaf = &run["evidence"]["cgroups"][0];
        assert_eq!(leaf["rung"], rung, "{run}\n{}", ran.output());
        let path = Path::new(leaf["path"].as_str().unwrap_or_default());
        assert_eq!(path.parent(), Some(parent), "{run}");
        assert!(!path.exists(), "{run}");
    }
    limited(ran);
}

pub(crate) fn limited(ran: &Ran) {
    assert_eq!(ran.run_of("ladder::fits")["verdict"], "pass", "{}", ran.output());
    assert_eq!(ran.run_of("ladder::is_killed")["verdict"], "pass", "{}", ran.output());
    let too_much = ran.run_of("ladder::does_not_fit");
    assert_eq!((&too_much["verdict"], &too_much["outcome"]["by"]), (&"fail".into(), &"own_limit".into()));
    assert_eq!(ran.outcome("ladder::does_not_fit"), "oom_killed", "{}", ran.output());
}

/// Every test that needs memory fails for the same reason.
fn unsupported(ran: &Ran, found: &str, remedy: &str) {
    for test in TESTS {
        let run = ran.run_of(test);
        assert_eq!(run["verdict"], "fail", "{}", ran.output());
        let lack = &run["unsupported"];
        assert!(lack["found"].as_str().is_some_and(|text| text.contains(found)), "{run}");
        assert!(lack["remedy"].as_str().is_some_and(|text| text.contains(remedy)), "{run}");
    }
}

#[test]
fn alone_in_our_own_cgroup() {
    let Some(branch) = Branch::new("alone_in_our_own_cgroup") else { return };
    let ran = Twin::in_shell(&[], &enter(&branch.top), &TESTS).run();
    climbed(&ran, MOVED, &branch.top);
}

/// A unit of systemd that is not delegated is systemd's, even if root is alone in it.
#[test]
fn alone_in_somebody_elses_unit() {
    let Some(branch) = Branch::new("alone_in_somebody_elses_unit") else { return };
    branch.mark("0");
    let ran = Twin::in_shell(&[], &enter(&branch.top), &TESTS).run();
    let rung = ran.run_of("ladder::fits")["evidence"]["cgroups"][0]["rung"].to_string();
    assert!(rung.contains(ANCESTOR) || rung.contains("systemd"), "{rung}");
    limited(&ran);
}

#[test]
fn with_a_neighbour() {
    let Some(branch) = Branch::new("with_a_neighbour") else { return };
    let neighbour = Neighbour::of(&branch.top);
    let before = neighbour.lives_in();
    let ran = Twin::in_shell(&[], &enter(&branch.top), &TESTS).run();
    // Root finds another place; nobody was moved.
    let rung = ran.run_of("ladder::fits")["evidence"]["cgroups"][0]["rung"].to_string();
    assert!(rung.contains(ANCESTOR) || rung.contains("systemd"), "{rung}");
    limited(&ran);
    assert_eq!(neighbour.lives_in(), before);
}

#[test]
fn nobody_alone_in_a_cgroup_of_its_own() {
    let Some(branch) = Branch::new("nobody_alone_in_a_cgroup_of_its_own") else { return };
    Branch::give_away(&branch.top);
    let everybodys = Everybodys::new();
    let script = format!("{}\n{}", enter(&branch.top), users_shell());
    let ran = everybodys.in_shell(&[], &script, &TESTS).run();
    climbed(&ran, MOVED, &branch.top);
}

/// `setpriv` in the place of the twins, so that root enters the cgroup first.
fn users_shell() -> String {
    format!("set -- \"$0\" \"$@\"; exec {} \"$@\"", harness_tests::users::NOBODY.join(" "))
}

#[test]
fn nobody_below_a_delegated_cgroup() {
    let Some(branch) = Branch::new("nobody_below_a_delegated_cgroup") else { return };
    branch.enable();
    let session = branch.child("session");
    Branch::give_away(&branch.top);
    Branch::give_away(&session);
    let neighbour = Neighbour::of(&session);
    let everybodys = Everybodys::new();
    let script = format!("{}\n{}", enter(&session), users_shell());
    let ran = everybodys.in_shell(&[], &script, &TESTS).run();
    climbed(&ran, DELEGATED, &branch.top);
    drop(neighbour);
}

#[test]
fn nobody_with_a_neighbour() {
    let Some(branch) = Branch::new("nobody_with_a_neighbour") else { return };
    Branch::give_away(&branch.top);
    let _neighbour = Neighbour::of(&branch.top);
    let everybodys = Everybodys::new();
    let script = format!("{}\n{}", enter(&branch.top), users_shell());
    let ran = everybodys.in_shell(&[], &script, &TESTS).run();
    unsupported(&ran, "cannot be emptied: pid", "");
}

#[test]
fn nobody_in_somebody_elses_cgroup() {
    let Some(branch) = Branch::new("nobody_in_somebody_elses_cgroup") else { return };
    let everybodys = Everybodys::new();
    let script = format!("{}\n{}", enter(&branch.top), users_shell());
    let ran = everybodys.in_shell(&[], &script, &TESTS).run();
    unsupported(&ran, "permission denied (EACCES)", "");
}

/// A limit of a controller that does not reach our cgroups, and that we may not enable above them.
#[test]
fn a_controller_that_is_missing() {
    let Some(branch) = Branch::new("a_controller_that_is_missing") else { return };
    branch.enable();
    let inner = branch.child("inner");
    std::fs::write(inner.join("cgroup.subtree_control"), "+memory").unwrap();
    let session = branch.child("inner/session");
    Branch::give_away(&inner);
    Branch::give_away(&session);
    let everybodys = Everybodys::new();
    let script = format!("{}\n{}", enter(&session), users_shell());
    let ran = everybodys.in_shell(&[], &script, &["ladder::two_cpus", "ladder::fits"]).run();
    let run = ran.run_of("ladder::two_cpus");
    assert_eq!(
        (&run["verdict"], &run["unsupported"]["need"]),
        (&"fail".into(), &"cpuset = ...".into()),
        "{run}"
    );
    let found = run["unsupported"]["found"].as_str().unwrap_or_default();
    assert!(found.contains("inner enables memory for its children"), "{run}");
    assert_eq!(ran.run_of("ladder::fits")["verdict"], "pass");
}
