//! What the integration tests share.
//!
//! A promise is tested where it is made, by a test under `#[isolated]`, and by a *twin*: a test that must
//! fail, or that is run under changed conditions. Twins live in a test binary of their own (`twins`) that
//! nothing runs but [`twin::Twin`], which looks at it from outside.

pub mod build;
pub mod checks;
pub mod fixture;
pub mod gate;
pub mod machine;
pub mod outside;
pub mod pen;
pub mod place;
pub mod prebuilt;
pub mod profile;

pub mod root;
pub mod sandbox;
pub mod skip;
pub mod sys;
pub mod twin;
pub mod users;

pub use fixture::fixture;
