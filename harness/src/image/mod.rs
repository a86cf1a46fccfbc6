//! Root filesystems from archives and images: every layer is unpacked once, into a cache that all runners share.

pub(crate) mod digest;
pub(crate) mod error;
pub(crate) mod size;
pub(crate) mod store;
pub(crate) mod unpack;
