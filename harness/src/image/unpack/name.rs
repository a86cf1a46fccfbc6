//! The names of an archive, judged before anything is done: each is one below the root, or is refused.

use super::super::error::{BadName, Reason};
use super::limits;

/// A path below the root, without `.`, `..` and double slashes; empty for the root itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Name(Vec<u8>);

impl Name {
    /// The name as the archive has it.
    pub(super) fn parse(raw: &[u8]) -> Result<Self, Reason> {
        let bad = match raw {
            [] => Some(BadName::Empty),
            [b'/', ..] => Some(BadName::Absolute),
            raw if raw.contains(&0) => Some(BadName::Nul),
            _ => None,
        };
        if let Some(bad) = bad {
            return Err(Reason::Name(bad));
        }
        let mut parts = Vec::new();
        for part in raw.split(|byte| *byte == b'/').filter(|part| !matches!(part, [] | [b'.'])) {
            parts.push(component(part)?);
        }
        within_bounds(raw, &parts)?;
        Ok(Self(parts.join(&b'/')))
    }

    /// A path that the kernel gave us.
    pub(super) fn known(path: &[u8]) -> Self {
        Self(path.to_owned())
    }

    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The directory that it lies in, and its last component.
    pub(super) fn split(&self) -> (&[u8], &[u8]) {
        split(&self.0)
    }

    /// The directories that it lies in, the nearest first, without the root.
    pub(super) fn above(&self) -> impl Iterator<Item = Self> + use<'_> {
        let parents = std::iter::successors(Some(self.split().0), |path| Some(split(path).0));
        parents.take_while(|path| !path.is_empty()).map(Self::known)
    }

    pub(super) fn child(parent: &[u8], last: &[u8]) -> Self {
        Self(if parent.is_empty() { last.to_owned() } else { [parent, last].join(&b'/') })
    }
}

pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    path.iter().rposition(|byte| *byte == b'/').map_or((&[], path), |at| (&path[..at], &path[at + 1..]))
}

fn component(part: &[u8]) -> Result<&[u8], Reason> {
    if part == b".." {
        return Err(Reason::Name(BadName::Upwards));
    }
    bounded(part, limits::NAME).map(|()| part)
}

/// Whether the text is not longer than that.
pub(super) fn bounded(text: &[u8], limit: u64) -> Result<(), Reason> {
    let length = length(text);
    if length > limit { Err(Reason::TooLong { length, limit }) } else { Ok(()) }
}

fn within_bounds(raw: &[u8], parts: &[&[u8]]) -> Result<(), Reason> {
    let depth = length(parts);
    if depth > limits::DEPTH {
        return Err(Reason::TooDeep { depth, limit: limits::DEPTH });
    }
    bounded(raw, limits::PATH)
}

pub(super) fn length<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names() {
        for (raw, name) in
            [("a", "a"), ("./a", "a"), ("a//b/./c", "a/b/c"), ("a/", "a"), (".", ""), ("./", "")]
        {
            assert_eq!(Name::parse(raw.as_bytes()), Ok(Name(name.into())));
        }
        assert_eq!(Name::parse(b"a/\xff").map(|name| name.0), Ok(b"a/\xff".to_vec()));
        // Not dots alone.
        assert!(Name::parse(b"...").is_ok_and(|name| !name.is_root()));
    }

    #[test]
    fn others() {
        for (raw, bad) in [
            ("", BadName::Empty),
            ("/", BadName::Absolute),
            ("/etc", BadName::Absolute),
            ("..", BadName::Upwards),
            ("a/../b", BadName::Upwards),
            ("a/..", BadName::Upwards),
            ("a\0b", BadName::Nul),
        ] {
            assert_eq!(Name::parse(raw.as_bytes()), Err(Reason::Name(bad)), "{raw}");
        }
        let name = Name::parse(&[b'a'; 256]);
        assert_eq!(name, Err(Reason::TooLong { length: 256, limit: 255 }));
        assert!(matches!(Name::parse(&b"a/".repeat(257)), Err(Reason::TooDeep { depth: 257, .. })));
        assert!(matches!(
            Name::parse(&[&[b'a'; 200][..], b"/"].concat().repeat(25)),
            Err(Reason::TooLong { .. })
        ));
    }

    #[test]
    fn parts() {
        assert_eq!(split(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
        assert_eq!(split(b"a"), (&b""[..], &b"a"[..]));
        assert_eq!(Name::child(b"", b"a"), Name::known(b"a"));
        assert_eq!(Name::child(b"a", b"b"), Name::known(b"a/b"));
    }
}
