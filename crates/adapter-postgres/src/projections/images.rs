//! Images, newest first.

use diesel::prelude::*;
use pts_domain::filter::{Cursor, Page};
use pts_domain::projection::Image;
use pts_ports::{ImageQuery, StoreError};

use super::{behind, cut, matches_nothing, nothing, one_more};
use crate::schema::images as i;
use crate::sql::Sql;
use crate::workspaces::Room;

pub(super) async fn page(
    room: Room<'_>,
    query: &ImageQuery,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Image>, StoreError> {
    let wanted = [
        query.image.as_deref(),
        query.tag.as_deref(),
        query.digest.as_deref(),
        query.service.as_deref(),
    ];
    if matches_nothing(wanted) {
        return Ok(nothing());
    }
    let docs = room
        .load(|| {
            let mut sql = i::table.select(i::doc).into_boxed();
            sql = sql.filter(i::workspace.eq(room.number()));
            if let Some(image) = &query.image {
                sql = sql.filter(i::image.eq(image));
            }
            if let Some(tag) = &query.tag {
                sql = sql.filter(i::doc.retrieve_as_object("tags").has_key(tag));
            }
            if let Some(digest) = &query.digest {
                sql = sql.filter(i::digest.eq(digest));
            }
            if let Some(service) = &query.service {
                sql = sql.filter(i::service.eq(service));
            }
            if let Some(position) = behind(cursor) {
                sql = sql.filter(i::first_position.lt(position));
            }
            Sql::query(sql.order(i::first_position.desc()).limit(one_more(limit)))
        })
        .await?;
    cut(docs, limit, |i: &Image| Cursor::Position(i.first_position))
}
