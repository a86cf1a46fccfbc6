//! The environments one by one: what must run in each.

use harness_tests::profile::{DOCKER, NO_MOUNTS, Refusal};

use crate::places::{self, Environment, User};
use crate::run::{LIMITED, NAMESPACED, OWN_PIDS, PLAIN, VIEW, check, unfit};

/// Root is told by its privilege; nobody has user namespaces, but no cgroup.
#[test]
fn nothing_is_missing() {
    let all = [PLAIN, LIMITED, NAMESPACED, OWN_PIDS, VIEW, &["own_ids", "several"]];
    check("root", || Environment::plain(User::Root), &all);
    check("nobody", || Environment::plain(User::Nobody), &[PLAIN, NAMESPACED, OWN_PIDS, &["own_ids"]]);
}

#[test]
fn dockers_seccomp_profile() {
    let under = |user| Environment { refused: DOCKER, ..Environment::plain(user) };
    check("seccomp_root", || under(User::Root), &[PLAIN, LIMITED]);
    check("seccomp_nobody", || under(User::Nobody), &[PLAIN]);
}

#[test]
fn a_masked_proc() {
    let all = [PLAIN, LIMITED, NAMESPACED, OWN_PIDS, VIEW, &["several"]];
    check("masked_root", || Environment::mounted(places::MASKED, User::Root), &all);
    check("masked_nobody", || Environment::mounted(places::MASKED, User::Nobody), &[PLAIN, NAMESPACED]);
}

/// AppArmor, in a container with CAP_SYS_ADMIN or on Ubuntu: namespaces can be made, and then not be used.
#[test]
fn mounts_are_forbidden() {
    let under = |user| Environment { refused: NO_MOUNTS, ..Environment::plain(user) };
    check("no_mounts_root", || under(User::Root), &[PLAIN, LIMITED, &["own_network", "own_queues"]]);
    check("no_mounts_nobody", || under(User::Nobody), &[PLAIN, &["own_network", "own_queues"]]);
}

#[test]
fn user_namespaces_are_off() {
    let root = || Environment::without_user_namespaces(User::Root);
    check("no_userns_root", root, &[PLAIN, LIMITED, NAMESPACED, OWN_PIDS]);
    check("no_userns_nobody", || Environment::without_user_namespaces(User::Nobody), &[PLAIN]);
}

#[test]
fn no_cgroup_file_system() {
    let without = |user| Environment::mounted(places::NO_CGROUPS, user);
    check("no_cgroups_root", || without(User::Root), &[PLAIN, NAMESPACED, OWN_PIDS, &["own_ids"]]);
    check("no_cgroups_nobody", || without(User::Nobody), &[PLAIN, NAMESPACED, OWN_PIDS, &["own_ids"]]);
}

#[test]
fn a_read_only_cgroup_file_system() {
    let readonly = |user| Environment::mounted(places::READ_ONLY, user);
    check("read_only_root", || readonly(User::Root), &[PLAIN, NAMESPACED, OWN_PIDS, &["own_ids"]]);
    check("read_only_nobody", || readonly(User::Nobody), &[PLAIN, NAMESPACED, OWN_PIDS, &["own_ids"]]);
}

#[test]
fn a_containers_cgroups() {
    let all = [PLAIN, LIMITED, NAMESPACED, OWN_PIDS, VIEW, &["own_ids", "several"]];
    check("own_cgroups", || Environment::own_cgroups("", User::Root), &all);
    let readonly = || Environment::own_cgroups(places::READ_ONLY, User::Root);
    check("own_cgroups_read_only", readonly, &[PLAIN, NAMESPACED, OWN_PIDS, &["own_ids"]]);
}

#[test]
fn no_kernel_log() {
    let all = [PLAIN, LIMITED, NAMESPACED, OWN_PIDS, VIEW, &["own_ids", "several"]];
    check("no_kmsg", || Environment::mounted(places::DEV, User::Root), &all);
    check("empty_kmsg", || Environment::mounted(places::EMPTY_KMSG, User::Root), &all);
}

#[test]
fn processes_of_others_are_hidden() {
    let all = [PLAIN, LIMITED, NAMESPACED, OWN_PIDS, VIEW, &["own_ids", "several"]];
    check("hidepid_root", || Environment::mounted(places::HIDEPID, User::Root), &all);
    let nobody = || Environment::mounted(places::HIDEPID, User::Nobody);
    check("hidepid_nobody", nobody, &[PLAIN, NAMESPACED, OWN_PIDS, &["own_ids"]]);
}

/// All of it at once.
#[test]
fn a_container() {
    check("container_root", || Environment::container(User::ContainersRoot), &[PLAIN]);
    check("container_nobody", || Environment::container(User::Nobody), &[PLAIN]);
}

/// Kernels without clone3, and those that cannot clone into a cgroup: nothing is missing.
#[test]
fn older_kernels() {
    let all = [PLAIN, LIMITED, NAMESPACED, OWN_PIDS, VIEW, &["own_ids", "several"]];
    const NO_CLONE3: &[Refusal] = &[Refusal::of(libc::SYS_clone3, libc::ENOSYS)];
    const NOT_INTO_CGROUPS: &[Refusal] = &[Refusal::of_clone_into_cgroup(libc::ENOSYS)];
    for (name, refused) in [("no_clone3", NO_CLONE3), ("no_clone_into_cgroup", NOT_INTO_CGROUPS)] {
        check(name, || Environment { refused, ..Environment::plain(User::Root) }, &all);
    }
}

/// The check itself.
#[test]
fn what_ought_to_pass_is_missed() {
    let without = || Environment::mounted(places::NO_CGROUPS, User::Root);
    let checked = std::panic::catch_unwind(|| check("no_cgroups_root", without, &[LIMITED]));
    assert!(checked.is_err() || unfit().is_some());
}
