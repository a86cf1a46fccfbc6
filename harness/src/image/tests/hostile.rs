//! Images that must be refused: each with one error, that names the image, the file in it and the reason; and
//! nothing of them is in the cache.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use super::super::digest::Digest;
use super::super::layout::blob_name;
use super::super::platform::Machine;
use super::build::{Bench, CONFIG, Files, INDEX, MANIFEST, Packed, gzip, tar, zstd};

/// The errors, one for a line, with what differs from machine to machine taken out.
#[derive(Default)]
struct Refusals(String);

impl Refusals {
    /// The image must be refused, and none of its content may be in the cache.
    fn add(&mut self, case: &str, bench: &Bench, path: &Path) {
        let error = bench.obtain(path).map(drop).expect_err(case).to_string();
        assert_eq!(bench.in_cache("hello.txt"), Vec::<std::path::PathBuf>::new(), "{case}");
        let text = error.replace(&path.display().to_string(), "IMAGE");
        let text = text.replace(&Machine::this().name(), "linux/HERE");
        writeln!(self.0, "{case}\n    {}", numbered(&text)).unwrap();
    }

    fn directory(&mut self, case: &str, files: Files) {
        let bench = Bench::new();
        let path = files.into_directory(&bench.path("layout"));
        self.add(case, &bench, &path);
    }

    fn archive(&mut self, case: &str, bytes: &[u8]) {
        let bench = Bench::new();
        let path = bench.file("image.tar", bytes);
        self.add(case, &bench, &path);
    }
}

/// Digests by the order in which they come.
fn numbered(text: &str) -> String {
    let is_hex = |part: &&str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut numbers = BTreeMap::new();
    let parts = text.split(|char: char| !char.is_ascii_alphanumeric());
    for part in parts.filter(is_hex).filter(|part| part.bytes().any(|byte| byte != b'0')) {
        let next = numbers.len() + 1;
        numbers.entry(part).or_insert(next);
    }
    numbers.iter().fold(text.to_owned(), |text, (hex, number)| text.replace(hex, &format!("<{number}>")))
}

fn hello() -> Packed {
    Packed::tar(&tar(&[("hello.txt", b"hello")]))
}

/// Changes the bytes of the blob that the manifest calls its layer.
fn with_layer(change: impl FnOnce(&mut Vec<u8>)) -> Files {
    let mut files = Files::default();
    let plain = tar(&[("hello.txt", b"hello")]);
    let image = files.image(&[Packed::new(&plain, gzip, "+gzip")], &json!({}));
    files.index(&[image]);
    let name = blob_name(&files.find("layers").1["layers"][0]["digest"].as_str().unwrap().parse().unwrap());
    change(files.0.get_mut(&name).unwrap());
    files
}

#[test]
fn blobs_that_are_not_what_they_should_be() {
    let mut refusals = Refusals::default();
    refusals.directory("a byte of the layer", with_layer(|layer| *layer.last_mut().unwrap() ^= 1));
    refusals.directory("another byte of the layer", with_layer(|layer| layer[20] ^= 0x40));
    refusals.directory("the layer is cut", with_layer(|layer| layer.truncate(40)));
    refusals.directory("the layer is longer", with_layer(|layer| layer.push(0)));
    for field in ["layers", "rootfs"] {
        let mut files = Files::hello();
        let (name, _) = files.find(field);
        let blob = files.0.get_mut(&name).unwrap();
        let last = blob.len() - 1;
        blob[last] = b' ';
        refusals.directory(&format!("a byte of the document with {field}"), files);
        let mut files = Files::hello();
        let (name, _) = files.find(field);
        files.0.remove(&name);
        refusals.directory(&format!("no document with {field}"), files);
    }
    let mut files = Files::hello();
    let layer = files.find("layers").1["layers"][0]["digest"].as_str().unwrap().parse().unwrap();
    files.0.remove(&blob_name(&layer));
    refusals.directory("no layer", files);
    let mut files = Files::hello();
    files.with_config(|config| config["rootfs"]["diff_ids"][0] = json!(Digest::of(b"x").to_string()));
    refusals.directory("another diff_id", files);
    let mut files = Files::hello();
    files.with_manifest(|manifest| manifest["layers"][0]["size"] = json!(1));
    refusals.directory("the size lies", files);
    let mut cut = Files::hello().archive();
    cut.truncate(cut.len() - 1536);
    refusals.archive("the archive is cut", &cut);
    insta::assert_snapshot!(refusals.0);
}

