//! A body's bytes, within bounds: of one body, before and after decompression; of all bodies that
//! are worked on at once; and of the time a client may take.

use std::io::Read;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::web::{Payload, block};
use flate2::read::MultiGzDecoder;
use futures::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::media::{self, Encoding};
use crate::HttpSettings;
use crate::problem::Refusal;
use crate::shared::Shared;

/// From this size on, a body is decompressed and parsed beside the workers.
const HEAVY_BYTES: usize = 128 * 1024;
/// What one permit stands for.
const UNIT: usize = 64 * 1024;
/// What an object with one field takes, and what one value more takes, in memory.
const OBJECT_BYTES: usize = 640;
const VALUE_BYTES: usize = 40;
/// The largest window that a zstd body may ask for: no more memory than a body may have.
const ZSTD_WINDOW_LOG: u32 = 24;

/// How many bytes of bodies may be worked on at the same time.
pub(crate) struct BodyBudget(Arc<Semaphore>);

impl BodyBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(
            bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS),
        )))
    }

    pub(super) fn reserve(&self) -> Reservation {
        Reservation {
            budget: Arc::clone(&self.0),
            held: None,
        }
    }
}

/// A share of the budget, given back when it is dropped.
pub(crate) struct Reservation {
    budget: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

impl Reservation {
    /// Makes the share large enough for so many bytes.
    fn grow_to(&mut self, bytes: usize) -> Result<(), Refusal> {
        let held = self
            .held
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let more = bytes.div_ceil(UNIT).saturating_sub(held);
        if more == 0 {
            return Ok(());
        }
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        let permits = Arc::clone(&self.budget)
            .try_acquire_many_owned(more)
            .map_err(|_| {
                let detail =
                    "The server works on as many large bodies as it can hold; try again in 1 s.";
                Refusal::unavailable("overloaded", detail, 1)
            })?;
        match &mut self.held {
            Some(held) => held.merge(permits),
            None => self.held = Some(permits),
        }
        Ok(())
    }
}

/// Reads the body of a request, undoes its compression, makes room for what it becomes, and makes that
/// of it; all but the first beside the workers where it may take long.
///
/// # Errors
/// As its parts.
pub(crate) async fn whole<T: Send + 'static>(
    req: &HttpRequest,
    payload: Payload,
    shared: &Shared,
    parse: impl FnOnce(Vec<u8>) -> Result<T, Refusal> + Send + 'static,
) -> Result<(T, Reservation), Refusal> {
    let encoding = media::encoding(req.headers())?;
    let mut reservation = shared.bodies.reserve();
    let bytes = read(payload, &shared.settings, &mut reservation).await?;
    let settings = shared.settings.clone();
    beside(is_heavy(&bytes, encoding), move || {
        let bytes = decompress(bytes, encoding, settings.max_body_bytes, &mut reservation)?;
        make_room(&bytes, &settings, &mut reservation)?;
        Ok((parse(bytes)?, reservation))
    })
    .await
}

/// Whether a body is worked on for so long that others would have to wait.
pub(super) fn is_heavy(bytes: &[u8], encoding: Encoding) -> bool {
    bytes.len() > HEAVY_BYTES || encoding != Encoding::Identity
}

/// Does some work: here, or beside the workers, so that it does not hold up others.
///
/// # Errors
/// As the work.
pub(super) async fn beside<T: Send + 'static>(
    heavy: bool,
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    if !heavy {
        return work();
    }
    block(work).await.map_err(|error| {
        tracing::error!(%error, "a body could not be worked on beside the workers");
        Refusal::internal()
    })?
}

/// Reads a body as it was sent.
///
/// # Errors
/// 413, 408, 503, or 400 for a body that breaks off.
pub(super) async fn read(
    mut payload: Payload,
    settings: &HttpSettings,
    reservation: &mut Reservation,
) -> Result<Vec<u8>, Refusal> {
    let reading = async {
        let mut bytes = Vec::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| broken_off(&error))?;
            let length = bytes.len() + chunk.len();
            if length > settings.max_body_bytes {
                return Err(too_large(settings.max_body_bytes, ""));
            }
            reservation.grow_to(length)?;
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    match tokio::time::timeout(settings.body_timeout, reading).await {
        Ok(read) => read,
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_timeout",
            "The body came too slowly",
            format!(
                "The body was not complete after {} s.",
                settings.body_timeout.as_secs()
            ),
        )),
    }
}

/// Undoes the compression of a body, and stops where it grows beyond the bound.
///
/// # Errors
/// 413 beyond the bound, 503 beyond the budget, 400 for what is not compressed as it says.
pub(super) fn decompress(
    bytes: Vec<u8>,
    encoding: Encoding,
    most: usize,
    reservation: &mut Reservation,
) -> Result<Vec<u8>, Refusal> {
    match encoding {
        Encoding::Identity => Ok(bytes),
        Encoding::Gzip => inflate(
            MultiGzDecoder::new(bytes.as_slice()),
            "gzip",
            most,
            reservation,
        ),
        Encoding::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(bytes.as_slice())
                .and_then(|mut decoder| {
                    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                    Ok(decoder)
                })
                .map_err(|error| bad_compression("zstd", &error))?;
            inflate(decoder, "zstd", most, reservation)
        }
    }
}

/// Makes room for what a body becomes when it is read as JSON: small values take far more memory
/// than text. A body of a few MiB could otherwise fill the memory of the machine.
///
/// # Errors
/// 413 for a body that alone would take too much, 503 beyond the budget.
pub(super) fn make_room(
    bytes: &[u8],
    settings: &HttpSettings,
    reservation: &mut Reservation,
) -> Result<(), Refusal> {
    let estimate = bytes.iter().fold(bytes.len(), |sum, byte| match byte {
        b'{' => sum + OBJECT_BYTES,
        b',' => sum + VALUE_BYTES,
        _ => sum,
    });
    if estimate > settings.max_bodies_bytes / 2 {
        return Err(Refusal::too_large(
            "too_many_values",
            "The body holds too many values",
            "The body holds so many values that it would take too much memory; send several \
             requests.",
        ));
    }
    reservation.grow_to(estimate)
}

