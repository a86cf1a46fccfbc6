//! `harness pull`: an image, into the cache before a test asks for it.

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cache;
use crate::image::digest::Digest;
use crate::image::error::{Error, Reason};
use crate::image::registry::{self, Watch};
use crate::image::store::Store;
use crate::render;

/// Fetches an image from a registry into the cache, unpacks it and prints its digest
///
/// Tests find it there: by digest without a network, by tag with HARNESS_OFFLINE=1. Passwords are those of `docker
/// login`, or HARNESS_REGISTRY_USER and HARNESS_REGISTRY_PASSWORD for the one host in HARNESS_REGISTRY. Plain HTTP is
/// spoken to this machine only; SSL_CERT_FILE names certificates to trust.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The image: oci://HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]
    #[arg(value_name = "REF")]
    reference: String,
    /// The directory of the cache; without it, as for `harness clean`
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    match pull(arguments) {
        Ok(digest) => super::print(&format!("{digest}\n")),
        Err(error) => {
            super::complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn pull(arguments: &Arguments) -> Result<Digest, Error> {
    let cache = arguments.cache.clone().or_else(cache::of_project);
    let store = Store::at(&cache.ok_or_else(|| Error::new("harness pull", Reason::NoCache))?)?;
    let (digest, _image) = registry::pull(&arguments.reference, &store, Rc::new(Bar::default()))?;
    Ok(digest)
}

/// A bar for each blob, on stderr, where that is a terminal.
#[derive(Debug, Default)]
struct Bar(RefCell<Option<ProgressBar>>);

impl Watch for Bar {
    fn begins(&self, digest: &Digest, size: u64, there: u64) {
        let bar = ProgressBar::new(size).with_message(render::short_digest(digest)).with_position(there);
        let style = ProgressStyle::with_template(render::PROGRESS);
        *self.0.borrow_mut() = Some(style.map_or(bar.clone(), |style| bar.with_style(style)));
    }

    fn passes(&self, bytes: u64) {
        self.0.borrow().iter().for_each(|bar| bar.inc(bytes));
    }

    fn ends(&self) {
        self.0.borrow().iter().for_each(ProgressBar::finish);
    }
}
