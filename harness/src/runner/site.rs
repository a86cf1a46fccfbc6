//! What the runner makes ready for a guest's root, and clears away: the layers of `rootfs = "..."`, unpacked, and a
//! directory for `upper = "disk"`.

use std::path::{Path, PathBuf};
#[cfg(feature = "images")]
use std::sync::Arc;

use crate::error::SetupError;
#[cfg(feature = "images")]
use crate::image::{Image, Source, source};
use crate::plan::{self, FromImage, Ground};
use crate::rootfs::upper;
use crate::spec::{Rootfs, Spec, Upper};

/// There as long as the guest may use it.
#[derive(Debug, Default)]
pub(crate) struct Site {
    layers: Vec<PathBuf>,
    image: Option<FromImage>,
    upper: Option<upper::Upper>,
    /// Keeps the layers in the cache.
    #[cfg(feature = "images")]
    _held: Option<Arc<Image>>,
}

impl Site {
    /// # Errors
    /// What could not be made.
    pub(crate) fn prepare(spec: &Spec<'_>) -> Result<Self, SetupError> {
        let mut site = match spec.rootfs {
            Some(Rootfs::Source(source)) => Self::of(spec, source)?,
            Some(Rootfs::Host) | None => Self::default(),
        };
        if spec.upper == Upper::Disk && spec.rootfs.is_some() {
            site.upper = Some(upper::Upper::make()?);
        }
        Ok(site)
    }

    /// A plain directory is a layer as it is.
    fn of_directory(path: &Path) -> Self {
        Self { layers: vec![path.to_owned()], ..Self::default() }
    }

    #[cfg(not(feature = "images"))]
    fn of(spec: &Spec<'_>, source: &str) -> Result<Self, SetupError> {
        use crate::error::{Cause, Object, Step};
        let path = plan::absolute(spec, source);
        if path.is_file() || path.join("oci-layout").exists() || crate::spec::is_reference(source) {
            let reason = crate::render::without_images();
            return Err(SetupError {
                step: Step::UseImage,
                object: Object::Path(source.into()),
                cause: Cause::Refused { reason },
            });
        }
        Ok(Self::of_directory(&path))
    }

    #[cfg(feature = "images")]
    fn of(spec: &Spec<'_>, given: &str) -> Result<Self, SetupError> {
        let path = plan::absolute(spec, given);
        let source = if crate::spec::is_reference(given) {
            Source::Registry(given)
        } else if !path.exists() && !given.contains('#') || is_plain(&path)? {
            // What is not there is named by the step that opens it.
            return Ok(Self::of_directory(&path));
        } else {
            Source::Path(&path)
        };
        let image = crate::image::obtain(&source)?;
        for layer in image.layers.iter().filter(|layer| !layer.left_out.is_empty()) {
            eprintln!("{}", crate::render::image::left_out(given, &layer.left_out, layer.more_left_out));
        }
        Ok(Self {
            layers: image.layers.iter().map(|layer| layer.directory.clone()).collect(),
            image: Some(from_image(&image)),
            upper: None,
            _held: Some(image),
        })
    }

    pub(crate) fn ground(&self) -> Ground {
        let upper = self.upper.as_ref().map(|upper| upper.path.clone());
        Ground { layers: self.layers.clone(), upper: upper.unwrap_or_default() }
    }

    /// What an image says of programs; a directory says nothing.
    pub(crate) fn image(&self) -> Option<&FromImage> {
        self.image.as_ref()
    }

    /// What dead runners left and we could not remove.
    pub(crate) fn unswept(&mut self) -> Vec<SetupError> {
        self.upper.as_mut().map(|upper| std::mem::take(&mut upper.unswept)).unwrap_or_default()
    }

    /// # Errors
    /// What could not be removed.
    pub(crate) fn clear(self) -> Result<(), SetupError> {
        self.upper.map_or(Ok(()), upper::Upper::remove)
    }
}

#[cfg(feature = "images")]
fn is_plain(path: &Path) -> Result<bool, SetupError> {
    Ok(matches!(source::kind(path)?, source::Kind::Directory))
}

#[cfg(feature = "images")]
fn from_image(image: &Image) -> FromImage {
    let words = |words: &[String]| words.iter().map(Into::into).collect();
    let config = &image.config;
    FromImage {
        environment: config.env.clone(),
        workdir: config.workdir.clone(),
        uid: config.user.as_ref().map(|user| user.uid),
        gid: config.user.as_ref().map(|user| user.gid),
        groups: config.user.as_ref().map(|user| user.groups.clone()).unwrap_or_default(),
        home: config.home.clone(),
        entrypoint: words(&config.entrypoint),
        command: words(&config.command),
    }
}
