//! `Sandbox`: programs, each option and each ending, and what must not happen.

#![cfg(test)]

mod endings;
mod errors;
mod options;
mod output;
mod outside;
