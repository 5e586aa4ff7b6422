//! A link as a person uses it, with curl in the browser's place: over HTTP/1.1 and HTTP/2, cut at every megabyte, with
//! the gateway killed in between, and used up afterwards.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tributary_tests::command;
use tributary_tests::fixture::Library;
use tributary_tests::group::{EntityPlan, Group, PORTAL, Plan};
use tributary_tests::memory::{KIB, MIB};
use tributary_tests::ports::Port;
use tributary_tests::process::Process;

const ENTITY: &str = "alpha-be";
const EMAIL: &str = "anna@example.org";
const PATIENCE: Duration = Duration::from_secs(60);

/// A group whose gateway serves links, with one person of some megabytes.
struct World {
    group: Group,
    /// Held until the gateway takes it.
    _links: Port,
    _agent: Process,
    gateway: Option<Process>,
    case: String,
    size: u64,
}

impl World {
    async fn start() -> Result<Self> {
        let (key, email) = ("library".to_owned(), EMAIL.to_owned());
        let library = Library { key, email, bytes: 12 * MIB, document: 20 * KIB, dense: true, seed: 9 };
        let links = Port::reserve()?;
        let address = links.address();
        let yaml = format!(
            "links: {{ listen: {address}, public_url: \"https://{address}\", certificate: svid.pem, key: svid-key.pem }}\n"
        );
        let group = Plan::new(vec![EntityPlan::new(ENTITY, "BE").holds(library)]).gateway_yaml(&yaml).lay_out()?;
        let agent = group.start_agent(ENTITY).await?;
        let gateway = group.start_gateway().await?;
        let portal = group.caller(PORTAL)?;
        let case = portal.open_for(&[("email", EMAIL)]).await?;
        let size = portal.ready(&case, PATIENCE).await?.archives[0].size;
        ensure!(size > 6 * MIB, "an archive of {size} bytes is too small to be cut often");
        Ok(Self { group, _links: links, _agent: agent, gateway: Some(gateway), case, size })
    }

    /// `tributary case link …` as the portal; its JSON.
    fn link(&self, arguments: &[&str]) -> Result<Value> {
        let client = self.group.caller_folder(PORTAL).join("client.yaml").display().to_string();
        let ours =
            ["case", "--client", &client, "--on-behalf-of", "officer@portal.example", "--output", "json", "link"];
        let ran = command::tributary(ours.iter().chain(arguments))?;
        ensure!(ran.code == Some(0), "{}", ran.said());
        ran.json()
    }

    fn curl(&self, arguments: &[&str]) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--cacert"]).arg(self.group.gateway_folder().join("pki/ca.pem")).args(arguments);
        curl
    }

    /// Presses the link's button; where the bytes are, or nothing.
    fn press(&self, url: &str) -> Result<(u16, String)> {
        let say = ["--request", "POST", "--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}", url];
        let output = self.curl(&say).output().context("curl could not be started")?;
        let said = String::from_utf8(output.stdout)?;
        let (status, place) = said.split_once(' ').with_context(|| format!("curl said {said}"))?;
        Ok((status.parse()?, place.to_owned()))
    }

    /// Goes on with a download until another megabyte is there or all of it; then the connection is gone.
    async fn a_megabyte_more(&self, protocol: &str, place: &str, file: &Path) -> Result<()> {
        let goal = (len(file) + MIB).min(self.size);
        // Slow enough that the connection is cut in the middle of the transfer.
        let go_on = [protocol, "--continue-at", "-", "--limit-rate", "16M", "--fail", "--output"];
        let mut curl = self.curl(&go_on);
        let mut curl = Killed(curl.arg(file).arg(place).stdin(Stdio::null()).spawn()?);
        let end = Instant::now() + PATIENCE;
        loop {
            let ended = curl.0.try_wait()?;
            if len(file) >= goal || ended.is_some() {
                return Ok(());
            }
            ensure!(Instant::now() < end, "the download does not go on at {} bytes", len(file));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn only_link(&self) -> Result<Value> {
        let listed = self.link(&["list", &self.case])?;
        Ok(listed["links"][0].clone())
    }

    async fn until_used(&self) -> Result<Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            let link = self.only_link()?;
            if link["state"] == "USED" {
                return Ok(link);
            }
            ensure!(Instant::now() < end, "the link was never used up: {link}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A curl that is gone when it is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn len(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |file| file.len())
}

async fn resumed(protocol: &str) -> Result<()> {
    let mut world = World::start().await?;
    let made = world.link(&["create", &world.case, "--expires", "1d", "--channel", "letter"])?;
    let url = made["url"].as_str().context("a URL")?.to_owned();
    let (status, place) = world.press(&url)?;
    assert_eq!(status, 303);
    let file: PathBuf = world.group.root().join("archive.zip");
    let mut cuts = 0;
    while len(&file) < world.size {
        world.a_megabyte_more(protocol, &place, &file).await?;
        cuts += 1;
        ensure!(cuts < 200, "the download never ends");
        if cuts == 3 {
            let gateway = world.gateway.take().context("the gateway")?;
            world.gateway = Some(gateway.kill()?.start().await?);
        }
    }
    assert!(cuts >= 5, "the download was cut {cuts} times only");
    let verified = command::verify(&file, Some(&world.group.group_key()), None)?;
    assert_eq!(verified.code, Some(0), "{}", verified.said());

    let used = world.until_used().await?;
    assert_eq!((&used["downloads"], &used["starts"]), (&1.into(), &1.into()), "{used}");
    assert!(!used.to_string().contains(url.rsplit('/').next().unwrap_or(&url)), "a list shows the secret");
    assert_eq!(world.press(&url)?.0, 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_cut_at_every_megabyte_is_whole_in_the_end_over_http_1() -> Result<()> {
    resumed("--http1.1").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_cut_at_every_megabyte_is_whole_in_the_end_over_http_2() -> Result<()> {
    resumed("--http2").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_link_is_gone_at_once() -> Result<()> {
    let world = World::start().await?;
    let made = world.link(&["create", &world.case])?;
    let (url, link) = (made["url"].as_str().context("a URL")?, made["link"].as_str().context("an id")?);
    let shown = world.curl(&["--fail", "--header", "Accept-Language: fr", url]).output()?;
    assert!(shown.status.success(), "the page is shown before");
    let revoked = world.link(&["revoke", &world.case, link])?;
    assert_eq!(revoked["state"], "REVOKED");
    assert_eq!(world.press(url)?.0, 404);
    Ok(())
}
