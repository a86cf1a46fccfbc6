//! The runtimes of the Open Container Initiative, with a bundle that asks for what our row asks for.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::turns::{Row, command, words, works};

/// A row for this runtime, where it is installed and can run here.
pub(crate) fn row(runtime: &str, busybox: &Path, scratch: &Path) -> Option<Row> {
    if !works(&format!("{runtime} --version")) {
        return None;
    }
    let bundle = scratch.join(runtime);
    fs::create_dir(&bundle).expect("a directory");
    fs::write(bundle.join("config.json"), config(busybox).to_string()).expect("a file");
    // Neither makes a cgroup: crun would refuse a hybrid machine.
    let options = if runtime == "crun" { " --cgroup-manager=disabled" } else { "" };
    let line =
        format!("{runtime}{options} --root {0}/state run --bundle {0} harness-bench", bundle.display());
    let runs = works(&line);
    if !runs {
        eprintln!("{runtime} cannot run here: {line}");
    }
    runs.then(|| {
        Row::new(
            &format!("`{runtime} run`, the same namespaces, busybox read-only, `true`"),
            command(words(&line)),
        )
    })
}

/// The runtime specification's config.json: no cgroup, network or user namespace, no seccomp, few mounts.
fn config(busybox: &Path) -> Value {
    let namespaces = ["pid", "uts", "ipc", "mount"].map(|name| json!({"type": name}));
    json!({
        "ociVersion": "1.0.2",
        "root": {"path": busybox, "readonly": true},
        "process": {
            "user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/bin/true"], "env": ["PATH=/bin"], "terminal": false,
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "mode=1777"]},
            {"destination": "/sys", "type": "none", "source": "/sys", "options": ["rbind", "ro"]},
        ],
        "linux": {"namespaces": namespaces},
    })
}
