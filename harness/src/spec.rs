//! What was asked: one [`Spec`] is one `#[isolated(...)]`, as plain data.
//!
//! The attribute writes a `const` expression of the builder methods below; nothing here looks at the
//! machine. `plan.rs` resolves a Spec against what the machine offers.
//!
//! A new option starts here (a field and a builder method), then: `harness-macros/src/args.rs` (the
//! attribute's word for it), `plan.rs` (what it becomes) and the one file that carries it out.

use std::ffi::OsString;
mod files;

use std::time::Duration;

pub(crate) use self::files::is_reference;
pub use self::files::{Bind, InlineFile, Rootfs, Tmpfs, Upper};

/// Number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    /// This many bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// This many KiB, 1024 bytes each.
    ///
    /// # Panics
    /// Above `u64::MAX` bytes; so do the other units.
    pub const fn kib(kib: u64) -> Self {
        Self::units(kib, 1 << 10)
    }

    /// This many MiB, 1024 KiB each.
    pub const fn mib(mib: u64) -> Self {
        Self::units(mib, 1 << 20)
    }

    /// This many GiB, 1024 MiB each.
    pub const fn gib(gib: u64) -> Self {
        Self::units(gib, 1 << 30)
    }

    const fn units(number: u64, unit: u64) -> Self {
        match number.checked_mul(unit) {
            Some(bytes) => Self(bytes),
            None => panic!("a size above u64::MAX bytes"),
        }
    }

    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A set of the kernel's namespaces (`namespaces(7)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Namespaces(u16);

impl Namespaces {
    /// No new namespace.
    pub const NONE: Self = Self(0);
    /// `CLONE_NEWUSER`.
    pub const USER: Self = Self(1);
    /// `CLONE_NEWPID`, with a small init as pid 1 and the body as pid 2.
    pub const PID: Self = Self(1 << 1);
    /// `CLONE_NEWNS`.
    pub const MOUNT: Self = Self(1 << 2);
    /// `CLONE_NEWUTS`.
    pub const UTS: Self = Self(1 << 3);
    /// `CLONE_NEWIPC`.
    pub const IPC: Self = Self(1 << 4);
    /// `CLONE_NEWNET`, with loopback up.
    pub const NET: Self = Self(1 << 5);
    /// `CLONE_NEWCGROUP`, rooted at the guest's own leaf.
    pub const CGROUP: Self = Self(1 << 6);
    /// `CLONE_NEWTIME`.
    pub const TIME: Self = Self(1 << 7);
    /// Every one of them.
    pub const ALL: Self = Self(0xff);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every namespace of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A resource of `setrlimit(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// `RLIMIT_AS`, bytes.
    As,
    /// `RLIMIT_CORE`, bytes.
    Core,
    /// `RLIMIT_CPU`, seconds.
    Cpu,
    /// `RLIMIT_DATA`, bytes.
    Data,
    /// `RLIMIT_FSIZE`, bytes.
    Fsize,
    /// `RLIMIT_LOCKS`, a count.
    Locks,
    /// `RLIMIT_MEMLOCK`, bytes.
    Memlock,
    /// `RLIMIT_MSGQUEUE`, bytes.
    Msgqueue,
    /// `RLIMIT_NICE`, 20 minus the nice value.
    Nice,
    /// `RLIMIT_NOFILE`, one more than the highest fd.
    Nofile,
    /// `RLIMIT_NPROC`, a count.
    Nproc,
    /// `RLIMIT_RSS`, bytes (without effect since Linux 2.4.30).
    Rss,
    /// `RLIMIT_RTPRIO`, a priority.
    Rtprio,
    /// `RLIMIT_RTTIME`, microseconds.
    Rttime,
    /// `RLIMIT_SIGPENDING`, a count.
    Sigpending,
    /// `RLIMIT_STACK`, bytes.
    Stack,
}

/// One entry of `rlimit(...)`: soft and hard limit alike (but for `cpu`: the hard one is a second more).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rlimit {
    /// What is limited.
    pub resource: Resource,
    /// The limit, in the resource's own unit; `None` is unlimited.
    pub value: Option<u64>,
}

/// The limits asked for; `None` is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits<'a> {
    /// `memory.max`.
    pub memory_max: Option<Size>,
    /// `memory.swap.max`; 0 when only `memory_max` is given.
    pub swap_max: Option<Size>,
    /// `pids.max`: processes and threads of the guest.
    pub pids_max: Option<u64>,
    /// `cpu.max`, in thousandths of a core.
    pub cpu_max_millis: Option<u32>,
    /// `cpuset.cpus`, a list such as `0-3,7`.
    pub cpuset_cpus: Option<&'a str>,
    /// Wall time from the start of the guest to its end.
    pub timeout: Option<Duration>,
    /// CPU time, user and system, of the guest's processes together.
    pub cpu_time: Option<Duration>,
    /// `setrlimit(2)` in the body, inherited by its children.
    pub rlimits: &'a [Rlimit],
}

impl Limits<'_> {
    /// No limit at all.
    pub const NONE: Self = Self {
        memory_max: None,
        swap_max: None,
        pids_max: None,
        cpu_max_millis: None,
        cpuset_cpus: None,
        timeout: None,
        cpu_time: None,
        rlimits: &[],
    };
}

/// Who we are inside a new user namespace (`user_namespaces(7)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdMapping {
    /// Root: without privilege, uid and gid 0 inside are ours outside.
    Root,
    /// Ourselves: every id that can be mapped keeps its number. Without privilege the body is then an
    /// ordinary user, without capabilities in the namespace.
    Identity,
}

/// A program that is the body, in the place of a test function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program<'a> {
    /// What is looked for in the guest, and `argv[0]`; what the image says when absent.
    pub command: Option<&'a OsString>,
    /// `argv[1..]`.
    pub arguments: &'a [OsString],
    /// Environment variables to set.
    pub environment: &'a [(OsString, OsString)],
    /// How much it may write, stdout and stderr together, before it is stopped.
    pub output_max: Size,
}

