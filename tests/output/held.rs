//! Processes that keep pipes open hold nobody up.

use std::fs;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::outside;
use harness_tests::twin::{Running, Twin};
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
        assert_eq!(holders(&running, reader.as_fd()), [0; 0], "{test}");
        let fd = OwnedFd::from(reader.try_clone().unwrap());
        fcntl(&fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        let mut said = Vec::new();
        // WouldBlock as long as anybody has the other end: nobody of the run, and for a moment a child of ours on its
        // way to exec.
        outside::until("the output is at its end", || reader.read_to_end(&mut said).is_ok());
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("test result: ok"), "{said}");
        running.finish();
    }
}

/// The processes of the run that have this pipe open.
fn holders(running: &Running, pipe: BorrowedFd<'_>) -> Vec<i32> {
    let pipe = fs::read_link(format!("/proc/self/fd/{}", pipe.as_raw_fd())).unwrap();
    let holds = |pid: i32| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        descriptors.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|file| file == pipe)
    };
    running.processes().into_iter().map(|process| process.pid).filter(|pid| holds(*pid)).collect()
}

/// A panic of the runner, who cannot print, is not the one that the test must end in.
#[test]
fn a_full_stderr_is_no_panic_of_the_test() {
    needs!(Need::NAMESPACES);
    for (test, passes) in
        [("output::should_panic_and_returns", false), ("output::should_panic_and_does", true)]
    {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let stderr = if passes { std::process::Stdio::null() } else { full.into() };
        let twin = Twin::tests(&[test]).arg("--nocapture").with(|command| {
            command.stdout(std::process::Stdio::null()).stderr(stderr);
        });
        assert_eq!(twin.start_as_it_is().finish().passed(), passes, "{test}");
    }
}
