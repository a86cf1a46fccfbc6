//! Processes that keep pipes open hold nobody up.

use std::io::Read;
use std::os::fd::OwnedFd;

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::Twin;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// What nextest looks for (LEAK): the output is at its end as soon as the runner is. It has both of the
/// runner's own streams on one pipe here, so whatever process still holds one is seen.
#[test]
fn the_runners_output_ends_with_the_runner() {
    needs!(Need::NAMESPACES);
    for test in ["output::leaves_a_holder", "output::leaves_a_holder_in_a_pid_namespace"] {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let other = writer.try_clone().unwrap();
        let twin = Twin::tests(&[test]).with(|command| {
            command.stdout(writer).stderr(other);
        });
        let running = twin.start_as_it_is();
        let pid = running.pid;
        assert!(harness_tests::sys::ends(pid));
        let fd = OwnedFd::from(reader.try_clone().unwrap());
        fcntl(&fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        let mut said = String::new();
        // WouldBlock if anybody still has the other end.
        reader.read_to_string(&mut said).unwrap();
        assert!(said.contains("test result: ok"), "{said}");
        running.finish();
    }
}
