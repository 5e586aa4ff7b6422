//! Where an entity's post arrives: a mail server that speaks SMTP, and a server whose URL is called. Both are real
//! listeners on loopback that keep what they are given.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A mail as it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Headers and text.
    pub content: String,
}

impl Mail {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{}:", name.to_ascii_lowercase());
        let is_it = |line: &&str| line.to_ascii_lowercase().starts_with(&prefix);
        self.content.lines().take_while(|line| !line.is_empty()).find(is_it).map(|line| line[prefix.len()..].trim())
    }
}

/// A call of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Request line and headers.
    pub head: String,
    /// The body.
    pub body: String,
}

/// A server that keeps what it is given. It ends with the runtime of its test.
#[derive(Debug, Clone)]
pub struct Post<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Post<T> {
    /// Everything that came so far.
    pub fn taken(&self) -> Vec<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self, new: T) -> usize {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.push(new);
        taken.len()
    }
}

/// Takes mail at `address`.
///
/// # Errors
/// When it cannot listen there.
pub async fn mail_server(address: SocketAddr) -> Result<Post<Mail>> {
    let (listener, post) = (TcpListener::bind(address).await?, Post(Arc::default()));
    let own = post.clone();
    serve(listener, move |stream| {
        let post = own.clone();
        async move { smtp(stream, &post).await }
    });
    Ok(post)
}

/// Takes calls at `address`; the first one is answered with an error.
///
/// # Errors
/// When it cannot listen there.
pub async fn hook_server(address: SocketAddr) -> Result<Post<Call>> {
    let (listener, post) = (TcpListener::bind(address).await?, Post(Arc::default()));
    let own = post.clone();
    serve(listener, move |stream| {
        let post = own.clone();
        async move { http(stream, &post).await }
    });
    Ok(post)
}

fn serve<F>(listener: TcpListener, talk: impl Fn(TcpStream) -> F + Send + Sync + 'static)
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let tasks = tributary_transport::tasks::Tasks::new();
    let own = tasks.clone();
    tasks.spawn("post", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let talking = talk(stream);
            own.spawn("post connection", async move {
                let _ = talking.await;
            });
        }
    });
}

/// What RFC 5321 asks of a server, and no more.
async fn smtp(stream: TcpStream, post: &Post<Mail>) -> Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.test ESMTP\r\n").await?;
    let mut mail = Mail { to: Vec::new(), content: String::new() };
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-mail.test\r\n250 8BITMIME",
            "RCPT" => {
                let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                mail.to.push(address.to_owned());
                "250 ok"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                loop {
                    let mut text = String::new();
                    stream.read_line(&mut text).await?;
                    if text == ".\r\n" {
                        break;
                    }
                    mail.content.push_str(text.strip_prefix('.').unwrap_or(&text));
                }
                post.take(std::mem::replace(&mut mail, Mail { to: Vec::new(), content: String::new() }));
                "250 taken"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        line.clear();
    }
    Ok(())
}

async fn http(stream: TcpStream, post: &Post<Call>) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if line == "\r\n" || line.is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let number = post.take(Call { head, body: String::from_utf8(body)? });
    let status = if number == 1 { "503 Service Unavailable" } else { "204 No Content" };
    stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    Ok(())
}
