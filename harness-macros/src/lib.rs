//! The `#[isolated]` attribute of `isolated-harness`.
//!
//! One expansion is parse (`args`) → check (`check`) → wait for the other test attributes (`order`,
//! `peek`) → expand (`expand`, `spec`). Tokens are kept to the end, so that every mistake is reported at its own
//! span, all of them at once.

mod args;
mod attribute;
mod check;
mod errors;
mod expand;
mod guess;
mod lex;
mod marker;
mod order;
mod peek;
mod spec;
mod test_fn;
mod units;

use proc_macro::TokenStream;

/// Runs a test in a guest: a process of its own with the namespaces, root filesystem and limits asked
/// for. The test passes only if the body returned success *and* nothing else went wrong.
///
/// ```
/// use harness::isolated;
///
/// #[isolated(pid, uts, mem = "100M")]
/// fn fits_in_100_mib() {
///     assert_eq!(std::process::id(), 2);
/// }
/// ```
///
/// # Namespaces
///
/// `user`, `pid`, `mount`, `uts`, `ipc`, `net`, `cgroup`, `time`, or `all` of them. `pid` brings a `/proc`
/// of its own and an init as pid 1, the body is pid 2; with `pid1` in its place the body is pid 1 itself
/// (and then ignores the signals that it sends to itself). `net` brings loopback up.
///
/// # Identity
///
/// | argument | effect |
/// |---|---|
/// | `hostname = "box"` | host name in a UTS namespace of its own |
/// | `uid = 1000`, `gid = 1000` | ids of the body, as seen inside |
/// | `map = root`, `map = identity` | who you are in a user namespace: root (the default without privilege), or yourself, then without capabilities |
///
/// # Filesystem
///
/// | argument | effect |
/// |---|---|
/// | `rootfs` | copy-on-write view of the host's root |
/// | `rootfs = "fixtures/busybox"` | copy-on-write view of a directory, relative to the crate; a missing one is a compile error. In place of the string an expression of type `&'static str` |
/// | `rootfs = "images/app.tar.zst"` | feature `images`: an archive of a root (tar; gzip, zstd or xz), an OCI image layout (directory or archive) or what `docker save` wrote; `PATH#NAME` where it holds several images. Unpacked once, into a cache that `harness clean` prunes; more than eight layers become one directory of hard links |
/// | `rootfs = "oci://host/app:1.2"` | feature `registry`: an image of a registry, by tag or `@sha256:...`; the credentials are those of `docker login`. `HARNESS_OFFLINE=1`: what is in the cache, or an error |
/// | `upper = "disk"` | what is written goes to a temporary directory beside the build's other files, not to memory |
/// | `upper = "copy"` | no overlay: a copy of the root, for kernels before 5.11 without privilege; extended attributes are not copied |
/// | `changes` | what the guest wrote to its root is in the report: path, kind, size |
/// | `readonly` | everything but `tmpfs` and writable binds is mounted read-only |
/// | `file("/etc/hosts" = "127.0.0.1 db")` | a file with this content, or that of an expression such as `include_str!("hosts")`; repeatable. Like a bind it cannot be renamed or removed, and without `rootfs` the host must have one at its place |
/// | `bind = "SRC:DST"`, `bind = "SRC:DST:ro"` | bind mount, `SRC` relative to the crate; repeatable |
/// | `tmpfs = "/tmp"`, `tmpfs = "/tmp:16M"` | fresh tmpfs; repeatable |
/// | `workdir = "/srv"` | working directory of the body |
/// | `env = "KEY=VALUE"` | environment variable; repeatable |
/// | `clear_env` | the body starts with `env` and nothing else |
///
/// ```
/// # use harness::isolated;
/// #[isolated(pid, rootfs, readonly, tmpfs = "/tmp:16M", bind = "tests/data:/data:ro", workdir = "/data")]
/// fn reads_its_data() {
///     assert!(std::fs::write("/data/x", "").is_err());
/// }
/// ```
///
/// What a guest writes under `rootfs` goes to a private tmpfs: it is charged to `mem`, and gone with the
/// guest. `/dev`, `/proc` and `/sys` are made anew (`/sys` read-only). Shown read-only are: a mounted
/// filesystem that cannot be a lowerdir of overlayfs, a mounted file, and, in a user namespace, an entry of
/// `/` with mounts below it.
///
/// An image's `Env`, `WorkingDir` and `User` (with its groups and `HOME`) hold for the body where nothing else was
/// asked for. Without privilege one user and one group are mapped: its other groups are left out.
///
/// # In a foreign root
///
/// The body keeps running in a root that has no libc of ours, or nothing at all: it was loaded before. Panics,
/// backtraces with symbols, threads, `std::env::temp_dir` and coverage profiles are as they are outside, and
/// programs of that root can be started. The body starts in `/`, with the runner's environment but for `TMPDIR`.
/// What else it meets there:
///
/// * The test binary is visible at its own path, read-only: that is where symbols come from. Debug information in
///   a file of its own (`split-debuginfo`) is not visible, and backtraces then have names without lines. The binary
///   cannot be started again where its loader is missing.
/// * The directory of `LLVM_PROFILE_FILE` is visible at its own path, writable. `%p` in it is the runner's pid; with
///   `%m` (as cargo-llvm-cov has it) profiles are merged under a lock. Without the variable a profile is written to
///   the guest's own directory and gone with it; so is, as everywhere, that of a body that was killed.
/// * Names are resolved by the libc of the test binary from `/etc/hosts`, `/etc/nsswitch.conf` and
///   `/etc/resolv.conf` of that root; glibc since 2.34 needs no library for `files` and `dns`. A service of another
///   name in `nsswitch.conf` is a library that is loaded from that root.
/// * What libc loads while the program runs comes from that root, too: `dlopen`, locales other than `C`, encodings
///   of `iconv` that are not built in. They are missing where the root has none, and must suit the libc of the test
///   binary where it has some. A library that is already loaded is found.
///
/// # Limits
///
/// | argument | effect |
/// |---|---|
/// | `mem = "100M"` | memory of all the guest's processes; swap is 0 unless given |
/// | `swap = "10M"` | swap on top of it |
/// | `pids = 20` | processes and threads |
/// | `cpu = 0.5` | cores, to a thousandth |
/// | `cpuset = "0-3,7"` | the CPUs that it may use |
/// | `timeout = "5s"` | wall time |
/// | `cpu_time = "2s"` | user and system time of all its processes |
/// | `rlimit(nofile = 64, fsize = "1M", cpu = "2s", core = 0, stack = unlimited)` | `setrlimit(2)` |
///
/// Limits hold in the cgroup that the body is born in, and below it. A test that has moved itself elsewhere has no
/// verdict: at its end it shows where it is.
///
/// Sizes: a number is bytes; `K M G T` and `KiB MiB GiB TiB` are powers of 1024, `kB MB GB TB` powers of
/// 1000. Durations: `us`, `ms`, `s`, `min`, `h`. Both take decimals: `"1.5G"`, `"0.5s"`.
///
/// # Ending
///
/// `expect = oom | timeout | exit(3) | signal(SIGSEGV)`: this ending passes and every other one fails,
/// success included.
///
/// ```
/// # use harness::isolated;
/// #[isolated(pid, mem = "16M", expect = oom)]
/// fn is_killed_for_its_memory() {
///     std::hint::black_box(vec![1_u8; 64 << 20]);
/// }
/// ```
///
/// # Policy
///
/// `leaks = fail | warn | allow`: what becomes of a test that leaves processes behind (they are killed in
/// any case; with `pid1` they are seen where the test function comes back, and not behind an exit or a signal, with
/// which the kernel kills them). `unsupported = fail | skip`: what becomes of it on a machine that cannot run it; without it,
/// `HARNESS_UNSUPPORTED` decides, and nothing is skipped that `HARNESS_REQUIRE` names.
///
/// # Other test attributes
///
/// `#[test]` is emitted when no test attribute is there. `#[test]`, `#[should_panic]`, `#[ignore]`,
/// `#[tokio::test]`, `#[rstest]`, `#[test_case]`, `proptest!`, `#[test_log::test]` and the like compose in any
/// order: fixtures and arguments are evaluated in the guest. Two orders cannot work and are compile
/// errors that say what to write: `#[serial]` above `#[isolated]` (the lock would be taken in the guest),
/// and `#[rstest] #[isolated] #[case(..)]` (rstest would give us to that case only).
///
/// A test attribute above this one is found by reading the source. One with a name of its own (not `test`,
/// `rstest`, `test_case`, `test_matrix`, `quickcheck`, `gtest` or `parameterized`) whose `#[test]`
/// does not show would make the test run twice: import it `as test`. A test that is left to another attribute which
/// then makes none is a compile error (except where another crate's macro wrote the function: rustc says nothing of
/// those).
#[proc_macro_attribute]
pub fn isolated(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::isolated(args.into(), item.into()).into()
}
