//! However the body gets into its leaf, it is there alone, in every hierarchy.

use harness_tests::outside;
use harness_tests::profile::Refusal;
use harness_tests::skip;
use harness_tests::twin::Twin;

use crate::run::unfit;

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
    is_inside(&[Refusal::of_clone_into_cgroup()]);
    is_inside(&[Refusal::of(libc::SYS_clone3, libc::ENOSYS)]);
}
