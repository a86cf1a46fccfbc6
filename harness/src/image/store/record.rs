//! What is known of a layer beside its files.

use std::fs;
use std::path::Path;

use nix::errno::Errno;
use serde_json::{Value, json};

use super::super::error::Reason;
use super::super::unpack::{LeftOut, Unpacked};

/// The name of the layer's root.
pub(super) const TREE: &str = "tree";
const NAME: &str = "record";

/// Of what an unpacked layer is. Another number whenever the same archive is unpacked to another tree: what older
/// versions have left is not used then.
const FORMAT: u64 = 2;

pub(super) fn write(directory: &Path, unpacked: &Unpacked) -> Result<(), Reason> {
    let pair = |one: &LeftOut| json!([one.entry, one.what]);
    let left_out: Vec<_> = unpacked.left_out.iter().map(pair).collect();
    let record = json!({ "format": FORMAT, "bytes": unpacked.bytes, "left_out": left_out, "more": unpacked.more, "implied": unpacked.implied });
    let path = directory.join(NAME);
    fs::write(&path, record.to_string()).map_err(|error| Reason::io(&path, &error))
}

pub(super) fn read(directory: &Path) -> Result<Unpacked, Reason> {
    let path = directory.join(NAME);
    let text = fs::read_to_string(&path).map_err(|error| Reason::io(&path, &error))?;
    parse(&text).ok_or_else(|| Reason::errno(&path, Errno::EINVAL))
}

/// Whether there is one of this format.
pub(super) fn is_good(directory: &Path) -> bool {
    read(directory).is_ok()
}

fn parse(text: &str) -> Option<Unpacked> {
    let record: Value = serde_json::from_str(text).ok()?;
    if record["format"] != FORMAT {
        return None;
    }
    let one = |pair: &Value| {
        let text = |at: usize| pair[at].as_str().map(str::to_owned);
        Some(LeftOut { entry: text(0)?, what: text(1)? })
    };
    let left_out = record["left_out"].as_array()?.iter().map(one).collect::<Option<_>>()?;
    let [bytes, more] = ["bytes", "more"].map(|key| record[key].as_u64());
    Some(Unpacked { bytes: bytes?, left_out, more: more?, implied: record["implied"].as_bool()? })
}
