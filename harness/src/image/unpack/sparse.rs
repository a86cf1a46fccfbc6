//! Files with holes (the GNU tar manual, "Storing Sparse Files"): the old form in the header, and the three forms in
//! PAX records.

use super::super::error::Reason;
use super::limits::EXTENTS;
use super::number;

/// What PAX records about holes begin with.
pub(super) const PREFIX: &[u8] = b"GNU.sparse.";

/// A piece of the file that the archive holds; the rest is holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// A file with holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Map {
    pub(super) extents: Vec<Extent>,
    /// With its holes.
    pub(super) size: u64,
}

/// What the PAX records say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) name: Option<Vec<u8>>,
    size: Option<u64>,
    /// Offsets and lengths, by turns.
    numbers: Vec<u64>,
    is_sparse: bool,
    /// Forms 0.0 and 0.1 say no version.
    major: u64,
    minor: u64,
}

fn lies() -> Reason {
    Reason::Corrupt("its map of holes contradicts itself".to_owned())
}

impl Records {
    /// The record of this name, without the prefix.
    pub(super) fn record(&mut self, key: &[u8], value: &[u8]) -> Result<(), Reason> {
        self.is_sparse = true;
        let decimal = |value| number::decimal("map of holes", value);
        match key {
            b"major" => self.major = decimal(value)?,
            b"minor" => self.minor = decimal(value)?,
            b"name" => self.name = Some(value.to_owned()),
            b"size" | b"realsize" => self.size = Some(decimal(value)?),
            b"map" => {
                self.numbers = value.split(|byte| *byte == b',').map(decimal).collect::<Result<_, _>>()?;
            }
            b"offset" if self.numbers.len().is_multiple_of(2) => self.numbers.push(decimal(value)?),
            b"numbytes" if !self.numbers.len().is_multiple_of(2) => self.numbers.push(decimal(value)?),
            b"offset" | b"numbytes" => return Err(lies()),
            // numblocks: the number of extents, which we count.
            _ => {}
        }
        Ok(())
    }

    /// What they say of a file; `data` is the number of its bytes in the archive, and `blocks` gives the first of
    /// them, which hold the map of form 1.0.
    pub(super) fn map(
        &self,
        data: u64,
        blocks: impl FnMut() -> Result<[u8; 512], Reason>,
    ) -> Result<Option<(Map, u64)>, Reason> {
        if !self.is_sparse {
            return Ok(None);
        }
        let (numbers, taken) = match (self.major, self.minor) {
            (0, _) => (self.numbers.clone(), 0),
            (1, 0) => numbers_of_data(data, blocks)?,
            _ => return Err(Reason::Corrupt("its map of holes has an unknown version".to_owned())),
        };
        let extents = pairs(&numbers)?;
        let map = Map::new(extents, self.size.ok_or_else(lies)?, data.checked_sub(taken).ok_or_else(lies)?)?;
        Ok(Some((map, taken)))
    }
}

fn pairs(numbers: &[u64]) -> Result<Vec<Extent>, Reason> {
    if !numbers.len().is_multiple_of(2) {
        return Err(lies());
    }
    Ok(numbers.chunks_exact(2).map(|pair| Extent { offset: pair[0], length: pair[1] }).collect())
}

/// Form 1.0: the number of extents, then their offsets and lengths, each a line, in whole blocks.
fn numbers_of_data(
    data: u64,
    mut blocks: impl FnMut() -> Result<[u8; 512], Reason>,
) -> Result<(Vec<u64>, u64), Reason> {
    let (mut numbers, mut line, mut taken) = (Vec::new(), Vec::new(), 0);
    let mut wanted = None;
    while wanted.is_none_or(|wanted| numbers.len() < wanted) {
        taken += 512;
        if taken > data {
            return Err(lies());
        }
        for byte in blocks()? {
            match byte {
                b'\n' if wanted.is_none() => wanted = Some(2 * count(&line)?),
                b'\n' => numbers.push(number::decimal("map of holes", &line)?),
                byte => line.push(byte),
            }
            if byte == b'\n' {
                line.clear();
            }
            if line.len() > 20 {
                return Err(lies());
            }
            if wanted == Some(numbers.len()) {
                break;
            }
        }
    }
    Ok((numbers, taken))
}

fn count(line: &[u8]) -> Result<usize, Reason> {
    let count = usize::try_from(number::decimal("map of holes", line)?).unwrap_or(usize::MAX);
    if count > EXTENTS { Err(lies()) } else { Ok(count) }
}

impl Map {
    /// Extents in order, none over another or past the end, that hold all the data there is.
    pub(super) fn new(extents: Vec<Extent>, size: u64, data: u64) -> Result<Self, Reason> {
        let (mut end, mut held) = (0_u64, 0_u64);
        for extent in &extents {
            let is_behind = extent.offset >= end;
            end = extent.offset.checked_add(extent.length).filter(|_| is_behind).ok_or_else(lies)?;
            held = held.checked_add(extent.length).ok_or_else(lies)?;
        }
        if end > size || held != data || extents.len() > EXTENTS {
            return Err(lies());
        }
        Ok(Self { extents, size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(offset: u64, length: u64) -> Extent {
        Extent { offset, length }
    }

    #[test]
    fn a_map_is_consistent() {
        assert!(Map::new(vec![extent(0, 5), extent(10, 5), extent(20, 0)], 20, 10).is_ok());
        for (extents, size, data) in [
            (vec![extent(10, 5), extent(0, 5)], 20, 10),
            (vec![extent(0, 5), extent(4, 5)], 20, 10),
            (vec![extent(0, 5)], 4, 5),
            (vec![extent(0, 5)], 20, 6),
            (vec![extent(u64::MAX, 2)], u64::MAX, 2),
        ] {
            assert!(Map::new(extents.clone(), size, data).is_err(), "{extents:?}");
        }
    }

    #[test]
    fn the_map_in_the_data() {
        let records = |text: &[u8]| {
            let mut records = Records::default();
            for (key, value) in [(&b"major"[..], &b"1"[..]), (b"minor", b"0"), (b"realsize", b"100")] {
                records.record(key, value).unwrap();
            }
            let mut block = [0; 512];
            block[..text.len()].copy_from_slice(text);
            records.map(512 + 7, || Ok(block))
        };
        let map = Map { extents: vec![extent(3, 7)], size: 100 };
        assert_eq!(records(b"1\n3\n7\n"), Ok(Some((map, 512))));
        for lie in [
            &b"1\n3\n8\n"[..],
            b"x\n",
            b"1\n-3\n7\n",
            b"9999999\n",
            b"111111111111111111111111",
            b"1\n99\n7\n",
        ] {
            assert!(records(lie).is_err(), "{}", lie.escape_ascii());
        }
    }
}
