//! Images: what was built, and where it ran.

use pts_domain::access::Scope;
use pts_domain::projection::{Image, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::actions::LARGEST_LIMIT;
use crate::{Action, Effect};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_images_action {
    ($each:ident) => {
        $each!(answer $crate::actions::images::SearchImages);
    };
}

/// `platform.images.search`
pub struct SearchImages;

/// Which images are wanted. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchImagesInput {
    /// Of this repository.
    pub image: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// Of this digest.
    pub digest: Option<String>,
    /// Of this service.
    pub service: Option<String>,
    /// At most so many, 1 to 1,000; 100 if not given.
    #[schemars(range(min = 1, max = LARGEST_LIMIT))]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// An image and where it ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImageView {
    /// The image.
    #[serde(flatten)]
    pub image: Image,
    /// The periods in which it ran, as declared and as observed, newest first: runs that name its
    /// digest or, where they name none, one of its tags.
    pub ran: Vec<Run>,
}

impl Action for SearchImages {
    const NAME: &'static str = "platform.images.search";
    const SUMMARY: &'static str = "Search images, the one first reported last first";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/images";
    type Input = SearchImagesInput;
    type Output = Vec<ImageView>;

    fn example() -> Value {
        json!({ "image": "ghcr.io/acme/payments" })
    }
}
