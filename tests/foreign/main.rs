//! A Rust test body in a root filesystem that has no libc of ours, or nothing at all: what works there, and what
//! does not (the attribute's documentation says so, too).

#![cfg(test)]

mod body;
mod coverage;
mod loaded;
mod names;
mod programs;
mod untouched;
