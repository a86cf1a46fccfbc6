//! Every line that a user reads.
use crate::error::SetupError;
/// Skeleton.
pub(crate) fn setup_error(error: &SetupError) -> String {
    error.step.text().to_owned()
}