fn inflate(
    mut decoder: impl Read,
    name: &str,
    most: usize,
    reservation: &mut Reservation,
) -> Result<Vec<u8>, Refusal> {
    let mut inflated = Vec::new();
    let mut chunk = vec![0; UNIT];
    loop {
        let read = decoder
            .read(&mut chunk)
            .map_err(|error| bad_compression(name, &error))?;
        if read == 0 {
            return Ok(inflated);
        }
        if inflated.len() + read > most {
            return Err(too_large(most, " after decompression"));
        }
        reservation.grow_to(inflated.len() + read)?;
        inflated.extend_from_slice(&chunk[..read]);
    }
}

fn too_large(most: usize, when: &str) -> Refusal {
    let mib = most / (1024 * 1024);
    Refusal::too_large(
        "body_too_large",
        "The body is too large",
        format!("The body has more than {most} bytes ({mib} MiB){when}; send several requests."),
    )
}

fn bad_compression(name: &str, error: &std::io::Error) -> Refusal {
    Refusal::bad_request(
        "bad_compression",
        "The body cannot be decompressed",
        format!("The body is said to be {name} and is not: {error}."),
    )
}

fn broken_off(error: &PayloadError) -> Refusal {
    Refusal::bad_request(
        "body_incomplete",
        "The body broke off",
        format!("The body could not be read to its end: {error}."),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const MOST: usize = 1024 * 1024;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn undo(bytes: Vec<u8>, encoding: Encoding) -> Result<Vec<u8>, String> {
        let mut reservation = BodyBudget::new(2 * MOST).reserve();
        decompress(bytes, encoding, MOST, &mut reservation)
            .map_err(|refusal| refusal.into_problem().code)
    }

    #[test]
    fn compressed_bodies_come_back_as_they_were() {
        let text = b"{\"type\":\"x\"}".repeat(1000);
        assert_eq!(undo(gzip(&text), Encoding::Gzip).unwrap(), text);
        let zstd = zstd::stream::encode_all(text.as_slice(), 3).unwrap();
        assert_eq!(undo(zstd, Encoding::Zstd).unwrap(), text);
        assert_eq!(undo(text.clone(), Encoding::Identity).unwrap(), text);
        let two_members = [gzip(b"[1,"), gzip(b"2]")].concat();
        assert_eq!(undo(two_members, Encoding::Gzip).unwrap(), b"[1,2]");
    }

    #[test]
    fn a_bomb_is_stopped_at_the_bound() {
        let zeros = vec![0; 64 * MOST];
        let bomb = gzip(&zeros);
        assert!(bomb.len() < MOST);
        assert_eq!(undo(bomb, Encoding::Gzip).unwrap_err(), "body_too_large");
        let bomb = zstd::stream::encode_all(zeros.as_slice(), 3).unwrap();
        assert_eq!(undo(bomb, Encoding::Zstd).unwrap_err(), "body_too_large");
    }

    #[test]
    fn what_is_cut_off_or_not_compressed_is_refused() {
        let whole = gzip(&b"0123456789".repeat(100));
        let cut = whole[..whole.len() - 6].to_vec();
        assert_eq!(undo(cut, Encoding::Gzip).unwrap_err(), "bad_compression");
        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            assert_eq!(
                undo(b"hello".to_vec(), encoding).unwrap_err(),
                "bad_compression"
            );
        }
    }

    #[test]
    fn many_small_values_count_as_the_memory_they_take() {
        let settings = HttpSettings {
            max_bodies_bytes: 32 * MOST,
            ..HttpSettings::default()
        };
        let budget = BodyBudget::new(settings.max_bodies_bytes);
        let room = |bytes: &[u8]| {
            make_room(bytes, &settings, &mut budget.reserve())
                .map_err(|refusal| refusal.into_problem().code)
        };
        assert_eq!(room(&b"x".repeat(MOST)), Ok(()));
        assert_eq!(room(&b"{\"a\":1},".repeat(10_000)), Ok(()));
        assert_eq!(
            room(&b"{\"a\":1},".repeat(100_000)),
            Err("too_many_values".into())
        );
        assert_eq!(room(&b"0,".repeat(MOST)), Err("too_many_values".into()));
    }

    #[test]
    fn all_bodies_together_have_a_bound() {
        let budget = BodyBudget::new(4 * UNIT);
        let (mut one, mut other) = (budget.reserve(), budget.reserve());
        one.grow_to(3 * UNIT).unwrap();
        other.grow_to(UNIT).unwrap();
        assert_eq!(
            other.grow_to(UNIT + 1).unwrap_err().into_problem().code,
            "overloaded"
        );
        drop(one);
        other.grow_to(2 * UNIT).unwrap();
    }

    #[tokio::test]
    async fn what_takes_long_is_done_beside_the_workers() {
        let here = std::thread::current().id();
        let who = || Ok(std::thread::current().id());
        assert_eq!(beside(false, who).await.unwrap(), here);
        assert_ne!(beside(true, who).await.unwrap(), here);
        assert!(!is_heavy(&vec![0; HEAVY_BYTES], Encoding::Identity));
        assert!(is_heavy(&vec![0; HEAVY_BYTES + 1], Encoding::Identity));
        // Few bytes may become many.
        assert!(is_heavy(b"", Encoding::Gzip));
    }
}
