//! Archives and images that cannot be used.

use crate::image::error::Error;

/// `layers.tar: entry ../etc/passwd: ...`.
pub(crate) fn error(error: &Error) -> String {
    format!("{error:?}")
}
