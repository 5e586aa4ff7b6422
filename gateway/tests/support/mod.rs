//! What the behaviour tests stand on: a group with real certificates, agents that do as a script says, and a proxy that
//! cuts connections. `world` has the group, `agent` serves a script, `script` says what is served and where it lies.

pub(crate) mod agent;
pub(crate) mod export;
pub(crate) mod proxy;
pub(crate) mod script;
pub(crate) mod world;
