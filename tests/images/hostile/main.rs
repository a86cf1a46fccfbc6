//! The unpacker meets archives that no honest writer makes: each is refused with one error, and leaves nothing; what
//! only looks like them is unpacked.

#![cfg(test)]

mod accepted;
mod archive;
mod cache;
mod killed;
mod mutated;
mod refused;
mod surroundings;
