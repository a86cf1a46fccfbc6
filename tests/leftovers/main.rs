//! Nothing is left: of runs that end in every way, and of runners that are killed.

#![cfg(test)]

mod after_a_kill;
mod after_runs;
