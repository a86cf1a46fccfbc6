//! Values that are paths: the root filesystem, mounts, the working directory.

use super::value::{Read, Value};
use crate::guess::did_you_mean;
use crate::units;
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use std::path::Path;
use syn::Expr;
use syn::spanned::Spanned;

#[derive(Debug)]
pub(crate) enum Rootfs {
    Host,
    /// A string literal, or an expression of type `&'static str`.
    Source(TokenStream),
}

#[derive(Debug)]
pub(crate) struct Bind {
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) readonly: bool,
}

#[derive(Debug)]
pub(crate) struct Tmpfs {
    pub(crate) target: String,
    pub(crate) size: Option<u64>,
}

const REGISTRY: &str = "oci://";

impl Value<'_> {
    pub(super) fn absolute_path(&self) -> Read<String> {
        let path = self.string()?;
        self.absolute(&path)
    }

    /// `..` would leave the new root while it is being built.
    fn absolute(&self, path: &str) -> Read<String> {
        if !path.starts_with('/') {
            return Err(self.wrong(format!("`{path}` is not an absolute path")));
        }
        if path.split('/').any(|part| part == "..") {
            return Err(self.wrong(format!("`{path}` has a `..`")));
        }
        Ok(path.to_owned())
    }

    /// Where something is mounted, written as it is written mostly. Nobody would see what covers the root.
    fn mount_point(&self, path: &str) -> Read<String> {
        let path = self.absolute(path)?;
        let parts: Vec<_> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if parts.is_empty() {
            return Err(self.wrong(format!("`{path}` is the root itself, which nothing can be mounted over")));
        }
        Ok(format!("/{}", parts.join("/")))
    }

    pub(super) fn bind(&self, earlier: &[Bind]) -> Read<Bind> {
        let text = self.string()?;
        let parts: Vec<_> = text.split(':').collect();
        let (source, target, readonly) = match parts[..] {
            [source, target] => (source, target, false),
            [source, target, "ro"] => (source, target, true),
            [_, _, option] => {
                return Err(self.wrong(format!("there is no option `{option}`, only `ro`")));
            }
            [_] => return Err(self.wrong(format!("`{text}` has no `:DST`"))),
            _ => return Err(self.wrong(format!("`{text}` has too many `:`"))),
        };
        if source.is_empty() {
            return Err(self.wrong(format!("`{text}` has no source")));
        }
        let target = self.mount_point(target)?;
        self.not_twice(&target, earlier.iter().map(|bind| &*bind.target))?;
        Ok(Bind { source: source.to_owned(), target, readonly })
    }

    pub(super) fn tmpfs(&self, earlier: &[Tmpfs]) -> Read<Tmpfs> {
        let text = self.string()?;
        let (target, size) = match text.split_once(':') {
            Some((target, size)) => (target, Some(self.checked(units::size(size))?)),
            None => (&*text, None),
        };
        if size == Some(0) {
            return Err(self.wrong("a size of 0 means unlimited to the kernel"));
        }
        let target = self.mount_point(target)?;
        self.not_twice(&target, earlier.iter().map(|tmpfs| &*tmpfs.target))?;
        Ok(Tmpfs { target, size })
    }

    fn not_twice<'a>(&self, target: &str, mut earlier: impl Iterator<Item = &'a str>) -> Read<()> {
        if earlier.any(|known| known == target) {
            return Err(self.wrong(format!("`{target}` is mounted twice")));
        }
        Ok(())
    }

    /// Literals are looked at; what another expression names, only the running test can tell.
    pub(super) fn rootfs(&self) -> Read<Rootfs> {
        let expr = self.expr;
        if !matches!(expr, Expr::Lit(_) | Expr::Unary(_)) {
            return Ok(Rootfs::Source(quote!(#expr)));
        }
        let source = self.string()?;
        if let Some(reference) = source.strip_prefix(REGISTRY) {
            self.checked(reference_is_whole(reference))?;
            self.checked(has_feature(cfg!(feature = "registry"), "registry"))?;
        } else if let Some((scheme, _)) = source.split_once("://") {
            return Err(self.wrong(format!("there is no `{scheme}://`, only `{REGISTRY}`")));
        } else if Path::new(&source).is_relative() {
            let is_directory = self.checked(exists_in_crate(&source))?;
            self.checked(has_feature(is_directory || cfg!(feature = "images"), "images"))?;
        }
        Ok(Rootfs::Source(quote!(#source)))
    }

    pub(super) fn upper(&self) -> Read<Ident> {
        let word = self.string()?;
        match &*word {
            "tmpfs" | "disk" | "copy" => Ok(Ident::new(&word, self.expr.span())),
            other => {
                let guess = did_you_mean(other, ["tmpfs", "disk", "copy"]);
                Err(self.wrong(format!("there is no `{other}`{guess}")))
            }
        }
    }
}

fn reference_is_whole(reference: &str) -> Result<(), String> {
    match reference.split_once('/') {
        Some((host, repository)) if !host.is_empty() && !repository.is_empty() => Ok(()),
        _ => Err(format!("`{REGISTRY}{reference}` is no `{REGISTRY}HOST/REPOSITORY[:TAG]`")),
    }
}

fn has_feature(has: bool, name: &str) -> Result<(), String> {
    let how = format!("isolated-harness = {{ version = \"*\", features = [\"{name}\"] }}");
    if has { Ok(()) } else { Err(format!("this needs the feature `{name}`: `{how}`")) }
}

/// Relative paths start at the crate and are there when it compiles; absolute ones are the business of the
/// machine that runs the test. Whether it is a directory; one of an image's files behind a `#` is not.
fn exists_in_crate(path: &str) -> Result<bool, String> {
    let Some(crate_dir) = std::env::var_os("CARGO_MANIFEST_DIR") else {
        return Ok(true);
    };
    let place = Path::new(&crate_dir).join(path);
    let found = std::fs::metadata(&place);
    if let (Err(_), Some((image, _))) = (&found, path.rsplit_once('#')) {
        return exists_in_crate(image).map(|_| false);
    }
    match found {
        Ok(found) => Ok(found.is_dir() && !place.join("oci-layout").exists()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(format!("there is no `{path}` beside this crate's Cargo.toml"))
        }
        Err(error) => Err(format!("`{path}`: {error}")),
    }
}
