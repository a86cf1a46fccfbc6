//! The only unsafe code of the crate: one file for each topic, safe functions outwards.
//!
//! Raw descriptors, pids and return codes stop here: callers see `OwnedFd`, [`process::Pid`] and
//! `Result<_, Errno>`. What is safe in `nix` is called from where it is needed, not wrapped again.
#![expect(unsafe_code, reason = "this module is the fence")]

pub(crate) mod body;
pub(crate) mod clone;
pub(crate) mod constructor;
pub(crate) mod credentials;
pub(crate) mod environment;
pub(crate) mod fds;
pub(crate) mod interface;
pub(crate) mod mount;
pub(crate) mod probe;
pub(crate) mod process;
pub(crate) mod rlimit;
pub(crate) mod signals;
pub(crate) mod socket;
pub(crate) mod wait;
pub(crate) mod xattr;
