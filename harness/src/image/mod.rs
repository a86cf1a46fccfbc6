//! Root filesystems from archives and images: every layer is unpacked once, into a cache that all runners share.
#![expect(dead_code, reason = "what reads the sources of images calls it")]

pub(crate) mod digest;
pub(crate) mod error;
pub mod hook;
pub(crate) mod size;
pub(crate) mod store;
pub(crate) mod unpack;
