//! What was seen of one run: frames, wait statuses, counters. Nothing here judges; `outcome.rs` does.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::SetupError;

/// Wait status of a process (`wait(2)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitStatus {
    /// It called exit with this code.
    Exited(u8),
    /// This signal killed it.
    Signaled {
        /// Its number.
        signal: i32,
        /// Whether a core was dumped.
        core: bool,
    },
    /// This signal stopped it, and nothing in the guest is left to continue it.
    Stopped {
        /// Its number.
        signal: i32,
    },
}

/// A process of the guest, by the guest's own pid numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its pid in the guest's pid namespace.
    pub pid: i32,
    /// Its name, as `ps` shows it.
    pub comm: String,
    /// Arguments, separated by spaces; empty for a process that has none left.
    pub cmdline: String,
}

/// A panic of the body's main thread that reached the end of the test function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panic {
    /// The payload, if it was a string.
    pub(crate) message: Option<String>,
    /// `file:line:column`, unless the body replaced the panic hook.
    pub(crate) location: Option<String>,
    /// The backtrace, if `RUST_BACKTRACE` asked for one.
    pub(crate) backtrace: Option<String>,
}

/// Which deadline ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deadline {
    /// `timeout`.
    Wall(Duration),
    /// `cpu_time`.
    Cpu(Duration),
}

/// Whose memory limit the OOM killer enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OomBy {
    /// The leaf's own.
    OwnLimit,
    /// A cgroup's above the leaf.
    Ancestor,
    /// None: the host ran out of memory.
    Host,
}

/// A process that the kernel log names as killed by the OOM killer (pid as the host sees it).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Victim {
    pub(crate) pid: i32,
    pub(crate) comm: String,
    /// Resident anonymous memory in bytes, as the kernel log gives it.
    pub(crate) anon_rss: Option<u64>,
}

/// The OOM killer struck in the leaf (`oom_kill` rose).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Oom {
    pub(crate) by: OomBy,
    /// How far `oom_kill` rose. With `memory.oom.group` more than the number of victims.
    pub(crate) kills: u64,
    /// The directory of the leaf that counted.
    pub(crate) leaf: PathBuf,
    /// The cgroup whose limit it was, where the kernel log names one: a path below the hierarchy's root.
    pub(crate) limit_of: Option<PathBuf>,
    /// Who was killed, as far as the kernel log is readable and still holds it.
    pub(crate) victims: Vec<Victim>,
}

/// A figure and where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured<T> {
    /// The figure.
    pub value: T,
    /// The kernel's word for the source: `memory.peak`, `rusage`.
    pub source: &'static str,
}

impl<T> Measured<T> {
    /// A figure read from `source`.
    pub(crate) const fn new(value: T, source: &'static str) -> Self {
        Self { value, source }
    }
}

/// What the leaf's memory was made of, at some moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemoryStat {
    /// When: `at the OOM kill` (kernel log), `sampled 12 ms before the end`, `at the end`.
    pub when: String,
    /// Bytes by the kernel's v2 names (`anon`, `file`, `shmem`, `kernel_stack`, `pagetables`, `slab`,
    /// ...), in the kernel's order; v1 names are translated (`rss` to `anon`, `cache` to `file`).
    pub bytes: Vec<(String, u64)>,
}

/// One line of a PSI file: total stall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressure {
    /// How long at least one process was stalled.
    pub some: Duration,
    /// How long all of them were at once, where the kernel counts it.
    pub full: Option<Duration>,
}

/// Resource usage of the body and the children it waited for (`getrusage(2)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rusage {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    /// Bytes; the largest single process.
    pub(crate) maxrss: u64,
    pub(crate) minor_faults: u64,
    pub(crate) major_faults: u64,
    /// Blocks of 512 bytes.
    pub(crate) blocks_in: u64,
    pub(crate) blocks_out: u64,
    pub(crate) voluntary_switches: u64,
    pub(crate) involuntary_switches: u64,
}