/// How the guest is expected to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expect {
    /// The test function returns success.
    #[default]
    Success,
    /// The OOM killer strikes in the guest.
    Oom,
    /// `timeout` or `cpu_time` runs out.
    Timeout,
    /// The body exits with this code before the test function returns.
    Exit(u8),
    /// The body dies by this signal.
    Signal(i32),
}

/// What becomes of a test whose guest leaves processes behind. They are killed in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaks {
    /// The test fails. The default with a pid namespace.
    Fail,
    /// A line on the test's output. The default without a pid namespace.
    Warn,
    /// Nothing is said.
    Allow,
}

/// What becomes of a test that this machine cannot run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsupportedPolicy {
    /// The test fails.
    Fail,
    /// The test passes, with a line on the real stderr.
    Skip,
}

/// Everything that one `#[isolated(...)]` asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spec<'a> {
    /// Full name of the test, as libtest prints it, with the crate's name in front.
    pub name: &'a str,
    /// Directory that relative paths start from: `CARGO_MANIFEST_DIR` of the test's crate.
    pub manifest_dir: &'a str,
    /// Whether `#[should_panic]` stands on the test: then only a panic may unwind into libtest.
    pub should_panic: bool,
    /// The new namespaces.
    pub namespaces: Namespaces,
    /// Whether the body itself is pid 1 of its pid namespace.
    pub body_is_pid1: bool,
    /// Host name in the new UTS namespace.
    pub hostname: Option<&'a str>,
    /// User id of the body.
    pub uid: Option<u32>,
    /// Group id of the body.
    pub gid: Option<u32>,
    /// Who the body is in its user namespace; without privilege [`IdMapping::Root`] when absent.
    pub id_mapping: Option<IdMapping>,
    /// The root filesystem; the host's own when absent.
    pub rootfs: Option<Rootfs<'a>>,
    /// Where what the guest writes to `rootfs` goes.
    pub upper: Upper,
    /// Whether what the guest wrote to `rootfs` is reported.
    pub changes: bool,
    /// Files with this content.
    pub files: &'a [InlineFile<'a>],
    /// Whether the whole tree, except `tmpfs` and writable binds, is mounted read-only.
    pub readonly: bool,
    /// Bind mounts.
    pub binds: &'a [Bind<'a>],
    /// Fresh tmpfs mounts.
    pub tmpfs: &'a [Tmpfs<'a>],
    /// Working directory of the body: absolute, in the guest.
    pub workdir: Option<&'a str>,
    /// Environment variables to set.
    pub env: &'a [(&'a str, &'a str)],
    /// Whether the body starts with an empty environment (before `env`).
    pub clear_env: bool,
    /// The limits.
    pub limits: Limits<'a>,
    /// The program to run; the test function when absent.
    pub program: Option<Program<'a>>,
    /// The ending that passes.
    pub expect: Expect,
    /// Policy on processes left behind; by default as [`Leaks`] says.
    pub leaks: Option<Leaks>,
    /// Policy on machines that cannot run the test; `HARNESS_UNSUPPORTED` when absent.
    pub unsupported: Option<UnsupportedPolicy>,
}

