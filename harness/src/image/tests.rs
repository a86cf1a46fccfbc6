//! Images made on the spot, read from everywhere that they may lie; and those that must be refused.

pub(in crate::image) mod build;
mod hostile;
mod lenient;
mod merged;
mod sources;
mod stacked;
mod streams;
mod users;
