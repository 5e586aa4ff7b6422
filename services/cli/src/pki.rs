//! `tributary pki`: a development hierarchy, one certificate authority per trust domain.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::SignedDuration;
use serde::Serialize;
use tributary_model::clock::{Clock, SystemClock};
use tributary_model::spiffe::{SpiffeId, TrustDomain};
use tributary_transport::pki::{Authority, Subject};

use crate::exit::{Failure, Outcome};
use crate::output::Output;

/// Development certificates. In production they come from SPIRE, cert-manager or the entity's own PKI.
#[derive(Debug, Subcommand)]
pub(crate) enum Pki {
    /// Make the certificate authority of one trust domain (one per entity)
    Init(Init),
    /// Issue a short-lived certificate: one SPIFFE ID, with DNS names beside it
    Issue(Issue),
}

/// `pki init`
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The trust domain, such as acme-fr.example
    #[arg(long)]
    trust_domain: TrustDomain,
    /// Folder for ca.pem and ca-key.pem
    #[arg(long)]
    out: PathBuf,
    /// How long the authority is valid
    #[arg(long, default_value = "8760h")]
    valid_for: SignedDuration,
}

/// `pki issue`
#[derive(Debug, Args)]
pub(crate) struct Issue {
    /// Folder of the authority, made by `pki init`
    #[arg(long)]
    authority: PathBuf,
    /// Who the process is, such as spiffe://acme-fr.example/agent
    #[arg(long)]
    spiffe_id: SpiffeId,
    /// DNS names, for ordinary gRPC clients that check the host they dialled
    #[arg(long = "dns", default_value = "localhost")]
    dns_names: Vec<String>,
    /// IP addresses, for the same
    #[arg(long = "ip", default_value = "127.0.0.1")]
    ip_addresses: Vec<IpAddr>,
    /// Folder for NAME.pem and NAME-key.pem
    #[arg(long)]
    out: PathBuf,
    /// Name of the two files
    #[arg(long, default_value = "svid")]
    name: String,
    /// How long the certificate is valid
    #[arg(long, default_value = "24h")]
    ttl: SignedDuration,
}

#[derive(Serialize)]
struct Made {
    certificate: PathBuf,
    key: PathBuf,
    not_after: Option<String>,
}

/// Runs the command.
pub(crate) fn run(command: Pki, output: Output) -> Outcome {
    let made = match command {
        Pki::Init(args) => {
            let valid_for = positive(args.valid_for)?;
            let authority = Authority::create(&args.trust_domain, valid_for, SystemClock.now())?;
            std::fs::create_dir_all(&args.out)?;
            authority.save(&args.out)?;
            Made { certificate: args.out.join("ca.pem"), key: args.out.join("ca-key.pem"), not_after: None }
        }
        Pki::Issue(args) => {
            let ttl = positive(args.ttl)?;
            let subject = Subject { id: args.spiffe_id, dns_names: args.dns_names, ip_addresses: args.ip_addresses };
            let issued = Authority::load(&args.authority)?.issue(&subject, ttl, SystemClock.now())?;
            std::fs::create_dir_all(&args.out)?;
            let (certificate, key) = issued.save(&args.out, &args.name)?;
            Made { certificate, key, not_after: Some(issued.not_after.to_string()) }
        }
    };
    output.print(&made, |made| {
        let until = made.not_after.as_deref().map(|at| format!(", valid until {at}")).unwrap_or_default();
        format!("certificate: {}{until}\nprivate key: {}", made.certificate.display(), made.key.display())
    })
}

fn positive(duration: SignedDuration) -> Result<Duration, Failure> {
    Duration::try_from(duration).map_err(|_| Failure::invalid("a duration cannot be negative"))
}
