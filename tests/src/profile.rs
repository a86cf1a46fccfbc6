//! Seccomp filters that refuse system calls, as data (seccomp(2), `SECCOMP_MODE_FILTER`).

use std::io;

use libc::sock_filter;

use crate::sys;

/// A call that is refused.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    call: libc::c_long,
    when: When,
    errno: i32,
}

/// Depends on the low half of one argument.
#[derive(Debug, Clone, Copy)]
enum When {
    Always,
    /// One of these bits is set.
    Bits {
        argument: u32,
        bits: u32,
    },
    /// It is this.
    Is {
        argument: u32,
        value: u32,
    },
}

impl Refusal {
    /// Always.
    pub const fn of(call: libc::c_long, errno: i32) -> Self {
        Self { call, when: When::Always, errno }
    }

    const fn with_bits(call: libc::c_long, argument: u32, bits: u32, errno: i32) -> Self {
        Self { call, when: When::Bits { argument, bits }, errno }
    }

    const fn with(call: libc::c_long, argument: u32, value: u32, errno: i32) -> Self {
        Self { call, when: When::Is { argument, value }, errno }
    }

    /// clone3 with the arguments of Linux 5.7, which the cgroup to be born in is one of. As glibc makes threads
    /// with them, too, ENOSYS is the only answer that a runner with threads copes with.
    pub const fn of_clone_into_cgroup(errno: i32) -> Self {
        const SIZE_WITH_CGROUP: u32 = 88;
        Self::with(libc::SYS_clone3, 1, SIZE_WITH_CGROUP, errno)
    }

    /// A hard link to a path from the working directory or the root, as `std::fs::hard_link` makes it.
    pub const fn of_hard_link(errno: i32) -> Self {
        Self::with(libc::SYS_linkat, 0, libc::AT_FDCWD.cast_unsigned(), errno)
    }

    fn code(self) -> Vec<sock_filter> {
        // Offsets in seccomp_data: the number of the call; the arguments, 8 bytes each.
        let (number, argument) = (0, |index: u32| 16 + 8 * index);
        let load = |offset| line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset);
        let skip_unless = |test, value, skipped| line(libc::BPF_JMP | test | libc::BPF_K, 0, skipped, value);
        let answer = answer(ERRNO | self.errno.unsigned_abs());
        let call = u32::try_from(self.call).expect("the number of a system call");
        match self.when {
            When::Always => vec![load(number), skip_unless(libc::BPF_JEQ, call, 1), answer],
            When::Bits { argument: index, bits } => vec![
                load(number),
                skip_unless(libc::BPF_JEQ, call, 3),
                load(argument(index)),
                skip_unless(libc::BPF_JSET, bits, 1),
                answer,
            ],
            When::Is { argument: index, value } => vec![
                load(number),
                skip_unless(libc::BPF_JEQ, call, 3),
                load(argument(index)),
                skip_unless(libc::BPF_JEQ, value, 1),
                answer,
            ],
        }
    }
}

const ERRNO: u32 = 0x0005_0000; // SECCOMP_RET_ERRNO
const ALLOW: u32 = 0x7fff_0000; // SECCOMP_RET_ALLOW

fn answer(value: u32) -> sock_filter {
    line(libc::BPF_RET | libc::BPF_K, 0, 0, value)
}

fn line(code: u32, jt: u8, jf: u8, k: u32) -> sock_filter {
    // Every code is a few bits.
    sock_filter { code: u16::try_from(code).unwrap_or(0), jt, jf, k }
}

/// A filter that is ready to be loaded.
#[derive(Debug, Clone)]
pub struct Filter(Vec<sock_filter>);

impl Filter {
    /// Refuses these and allows the rest.
    pub fn new(refusals: &[Refusal]) -> Self {
        let refusals = refusals.iter().flat_map(|refusal| refusal.code());
        Self(refusals.chain([answer(ALLOW)]).collect())
    }

    /// From now on it holds for this thread and all that comes from it. Does not allocate.
    ///
    /// # Errors
    /// The kernel's.
    pub fn load(&self) -> io::Result<()> {
        sys::load_filter(&self.0)
    }
}

/// `CLONE_NEW*` as the profile masks them.
const NAMESPACES: u32 = 0x7e02_0000;

