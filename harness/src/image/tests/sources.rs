//! One image, from everywhere.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::super::config::Config;
use super::super::error::Reason;
use super::super::fault::Fault;
use super::build::{Bench, Files, INDEX, Packed, content, gzip, here, tar, xz, zstd};

type Pack = fn(&[u8]) -> Vec<u8>;

fn hello() -> Vec<u8> {
    tar(&[("hello.txt", b"hello")])
}

#[test]
fn a_plain_archive_however_it_is_compressed() {
    let bench = Bench::new();
    let packs: [(&str, Pack); 4] = [("tar", <[u8]>::to_vec), ("gzip", gzip), ("zstd", zstd), ("xz", xz)];
    for (name, pack) in packs {
        let image = bench.obtain(&bench.file(name, &pack(&hello()))).unwrap();
        assert_eq!(image.layers.len(), 1, "{name}");
        assert_eq!(content(&image, "hello.txt"), "hello", "{name}");
        assert_eq!(image.config, Config::default(), "{name}");
    }
}

/// While it is read, a build puts another one in its place: neither is ever taken for the other.
#[test]
fn an_archive_that_is_replaced_while_it_is_read() {
    let both = ["one", "two"].map(|text| {
        let large = vec![b'x'; 300_000];
        (text, gzip(&tar(&[("hello.txt", text.as_bytes()), ("large", &large)])))
    });
    let bench = Bench::new();
    let path = bench.file("a.tar.gz", &both[0].1);
    let replace = |archive: &[u8]| fs::rename(bench.file("new", archive), &path).unwrap();
    let stop = AtomicBool::new(false);
    let refused = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                both.iter().for_each(|(_, archive)| replace(archive));
            }
        });
        let found: Vec<_> = (0..200)
            .map(|_| {
                drop(fs::remove_dir_all(bench.path("cache")));
                bench.obtain(&path).map(drop)
            })
            .collect();
        stop.store(true, Ordering::Relaxed);
        found
    });
    for error in refused.into_iter().filter_map(Result::err) {
        assert!(matches!(error.reason, Reason::Fault(Fault::Changed) | Reason::Corrupt(_)), "{error}");
    }
    for (text, archive) in &both {
        replace(archive);
        assert_eq!(content(&bench.obtain(&path).unwrap(), "hello.txt"), *text);
    }
}

#[test]
fn a_layout_with_layers_of_every_kind() {
    let mut files = Files::default();
    let plain = [tar(&[("a", b"0")]), tar(&[("b", b"1")]), tar(&[("hello.txt", b"hello")])];
    let layers = [
        Packed::tar(&plain[0]),
        Packed::new(&plain[1], gzip, "+gzip"),
        Packed::new(&plain[2], zstd, "+zstd"),
    ];
    let image = files.image(&layers, &json!({}));
    files.index(&[image]);
    let archive = files.archive();
    let bench = Bench::new();
    let sources = [
        files.into_directory(&bench.path("layout")),
        bench.file("a.tar", &archive),
        bench.file("a.tar.gz", &gzip(&archive)),
        bench.file("a.tar.zst", &zstd(&archive)),
    ];
    for source in sources {
        let image = bench.obtain(&source).unwrap();
        assert_eq!(image.layers.len(), 3, "{}", source.display());
        assert_eq!(content(&image, "hello.txt"), "hello", "{}", source.display());
    }
    // The same layers, however they came: unpacked once.
    assert_eq!(bench.in_cache("hello.txt").len(), 1);
}

#[test]
fn what_the_image_says_about_programs() {
    let mut files = Files::hello();
    files.with_config(|config| {
        config["config"] = json!({
            "Env": ["PATH=/bin", "EMPTY=", "EQUALS=a=b"], "WorkingDir": "app", "User": "7:8",
            "Entrypoint": ["/bin/sh", "-c"], "Cmd": ["echo hi"], "Labels": null, "Volumes": {"/data": {}},
        });
    });
    let bench = Bench::new();
    let config = bench.obtain(&files.into_directory(&bench.path("layout"))).unwrap().config;
    let env = [("PATH", "/bin"), ("EMPTY", ""), ("EQUALS", "a=b")];
    let env: Vec<(OsString, OsString)> = env.map(|(name, value)| (name.into(), value.into())).into();
    assert_eq!(config.env, env);
    assert_eq!(config.workdir, Some(PathBuf::from("/app")));
    assert_eq!(config.user.map(|user| (user.uid, user.gid)), Some((7, 8)));
    assert_eq!(
        (config.entrypoint, config.command),
        (vec!["/bin/sh".into(), "-c".into()], vec!["echo hi".into()])
    );
}

#[test]
fn null_and_absent_say_nothing() {
    for says in
        [json!(null), json!({"Env": null, "Cmd": null, "Entrypoint": null, "User": "", "WorkingDir": ""})]
    {
        let mut files = Files::hello();
        files.with_config(|config| config["config"] = says.clone());
        let bench = Bench::new();
        let image = bench.obtain(&files.into_directory(&bench.path("layout"))).unwrap();
        assert_eq!(image.config, Config::default(), "{says}");
    }
}

