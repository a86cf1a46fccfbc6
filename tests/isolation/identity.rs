//! `uid`, `gid`: an ordinary user.

use harness::isolated;
use harness_tests::checks;
use harness_tests::machine::Need;
use harness_tests::needs;
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
    // Made without privilege, the top of a view cannot be root's: it is the user's own copy.
    let is_own = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/etc").unwrap()) == 1000;
    assert_eq!(made, if is_own { Ok(()) } else { Err(std::io::ErrorKind::PermissionDenied) });
    std::fs::write("/tmp/harness-probe", "").unwrap();
}

/// The groups of the user who runs the tests do not come along.
#[test]
fn without_the_runners_groups() {
    needs!(Need::Root);
    let groups = ["setpriv", "--groups=4,27"];
    Twin::in_shell(&groups, "", &["present::ordinary_user"]).run().must_pass();
}

/// It cannot become root again.
#[isolated(uid = 1000, gid = 1000)]
fn for_good() {
    use nix::errno::Errno;
    let refused = nix::unistd::setuid(nix::unistd::Uid::from_raw(0));
    // In a user namespace that an ordinary user made there is no root at all.
    assert_eq!(refused, Err(if checks::is_the_only_user() { Errno::EINVAL } else { Errno::EPERM }));
    assert_eq!(nix::unistd::setgroups(&[]), Err(Errno::EPERM));
}

/// The debugger's way in: an ordinary user's process that was root's is not its own to look at.
#[isolated(pid, uid = 1000, gid = 1000)]
fn does_not_see_into_its_init() {
    let seen = std::fs::read("/proc/1/environ").map_err(|error| error.kind());
    assert_eq!(seen.map(drop), Err(std::io::ErrorKind::PermissionDenied));
}
