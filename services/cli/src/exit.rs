//! How a command ends: the exit codes that scripts rely on, and errors that say what to do.

use std::fmt;
use std::process::ExitCode;

use tonic::Code;

/// Exit codes. 2 is also what the argument parser uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Something went wrong that no other code names.
    Failure = 1,
    /// The command line, a configuration or an input file is not valid.
    Invalid = 2,
    /// An archive is consistent, but its signers were not authenticated (no group key was given).
    NotAuthenticated = 3,
    /// An archive failed verification.
    NotVerified = 4,
    /// The gateway refused the caller.
    Refused = 5,
    /// The thing asked for does not exist.
    NotFound = 6,
    /// The other side cannot be reached or asks to come back later; the same command may be repeated.
    TryAgain = 7,
    /// What was asked for was done, but not everything is there: an entity is missing, or something was not given.
    Incomplete = 8,
    /// What an archive holds is authentic, but another program packed it anew, or it was unpacked to a folder.
    Repacked = 9,
}

/// A command's failure: a message for people and a code for scripts.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string() }
    }

    pub(crate) fn invalid(message: impl fmt::Display) -> Self {
        Self::new(Exit::Invalid, message)
    }

    /// What was printed already says it all; only the code is left.
    pub(crate) fn silent(exit: Exit) -> Self {
        Self { exit, message: String::new() }
    }

    /// Prints the message and gives the code.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            eprintln!("error: {}", self.message);
        }
        ExitCode::from(self.exit as u8)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(Exit::Failure, format!("{:#}", error.into()))
    }
}

/// The code that fits a status of the gateway.
pub(crate) fn of_code(code: Code) -> Exit {
    match code {
        Code::InvalidArgument | Code::OutOfRange | Code::AlreadyExists => Exit::Invalid,
        Code::PermissionDenied | Code::Unauthenticated => Exit::Refused,
        Code::NotFound => Exit::NotFound,
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded | Code::Aborted | Code::Cancelled => {
            Exit::TryAgain
        }
        Code::Ok | Code::Unknown | Code::FailedPrecondition | Code::Unimplemented | Code::Internal | Code::DataLoss => {
            Exit::Failure
        }
    }
}

/// What commands return.
pub(crate) type Outcome = Result<(), Failure>;
