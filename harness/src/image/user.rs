//! The user that an image's programs run as: `User` of its configuration, looked up in the image's own
//! /etc/passwd and /etc/group, never in the host's.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::{Error, Reason};
use super::fault::{AtPlace, Fault, Where};
use super::look_up::look_up;
use super::store::Layer;
use crate::rootfs::lower::{Directory, Entry};

/// A user of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The other groups that /etc/group has the user in; none where the image names the group.
    pub(crate) groups: Vec<u32>,
    /// As /etc/passwd has it.
    pub(crate) home: Option<PathBuf>,
}

/// Larger ones are no tables of users.
const TABLE: u64 = 16 << 20;

/// `uid`, `uid:gid`, `name`, `name:group`, and mixtures. A number needs no entry; without one its group is 0.
pub(crate) fn resolve(text: &str, layers: &[Layer], place: Where<'_>) -> Result<User, Error> {
    let passwd = table(layers, "etc/passwd", place)?;
    let group = table(layers, "etc/group", place)?;
    find(text, &passwd, &group).at(place)
}

/// A file of the image; empty if there is none.
fn table(layers: &[Layer], name: &str, place: Where<'_>) -> Result<String, Error> {
    let root = Directory::root(layers.iter().rev().map(|layer| layer.directory.clone()));
    let Some(path) = file(&root, Path::new(name)).at(place)? else { return Ok(String::new()) };
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(TABLE).read_to_end(&mut bytes));
    read.map_err(|error| Reason::io(&path, &error)).at(place)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Where the file lies on the host; none if the image has none.
pub(super) fn file(root: &Directory, name: &Path) -> Result<Option<PathBuf>, Reason> {
    let found = look_up(root, name).map_err(|error| Reason::io(name, &error))?;
    Ok(found.and_then(|(_, entry)| match entry {
        Entry::Other { path, metadata } if metadata.is_file() => Some(path),
        _ => None,
    }))
}

fn find(text: &str, passwd: &str, groups: &str) -> Result<User, Fault> {
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    if user.is_empty() || group.is_some_and(|group| group.is_empty() || group.contains(':')) {
        return Err(Fault::UserText(text.to_owned()));
    }
    let entry = rows(passwd, 6).find(|row| row[0] == user).or_else(|| {
        let uid = id(user)?;
        rows(passwd, 6).find(|row| id(row[2]) == Some(uid))
    });
    let uid = match &entry {
        Some(row) => id(row[2]),
        None => id(user),
    };
    let uid = uid.ok_or_else(|| Fault::NoSuchUser(user.to_owned()))?;
    let own = entry.as_ref().and_then(|row| id(row[3])).unwrap_or(0);
    let home = entry.as_ref().map(|row| row[5]).filter(|home| home.starts_with('/')).map(PathBuf::from);
    let (gid, others) = match group {
        Some(group) => (gid_of(group, groups)?, Vec::new()),
        None => (own, entry.as_ref().map_or_else(Vec::new, |row| member_of(row[0], groups))),
    };
    Ok(User { uid, gid, groups: others, home })
}

fn gid_of(name: &str, groups: &str) -> Result<u32, Fault> {
    let entry = rows(groups, 3).find(|row| row[0] == name);
    let gid = entry.map_or_else(|| id(name), |row| id(row[2]));
    gid.ok_or_else(|| Fault::NoSuchGroup(name.to_owned()))
}

fn member_of(user: &str, groups: &str) -> Vec<u32> {
    let has = |row: &Vec<&str>| row.get(3).is_some_and(|members| members.split(',').any(|name| name == user));
    rows(groups, 3).filter(has).filter_map(|row| id(row[2])).collect()
}

/// Digits alone, and not 4294967295: to setresuid(2) that means "as it is", which is root.
fn id(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| is_number && *id != u32::MAX)
}

/// The lines that have so many fields at least.
fn rows(table: &str, least: usize) -> impl Iterator<Item = Vec<&str>> {
    table.lines().map(|line| line.split(':').collect::<Vec<_>>()).filter(move |row| row.len() >= least)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n# a comment\nbroken:x\nweb:x:33:34::/var/www:/bin/sh\n\
                          1000:x:7:8::/odd:/bin/sh\nfar:x:4294967294:4294967294::/:/bin/sh\nbad:x:no:1::/:\n\
                          none:x:4294967295:1::/:\n";
    const GROUP: &str = "root:x:0:\nweb:x:34:\nlog:x:4:web,other\nadm:x:5:other,web\nnine:x:9:webmaster\nnone:x:4294967295:\n";

    fn user(uid: u32, gid: u32, groups: &[u32], home: &str) -> Result<User, Fault> {
        let home = (!home.is_empty()).then(|| PathBuf::from(home));
        Ok(User { uid, gid, groups: groups.to_vec(), home })
    }

    #[test]
    fn every_form() {
        let cases = [
            ("0", user(0, 0, &[], "/root")),
            ("root", user(0, 0, &[], "/root")),
            ("web", user(33, 34, &[4, 5], "/var/www")),
            ("33", user(33, 34, &[4, 5], "/var/www")),
            ("web:log", user(33, 4, &[], "/var/www")),
            ("web:7", user(33, 7, &[], "/var/www")),
            ("5000", user(5000, 0, &[], "")),
            ("5000:5001", user(5000, 5001, &[], "")),
            ("5000:adm", user(5000, 5, &[], "")),
            // A name made of digits is a name first, as in Docker.
            ("1000", user(7, 8, &[], "/odd")),
            ("4294967294", user(4_294_967_294, 4_294_967_294, &[], "/")),
        ];
        for (text, wanted) in cases {
            assert_eq!(find(text, PASSWD, GROUP), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let cases = [
            ("nobody", Fault::NoSuchUser("nobody".to_owned())),
            ("nobody:web", Fault::NoSuchUser("nobody".to_owned())),
            ("web:wheel", Fault::NoSuchGroup("wheel".to_owned())),
            ("bad", Fault::NoSuchUser("bad".to_owned())),
            ("broken", Fault::NoSuchUser("broken".to_owned())),
            ("4294967296", Fault::NoSuchUser("4294967296".to_owned())),
            ("-1", Fault::NoSuchUser("-1".to_owned())),
            ("+5", Fault::NoSuchUser("+5".to_owned())),
            // To setresuid(2): as it is.
            ("4294967295", Fault::NoSuchUser("4294967295".to_owned())),
            ("none", Fault::NoSuchUser("none".to_owned())),
            ("web:4294967295", Fault::NoSuchGroup("4294967295".to_owned())),
            ("web:none", Fault::NoSuchGroup("none".to_owned())),
            (":web", Fault::UserText(":web".to_owned())),
            ("web:", Fault::UserText("web:".to_owned())),
            ("a:b:c", Fault::UserText("a:b:c".to_owned())),
        ];
        for (text, wanted) in cases {
            assert_eq!(find(text, PASSWD, GROUP), Err(wanted), "{text}");
        }
    }
}
