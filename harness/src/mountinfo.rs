//! /proc/self/mountinfo as data (proc_pid_mountinfo(5)); no I/O. Who reads it: rootfs/ for the mounts of the
//! host, cgroup/ for where the hierarchies are.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// What of the filesystem is shown; not `/` for a bind mount of a part.
    pub(crate) root: PathBuf,
    /// Where.
    pub(crate) point: PathBuf,
    /// `ext4`, `cgroup2`, ...
    pub(crate) filesystem: String,
    /// The filesystem's own options, separated by commas.
    pub(crate) options: String,
}

/// Every line that is one; the kernel writes no others.
pub(crate) fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// id, parent, major:minor, root, mount point, options, optional fields, "-", type, source, super options
fn line(line: &[u8]) -> Option<Mount> {
    // The source may be the empty string.
    let mut fields = line.split(|byte| *byte == b' ');
    let (root, point) = (unescape(fields.nth(3)?).into(), unescape(fields.next()?).into());
    let filesystem = text(fields.by_ref().skip_while(|field| *field != b"-").nth(1)?);
    let options = text(fields.nth(1)?);
    Some(Mount { root, point, filesystem, options })
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}

/// Blank, tab, newline and backslash are written as `\040` and the like.
fn unescape(field: &[u8]) -> OsString {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        let code = (first == b'\\').then(|| tail.get(..3).and_then(octal)).flatten();
        plain.push(code.unwrap_or(first));
        rest = if code.is_some() { &tail[3..] } else { tail };
    }
    OsString::from_vec(plain)
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_gives_root_point_filesystem_and_options() {
        let info =
            b"36 35 98:0 /x /ho\\040me rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n\
                     41 31 0:38 / /u rw - cgroup2 cgroup2 rw\ngarbage\n1 2 3\n";
        let mounts = parse(info);
        assert_eq!(mounts.len(), 2, "{mounts:?}");
        let home = Mount {
            root: "/x".into(),
            point: "/ho me".into(),
            filesystem: "ext3".into(),
            options: "rw,errors=continue".into(),
        };
        assert_eq!(mounts[0], home);
        assert_eq!(mounts[1].filesystem, "cgroup2");
    }

    #[test]
    fn a_mount_may_have_no_source() {
        let mounts = parse(b"41 31 0:38 / /m rw,relatime - tmpfs  rw,size=4k\n");
        assert_eq!((mounts[0].point.as_path(), mounts[0].options.as_str()), ("/m".as_ref(), "rw,size=4k"));
    }

    #[test]
    fn octal_escapes() {
        for (field, plain) in
            [("/a\\040b", "/a b"), ("/a\\134b", "/a\\b"), ("/a\\", "/a\\"), ("/\\9x", "/\\9x")]
        {
            assert_eq!(unescape(field.as_bytes()), OsString::from(plain), "{field}");
        }
    }
}
