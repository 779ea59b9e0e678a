//! Answers of any length: bytes as they come, in constant memory.

use bytes::Bytes;
use futures::stream::{self, Stream};
use http::header::{AsHeaderName, CONTENT_TYPE, ETAG};
use pts_api::{Action, Binding};

use crate::client::request;
use crate::transport::Open;
use crate::{Client, ClientError};

impl Client {
    /// Opens an export or a feed. What it holds is declared with the action.
    ///
    /// # Errors
    /// See [`ClientError`]. Tried again as long as nothing has come.
    pub async fn download<A: Action>(&self, input: A::Input) -> Result<Download, ClientError> {
        const {
            assert!(
                matches!(A::BINDING, Binding::Download | Binding::Feed),
                "this action gives nothing to download"
            );
        }
        let open = self.transport.open(&request::<A>(&input, "*/*")?).await?;
        Ok(Download { open })
    }
}

/// An answer that is read as it comes.
#[derive(Debug)]
pub struct Download {
    open: Open,
}

impl Download {
    /// Its media type, with parameters.
    pub fn media_type(&self) -> Option<&str> {
        self.header(CONTENT_TYPE)
    }

    /// What stands for this state of it, if the server says so.
    pub fn etag(&self) -> Option<&str> {
        self.header(ETAG)
    }

    /// Whether anything is known to be missing in it.
    pub fn is_complete(&self) -> bool {
        self.header("x-pts-coverage") == Some("complete")
    }

    fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.open.headers.get(name)?.to_str().ok()
    }

    /// The next bytes; `None` at the proper end. An answer that breaks off ends with an error, never
    /// with `None`.
    ///
    /// # Errors
    /// [`ClientError::Broken`] or [`ClientError::TimedOut`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        self.open.next().await
    }

    /// The bytes as a stream, which ends after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, ClientError>> + Send {
        stream::unfold(Some(self), |download| async move {
            let mut download = download?;
            match download.next().await {
                Ok(bytes) => Some((Ok(bytes?), Some(download))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}
