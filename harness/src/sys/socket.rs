//! SEQPACKET socket pairs whose messages carry descriptors (unix(7), SCM_RIGHTS).

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::sockopt::PassCred;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixCredentials,
    recvmsg, sendmsg, setsockopt, socketpair,
};

/// Descriptors that one message may carry: as many as the kernel lets it (SCM_MAX_FD). Those for which there is no
/// room would be opened all the same, and nobody would know them.
pub(crate) const MAX_FDS: usize = 253;

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
    /// Who sent it, by the kernel's word: a pid as this process sees it, whatever namespace that one is in.
    pub(crate) sender: Option<i32>,
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
    let mut sender = None;
    // An error: they are cut, and so is the message, for whoever reads it.
    for received in message.cmsgs().into_iter().flatten() {
        match received {
            ControlMessageOwned::ScmRights(raw) => {
                // SAFETY: the kernel has just opened these for us, and nobody else knows them.
                fds.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
            }
            ControlMessageOwned::ScmCredentials(credentials) => sender = Some(credentials.pid()),
            _ => {}
        }
    }
    let cut = MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC;
    let truncated = message.flags.intersects(cut);
    let is_end = message.bytes == 0 && sender.is_none() && !truncated;
    Ok(Received { length: message.bytes, is_end, truncated, fds, sender })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    /// Those without room would stay open in this process, and nobody would know them.
    #[test]
    fn every_descriptor_of_a_message_arrives() {
        let (one, other) = pair().unwrap();
        for count in [1, 33, MAX_FDS] {
            send(one.as_fd(), b"x", &vec![one.as_fd(); count]).unwrap();
            let message = receive(other.as_fd(), &mut [0; 8], false).unwrap();
            assert_eq!((message.fds.len(), message.truncated), (count, false));
        }
    }

    #[test]
    fn the_kernel_says_who_sent_it() {
        let (one, other) = pair().unwrap();
        send(one.as_fd(), b"", &[]).unwrap();
        let message = receive(other.as_fd(), &mut [0; 8], false).unwrap();
        assert_eq!((message.sender, message.is_end), (Some(std::process::id().cast_signed()), false));
        drop(one);
        assert!(receive(other.as_fd(), &mut [0; 8], false).unwrap().is_end);
    }
}
