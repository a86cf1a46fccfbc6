//! Archives made by hand, block by block: also such as no writer would write.

/// The bytes of an archive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Archive(Vec<u8>);

/// A header, its fields as they are to stand there.
#[derive(Debug, Clone)]
pub(crate) struct Header(pub(crate) [u8; 512]);

impl Header {
    /// A header of this type, in the format of ustar.
    pub(crate) fn new(kind: u8, name: &[u8]) -> Self {
        let mut header = Self([0; 512]);
        header.put(0, &name[..name.len().min(100)]);
        header.put(100, b"0000755\0").put(108, b"0000000\0").put(116, b"0000000\0");
        header.put(124, b"00000000000\0").put(136, b"14000000000\0");
        header.0[156] = kind;
        header.put(257, b"ustar\x0000").put(329, b"0000000\0").put(337, b"0000000\0");
        header
    }

    /// Overwrites some bytes.
    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) -> &mut Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    pub(crate) fn size(&mut self, size: usize) -> &mut Self {
        self.put(124, format!("{size:011o}\0").as_bytes())
    }

    pub(crate) fn link(&mut self, target: &[u8]) -> &mut Self {
        self.put(157, target)
    }

    pub(crate) fn mode(&mut self, mode: u32) -> &mut Self {
        self.put(100, format!("{mode:07o}\0").as_bytes())
    }

    fn summed(&self) -> [u8; 512] {
        let mut bytes = self.0;
        bytes[148..156].copy_from_slice(b"        ");
        let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
        bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes
    }
}

impl Archive {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Bytes as they are.
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A header with its checksum.
    pub(crate) fn header(self, header: &Header) -> Self {
        self.raw(&header.summed())
    }

    /// Data, filled up to whole blocks.
    pub(crate) fn data(self, data: &[u8]) -> Self {
        self.raw(data).raw(&vec![0; data.len().next_multiple_of(512) - data.len()])
    }

    pub(crate) fn file(self, name: &str, data: &str) -> Self {
        self.typed(b'0', name.as_bytes(), data.as_bytes())
    }

    pub(crate) fn typed(self, kind: u8, name: &[u8], data: &[u8]) -> Self {
        let mut header = Header::new(kind, name);
        self.header(header.size(data.len())).data(data)
    }

    pub(crate) fn directory(self, name: &str) -> Self {
        self.typed(b'5', name.as_bytes(), b"")
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.header(Header::new(b'2', name.as_bytes()).link(target.as_bytes()))
    }

    pub(crate) fn hard_link(self, name: &str, target: &str) -> Self {
        self.header(Header::new(b'1', name.as_bytes()).link(target.as_bytes()))
    }

    pub(crate) fn device(self, kind: u8, name: &str, major: u32, minor: u32) -> Self {
        let mut header = Header::new(kind, name.as_bytes());
        header.put(329, format!("{major:07o}\0").as_bytes()).put(337, format!("{minor:07o}\0").as_bytes());
        self.header(&header)
    }

    /// GNU's long name (`L`) or long link (`K`).
    pub(crate) fn long(self, kind: u8, name: &[u8]) -> Self {
        self.typed(kind, b"././@LongLink", name)
    }

    /// PAX records for the next entry.
    pub(crate) fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let all: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        self.typed(b'x', b"PaxHeaders/0", &all)
    }

    /// With the mark of its end.
    pub(crate) fn end(self) -> Vec<u8> {
        self.raw(&[0; 1024]).0
    }

    /// Without it.
    pub(crate) fn unfinished(self) -> Vec<u8> {
        self.0
    }
}

/// `LENGTH KEY=VALUE\n`, the length counting itself.
pub(crate) fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (1..8).map(|digits| rest + digits).find(|length| length.to_string().len() + rest == *length);
    let mut record = format!("{} {key}=", length.expect("a length")).into_bytes();
    record.extend_from_slice(value);
    record.push(b'\n');
    record
}
