//! What an image says about the programs in it.

use std::ffi::OsString;
use std::path::PathBuf;

use super::digest::Digest;
use super::error::Reason;
use super::fault::Fault;
use super::json::{self, Json};
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
    let value = json::parse(bytes)?;
    let json = Json::of(&value);
    let platform = Platform::read(&json)?;
    let rootfs = json.need("rootfs")?;
    let diff_ids = rootfs.need("diff_ids")?.list()?;
    let diff_ids = diff_ids.iter().map(|id| id.text()?.parse()).collect::<Result<_, Reason>>()?;
    let mut written = Written { platform, diff_ids, config: Config::default(), user: None };
    if let Some(json) = json.get("config") {
        written.user = json.word("User")?.filter(|user| !user.is_empty());
        written.config = of_programs(&json)?;
    }
    Ok(written)
}

fn of_programs(json: &Json<'_>) -> Result<Config, Reason> {
    let env = json.get("Env").map_or(Ok(Vec::new()), |env| env.list())?;
    let workdir = json.word("WorkingDir")?.filter(|path| !path.is_empty());
    Ok(Config {
        env: env.iter().map(variable).collect::<Result<_, _>>()?,
        // A relative one is so from the root (`WORKDIR app`).
        workdir: workdir.map(|path| PathBuf::from("/").join(path)),
        user: None,
        home: None,
        entrypoint: json.texts("Entrypoint")?,
        command: json.texts("Cmd")?,
    })
}

/// `NAME=VALUE`.
fn variable(json: &Json<'_>) -> Result<(OsString, OsString), Reason> {
    let text = json.text()?;
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err(json.not("is not `NAME=VALUE`")),
    }
}

/// As many layers as checksums.
pub(crate) fn same_count(layers: usize, diff_ids: usize) -> Result<(), Reason> {
    if layers == diff_ids { Ok(()) } else { Err(Fault::DiffIds { layers, diff_ids }.into()) }
}
