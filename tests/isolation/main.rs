//! Namespaces, identity and state of a guest.

#![cfg(test)]

mod identity;
mod mapping;
mod namespaces;
mod programs;
mod rlimits;
mod signals;
mod state;
mod without;
