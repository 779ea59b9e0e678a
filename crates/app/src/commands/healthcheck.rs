//! `pts-server healthcheck`: for containers, whose images hold no other program that could ask.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::Settings;

pub(crate) async fn run(settings: &Settings) -> Result<ExitCode> {
    let address = reachable(settings.address()?);
    tokio::time::timeout(Duration::from_secs(3), ask(address))
        .await
        .with_context(|| format!("no answer from {address} within 3 s"))??;
    Ok(ExitCode::SUCCESS)
}

/// A server that listens everywhere is asked on the loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn ask(address: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("nothing listens on {address}"))?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut start = [0; 12];
    stream
        .read_exact(&mut start)
        .await
        .context("the answer is cut off")?;
    if &start != b"HTTP/1.1 200" {
        bail!("the server answers {:?}", String::from_utf8_lossy(&start));
    }
    Ok(())
}
