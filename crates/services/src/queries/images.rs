//! Images and where they ran.

use pts_api::Answer;
use pts_api::actions::images::{ImageView, SearchImages, SearchImagesInput};
use pts_domain::image_ref::ImageRef;
use pts_domain::projection::{Image, Run};
use pts_ports::{ImageQuery, RunQuery};

use crate::coverage::page;
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Gateway, UseCase};

/// How many runs are looked at for one answer.
const MOST_RUNS: usize = 10_000;

impl UseCase<SearchImages> for Gateway {
    async fn run(&self, input: SearchImagesInput) -> Result<Answer<Vec<ImageView>>, ActionError> {
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
        let mut answer = page(found, self.coverage(), |image| {
            let ran = runs
                .iter()
                .filter(|run| is_of(run, &image))
                .cloned()
                .collect();
            ImageView { image, ran }
        });
        if cut {
            answer
                .warnings
                .push(format!("only the newest {MOST_RUNS} runs were looked at"));
        }
        Ok(answer)
    }
}

/// A run is of an image if it names its digest or, naming none, one of its tags.
fn is_of(run: &Run, image: &Image) -> bool {
    let Some(named) = run.image.as_deref().map(ImageRef::split) else {
        return false;
    };
    if named.name != image.image {
        return false;
    }
    match (named.digest, &image.digest, named.tag) {
        (Some(digest), Some(own), _) => digest == own,
        (_, _, Some(tag)) => image.tags.contains(tag),
        _ => false,
    }
}
