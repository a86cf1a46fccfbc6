//! Makes images: blobs, and the documents that lead to them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::digest::Digest;
use super::super::error::Error;
use super::super::layout::blob_name;
use super::super::platform::Machine;
use super::super::store::Store;
use super::super::{Image, Source, from};

pub(in crate::image) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(in crate::image) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(in crate::image) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(in crate::image) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A tar archive of these files.
pub(in crate::image) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(content.len()).unwrap());
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(in crate::image) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(in crate::image) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 1).unwrap()
}

pub(in crate::image) fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// `{"architecture": ..., "os": "linux"}` of this machine.
pub(in crate::image) fn here() -> Value {
    json!({"architecture": Machine::this().name().trim_start_matches("linux/"), "os": "linux"})
}

/// A layer, packed and not.
pub(in crate::image) struct Packed {
    pub(in crate::image) plain: Vec<u8>,
    pub(in crate::image) packed: Vec<u8>,
    pub(in crate::image) media_type: String,
}

impl Packed {
    pub(in crate::image) fn new(plain: &[u8], pack: fn(&[u8]) -> Vec<u8>, suffix: &str) -> Self {
        Self { packed: pack(plain), plain: plain.to_owned(), media_type: format!("{LAYER}{suffix}") }
    }

    pub(in crate::image) fn tar(plain: &[u8]) -> Self {
        Self::new(plain, <[u8]>::to_vec, "")
    }
}

/// The files of an image, by name.
#[derive(Default)]
pub(in crate::image) struct Files(pub(in crate::image) BTreeMap<String, Vec<u8>>);

impl Files {
    /// A layout with one image of one layer, which has `hello.txt`.
    pub(in crate::image) fn hello() -> Self {
        let mut files = Self::default();
        let image = files.image(&[Packed::tar(&tar(&[("hello.txt", b"hello")]))], &json!({}));
        files.index(&[image]);
        files
    }

    /// Puts a blob, and gives its descriptor.
    pub(in crate::image) fn blob(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes);
        self.0.insert(blob_name(&digest), bytes.to_owned());
        json!({"mediaType": media_type, "digest": digest.to_string(), "size": bytes.len()})
    }

    pub(in crate::image) fn document(&mut self, media_type: &str, document: &Value) -> Value {
        self.blob(media_type, document.to_string().as_bytes())
    }

    /// Puts an image, and gives its descriptor.
    pub(in crate::image) fn image(&mut self, layers: &[Packed], config: &Value) -> Value {
        let diff_ids: Vec<String> = layers.iter().map(|layer| Digest::of(&layer.plain).to_string()).collect();
        let mut whole = here();
        whole["rootfs"] = json!({"type": "layers", "diff_ids": diff_ids});
        whole["config"] = config.clone();
        let config = self.document(CONFIG, &whole);
        let layers: Vec<Value> =
            layers.iter().map(|layer| self.blob(&layer.media_type, &layer.packed)).collect();
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers});
        self.document(MANIFEST, &manifest)
    }

    /// Puts what makes blobs a layout.
    pub(in crate::image) fn index(&mut self, manifests: &[Value]) {
        let index = json!({"schemaVersion": 2, "manifests": manifests});
        self.put("index.json", &index);
        self.put("oci-layout", &json!({"imageLayoutVersion": "1.0.0"}));
    }

    pub(in crate::image) fn put(&mut self, name: &str, document: &Value) {
        self.0.insert(name.to_owned(), document.to_string().into_bytes());
    }

    /// The one blob that parses as JSON and has this field, and its name.
    pub(in crate::image) fn find(&self, field: &str) -> (String, Value) {
        let mut parsed = self.0.iter().filter_map(|(name, bytes)| {
            let value: Value = serde_json::from_slice(bytes).ok()?;
            (name.starts_with("blobs/") && value.get(field).is_some()).then(|| (name.clone(), value))
        });
        parsed.next_back().unwrap()
    }

    /// Replaces the manifest and what leads to it.
    pub(in crate::image) fn with_manifest(&mut self, change: impl FnOnce(&mut Value)) {
        let (name, mut manifest) = self.find("layers");
        self.0.remove(&name);
        change(&mut manifest);
        let descriptor = self.document(MANIFEST, &manifest);
        self.index(&[descriptor]);
    }

    /// Replaces the configuration and what leads to it.
    pub(in crate::image) fn with_config(&mut self, change: impl FnOnce(&mut Value)) {
        let (name, mut config) = self.find("rootfs");
        self.0.remove(&name);
        change(&mut config);
        let descriptor = self.document(CONFIG, &config);
        self.with_manifest(|manifest| manifest["config"] = descriptor);
    }

    pub(in crate::image) fn into_directory(self, path: &Path) -> PathBuf {
        for (name, bytes) in self.0 {
            let path = path.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        path.to_owned()
    }

    pub(in crate::image) fn archive(&self) -> Vec<u8> {
        let files: Vec<(&str, &[u8])> =
            self.0.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        tar(&files)
    }
}

/// A place for an image and a cache.
pub(in crate::image) struct Bench {
    directory: tempfile::TempDir,
}

impl Bench {
    pub(in crate::image) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(in crate::image) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(in crate::image) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    pub(in crate::image) fn store(&self) -> Store {
        Store::at(&self.path("cache")).unwrap()
    }

    pub(in crate::image) fn obtain(&self, path: &Path) -> Result<Image, Error> {
        from(&Source::Path(path), &self.store())
    }

    /// Every path in the cache whose name this is.
    pub(in crate::image) fn in_cache(&self, name: &str) -> Vec<PathBuf> {
        fn walk(directory: &Path, name: &str, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                if entry.file_name() == name {
                    found.push(entry.path());
                }
                if entry.file_type().unwrap().is_dir() {
                    walk(&entry.path(), name, found);
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.path("cache"), name, &mut found);
        found
    }
}

/// What the image's topmost layer has under this name.
pub(in crate::image) fn content(image: &Image, name: &str) -> String {
    fs::read_to_string(image.layers.last().unwrap().directory.join(name)).unwrap()
}
