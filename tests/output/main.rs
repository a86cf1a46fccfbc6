//! What a guest writes arrives, in order, while it runs, and in bounded memory.

#![cfg(test)]

mod arrives;
mod bounded;
mod held;
