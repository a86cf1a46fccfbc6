//! A place where a whole command finds its leaves without any doing: what `harness scope` arranges.
//!
//! The command goes to a child of a cgroup that has its controllers enabled and holds no process itself. Every
//! runner below it then finds the first rung of the ladder: a delegated cgroup right above its own.

use super::domain;
use super::evacuate::{Everybody, Movers, Ourselves};
use super::ladder::{self, Missed, Room};
use super::layout::{Version, detect};
use super::limits::LeafLimits;
use super::mounts::Place;
use crate::error::Unsupported;

/// Why there is no such place.
#[derive(Debug)]
pub(crate) enum NoPlace {
    /// No cgroup can be made here, whoever asks.
    Unsupported(Unsupported),
    /// Each way that was tried.
    Missed(Vec<Missed>),
}

/// Puts this process where the runners that it starts find memory and pids; nothing is to be done where they
/// do so already. With `all`, every process of our cgroup comes along.
pub(crate) fn arrange(all: bool) -> Result<(), NoPlace> {
    let layout = detect().map_err(NoPlace::Unsupported)?;
    let needs = LeafLimits { memory_max: Some(1), pids_max: Some(1), ..LeafLimits::default() };
    let Err(unsupported) = layout.supports(&needs) else { return Ok(()) };
    let v2 = layout.hierarchies.iter().find(|hierarchy| hierarchy.version == Version::V2);
    match v2.and_then(|hierarchy| hierarchy.ladder.as_ref()) {
        Some(place) if !ladder::has_nothing(&place.point) => move_to(place, all).map_err(NoPlace::Missed),
        // v1, where we may not make cgroups.
        _ => Err(NoPlace::Unsupported(unsupported)),
    }
}

fn move_to(place: &Place, all: bool) -> Result<(), Vec<Missed>> {
    let who: &dyn Movers = if all { &Everybody } else { &Ourselves };
    let room = Room { who, name: domain::COMMAND.to_owned(), is_shared: true };
    let mut missed = Vec::new();
    match ladder::emptied(&place.own, &place.point, &room) {
        Ok(_) => return Ok(()),
        Err(miss) => missed.push(miss),
    }
    if ladder::runs_systemd() {
        match ladder::in_scope(std::process::id().cast_signed(), &room) {
            Ok(_) => return Ok(()),
            Err(miss) => missed.push(miss),
        }
    }
    Err(missed)
}
