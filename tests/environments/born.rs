//! However the body gets into its leaf, it is there alone, in every hierarchy.

use harness_tests::outside;
use harness_tests::profile::Refusal;
use harness_tests::skip;
use harness_tests::twin::Twin;

use crate::places::{Environment, User};
use crate::run::{answer, doctor, unfit};

fn is_inside(refused: &[Refusal]) {
    let twin = Twin::tests(&["limits::memory"]).refused(refused);
    let mut gate = twin.gate("limit");
    let running = twin.start();
    gate.arrived();
    let body = running.process("harness-body").pid.to_string();
    let leaves = outside::leaves(running.pid);
    assert!(!leaves.is_empty());
    for leaf in leaves {
        let inside = std::fs::read_to_string(leaf.join("cgroup.procs")).unwrap();
        assert_eq!(inside.trim(), body, "{}", leaf.display());
    }
    gate.open();
    running.finish().must_pass();
}

/// Born in it (v2, Linux 5.7), by clone and a write, and without clone3.
#[test]
fn the_body_is_in_its_leaf() {
    if let Some(found) = unfit() {
        return skip::skip("environments::born", "root, and a cgroup of its own", &found);
    }
    is_inside(&[]);
    is_inside(&[Refusal::of_clone_into_cgroup(libc::ENOSYS)]);
    is_inside(&[Refusal::of(libc::SYS_clone3, libc::ENOSYS)]);
}

/// Each answer of a kernel that cannot, or may not. The doctor has no threads, whose clone3 a filter could not tell
/// from that of a body in its leaf.
#[test]
fn a_body_that_cannot_be_born_there_enters() {
    if let Some(found) = unfit() {
        return skip::skip("environments::born", "root, and a cgroup of its own", &found);
    }
    const REFUSED: [&[Refusal]; 5] = [
        &[Refusal::of_clone_into_cgroup(libc::ENOSYS)],
        &[Refusal::of_clone_into_cgroup(libc::EINVAL)],
        &[Refusal::of_clone_into_cgroup(libc::E2BIG)],
        &[Refusal::of_clone_into_cgroup(libc::EACCES)],
        &[Refusal::of_clone_into_cgroup(libc::EPERM)],
    ];
    for refused in REFUSED {
        let report = doctor(&Environment { refused, ..Environment::plain(User::Root) });
        assert_eq!(answer(&report, "memory"), "yes", "{refused:?}\n{report:#}");
        assert_eq!(answer(&report, "clone-into-cgroup"), "no", "{refused:?}\n{report:#}");
    }
}

/// What says nothing of the machine is no reason to enter by another way.
#[test]
fn another_refusal_is_told() {
    if let Some(found) = unfit() {
        return skip::skip("environments::born", "root, and a cgroup of its own", &found);
    }
    let refused = [Refusal::of_clone_into_cgroup(libc::EAGAIN)];
    // libtest makes no thread where it is told to try again.
    let run = Twin::tests(&["needs::mem"]).refused(&refused).run().run_of("needs::mem");
    // On v1 alone nobody is born in a leaf.
    let has_v2 = outside::mounts().contains(" - cgroup2 ");
    let (verdict, step) = if has_v2 { ("fail", Some("fork the body")) } else { ("pass", None) };
    assert_eq!(
        (run["verdict"].as_str(), run["setup_error"]["step"].as_str()),
        (Some(verdict), step),
        "{run}"
    );
}