#[test]
fn documents_that_say_what_cannot_be() {
    let mut refusals = Refusals::default();
    let mut manifest = |case: &str, change: &dyn Fn(&mut Value)| {
        let mut files = Files::hello();
        files.with_manifest(change);
        refusals.directory(case, files);
    };
    let layer =
        |name: &'static str| move |manifest: &mut Value| manifest["layers"][0]["mediaType"] = json!(name);
    manifest("schema 1", &|manifest| *manifest = json!({"schemaVersion": 1, "fsLayers": []}));
    manifest("schema 3", &|manifest| manifest["schemaVersion"] = json!(3));
    manifest("not an object", &|manifest| *manifest = json!([1, 2]));
    manifest("no layers", &|manifest| manifest["layers"] = json!([]));
    manifest("no schema", &|manifest| *manifest = json!({"layers": []}));
    manifest("a layer without a size", &|manifest| manifest["layers"][0]["size"] = json!(null));
    manifest("a layer with half of a platform", &|manifest| {
        manifest["layers"][0]["platform"] = json!({"os": "linux"});
    });
    manifest("layers is absent", &|manifest| manifest["layers"] = json!(null));
    manifest("too many layers", &|manifest| {
        manifest["layers"] = Value::Array(vec![manifest["layers"][0].clone(); 501]);
    });
    manifest("more layers than diff_ids", &|manifest| {
        manifest["layers"] = Value::Array(vec![manifest["layers"][0].clone(); 2]);
    });
    manifest("an index as well", &|manifest| manifest["manifests"] = json!([]));
    manifest("calls itself an index", &|manifest| manifest["mediaType"] = json!(INDEX));
    manifest("a layer of another type", &layer("application/vnd.cncf.helm.chart.content.v1.tar+gzip"));
    manifest("a foreign layer", &layer("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"));
    manifest("a layer for some", &layer("application/vnd.oci.image.layer.nondistributable.v1.tar"));
    manifest("an artifact", &|manifest| manifest["config"]["mediaType"] = json!("application/x"));
    manifest("sha512", &|manifest| {
        manifest["config"]["digest"] = json!(format!("sha512:{}", "0".repeat(128)));
    });
    manifest("half a digest", &|manifest| manifest["config"]["digest"] = json!("sha256:00"));
    manifest("a digest that is a path", &|manifest| {
        manifest["layers"][0]["digest"] = json!(format!("sha256:{}", "../".repeat(22)));
    });
    manifest("a size below zero", &|manifest| manifest["layers"][0]["size"] = json!(-1));
    manifest("a size of text", &|manifest| manifest["config"]["size"] = json!("1"));

    manifest("a size of much text", &|manifest| manifest["config"]["size"] = json!("1".repeat(1 << 20)));

    let mut config = |case: &str, change: &dyn Fn(&mut Value)| {
        let mut files = Files::hello();
        files.with_config(change);
        refusals.directory(case, files);
    };
    config("no rootfs", &|config| config["rootfs"] = json!(null));
    config("no diff_ids", &|config| config["rootfs"]["diff_ids"] = json!([]));
    config("another architecture", &|config| config["architecture"] = json!("vax"));
    config("another system", &|config| config["os"] = json!("windows"));
    config("a variable without =", &|config| config["config"]["Env"] = json!(["A=b", "C"]));
    config("a NUL", &|config| config["config"]["Env"] = json!(["A=b\0c"]));
    config("a directory with a NUL", &|config| config["config"]["WorkingDir"] = json!("/a\0b"));
    config("a command with a NUL", &|config| config["config"]["Cmd"] = json!(["a", "\0"]));
    config("a user with a NUL", &|config| config["config"]["User"] = json!("0\0"));
    config("a diff_id that is none", &|config| config["rootfs"]["diff_ids"] = json!(["sha256:00"]));
    config("a command of text", &|config| config["config"]["Cmd"] = json!("sh -c x"));
    insta::assert_snapshot!(refusals.0);
}

