//! The other end of the socket, for the command line.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tributary_model::id::QuestionId;

use super::socket::SOCKET;
use super::wire::{self, Call, Frame, Listed, ListedPart, PIECE, Refusal, Reply, Shown, Verdict, invalid};

/// Why the inbox did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody listens.
    #[error(
        "the agent does not run, or not with this data directory ({}): start it with `tributary serve agent`", socket.display()
    )]
    NotRunning {
        /// The socket.
        socket: PathBuf,
    },
    /// It belongs to another user.
    #[error("this user may not use the agent's inbox ({}): run the command as the user whom the agent runs as", socket.display())]
    NotAllowed {
        /// The socket.
        socket: PathBuf,
    },
    /// There is no such question or part.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be answered so.
    #[error("{0}")]
    Invalid(String),
    /// Not now.
    #[error("{0}; try again")]
    Later(String),
    /// The agent failed.
    #[error("{0}")]
    Failed(String),
    /// A file of one's own.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The connection broke off, or the agent is of another version.
    #[error("the connection to the agent broke off: {0}; if it stays so, give agent and command the same version")]
    Broken(#[from] io::Error),
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Whether nothing is left to answer.
    pub whole: bool,
    /// Whether the same had been answered before.
    pub known: bool,
}

/// Talks to the inbox of a running agent.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// The inbox of the agent whose ledger is in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { socket: folder.join(SOCKET) }
    }

    /// Questions, oldest first; with `all` those that have ended too.
    ///
    /// # Errors
    /// When the agent does not run or fails.
    pub async fn list(&self, all: bool) -> Result<Vec<Listed>, ClientError> {
        let mut stream = self.call(&Call::List { all }).await?;
        let mut questions = Vec::new();
        loop {
            match reply(&mut stream).await? {
                Reply::Question(question) => questions.push(question),
                Reply::End => return Ok(questions),
                _ => return Err(unexpected()),
            }
        }
    }

    /// A question with everything it is about.
    ///
    /// # Errors
    /// As [`Client::list`], or when there is no such question.
    pub async fn show(&self, question: QuestionId) -> Result<(Shown, Vec<ListedPart>), ClientError> {
        let mut stream = self.call(&Call::Show { question }).await?;
        let Reply::Shown(shown) = reply(&mut stream).await? else { return Err(unexpected()) };
        let mut parts = Vec::new();
        loop {
            match reply(&mut stream).await? {
                Reply::Part(part) => parts.push(part),
                Reply::End => return Ok((shown, parts)),
                _ => return Err(unexpected()),
            }
        }
    }

    /// Writes the plain bytes of a part to `out`.
    ///
    /// # Errors
    /// As [`Client::list`], or when there is no such part.
    pub async fn read(
        &self,
        question: QuestionId,
        part: u32,
        out: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), ClientError> {
        let mut stream = self.call(&Call::Read { question, part }).await?;
        let Reply::Ready = reply(&mut stream).await? else { return Err(unexpected()) };
        loop {
            match wire::receive::<Reply>(&mut stream).await? {
                Frame::Bytes(bytes) if bytes.is_empty() => break,
                Frame::Bytes(bytes) => out.write_all(&bytes).await?,
                Frame::Message(reply) => return Err(refused(reply)),
            }
        }
        out.flush().await?;
        Ok(())
    }

    /// Gives an answer. The same again is no error.
    ///
    /// # Errors
    /// As [`Client::list`]; when it does not fit the question, or something else was answered before.
    pub async fn answer(
        &self,
        question: QuestionId,
        part: Option<u32>,
        verdict: Verdict,
        files: &[PathBuf],
        by: Option<String>,
    ) -> Result<Kept, ClientError> {
        let mut opened = Vec::with_capacity(files.len());
        for path in files {
            let failed = |error| ClientError::File { path: path.clone(), error };
            let file = File::open(path).await.map_err(failed)?;
            if !file.metadata().await.map_err(failed)?.is_file() {
                return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")));
            }
            opened.push((path, file));
        }
        let names = files.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        let mut stream = self.call(&Call::Answer { question, part, verdict, by, files: names.collect() }).await?;
        let Reply::Ready = reply(&mut stream).await? else { return Err(unexpected()) };
        for (path, mut file) in opened {
            if let Err(error) = send_file(&mut stream, path, &mut file).await {
                // Who took it may have said why not.
                return match reply(&mut stream).await {
                    Err(said @ (ClientError::Invalid(_) | ClientError::Later(_) | ClientError::Failed(_))) => Err(said),
                    _ => Err(error),
                };
            }
        }
        match reply(&mut stream).await? {
            Reply::Kept { whole, known } => Ok(Kept { whole, known }),
            _ => Err(unexpected()),
        }
    }

    async fn call(&self, call: &Call) -> Result<UnixStream, ClientError> {
        let socket = || self.socket.clone();
        let connecting = async {
            let (_folder, address) = super::socket::address(&self.socket)?;
            UnixStream::connect(address).await
        };
        let mut stream = connecting.await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ClientError::NotRunning { socket: socket() },
            io::ErrorKind::PermissionDenied => ClientError::NotAllowed { socket: socket() },
            _ => error.into(),
        })?;
        wire::send(&mut stream, call).await?;
        Ok(stream)
    }
}

async fn send_file(stream: &mut UnixStream, path: &Path, file: &mut File) -> Result<(), ClientError> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece).await;
        let length = read.map_err(|error| ClientError::File { path: path.to_owned(), error })?;
        wire::send_bytes(stream, &piece[..length]).await?;
        if length == 0 {
            return Ok(());
        }
    }
}

async fn reply(stream: &mut UnixStream) -> Result<Reply, ClientError> {
    match wire::receive(stream).await? {
        Frame::Message(refusal @ Reply::Refused { .. }) => Err(refused(refusal)),
        Frame::Message(reply) => Ok(reply),
        Frame::Bytes(_) => Err(unexpected()),
    }
}

fn refused(reply: Reply) -> ClientError {
    match reply {
        Reply::Refused { refusal: Refusal::NotFound, message } => ClientError::NotFound(message),
        Reply::Refused { refusal: Refusal::Invalid, message } => ClientError::Invalid(message),
        Reply::Refused { refusal: Refusal::Later, message } => ClientError::Later(message),
        Reply::Refused { refusal: Refusal::Failed, message } => ClientError::Failed(message),
        _ => unexpected(),
    }
}

fn unexpected() -> ClientError {
    ClientError::Broken(invalid("it said something unexpected"))
}