/// What a run used. A figure that is not to be had is absent, never 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Usage {
    /// From the request to the zygote until the guest was reaped.
    pub wall: Duration,
    /// CPU time in user mode: of the whole leaf, or of the body and the children that it waited for (`rusage`).
    pub cpu_user: Option<Measured<Duration>>,
    /// CPU time in the kernel, likewise.
    pub cpu_system: Option<Measured<Duration>>,
    /// How long `cpu.max` held the guest back.
    pub cpu_throttled: Option<Measured<Duration>>,
    /// In how many periods `cpu.max` held the guest back.
    pub cpu_throttled_periods: Option<Measured<u64>>,
    /// Most memory at once of the whole leaf, in bytes (v2: Linux 5.19).
    pub memory_peak: Option<Measured<u64>>,
    /// The memory limit in force, in bytes; absent when unlimited.
    pub memory_limit: Option<Measured<u64>>,
    /// Most swap at once of the whole leaf, in bytes (v2: Linux 6.5).
    pub swap_peak: Option<Measured<u64>>,
    /// The limit of swap in force, in bytes.
    pub swap_limit: Option<Measured<u64>>,
    /// What the memory was made of.
    pub memory_stat: Option<Measured<MemoryStat>>,
    /// Most resident memory of a single process, in bytes.
    pub maxrss: Option<Measured<u64>>,
    /// Most processes and threads at once.
    pub pids_peak: Option<Measured<u64>>,
    /// The limit of processes and threads in force.
    pub pids_limit: Option<Measured<u64>>,
    /// How often `pids.max` refused a fork.
    pub pids_refused: Option<Measured<u64>>,
    /// Page faults that needed no input.
    pub minor_faults: Option<Measured<u64>>,
    /// Page faults that waited for input.
    pub major_faults: Option<Measured<u64>>,
    /// Context switches of a process that waited.
    pub voluntary_switches: Option<Measured<u64>>,
    /// Context switches of a process whose time slice was over.
    pub involuntary_switches: Option<Measured<u64>>,
    /// Bytes read from devices.
    pub io_read: Option<Measured<u64>>,
    /// Bytes written to devices.
    pub io_written: Option<Measured<u64>>,
    /// Stalls for want of a CPU (v2, CONFIG_PSI).
    pub pressure_cpu: Option<Measured<Pressure>>,
    /// Stalls for want of memory.
    pub pressure_memory: Option<Measured<Pressure>>,
    /// Stalls for want of io.
    pub pressure_io: Option<Measured<Pressure>>,
}

/// Something came over a channel that the protocol does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// A message that is no frame, or a frame without this run's token, on the body's report pipe.
    Forged {
        /// Its bytes.
        length: usize,
    },
    /// A second verdict, or one before `Started`.
    OutOfOrder {
        /// What came.
        frame: &'static str,
    },
    /// A forked child of the body came out of the test function; `pid` as it sees itself, or, where that is the
    /// body's own number in another namespace, as the runner sees it.
    Escaped {
        /// Of that child.
        pid: i32,
    },
    /// The init ended before it had told everything: the body's end, or what was left behind, is unknown.
    InitLost {
        /// Its end, if that was seen.
        status: Option<WaitStatus>,
    },
}

/// What a program wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Output {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// It wrote more than it may, and was stopped; the rest is not kept.
    pub(crate) overflows: bool,
}

/// All that was seen of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Evidence {
    /// A step before the body failed.
    pub(crate) setup: Option<SetupError>,
    /// The body, at its end, was not in its leaf any more: it said so itself, or its init.
    pub(crate) left_leaf: Option<SetupError>,
    /// The body was about to call the test function, or to execute the program.
    pub(crate) started: bool,
    /// The test function returned this code (0 is success).
    pub(crate) returned: Option<i32>,
    /// The test function panicked.
    pub(crate) panicked: Option<Panic>,
    /// Panics that were about to be printed, and were not to the end: the body died over them.
    pub(crate) panicking: u32,
    /// The first break of the protocol.
    pub(crate) violation: Option<Violation>,
    /// The body's wait status, as its parent (the init) saw it.
    pub(crate) body: Option<WaitStatus>,
    /// The init's own wait status.
    pub(crate) init: Option<WaitStatus>,
    /// The deadline that ran out, if one did; the guest was then killed.
    pub(crate) deadline: Option<Deadline>,
    /// The OOM killer struck.
    pub(crate) oom: Option<Oom>,
    /// What was still running when the body had ended, and did not end within the grace period.
    pub(crate) leftovers: Vec<Process>,
    /// What the guest wrote to its root, where that was asked for.
    pub(crate) changes: Option<Vec<crate::rootfs::changes::Change>>,
    /// Where the leaf was made, for the report: one directory for each hierarchy.
    pub(crate) cgroups: Vec<PathBuf>,
    /// The rung of the ladder (cgroup/ladder.rs) that each was made on.
    pub(crate) rungs: Vec<&'static str>,
    /// Leaves and upperdirs of dead runners that could not be swept away: no fault of this run.
    pub(crate) unswept: Vec<SetupError>,
    /// Clean-up after the verdict that failed; never replaces a first error.
    pub(crate) cleanup: Vec<SetupError>,
    /// What a program wrote; the output of a test was passed on.
    pub(crate) output: Output,
    /// What the run used.
    pub(crate) usage: Usage,
}
