//! Root filesystems from archives and images of every form: what a guest sees of them; and what becomes of what it
//! writes.

#![cfg(test)]

mod changes;
mod configuration;
mod files;
mod forms;
mod merged;
mod upper;
