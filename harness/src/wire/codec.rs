//! How values become bytes: little-endian integers, length-prefixed bytes, tagged options.
//!
//! Every read is checked against what is left; nothing is allocated from a length before the bytes
//! behind it are known to be there.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The bytes are not a value of the type that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What is left of a message.
#[derive(Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader of the whole message.
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// The next `count` bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = tail;
        Ok(head)
    }

    /// Nothing may be left over.
    pub(crate) fn finish(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

/// A value that travels.
pub(crate) trait Wire: Sized {
    /// Appends the value.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads the value.
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed>;
}

/// Implements [`Wire`] for a struct: its fields, in the order given.
macro_rules! record {
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl $crate::wire::codec::Wire for $type {
            fn put(&self, out: &mut Vec<u8>) {
                $($crate::wire::codec::Wire::put(&self.$field, out);)*
            }
            fn take(
                from: &mut $crate::wire::codec::Reader<'_>,
            ) -> Result<Self, $crate::wire::codec::Malformed> {
                Ok(Self { $($field: $crate::wire::codec::Wire::take(from)?,)* })
            }
        }
    };
}
/// Implements [`Wire`] for an enum: a tag, then the variant's fields.
macro_rules! choice {
    ($type:ident { $($tag:literal $variant:ident $(($($inner:ident),*))? $({$($field:ident),*})?),* $(,)? }) => {
        impl $crate::wire::codec::Wire for $type {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $(($($inner),*))? $({$($field),*})? => {
                        out.push($tag);
                        $($($crate::wire::codec::Wire::put($inner, out);)*)?
                        $($($crate::wire::codec::Wire::put($field, out);)*)?
                    })*
                }
            }
            fn take(
                from: &mut $crate::wire::codec::Reader<'_>,
            ) -> Result<Self, $crate::wire::codec::Malformed> {
                match <u8 as $crate::wire::codec::Wire>::take(from)? {
                    $($tag => {
                        $($(let $inner = $crate::wire::codec::Wire::take(from)?;)*)?
                        $($(let $field = $crate::wire::codec::Wire::take(from)?;)*)?
                        Ok(Self::$variant $(($($inner),*))? $({$($field),*})?)
                    })*
                    _ => Err($crate::wire::codec::Malformed),
                }
            }
        }
    };
}
pub(crate) use {choice, record};

macro_rules! integers {
    ($($type:ident)*) => {$(
        impl Wire for $type {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
                let bytes = from.bytes(size_of::<$type>())?;
                Ok(Self::from_le_bytes(bytes.try_into().map_err(|_| Malformed)?))
            }
        }
    )*};
}
integers! { u8 u16 u32 u64 i32 }

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        match u8::take(from)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        bool::take(from)?.then(|| T::take(from)).transpose()
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_length(self.len(), out);
        for value in self {
            value.put(out);
        }
    }
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = u32::take(from)?;
        // No capacity from the count: it is not to be trusted before the items are there.
        (0..count).map(|_| T::take(from)).collect()
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok((A::take(from)?, B::take(from)?))
    }
}

impl Wire for OsString {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), out);
    }
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        take_bytes(from).map(|bytes| OsStr::from_bytes(bytes).to_owned())
    }
}

impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), out);
    }
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Self::from_utf8(take_bytes(from)?.to_vec()).map_err(|_| Malformed)
    }
}

impl Wire for PathBuf {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_os_str().as_bytes(), out);
    }
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        take_bytes(from).map(|bytes| Path::new(&OsString::from_vec(bytes.to_vec())).to_owned())
    }
}

impl Wire for std::time::Duration {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_secs().put(out);
        self.subsec_nanos().put(out);
    }
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (seconds, nanos) = (u64::take(from)?, u32::take(from)?);
        if nanos < 1_000_000_000 { Ok(Self::new(seconds, nanos)) } else { Err(Malformed) }
    }
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// # Panics
/// Above 4 GiB, which no environment or message of ours can reach.
fn put_length(length: usize, out: &mut Vec<u8>) {
    u32::try_from(length).expect("a length below 4 GiB").put(out);
}

fn take_bytes<'a>(from: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let length = u32::take(from)?;
    from.bytes(usize::try_from(length).map_err(|_| Malformed)?)
}
