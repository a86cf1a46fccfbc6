//! Archives and images that cannot be used.

use crate::image::error::{Error, Reason};

/// `layers.tar: entry ../etc/passwd: ...`.
pub(crate) fn error(error: &Error) -> String {
    let entry = error.entry.as_ref().map(|e| format!(": {}", String::from_utf8_lossy(e))).unwrap_or_default();
    let reason = match &error.reason {
        Reason::Fault(fault) => super::fault::fault(fault),
        other => format!("{other:?}"),
    };
    format!("{}{entry}: {reason}", error.archive)
}
