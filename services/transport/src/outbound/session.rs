//! One connection of our own making, as the handlers of its calls see it: who introduces itself there.

use std::sync::Arc;

use tokio::sync::watch;

use super::replicas::{Holder, Replicas};

/// What the gateway said in its first call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing yet.
    Nothing,
    /// It uses the connection.
    Welcome { replica: String },
    /// There is a connection to this process of it already, or none was wanted.
    Spare { replica: String, replicas: Vec<String> },
    /// It does not use the connection.
    Refused { reason: &'static str },
}

/// A connection that this side opened. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Session(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    holder: Holder,
    /// None when the connection is only tried out.
    replicas: Option<Replicas>,
    said: watch::Sender<Said>,
}

impl Session {
    pub(super) fn new(holder: Holder, replicas: Option<Replicas>) -> Self {
        Self(Arc::new(Inner { holder, replicas, said: watch::Sender::new(Said::Nothing) }))
    }

    /// The process at the other end says who it is and which others there are. Answers whether the connection is kept:
    /// if not, the call must not be answered, so that the gateway does not use it.
    pub fn introduce(&self, replica: &str, replicas: &[String]) -> bool {
        let is_kept = self.0.replicas.as_ref().is_some_and(|known| known.introduce(self.0.holder, replica, replicas));
        let replica = replica.to_owned();
        self.0.said.send_replace(match is_kept {
            true => Said::Welcome { replica },
            false => Said::Spare { replica, replicas: replicas.to_vec() },
        });
        is_kept
    }

    /// The gateway says that it will not use the connection.
    pub fn refused(&self, reason: &'static str) {
        self.0.said.send_replace(Said::Refused { reason });
    }

    /// Waits for the gateway's first word.
    pub(super) async fn said(&self) -> Said {
        let mut said = self.0.said.subscribe();
        let heard = said.wait_for(|said| *said != Said::Nothing).await;
        // Cannot fail: the sender is ours.
        heard.map_or(Said::Nothing, |said| said.clone())
    }

    /// What was said so far.
    pub(super) fn said_so_far(&self) -> Said {
        self.0.said.borrow().clone()
    }
}
