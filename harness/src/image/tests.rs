//! Images made on the spot, read from everywhere that they may lie; and those that must be refused.

mod build;
mod hostile;
mod sources;
mod streams;
mod users;
