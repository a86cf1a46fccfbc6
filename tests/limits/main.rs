//! Limits and figures, seen from outside the guest and compared with other sources.

#![cfg(test)]

mod enforced;
mod figures;
mod in_force;
mod time;
