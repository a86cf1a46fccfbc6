//! Root filesystems and mounts: what guests see, and that nothing they do reaches the host.

#![cfg(test)]

mod directory;
mod mounts;
mod view;
mod within_user;
