//! Exports: whole, or an error; never a part that looks like the whole.

use pts_api::actions::export::{ExportEvents, ExportInput};
use pts_client::{Client, ClientError};

use crate::scripted::{Act, Scripted};
use crate::support::options;

/// An export in chunks that ends, or does not, as told.
fn export(chunks: &[&str], end: &str) -> Act {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n\
                transfer-encoding: chunked\r\nx-pts-coverage: complete\r\n\r\n";
    let chunks = chunks
        .iter()
        .map(|text| format!("{:x}\r\n{text}\r\n", text.len()));
    Act::Say(format!("{head}{}{end}", chunks.collect::<String>()))
}

/// What came, and how it ended.
async fn read(act: Act) -> (String, Result<(), ClientError>, usize) {
    let server = Scripted::start(vec![act]).await;
    let client = Client::new(options(server.address, "t")).unwrap();
    let mut download = client
        .download::<ExportEvents>(ExportInput::default())
        .await
        .unwrap();
    assert!(download.is_complete());
    let mut text = String::new();
    let ended = loop {
        match download.next().await {
            Ok(Some(piece)) => text.push_str(std::str::from_utf8(&piece).unwrap()),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    (text, ended, server.asked().len())
}

#[tokio::test]
async fn an_export_that_is_broken_off_is_an_error_after_what_came() {
    let (text, ended, _) = read(export(&["one\n", "two\n"], "0\r\n\r\n")).await;
    assert_eq!((text.as_str(), ended.is_ok()), ("one\ntwo\n", true));
    for cut in ["", "5\r\nth", "0\r\n"] {
        let (text, ended, asked) = read(export(&["one\n", "two\n"], cut)).await;
        assert!(text.starts_with("one\ntwo\n"), "{cut:?}: {text:?}");
        assert!(
            matches!(ended, Err(ClientError::Broken(_))),
            "{cut:?}: {ended:?}"
        );
        // What has come cannot be taken back: whoever reads it decides whether to begin again.
        assert_eq!(asked, 1, "{cut:?}");
    }
}

#[tokio::test]
async fn as_a_stream_it_ends_after_its_error() {
    use futures::StreamExt as _;

    let server = Scripted::start(vec![export(&["one\n"], "")]).await;
    let client = Client::new(options(server.address, "t")).unwrap();
    let download = client.download::<ExportEvents>(ExportInput::default());
    let pieces: Vec<_> = download.await.unwrap().into_stream().collect().await;
    let (last, first) = pieces.split_last().unwrap();
    assert!(last.is_err());
    assert!(first.iter().all(Result::is_ok) && !first.is_empty());
}
