//! What the runner makes ready for a guest's root, and clears away: the directories of `rootfs = "..."`, and one for
//! `upper = "disk"`.

use std::path::PathBuf;

use crate::error::SetupError;
use crate::plan::{self, FromImage, Ground};
use crate::rootfs::upper;
use crate::spec::{Rootfs, Spec, Upper};

/// There as long as the guest may use it.
#[derive(Debug)]
pub(crate) struct Site {
    layers: Vec<PathBuf>,
    image: Option<FromImage>,
    upper: Option<upper::Upper>,
}

impl Site {
    /// # Errors
    /// What could not be made.
    pub(crate) fn prepare(spec: &Spec<'_>) -> Result<Self, SetupError> {
        let layers = match spec.rootfs {
            Some(Rootfs::Source(path)) => vec![plan::absolute(spec, path)],
            Some(Rootfs::Host) | None => Vec::new(),
        };
        let is_used = spec.upper == Upper::Disk && spec.rootfs.is_some();
        let upper = is_used.then(upper::Upper::make).transpose()?;
        Ok(Self { layers, image: None, upper })
    }

    pub(crate) fn ground(&self) -> Ground {
        let upper = self.upper.as_ref().map(|upper| upper.path.clone());
        Ground { layers: self.layers.clone(), upper: upper.unwrap_or_default() }
    }

    /// What an image says of programs; a directory says nothing.
    pub(crate) fn image(&self) -> Option<&FromImage> {
        self.image.as_ref()
    }

    /// # Errors
    /// What could not be removed.
    pub(crate) fn clear(self) -> Result<(), SetupError> {
        self.upper.map_or(Ok(()), upper::Upper::remove)
    }
}
