//! setrlimit(2) and getrlimit(2), with every resource of Linux (nix leaves some out).

use nix::errno::Errno;

use crate::spec::Resource;

/// Sets soft and hard limit; `None` is unlimited.
///
/// The hard limit of CPU time is a second more: at the soft one the kernel sends SIGXCPU, at the hard one
/// SIGKILL, and where both are the same the process would never learn why.
pub(crate) fn set(resource: Resource, value: Option<u64>) -> Result<(), Errno> {
    let soft = value.unwrap_or(libc::RLIM_INFINITY);
    let hard = if resource == Resource::Cpu { soft.saturating_add(1) } else { soft };
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: `limit` is valid for reading.
    let result = unsafe { libc::setrlimit(number(resource), &raw const limit) };
    Errno::result(result).map(drop)
}

/// The soft limit; `None` is unlimited.
pub(crate) fn get(resource: Resource) -> Result<Option<u64>, Errno> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for writing.
    let result = unsafe { libc::getrlimit(number(resource), &raw mut limit) };
    Errno::result(result)?;
    Ok((limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur))
}

/// glibc and musl disagree on the type of the number.
#[cfg(target_env = "gnu")]
type Number = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Number = libc::c_int;

fn number(resource: Resource) -> Number {
    match resource {
        Resource::As => libc::RLIMIT_AS,
        Resource::Core => libc::RLIMIT_CORE,
        Resource::Cpu => libc::RLIMIT_CPU,
        Resource::Data => libc::RLIMIT_DATA,
        Resource::Fsize => libc::RLIMIT_FSIZE,
        Resource::Locks => libc::RLIMIT_LOCKS,
        Resource::Memlock => libc::RLIMIT_MEMLOCK,
        Resource::Msgqueue => libc::RLIMIT_MSGQUEUE,
        Resource::Nice => libc::RLIMIT_NICE,
        Resource::Nofile => libc::RLIMIT_NOFILE,
        Resource::Nproc => libc::RLIMIT_NPROC,
        Resource::Rss => libc::RLIMIT_RSS,
        Resource::Rtprio => libc::RLIMIT_RTPRIO,
        Resource::Rttime => libc::RLIMIT_RTTIME,
        Resource::Sigpending => libc::RLIMIT_SIGPENDING,
        Resource::Stack => libc::RLIMIT_STACK,
    }
}
