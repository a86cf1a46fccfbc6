//! One cgroup leaf for each run.