/// Two images with names, one for another machine, and how one of them was built.
fn several() -> Files {
    let mut files = Files::default();
    let mut listed = Vec::new();
    for name in ["debian", "busybox"] {
        let layer = tar(&[("hello.txt", name.as_bytes())]);
        let mut image = files.image(&[Packed::tar(&layer)], &json!({}));
        image["platform"] = here();
        image["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        listed.push(image);
    }
    let foreign = json!({"architecture": "vax", "os": "linux"});
    let unknown = json!({"architecture": "unknown", "os": "unknown"});
    for platform in [foreign, unknown] {
        let mut image = listed[0].clone();
        image["platform"] = platform;
        listed.push(image);
    }
    files.index(&listed);
    files
}

#[test]
fn one_of_several_is_chosen_by_its_name() {
    let bench = Bench::new();
    let layout = several().into_directory(&bench.path("all"));
    for name in ["debian", "busybox"] {
        let image = bench.obtain(&PathBuf::from(format!("{}#{name}", layout.display()))).unwrap();
        assert_eq!(content(&image, "hello.txt"), name);
    }
    let found = bench.obtain(&layout).unwrap_err().reason;
    assert_eq!(found, Fault::Ambiguous(vec!["debian".to_owned(), "busybox".to_owned()]).into());
}

/// As Docker 26 saves two images of one tag.
#[test]
fn an_image_is_called_what_docker_calls_it() {
    let mut files = Files::default();
    let names = ["docker.io/library/debian:12", "docker.io/me/debian:12", "ghcr.io/library/debian:12"];
    let listed = names.map(|name| {
        let mut image = files.image(&[Packed::tar(&tar(&[("hello.txt", name.as_bytes())]))], &json!({}));
        image["annotations"] =
            json!({"io.containerd.image.name": name, "org.opencontainers.image.ref.name": "12"});
        image
    });
    files.index(&listed);
    let bench = Bench::new();
    let layout = files.into_directory(&bench.path("layout"));
    let called = ["debian:12", "me/debian:12", "ghcr.io/library/debian:12"];
    for (name, whole) in called.into_iter().zip(names) {
        for name in [name, whole] {
            let image = bench.obtain(&PathBuf::from(format!("{}#{name}", layout.display()))).unwrap();
            assert_eq!(content(&image, "hello.txt"), whole);
        }
    }
    let several = Fault::Ambiguous(called.map(str::to_owned).into());
    for given in [layout.clone(), PathBuf::from(format!("{}#12", layout.display()))] {
        assert_eq!(bench.obtain(&given).unwrap_err().reason, several.clone().into());
    }
}

#[test]
fn an_index_in_an_index_and_the_best_variant() {
    let mut files = Files::default();
    let mut listed = Vec::new();
    for (name, variant) in [("plain", Value::Null), ("far", json!("v99"))] {
        let layer = tar(&[("hello.txt", name.as_bytes())]);
        let mut image = files.image(&[Packed::tar(&layer)], &json!({}));
        image["platform"] = here();
        image["platform"]["variant"] = variant;
        listed.push(image);
    }
    let inner = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed});
    let inner = files.document(INDEX, &inner);
    // Under two names, and still one image.
    files.index(&[inner.clone(), inner]);
    let bench = Bench::new();
    let image = bench.obtain(&files.into_directory(&bench.path("layout"))).unwrap();
    assert_eq!(content(&image, "hello.txt"), "plain");
}

/// The old form; the second layer is a link to the first, as Docker made them of equal layers.
fn saved(with_link: bool) -> Vec<u8> {
    let layer = hello();
    let diff_id = super::super::digest::Digest::of(&layer).to_string();
    let mut config = here();
    config["rootfs"] = json!({"type": "layers", "diff_ids": [diff_id, diff_id]});
    config["config"] = json!({"Env": ["A=b"]});
    let config = config.to_string().into_bytes();
    let config_name = format!("{}.json", super::super::digest::Digest::of(&config).hex());
    let names = ["aa", "bb"].map(|byte| format!("{}/layer.tar", byte.repeat(32)));
    let list = json!([{"Config": config_name, "RepoTags": ["x:latest"], "Layers": names}]);
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(bytes.len()).unwrap());
        builder.append_data(&mut header, name, bytes).unwrap();
    };
    add(&config_name, &config);
    add(&names[0], &layer);
    if !with_link {
        add(&names[1], &layer);
    }
    add("manifest.json", list.to_string().as_bytes());
    if with_link {
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_entry_type(tar::EntryType::Symlink);
        builder.append_link(&mut header, &names[1], format!("../{}", names[0])).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn what_docker_save_writes() {
    let bench = Bench::new();
    for with_link in [false, true] {
        let archive = saved(with_link);
        for (name, bytes) in [("saved.tar", archive.clone()), ("saved.tar.gz", gzip(&archive))] {
            let path = bench.file(name, &bytes);
            let named = PathBuf::from(format!("{}#x:latest", path.display()));
            for path in [path, named] {
                let image = bench.obtain(&path).unwrap();
                assert_eq!(image.layers.len(), 2);
                assert_eq!(content(&image, "hello.txt"), "hello");
                assert_eq!(image.config.env, [("A".into(), "b".into())]);
            }
        }
    }
    let other = PathBuf::from(format!("{}#y", bench.path("saved.tar").display()));
    let found = bench.obtain(&other).unwrap_err().reason;
    let wanted = Fault::NoSuchName { wanted: "y".to_owned(), found: vec!["x:latest".to_owned()] };
    assert_eq!(found, Reason::Fault(wanted));
}
