//! SEQPACKET socket pairs whose messages carry descriptors (unix(7), SCM_RIGHTS).

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::sockopt::PassCred;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixCredentials,
    recvmsg, sendmsg, setsockopt, socketpair,
};

/// Descriptors that one message may carry; the kernel's bound is 253 (SCM_MAX_FD).
pub(crate) const MAX_FDS: usize = 32;

/// A connected pair, close-on-exec.
///
/// Every message carries its sender's credentials: so an empty one, which a test may send, is told from
/// the end of file.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    setsockopt(&one, PassCred, &true)?;
    setsockopt(&other, PassCred, &true)?;
    Ok((one, other))
}

/// Sends one message, whole or not at all. EPIPE when the other side is gone (no SIGPIPE).
pub(crate) fn send(socket: BorrowedFd<'_>, message: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let raw: Vec<_> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control = if raw.is_empty() { &rights[..0] } else { &rights[..] };
    loop {
        let iov = [IoSlice::new(message)];
        match sendmsg::<()>(socket.as_raw_fd(), &iov, control, MsgFlags::MSG_NOSIGNAL, None) {
            Err(Errno::EINTR) => {}
            answer => return answer.map(drop),
        }
    }
}

/// One received message.
#[derive(Debug)]
pub(crate) struct Received {
    /// Its length in bytes.
    pub(crate) length: usize,
    /// Whether it is none, but the end of file.
    pub(crate) is_end: bool,
    /// Whether it was longer than the buffer, or carried more descriptors than fit.
    pub(crate) truncated: bool,
    /// What it carried.
    pub(crate) fds: Vec<OwnedFd>,
}

/// Receives one message. With `wait` false, EAGAIN when there is none.
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8], wait: bool) -> Result<Received, Errno> {
    let mut control = nix::cmsg_space!(UnixCredentials, [std::os::fd::RawFd; MAX_FDS]);
    let mut flags = MsgFlags::MSG_CMSG_CLOEXEC;
    flags.set(MsgFlags::MSG_DONTWAIT, !wait);
    let raw = socket.as_raw_fd();
    let mut iov = [IoSliceMut::new(buffer)];
    let message = loop {
        match recvmsg::<()>(raw, &mut iov, Some(&mut control), flags) {
            // Reset: the other side closed with something unread. The kernel says so once, and before what
            // that side had sent, which comes next; then the end of file.
            Err(Errno::EINTR | Errno::ECONNRESET) => {}
            answer => break answer?,
        }
    };
    let mut fds = Vec::new();
    let mut has_sender = false;
    for received in message.cmsgs()? {
        match received {
            ControlMessageOwned::ScmRights(raw) => {
                // SAFETY: the kernel has just opened these for us, and nobody else knows them.
                fds.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
            }
            ControlMessageOwned::ScmCredentials(_) => has_sender = true,
            _ => {}
        }
    }
    let cut = MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC;
    let is_end = message.bytes == 0 && !has_sender;
    Ok(Received { length: message.bytes, is_end, truncated: message.flags.intersects(cut), fds })
}
