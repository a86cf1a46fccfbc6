//! What an image says about the programs in it.

use std::ffi::OsString;
use std::path::PathBuf;

use oci_spec::image as oci;

use super::digest::Digest;
use super::error::Reason;
use super::fault::Fault;
use super::json;
use super::platform::Platform;
use super::user::User;

/// What an image says about the programs in it. An archive that is no image says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Config {
    /// In the image's order; of two with one name the last counts.
    pub(crate) env: Vec<(OsString, OsString)>,
    /// Absolute.
    pub(crate) workdir: Option<PathBuf>,
    pub(crate) user: Option<User>,
    /// The user's, or root's where none is named.
    pub(crate) home: Option<PathBuf>,
    pub(crate) entrypoint: Vec<String>,
    pub(crate) command: Vec<String>,
}

/// An image's configuration as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) platform: Platform,
    /// The checksums of the layers, uncompressed, the lowest first.
    pub(crate) diff_ids: Vec<Digest>,
    /// All but the user, who has a name perhaps.
    pub(crate) config: Config,
    pub(crate) user: Option<String>,
}

/// Reads an image's configuration, in OCI's form or Docker's, which say the same.
pub(crate) fn read(bytes: &[u8]) -> Result<Written, Reason> {
    let written: oci::ImageConfiguration = json::object(bytes)?;
    let diff_ids = written.rootfs().diff_ids().iter().map(|id| id.parse());
    let programs = written.config().clone().unwrap_or_default();
    Ok(Written {
        platform: Platform::new(written.os(), written.architecture(), written.variant()),
        diff_ids: diff_ids.collect::<Result<_, Reason>>()?,
        user: word("config.User", programs.user())?,
        config: of_programs(&programs)?,
    })
}

fn of_programs(written: &oci::Config) -> Result<Config, Reason> {
    let env = texts("config.Env", written.env())?;
    let workdir = word("config.WorkingDir", written.working_dir())?;
    Ok(Config {
        env: env.iter().enumerate().map(variable).collect::<Result<_, _>>()?,
        // A relative one is so from the root (`WORKDIR app`).
        workdir: workdir.map(|path| PathBuf::from("/").join(path)),
        user: None,
        home: None,
        entrypoint: texts("config.Entrypoint", written.entrypoint())?,
        command: texts("config.Cmd", written.cmd())?,
    })
}

/// An empty one says nothing.
fn word(name: &str, written: &Option<String>) -> Result<Option<String>, Reason> {
    written.iter().try_for_each(|text| json::without_nul(name, text))?;
    Ok(written.clone().filter(|text| !text.is_empty()))
}

fn texts(name: &str, written: &Option<Vec<String>>) -> Result<Vec<String>, Reason> {
    let texts = written.clone().unwrap_or_default();
    json::all_without_nul(name, &texts).map(|()| texts)
}

/// `NAME=VALUE`.
fn variable((place, text): (usize, &String)) -> Result<(OsString, OsString), Reason> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err(json::field(&format!("config.Env[{place}]"), "not `NAME=VALUE`")),
    }
}

/// As many layers as checksums.
pub(crate) fn same_count(layers: usize, diff_ids: usize) -> Result<(), Reason> {
    if layers == diff_ids { Ok(()) } else { Err(Fault::DiffIds { layers, diff_ids }.into()) }
}
