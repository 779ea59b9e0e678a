//! Images and where they ran.

use std::collections::HashMap;

use pts_api::actions::images::{ImageView, SearchImages, SearchImagesInput};
use pts_domain::image_ref::ImageRef;
use pts_domain::projection::{Image, Run};
use pts_ports::{ImageQuery, RunQuery};

use crate::coverage::{Found, Question, page};
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Gateway, UseCase};

/// How many runs are looked at for one answer.
const MOST_RUNS: usize = 10_000;
/// How many of them are shown beside one image.
const MOST_SHOWN: usize = 100;

impl UseCase<SearchImages> for Gateway {
    async fn run(&self, input: SearchImagesInput) -> Result<Found<Vec<ImageView>>, ActionError> {
        let limit = limit(input.limit)?;
        let cursor = cursor(input.cursor.as_deref(), CursorKind::Position)?;
        let query = ImageQuery {
            image: input.image,
            tag: input.tag,
            digest: input.digest,
            service: input.service,
        };
        let found = self.projections.images(&query, cursor, limit).await?;
        let mut image_names: Vec<_> = found.items.iter().map(|i| i.image.clone()).collect();
        image_names.sort_unstable();
        image_names.dedup();
        let runs = if image_names.is_empty() {
            Vec::new()
        } else {
            let query = RunQuery {
                image_names,
                ..RunQuery::default()
            };
            self.projections.runs(&query, MOST_RUNS).await?
        };
        let cut = runs.len() == MOST_RUNS;
        let mut shown: HashMap<i64, Vec<Run>> = HashMap::new();
        let mut left_out = 0;
        for run in runs {
            let Some(image) = image_of(&run, &found.items) else {
                continue;
            };
            let ran = shown.entry(image.first_position).or_default();
            if ran.len() < MOST_SHOWN {
                ran.push(run);
            } else {
                left_out += 1;
            }
        }
        let question = Question::present(self.now(), &["image.*", "deployment.*", "service.*"]);
        let mut answer = page(found, question, |image| {
            let ran = shown
                .get(&image.first_position)
                .cloned()
                .unwrap_or_default();
            ImageView { image, ran }
        });
        if left_out > 0 {
            answer.warnings.push(format!(
                "{left_out} older runs are not shown; an image shows its newest {MOST_SHOWN}"
            ));
        }
        if cut {
            answer
                .warnings
                .push(format!("only the newest {MOST_RUNS} runs were looked at"));
        }
        Ok(answer)
    }

    fn is_heavy(_input: &SearchImagesInput) -> bool {
        true
    }
}

/// The image that a run is of: the one whose digest it names or, naming none, the one last known
/// before it under the tag that it names. Tags move; a run is of one image only.
fn image_of<'a>(run: &Run, images: &'a [Image]) -> Option<&'a Image> {
    let named = run.image.as_deref().map(ImageRef::split)?;
    let same_name = images.iter().filter(|image| image.image == named.name);
    match (named.digest, named.tag) {
        (Some(digest), _) => same_name
            .filter(|image| image.digest.as_deref() == Some(digest))
            // Kept under the digest itself, rather than under a tag that points there.
            .max_by_key(|image| image.reference == digest),
        (None, Some(tag)) => same_name
            .filter(|image| image.tags.contains(tag))
            .max_by_key(|image| {
                let before = image.first_position <= run.opened_position;
                (
                    before,
                    if before {
                        image.first_position
                    } else {
                        -image.first_position
                    },
                )
            }),
        (None, None) => None,
    }
}
