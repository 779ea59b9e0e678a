//! Images: what was built, published, scanned, promoted and retired.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aggregate, AggregateKey, Aggregates, Changes, Contradiction, Happened, learn};
use crate::Timestamp;
use crate::platform::{ImageData, ImageVerb, PlatformEvent, Vulnerabilities};

/// How far an image has come.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ImageStatus {
    /// Nothing is known but a scan.
    Known,
    /// Built.
    Built,
    /// It can be pulled.
    Published,
    /// Declared fit for an environment.
    Promoted,
    /// Not to be used any more.
    Retired,
}

/// What is known of one image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Image {
    /// Registry and repository.
    pub image: String,
    /// What it is kept under: its digest or, when nobody named one, its tag.
    pub reference: String,
    /// The content digest. For an image kept under its tag: where the tag last pointed.
    pub digest: Option<String>,
    /// When the tag was last said to point there, for an image kept under its tag.
    pub digest_at: Option<Timestamp>,
    /// The tags that pointed at it.
    pub tags: BTreeSet<String>,
    /// How far it has come.
    pub status: ImageStatus,
    /// When that was reached.
    pub status_at: Timestamp,
    /// The commit it was built from.
    pub commit: Option<String>,
    /// The service it is of.
    pub service: Option<String>,
    /// Its size in bytes.
    pub size_bytes: Option<i64>,
    /// What the newest scan found.
    pub vulnerabilities: Option<Vulnerabilities>,
    /// When that scan was.
    pub scanned_at: Option<Timestamp>,
    /// When it was built.
    pub built_at: Option<Timestamp>,
    /// When it was published.
    pub published_at: Option<Timestamp>,
    /// The environments it was promoted to, and when.
    pub promoted: BTreeMap<String, Timestamp>,
    /// When it was retired.
    pub retired_at: Option<Timestamp>,
    /// Place in the log of the first event that named it.
    pub first_position: i64,
    /// Place in the log of the last one.
    pub last_position: i64,
}

fn key(data: &ImageData, reference: &str) -> AggregateKey {
    AggregateKey::Image {
        image: data.image.clone(),
        reference: reference.to_owned(),
    }
}

pub(super) fn keys(event: &PlatformEvent) -> Vec<AggregateKey> {
    let PlatformEvent::Image(_, data) = event else {
        return Vec::new();
    };
    // Both: an image first known by its tag learns its digest from a later event.
    [&data.digest, &data.tag]
        .into_iter()
        .flatten()
        .map(|name| key(data, name))
        .collect()
}

pub(super) fn handle(state: &Aggregates, event: &Happened<'_>) -> Changes {
    let PlatformEvent::Image(verb, data) = event.event else {
        return Changes::default();
    };
    let Some(reference) = data.digest.as_ref().or(data.tag.as_ref()) else {
        return Changes::default();
    };
    let mut changes = Changes::default();
    let known = state.image(&key(data, reference));
    if *verb == ImageVerb::Promoted
        && known.is_some_and(|image| image.retired_at.is_some_and(|at| at <= event.time))
    {
        let about = format!("image {}@{reference}", data.image);
        let message = "it was promoted after it had been retired";
        changes.contradict(Contradiction::new(
            event,
            about,
            "promoted_after_retirement",
            message,
        ));
    }
    let mut image = known
        .cloned()
        .unwrap_or_else(|| begin(data, reference, event));
    apply(&mut image, *verb, data, event);
    changes.put.push(Aggregate::Image(image));

    // The record under the tag, if there is one, keeps up with where the tag points.
    if let (Some(digest), Some(tag)) = (&data.digest, &data.tag)
        && let Some(tagged) = state.image(&key(data, tag))
        && tagged.digest.as_ref() != Some(digest)
        && tagged.digest_at.is_none_or(|at| at <= event.time)
    {
        let mut tagged = tagged.clone();
        tagged.digest = Some(digest.clone());
        tagged.digest_at = Some(event.time);
        tagged.last_position = event.position;
        changes.put.push(Aggregate::Image(tagged));
    }
    changes
}

fn begin(data: &ImageData, reference: &str, event: &Happened<'_>) -> Image {
    Image {
        image: data.image.clone(),
        reference: reference.to_owned(),
        digest: None,
        digest_at: None,
        tags: BTreeSet::new(),
        status: ImageStatus::Known,
        status_at: event.time,
        commit: None,
        service: None,
        size_bytes: None,
        vulnerabilities: None,
        scanned_at: None,
        built_at: None,
        published_at: None,
        promoted: BTreeMap::new(),
        retired_at: None,
        first_position: event.position,
        last_position: event.position,
    }
}

fn apply(image: &mut Image, verb: ImageVerb, data: &ImageData, event: &Happened<'_>) {
    let newer = event.time >= image.status_at;
    learn(&mut image.digest, data.digest.as_ref(), newer);
    image.tags.extend(data.tag.clone());
    learn(&mut image.commit, data.commit.as_ref(), newer);
    learn(&mut image.service, data.service.as_ref(), newer);
    learn(&mut image.size_bytes, data.size_bytes.as_ref(), newer);
    let first = |slot: &mut Option<Timestamp>| {
        *slot = Some(slot.map_or(event.time, |at| at.min(event.time)));
    };
    let status = match verb {
        ImageVerb::Built => {
            first(&mut image.built_at);
            ImageStatus::Built
        }
        ImageVerb::Published => {
            first(&mut image.published_at);
            ImageStatus::Published
        }
        ImageVerb::Scanned => {
            if image.scanned_at.is_none_or(|at| at <= event.time) {
                image.scanned_at = Some(event.time);
                image.vulnerabilities.clone_from(&data.vulnerabilities);
            }
            image.status
        }
        ImageVerb::Promoted => {
            if let Some(environment) = &data.environment {
                let at = image
                    .promoted
                    .entry(environment.clone())
                    .or_insert(event.time);
                *at = (*at).max(event.time);
            }
            ImageStatus::Promoted
        }
        ImageVerb::Retired => {
            learn(&mut image.retired_at, Some(&event.time), newer);
            ImageStatus::Retired
        }
    };
    // A scan reaches nothing, and anything is more than nothing.
    if verb != ImageVerb::Scanned && (newer || image.status == ImageStatus::Known) {
        image.status = status;
        image.status_at = event.time;
    }
    image.last_position = event.position;
}