/// What a container without CAP_SYS_ADMIN may not: the calls that github.com/moby/profiles,
/// seccomp/default.json, at commit 02e898b1, leaves out or ties to capabilities that `docker run` does not
/// give, as far as this library or a test could make them. That profile names what is allowed and answers EPERM to the rest, and ENOSYS to clone3, whose
/// flags a filter cannot see.
pub const DOCKER: &[Refusal] = &[
    Refusal::of(libc::SYS_clone3, libc::ENOSYS),
    Refusal::with_bits(libc::SYS_clone, 0, NAMESPACES, libc::EPERM),
    Refusal::of(libc::SYS_unshare, libc::EPERM),
    Refusal::of(libc::SYS_setns, libc::EPERM),
    Refusal::of(libc::SYS_mount, libc::EPERM),
    Refusal::of(libc::SYS_umount2, libc::EPERM),
    Refusal::of(libc::SYS_pivot_root, libc::EPERM),
    Refusal::of(libc::SYS_open_tree, libc::EPERM),
    Refusal::of(libc::SYS_move_mount, libc::EPERM),
    Refusal::of(libc::SYS_fsopen, libc::EPERM),
    Refusal::of(libc::SYS_fsconfig, libc::EPERM),
    Refusal::of(libc::SYS_fsmount, libc::EPERM),
    Refusal::of(libc::SYS_fspick, libc::EPERM),
    Refusal::of(libc::SYS_mount_setattr, libc::EPERM),
    Refusal::of(libc::SYS_sethostname, libc::EPERM),
    Refusal::of(libc::SYS_setdomainname, libc::EPERM),
    Refusal::of(libc::SYS_quotactl, libc::EPERM),
    Refusal::of(libc::SYS_bpf, libc::EPERM),
    Refusal::of(libc::SYS_perf_event_open, libc::EPERM),
    Refusal::of(libc::SYS_fanotify_init, libc::EPERM),
    Refusal::of(libc::SYS_syslog, libc::EPERM),
    Refusal::of(libc::SYS_add_key, libc::EPERM),
    Refusal::of(libc::SYS_request_key, libc::EPERM),
    Refusal::of(libc::SYS_keyctl, libc::EPERM),
    Refusal::of(libc::SYS_acct, libc::EPERM),
    Refusal::of(libc::SYS_reboot, libc::EPERM),
    Refusal::of(libc::SYS_swapon, libc::EPERM),
    Refusal::of(libc::SYS_swapoff, libc::EPERM),
    Refusal::of(libc::SYS_init_module, libc::EPERM),
    Refusal::of(libc::SYS_finit_module, libc::EPERM),
    Refusal::of(libc::SYS_delete_module, libc::EPERM),
    Refusal::of(libc::SYS_kcmp, libc::EPERM),
    Refusal::of(libc::SYS_pidfd_getfd, libc::EPERM),
    Refusal::of(libc::SYS_process_madvise, libc::EPERM),
    Refusal::of(libc::SYS_open_by_handle_at, libc::EPERM),
    Refusal::of(libc::SYS_userfaultfd, libc::EPERM),
    Refusal::of(libc::SYS_io_uring_setup, libc::EPERM),
    Refusal::of(libc::SYS_vhangup, libc::EPERM),
    Refusal::of(libc::SYS_mbind, libc::EPERM),
    Refusal::of(libc::SYS_set_mempolicy, libc::EPERM),
    Refusal::of(libc::SYS_settimeofday, libc::EPERM),
    Refusal::of(libc::SYS_clock_settime, libc::EPERM),
];

/// A mandatory access control that lets namespaces be made and then lets nothing be mounted in them.
pub const NO_MOUNTS: &[Refusal] = &[
    Refusal::of(libc::SYS_mount, libc::EACCES),
    Refusal::of(libc::SYS_umount2, libc::EACCES),
    Refusal::of(libc::SYS_pivot_root, libc::EACCES),
    Refusal::of(libc::SYS_open_tree, libc::EACCES),
    Refusal::of(libc::SYS_move_mount, libc::EACCES),
    Refusal::of(libc::SYS_fsopen, libc::EACCES),
    Refusal::of(libc::SYS_mount_setattr, libc::EACCES),
    Refusal::of(libc::SYS_sethostname, libc::EPERM),
];
