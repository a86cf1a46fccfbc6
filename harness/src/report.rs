//! `HARNESS_REPORT=FILE`: one JSON line for each run.
