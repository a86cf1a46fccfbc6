//! The environments.

use harness_tests::place::Place;
use harness_tests::profile::{DOCKER, Refusal};

/// Who runs the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    Root,
    /// Root with what `docker run` leaves it.
    ContainersRoot,
    Nobody,
}

impl User {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::ContainersRoot => "root without CAP_SYS_ADMIN",
            Self::Nobody => "nobody",
        }
    }

    /// The command that runs another one as this user.
    pub(crate) fn command(self) -> &'static [&'static str] {
        match self {
            Self::Root => &["env"],
            Self::ContainersRoot => &[
                "setpriv",
                "--inh-caps=-all",
                "--bounding-set=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,\
                 +net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap",
            ],
            Self::Nobody => harness_tests::users::NOBODY,
        }
    }
}

/// A simulated machine.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) place: Option<Place>,
    pub(crate) refused: &'static [Refusal],
    pub(crate) user: User,
}

impl Environment {
    /// This machine as it is.
    pub(crate) fn plain(user: User) -> Self {
        Self { place: None, refused: &[], user }
    }

    /// With these mounts, made by a shell in a mount namespace.
    pub(crate) fn mounted(script: &str, user: User) -> Self {
        let place = Place::new(&["--mount", "--propagation=private"], script);
        Self { place: Some(place), ..Self::plain(user) }
    }

    /// A container's view of the cgroups: its own are the roots.
    pub(crate) fn own_cgroups(script: &str, user: User) -> Self {
        let place =
            Place::new(&["--cgroup", "--mount", "--propagation=private"], &format!("{CGROUPS}{script}"));
        Self { place: Some(place), ..Self::plain(user) }
    }

    /// As under `sysctl user.max_user_namespaces=0`: a namespace has that limit for itself.
    pub(crate) fn without_user_namespaces(user: User) -> Self {
        let script = "echo 0 >/proc/sys/user/max_user_namespaces";
        let unshare = ["--user", "--mount", "--propagation=private"];
        Self { place: Some(Place::new(&unshare, script)), ..Self::plain(user) }
    }

    /// `docker run` with its defaults.
    pub(crate) fn container(user: User) -> Self {
        let script = format!("{CGROUPS}{MASKED}{READ_ONLY}{DEV}");
        let place = Place::new(&["--cgroup", "--mount", "--propagation=private"], &script);
        Self { place: Some(place), refused: DOCKER, user }
    }
}

/// Mounts each hierarchy anew: its root is the root of the cgroup namespace.
pub(crate) const CGROUPS: &str = r#"
    umount --recursive /sys/fs/cgroup
    if [ "$(cat /proc/self/cgroup | wc -l)" = 1 ]; then
        mount -t cgroup2 none /sys/fs/cgroup
    else
        mount -t tmpfs none /sys/fs/cgroup
        cut -d: -f2 /proc/self/cgroup | while read controllers; do
            case "$controllers" in
                "") name=unified; set -- -t cgroup2;;
                name=*) name=${controllers#name=}; set -- -t cgroup -o "none,$controllers";;
                *) name=$controllers; set -- -t cgroup -o "$controllers";;
            esac
            mkdir "/sys/fs/cgroup/$name"
            mount "$@" none "/sys/fs/cgroup/$name"
        done
    fi
"#;

pub(crate) const NO_CGROUPS: &str = "umount --recursive /sys/fs/cgroup";

pub(crate) const READ_ONLY: &str = r#"
    for point in $(grep -o ' /sys/fs/cgroup[^ ]* ' /proc/self/mountinfo); do
        mount -o remount,bind,ro "$point"
    done
"#;

/// What Docker masks (moby, oci/defaults.go), where it is there.
pub(crate) const MASKED: &str = r#"
    for masked in /proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats \
        /proc/timer_list /proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware
    do
        if [ -d "$masked" ]; then mount -t tmpfs -o ro none "$masked"
        elif [ -e "$masked" ]; then mount --bind /dev/null "$masked"
        fi
    done
    for readonly in /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger; do
        [ -e "$readonly" ] || continue
        mount --bind "$readonly" "$readonly"
        mount -o remount,bind,ro "$readonly"
    done
"#;

/// A container's /dev: no kernel log.
pub(crate) const DEV: &str = r#"
    dev=$(mktemp -d)
    mount -t tmpfs -o mode=755 none "$dev"
    for device in null zero full random urandom tty; do
        touch "$dev/$device"
        mount --bind "/dev/$device" "$dev/$device"
    done
    ln -s /proc/self/fd "$dev/fd"
    mkdir -m 1777 "$dev/shm"
    mount --rbind "$dev" /dev
    umount --recursive "$dev"
    rmdir "$dev"
"#;

/// A kernel log that says nothing, as some containers have it.
pub(crate) const EMPTY_KMSG: &str = "mount --bind /dev/null /dev/kmsg";

pub(crate) const HIDEPID: &str = "mount -t proc -o hidepid=invisible none /proc";
