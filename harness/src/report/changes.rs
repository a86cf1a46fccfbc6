//! What the guest wrote to its root, as JSON.

use serde_json::{Value, json};

use super::object;
use crate::rootfs::changes::{Change, ChangeKind};

/// Entries in one line of the report; a guest may write more files than a line should hold.
const MOST: usize = 1_000;

pub(super) fn list(changes: &[Change]) -> Value {
    changes.iter().take(MOST).map(entry).collect()
}

/// How many more there were.
pub(super) fn left_out(changes: &[Change]) -> Option<Value> {
    changes.len().checked_sub(MOST).filter(|more| *more > 0).map(|more| json!(more))
}

fn entry(change: &Change) -> Value {
    let kind = match change.kind {
        ChangeKind::Added => "added",
        ChangeKind::Changed => "changed",
        ChangeKind::Deleted => "deleted",
    };
    Value::Object(object([
        ("path", Some(json!(change.path.to_string_lossy()))),
        ("kind", Some(json!(kind))),
        ("size", change.size.map(|bytes| json!(bytes))),
    ]))
}
