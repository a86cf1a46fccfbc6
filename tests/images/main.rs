//! Root filesystems from archives and images of every form: what a guest sees of them.

#![cfg(test)]

mod configuration;
mod forms;
mod merged;
