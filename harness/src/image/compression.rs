//! What a stream is compressed with, by its first bytes: not by a name or a media type, which may be wrong.
//!
//! The decoders for zstd and xz are the C libraries that define the formats: in a debug build, in which most
//! tests run, they are 3 to 5 times as fast as those in Rust, and so is gzip's in Rust than another one.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
    Xz,
}

const BUFFER: usize = 128 << 10;
/// `zstd --long` without more is 27; a stream that wants more memory is refused.
const ZSTD_WINDOW_LOG: u32 = 27;
/// `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 512 << 20;

impl Compression {
    pub(crate) fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // A frame to be skipped, as `pzstd` begins with one.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            _ => Self::None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "tar",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
        }
    }
}

/// The stream without its compression. Several compressed streams behind each other are one; whatever else
/// follows is an error, and so is an end in the middle.
pub(crate) fn plain(stream: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let mut stream = BufReader::with_capacity(BUFFER, stream);
    let start = loop {
        match stream.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            start => break start?,
        }
    };
    let compression = Compression::of(start);
    let inner: Box<dyn Read> = match compression {
        Compression::None => return Ok(Box::new(stream)),
        Compression::Gzip => Box::new(MultiGzDecoder::new(stream)),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(stream)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        Compression::Xz => {
            let whole = liblzma::stream::CONCATENATED;
            let decoder = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, whole)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(stream, decoder))
        }
    };
    Ok(Box::new(Named { inner, compression }))
}

/// Says which decoder complains.
struct Named {
    inner: Box<dyn Read>,
    compression: Compression,
}

impl Read for Named {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| match (error.raw_os_error(), error.kind()) {
            (Some(_), _) | (_, io::ErrorKind::Interrupted) => error,
            (None, kind) => io::Error::new(kind, format!("{}: {error}", self.compression.name())),
        })
    }
}
