//! The words about sockets.

use super::Call;
use crate::kernel::lesson::{Lesson, Mark};

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    match call {
        Call::Connect { path } => Lesson::new(Mark::Run, "socket", path.display().to_string()).with("connects"),
        Call::Listen { path } => Lesson::new(Mark::Add, "socket", path.display().to_string()).with("listens"),
        Call::Pair => Lesson::new(Mark::Add, "socket", "a pair").with("connected to each other"),
        Call::ConnectTcp { address, .. } => Lesson::new(Mark::Run, "socket", address.to_string())
            .with("connects")
            .note("a socket belongs to the network namespace that it was made in, whoever holds it later"),
        Call::ConnectUnix { socket, .. } => Lesson::new(Mark::Run, "socket", socket.label().to_owned()).with("connects"),
        Call::Accept { listener } => Lesson::new(Mark::Run, "socket", listener.label().to_owned()).with("takes a connection"),
        Call::Send { socket, text, fds } => Lesson::new(Mark::Run, "socket", socket.label().to_owned())
            .with(format!("sends {} bytes and {} descriptors", text.len(), fds.len()))
            .note("a descriptor that is sent is open in both processes from then on, whatever their namespaces"),
    }
}
