//! Lets people at the entity in: a Unix socket in the data directory, for the user whom the agent runs as. No network.
//!
//! `wire` says what goes over it, `desk` does what is asked; here connections are taken and bounded.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::desk::Desk;
use super::wire::{self, Frame, invalid};
use crate::export::Exports;

/// The socket's name in the data directory.
pub(crate) const SOCKET: &str = "inbox.sock";

/// Connections at once. One more waits.
const CONNECTIONS: usize = 16;
/// How long a person's command may be silent.
pub(super) const SILENCE: Duration = Duration::from_secs(60);
/// The pause after a connection could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// Longest path that the system takes as a socket's address, in bytes.
const LONGEST: usize = 107;

/// A path to a socket that the system takes: through the open folder, which comes with it, where its own is too long.
pub(super) fn address(socket: &Path) -> io::Result<(Option<File>, PathBuf)> {
    let (folder, name) = match (socket.parent(), socket.file_name()) {
        (Some(folder), Some(name)) if socket.as_os_str().len() > LONGEST => (File::open(folder)?, name),
        _ => return Ok((None, socket.to_owned())),
    };
    let address = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
    Ok((Some(folder), address))
}

/// The bound socket. Dropping it removes its file.
#[derive(Debug)]
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Binds the socket in `folder`, whose ledger this process has locked: what lies there is a dead process's.
    pub(crate) fn bind(folder: &Path) -> io::Result<Self> {
        let (path, new) = (folder.join(SOCKET), folder.join(format!("{SOCKET}.new")));
        for old in [&path, &new] {
            match std::fs::remove_file(old) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        // It appears under its name only when nobody else may connect.
        let (_folder, address) = address(&new)?;
        let listener = UnixListener::bind(address)?;
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&new, &path)?;
        Ok(Self { listener, path })
    }

    /// Serves until the exports stop.
    pub(crate) async fn serve(self, exports: Exports) {
        let (places, stopping) = (Arc::new(Semaphore::new(CONNECTIONS)), exports.stopped());
        let desk = Desk::new(exports.clone());
        loop {
            let next = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, self.listener.accept().await)
            };
            let Some((Ok(place), accepted)) = stopping.run_until_cancelled(next).await else { return };
            match accepted {
                Ok((stream, _)) => {
                    let (desk, stopping) = (desk.clone(), stopping.clone());
                    exports.spawn("inbox connection", async move {
                        let _place = place;
                        if let Some(Err(error)) = stopping.run_until_cancelled(connection(&desk, stream)).await {
                            tracing::debug!(%error, "an inbox connection broke off");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "an inbox connection could not be taken");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn connection(desk: &Desk, mut stream: UnixStream) -> io::Result<()> {
    let user = stream.peer_cred().map_or_else(|_| "unknown".to_owned(), |peer| super::people::name_of(peer.uid()));
    match tokio::time::timeout(SILENCE, wire::receive(&mut stream)).await? {
        Ok(Frame::Message(call)) => desk.serve(call, &user, &mut stream).await,
        Ok(Frame::Bytes(_)) => Err(invalid("bytes before a call")),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_may_have_a_longer_path_than_a_socket() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a-long-name-of-a-folder".repeat(8));
        std::fs::create_dir(&deep).unwrap();
        let socket = Socket::bind(&deep).unwrap();
        let path = deep.join(SOCKET);
        assert!(path.as_os_str().len() > LONGEST && path.exists());
        let (_folder, address) = address(&path).unwrap();
        UnixStream::connect(address).await.unwrap();
        drop(socket);
        assert!(!path.exists());
    }
}
