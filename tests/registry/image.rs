//! An image to fill a registry with: an OCI layout, put together with tar and sha256sum.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// Writes the layout of an image that says hello.
pub(crate) fn write(layout: &Path) {
    write_with(layout, &[("hello.txt", b"hello")]);
}

/// Writes the layout of an image with one layer of these files.
pub(crate) fn write_with(layout: &Path, files: &[(&str, &[u8])]) {
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let content = tempfile::tempdir().unwrap();
    let mut tar = Command::new("tar");
    tar.args(["-c", "-C"]).arg(content.path());
    for (name, bytes) in files {
        fs::write(content.path().join(name), bytes).unwrap();
        tar.arg(name);
    }
    let tar = tar.output().unwrap();
    assert!(tar.status.success());
    let layer = blob(&blobs, "application/vnd.oci.image.layer.v1.tar", &tar.stdout);
    let config = json!({
        "architecture": architecture(), "os": "linux", "config": {"Env": ["A=b"]},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    });
    let config = blob(&blobs, "application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    let document = json!({"schemaVersion": 2, "mediaType": manifest, "config": config, "layers": [layer]});
    let manifest = blob(&blobs, manifest, document.to_string().as_bytes());
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#).unwrap();
}

/// As Go calls it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn blob(blobs: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let path = blobs.join("new");
    fs::write(&path, bytes).unwrap();
    let sum = Command::new("sha256sum").arg(&path).output().unwrap();
    let text = String::from_utf8(sum.stdout).unwrap();
    let hex = text.split(' ').next().unwrap();
    fs::rename(&path, blobs.join(hex)).unwrap();
    json!({"mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len()})
}
