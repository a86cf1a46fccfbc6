//! `harness doctor`: the table agrees with what tests meet, on machines of several kinds; its formats and
//! exit codes; nothing is left behind (each run is looked at by `Twin::run`).

mod command;
mod table;
mod truth;
