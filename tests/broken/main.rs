//! Bad input and broken machines: one clear error that names step, object, errno and remedy, and nothing
//! left behind (which every run of a twin checks).

#![cfg(test)]

mod cgroups;
mod error;
mod input;
mod kernel;
mod leaf;
mod runner;
mod surroundings;