#[test]
fn users_that_are_not_in_the_image() {
    let mut text = String::new();
    for user in ["nobody", "0:wheel", "a:b:c"] {
        let mut files = Files::hello();
        files.with_config(|config| config["config"]["User"] = json!(user));
        let bench = Bench::new();
        let path = files.into_directory(&bench.path("layout"));
        let error = bench.obtain(&path).map(drop).expect_err(user).to_string();
        writeln!(text, "{}", error.replace(&path.display().to_string(), "IMAGE")).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn indexes_that_lead_nowhere() {
    let mut refusals = Refusals::default();
    let mut index = |case: &str, manifests: &dyn Fn(&mut Files) -> Vec<Value>| {
        let mut files = Files::hello();
        let manifests = manifests(&mut files);
        files.index(&manifests);
        refusals.directory(case, files);
    };
    index("an empty index", &|_| vec![]);
    index("no image for this machine", &|files| {
        let image = files.image(&[hello()], &json!({}));
        let with = |os: &str, architecture: &str| {
            let mut image = image.clone();
            image["platform"] = json!({"os": os, "architecture": architecture});
            image
        };
        vec![with("linux", "vax"), with("windows", "amd64"), with("unknown", "unknown")]
    });
    index("schema 1", &|files| {
        vec![files.document("application/vnd.docker.distribution.manifest.v1+prettyjws", &json!({}))]
    });
    index("a blob of another type", &|files| vec![files.blob("text/html", b"<html>")]);
    index("indexes in indexes", &|files| {
        let image = files.image(&[hello()], &json!({}));
        let within = |inner: Value| json!({"schemaVersion": 2, "manifests": [inner]});
        let first = files.document(INDEX, &within(image));
        vec![(0..5).fold(first, |inner, _| files.document(INDEX, &within(inner)))]
    });
    // The digest of a document that names itself cannot be right.
    index("an index that contains itself", &|files| {
        let own = Digest::of(b"");
        let inner = json!({"mediaType": INDEX, "digest": own.to_string(), "size": 200});
        let mut bytes = json!({"schemaVersion": 2, "manifests": [inner]}).to_string().into_bytes();
        bytes.resize(200, b' ');
        files.0.insert(blob_name(&own), bytes);
        vec![inner]
    });
    index("two thousand images", &|files| vec![files.document("application/x", &json!({})); 2_000]);
    let mut files = Files::hello();
    files.put("oci-layout", &json!({"imageLayoutVersion": "2.0.0"}));
    refusals.directory("a layout of another version", files);
    let mut files = Files::hello();
    files.0.remove("index.json");
    refusals.directory("no index.json", files);
    insta::assert_snapshot!(refusals.0);
}

#[test]
fn documents_that_are_no_documents() {
    let mut refusals = Refusals::default();
    let mut manifest = |case: &str, bytes: &[u8]| {
        let mut files = Files::hello();
        let descriptor = files.blob(MANIFEST, bytes);
        files.index(&[descriptor]);
        refusals.directory(case, files);
    };
    manifest("a manifest that is no JSON", b"<html>");
    manifest("a manifest that goes on", br#"{"schemaVersion": 2"#);
    manifest("a manifest in a list", br#"[2, null, null, {}, []]"#);
    let twice = br#"{"schemaVersion": 2, "config": {}, "layers": [], "layers": []}"#;
    manifest("a manifest with its layers twice", twice);
    let key = json!({"schemaVersion": 2, "annotations": {"\u{1b}[2J": 1}}).to_string();
    manifest("a manifest whose key is not for a terminal", key.as_bytes());
    manifest("a manifest of 10 MB", &vec![b' '; 10_000_000]);
    let mut files = Files::hello();
    let config = files.blob(CONFIG, b"\x7fELF");
    files.with_manifest(|manifest| manifest["config"] = config);
    refusals.directory("a configuration that is no JSON", files);
    let mut files = Files::hello();
    files.0.insert("oci-layout".to_owned(), b"1.0.0\n{".to_vec());
    refusals.directory("a layout whose version is no JSON", files);
    insta::assert_snapshot!(refusals.0);
}

#[test]
fn files_that_lead_out_of_the_image() {
    let mut refusals = Refusals::default();
    let mut link = |case: &str, target: &dyn Fn(&Bench, &Path) -> std::path::PathBuf| {
        let bench = Bench::new();
        let layout = Files::hello().into_directory(&bench.path("layout"));
        let (name, _) = Files::hello().find("layers");
        let blob = layout.join(name);
        let target = target(&bench, &blob);
        std::fs::rename(&blob, bench.path("outside")).unwrap();
        symlink(target, &blob).unwrap();
        refusals.add(case, &bench, &layout);
    };
    link("a blob that is a link to the outside", &|_, _| "../../../outside".into());
    link("an absolute link", &|bench, _| bench.path("outside"));
    link("a link to itself", &|_, blob| blob.file_name().unwrap().into());
    link("a link to a directory", &|_, _| "..".into());
    insta::assert_snapshot!(refusals.0);
}

#[test]
fn docker_archives_that_are_wrong() {
    let mut refusals = Refusals::default();
    let mut saved = |case: &str, layers: Value, extra: &[(&str, &[u8])], link: Option<&str>| {
        let layer = hello().packed;
        let mut config = super::build::here();
        config["rootfs"] = json!({"type": "layers", "diff_ids": [Digest::of(&layer).to_string()]});
        let list = json!([{"Config": "blobs/config", "RepoTags": null, "Layers": layers}]).to_string();
        let config = config.to_string();
        let files: [(&str, &[u8]); 3] = [
            ("blobs/config", config.as_bytes()),
            ("blobs/layer", &layer),
            ("manifest.json", list.as_bytes()),
        ];
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in files.iter().chain(extra) {
            let mut header = tar::Header::new_gnu();
            header.set_size(u64::try_from(bytes.len()).unwrap());
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
        if let Some(target) = link {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            builder.append_link(&mut header, "blobs/link", target).unwrap();
        }
        refusals.archive(case, &builder.into_inner().unwrap());
    };
    saved("a layer above", json!(["../x"]), &[], None);
    saved("an absolute layer", json!(["/etc/passwd"]), &[], None);
    saved("a layer by detours", json!(["blobs/../../x"]), &[], None);
    saved("a layer that is missing", json!(["blobs/none"]), &[], None);
    saved("a layer that is a link to the outside", json!(["blobs/link"]), &[], Some("../../etc/passwd"));
    saved("a layer that is an absolute link", json!(["blobs/link"]), &[], Some("/etc/passwd"));
    saved("a layer that is a link to itself", json!(["blobs/link"]), &[], Some("link"));
    saved("no layers", json!([]), &[], None);
    saved("more layers than diff_ids", json!(["blobs/layer", "blobs/layer"]), &[], None);
    saved("a layer with a NUL", json!(["blobs/layer\0"]), &[], None);
    saved("layers of numbers", json!([1]), &[], None);
    saved("a file twice", json!(["blobs/layer"]), &[("blobs/layer", b"x")], None);
    saved("another layer than its diff_id", json!(["blobs/other"]), &[("blobs/other", &tar(&[]))], None);
    refusals.archive("an empty list", &tar(&[("manifest.json", b"[]")]));
    refusals.archive("no list", &tar(&[("repositories", b"{}")]));
    refusals.archive("a list of something", &tar(&[("manifest.json", b"[{\"Layers\": []}]")]));
    refusals.archive("a list that is an object", &tar(&[("manifest.json", b"{}")]));
    refusals.archive("a configuration whose name lies", &{
        let name = format!("{}.json", "0".repeat(64));
        let list = json!([{"Config": name, "Layers": ["x"]}]).to_string();
        tar(&[(&name, b"{}"), ("manifest.json", list.as_bytes())])
    });
    insta::assert_snapshot!(refusals.0);
}

#[test]
fn files_that_are_no_archives() {
    let mut refusals = Refusals::default();
    refusals.archive("empty", b"");
    refusals.archive("zip", b"PK\x03\x04 and so on");
    refusals.archive("bzip2", b"BZh91AY");
    refusals.archive("text", b"hello");
    refusals.archive("gzip of text", &gzip(b"hello"));
    refusals.archive("gzip that is cut", &gzip(&tar(&[("hello.txt", b"hello")]))[..40]);
    refusals.archive("zstd that is cut", &zstd(&tar(&[("hello.txt", b"hello")]))[..30]);
    let whole = gzip(&Files::hello().archive());
    refusals.archive("an image that is cut, in gzip", &whole[..whole.len() / 2]);
    refusals.archive("a bomb that looks like an image", &zstd(&tar(&[("blobs/x", &vec![0; 80 << 20])])));
    let bench = Bench::new();
    std::fs::create_dir(bench.path("plain")).unwrap();
    refusals.add("a directory", &bench, &bench.path("plain"));
    refusals.add("nothing", &bench, &bench.path("nothing"));
    refusals.add("a device", &bench, Path::new("/dev/null"));
    insta::assert_snapshot!(refusals.0);
}
