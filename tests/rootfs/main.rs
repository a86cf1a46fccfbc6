//! Root filesystems and mounts: what guests see, and that nothing they do reaches the host.

#![cfg(test)]

mod changes;
mod directory;
mod files;
mod mounts;
mod upper;
mod view;
mod within_user;
