//! Documents as the tools of the world write them: with more than is read, with less than the specification wants, with
//! `null` for what is not there.

use serde_json::{Value, json};

use super::super::config::Config;
use super::build::{Bench, Files, Packed, content, gzip, here, tar};

fn has_hello(files: Files, case: &str) -> Config {
    let bench = Bench::new();
    let image = bench.obtain(&files.into_directory(&bench.path("layout"))).expect(case);
    assert_eq!(content(&image, "hello.txt"), "hello", "{case}");
    image.config
}

/// Puts these fields into a document.
fn add(document: &mut Value, fields: Value) {
    let Value::Object(fields) = fields else { panic!("no fields: {fields}") };
    document.as_object_mut().unwrap().extend(fields);
}

#[test]
fn configurations() {
    let docker = json!({
        "container": "c", "container_config": {"Hostname": "h", "Cmd": ["/bin/sh", "-c", "#(nop) CMD"]},
        "created": "2024-01-01T00:00:00Z", "docker_version": "24.0", "id": "i", "parent": null, "author": null,
        "os.version": "1", "variant": "", "throwaway": true,
        "history": [{"created": null, "created_by": "/bin/sh -c #(nop) ADD", "empty_layer": true, "more": 1}],
        "config": {
            "Hostname": "", "Domainname": "", "AttachStdin": false, "Tty": false, "ExposedPorts": {"80/tcp": {}},
            "Env": ["A=b"], "Cmd": null, "ArgsEscaped": true, "Image": "sha256:0", "Volumes": null, "OnBuild": null,
            "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5_000_000}, "Labels": null, "StopSignal": null,
            "WorkingDir": "", "User": "", "Entrypoint": null, "Shell": ["/bin/sh"],
        },
    });
    let buildkit = json!({
        "created": null, "history": null, "moby.buildkit.buildinfo.v1": "e30=", "variant": null,
        "config": {"Env": ["A=b"], "Labels": {"a": "b"}, "Volumes": {"/data": {}}, "ExposedPorts": {}},
    });
    let least = json!({"config": {"Env": ["A=b"]}});
    for (case, fields) in [("docker", docker), ("buildkit", buildkit), ("least", least)] {
        let mut files = Files::hello();
        files.with_config(|config| add(config, fields));
        let found = has_hello(files, case);
        assert_eq!(found, Config { env: vec![("A".into(), "b".into())], ..Config::default() }, "{case}");
    }
}

#[test]
fn indexes_and_manifests() {
    let oci = json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": null, "subject": null,
        "annotations": {"org.opencontainers.image.base.name": "b"}, "more": {"deeper": [null]},
    });
    for (case, fields) in [("oci", oci), ("nulls", json!({"mediaType": null, "annotations": null}))] {
        let mut files = Files::hello();
        files.with_manifest(|manifest| {
            add(&mut manifest["layers"][0], json!({"urls": null, "annotations": null, "platform": null}));
            add(manifest, fields);
        });
        has_hello(files, case);
    }
    let mut files = Files::hello();
    let mut image = files.find("layers").1;
    image["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json");
    image["config"]["mediaType"] = json!("application/vnd.docker.container.image.v1+json");
    image["layers"][0]["mediaType"] = json!("application/vnd.docker.image.rootfs.diff.tar");
    let mut image = files.document("application/vnd.docker.distribution.manifest.v2+json", &image);
    image["platform"] = here();
    add(
        &mut image["platform"],
        json!({"os.version": "1", "os.features": null, "features": ["sse4"], "x": 1}),
    );
    let mut windows = image.clone();
    add(
        &mut windows["platform"],
        json!({"os": "windows", "os.version": "10.0.14393", "os.features": ["win32k"]}),
    );
    let list = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
        "manifests": [windows, image], "config": null, "layers": null,
    });
    files.put("index.json", &list);
    has_hello(files, "docker's list");
}

/// What BuildKit puts beside an image says how it was built; its platform is known to nobody.
#[test]
fn attestations() {
    let mut files = Files::default();
    let layer = Packed::new(&tar(&[("hello.txt", b"hello")]), gzip, "+gzip");
    let image = files.image(&[layer], &json!({}));
    let mut attestation =
        files.document("application/vnd.oci.image.manifest.v1+json", &json!({"schemaVersion": 2}));
    attestation["platform"] = json!({"architecture": "unknown", "os": "unknown"});
    attestation["annotations"] = json!({
        "vnd.docker.reference.digest": image["digest"], "vnd.docker.reference.type": "attestation-manifest",
    });
    files.index(&[image, attestation]);
    has_hello(files, "buildkit");
}