impl<'a> Spec<'a> {
    /// A test of this name that asks for nothing yet.
    pub const fn new(name: &'a str, manifest_dir: &'a str) -> Self {
        Self {
            name,
            manifest_dir,
            should_panic: false,
            namespaces: Namespaces::NONE,
            body_is_pid1: false,
            hostname: None,
            uid: None,
            gid: None,
            id_mapping: None,
            rootfs: None,
            upper: Upper::Tmpfs,
            changes: false,
            files: &[],
            readonly: false,
            binds: &[],
            tmpfs: &[],
            workdir: None,
            env: &[],
            clear_env: false,
            limits: Limits::NONE,
            program: None,
            expect: Expect::Success,
            leaks: None,
            unsupported: None,
        }
    }

    /// `#[should_panic]` stands on the test.
    #[must_use]
    pub const fn should_panic(mut self) -> Self {
        self.should_panic = true;
        self
    }

    /// Adds namespaces.
    #[must_use]
    pub const fn unshare(mut self, namespaces: Namespaces) -> Self {
        self.namespaces = self.namespaces.with(namespaces);
        self
    }

    /// A pid namespace whose pid 1 is the body itself.
    #[must_use]
    pub const fn pid1(mut self) -> Self {
        self.body_is_pid1 = true;
        self.unshare(Namespaces::PID)
    }

    /// Sets the host name; brings a UTS namespace.
    #[must_use]
    pub const fn hostname(mut self, hostname: &'a str) -> Self {
        self.hostname = Some(hostname);
        self.unshare(Namespaces::UTS)
    }

    /// Sets the body's user id.
    #[must_use]
    pub const fn uid(mut self, uid: u32) -> Self {
        self.uid = Some(uid);
        self
    }

    /// Sets the body's group id.
    #[must_use]
    pub const fn gid(mut self, gid: u32) -> Self {
        self.gid = Some(gid);
        self
    }

    /// Sets who the body is in its user namespace; brings one.
    #[must_use]
    pub const fn map(mut self, mapping: IdMapping) -> Self {
        self.id_mapping = Some(mapping);
        self.unshare(Namespaces::USER)
    }

    /// Sets the root filesystem; brings a mount namespace.
    #[must_use]
    pub const fn rootfs(mut self, rootfs: Rootfs<'a>) -> Self {
        self.rootfs = Some(rootfs);
        self.unshare(Namespaces::MOUNT)
    }

    /// Sets where what the guest writes to its root goes.
    #[must_use]
    pub const fn upper(mut self, upper: Upper) -> Self {
        self.upper = upper;
        self
    }

    /// Reports what the guest wrote to its root.
    #[must_use]
    pub const fn changes(mut self) -> Self {
        self.changes = true;
        self
    }

    /// Sets the files whose content is given; brings a mount namespace.
    #[must_use]
    pub const fn files(mut self, files: &'a [InlineFile<'a>]) -> Self {
        self.files = files;
        self.unshare(Namespaces::MOUNT)
    }

    /// Mounts the tree read-only; brings a mount namespace.
    #[must_use]
    pub const fn readonly(mut self) -> Self {
        self.readonly = true;
        self.unshare(Namespaces::MOUNT)
    }

    /// Sets the bind mounts; brings a mount namespace.
    #[must_use]
    pub const fn binds(mut self, binds: &'a [Bind<'a>]) -> Self {
        self.binds = binds;
        self.unshare(Namespaces::MOUNT)
    }

    /// Sets the tmpfs mounts; brings a mount namespace.
    #[must_use]
    pub const fn tmpfs(mut self, tmpfs: &'a [Tmpfs<'a>]) -> Self {
        self.tmpfs = tmpfs;
        self.unshare(Namespaces::MOUNT)
    }

    /// Sets the working directory.
    #[must_use]
    pub const fn workdir(mut self, workdir: &'a str) -> Self {
        self.workdir = Some(workdir);
        self
    }

    /// Sets the environment variables.
    #[must_use]
    pub const fn env(mut self, env: &'a [(&'a str, &'a str)]) -> Self {
        self.env = env;
        self
    }

    /// Starts with an empty environment.
    #[must_use]
    pub const fn clear_env(mut self) -> Self {
        self.clear_env = true;
        self
    }

    /// Sets the limits.
    #[must_use]
    pub const fn limits(mut self, limits: Limits<'a>) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the ending that passes.
    #[must_use]
    pub const fn expect(mut self, expect: Expect) -> Self {
        self.expect = expect;
        self
    }

    /// Sets the policy on processes left behind.
    #[must_use]
    pub const fn leaks(mut self, leaks: Leaks) -> Self {
        self.leaks = Some(leaks);
        self
    }

    /// Sets the policy on machines that cannot run the test.
    #[must_use]
    pub const fn unsupported(mut self, policy: UnsupportedPolicy) -> Self {
        self.unsupported = Some(policy);
        self
    }
}
