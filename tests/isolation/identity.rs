//! `uid`, `gid`: an ordinary user.

use harness::isolated;
use harness_tests::checks;
use harness_tests::twin::Twin;

#[isolated(uid = 1000, gid = 1000)]
fn an_ordinary_user() {
    checks::unprivileged(1000, 1000);
}

#[isolated(all, uid = 1000, gid = 100, mem = "100M", pids = 10)]
fn an_ordinary_user_in_everything() {
    checks::unprivileged(1000, 100);
}

#[isolated(pid, rootfs, uid = 1000, gid = 1000)]
fn an_ordinary_user_in_a_view_of_the_host() {
    checks::unprivileged(1000, 1000);
    let made = std::fs::write("/etc/harness-probe", "").map_err(|error| error.kind());
    assert_eq!(made, Err(std::io::ErrorKind::PermissionDenied));
    std::fs::write("/tmp/harness-probe", "").unwrap();
}

/// The groups of the user who runs the tests do not come along.
#[test]
fn without_the_runners_groups() {
    let groups = ["setpriv", "--groups=4,27"];
    Twin::in_shell(&groups, "", &["present::ordinary_user"]).run().must_pass();
}

/// It cannot become root again.
#[isolated(uid = 1000, gid = 1000)]
fn for_good() {
    use nix::errno::Errno;
    assert_eq!(nix::unistd::setuid(nix::unistd::Uid::from_raw(0)), Err(Errno::EPERM));
    assert_eq!(nix::unistd::setgroups(&[]), Err(Errno::EPERM));
}

/// The debugger's way in: an ordinary user's process that was root's is not its own to look at.
#[isolated(pid, uid = 1000, gid = 1000)]
fn does_not_see_into_its_init() {
    let seen = std::fs::read("/proc/1/environ").map_err(|error| error.kind());
    assert_eq!(seen.map(drop), Err(std::io::ErrorKind::PermissionDenied));
}
