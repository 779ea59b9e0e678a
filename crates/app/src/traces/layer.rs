//! Turns spans of the program's own log into spans of OpenTelemetry. Which trace a request belongs to was
//! decided where it came in, and stands in its span's fields.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::Counts;
use crate::system;

/// Whether a span may be one to export: those of requests are.
pub(crate) fn wanted(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.name() == "request" && metadata.target().starts_with("pts_")
}

/// Hands on spans that have ended.
pub(crate) struct SpanLayer {
    spans: mpsc::Sender<SpanData>,
    counts: Arc<Counts>,
    scope: InstrumentationScope,
}

impl SpanLayer {
    pub(super) fn new(spans: mpsc::Sender<SpanData>, counts: Arc<Counts>) -> Self {
        let scope = InstrumentationScope::builder("pts-server")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        Self {
            spans,
            counts,
            scope,
        }
    }
}

/// A span that has not ended.
struct Open {
    begun: SystemTime,
    fields: Fields,
}

#[derive(Default)]
struct Fields {
    trace_id: Option<TraceId>,
    span_id: Option<SpanId>,
    parent: Option<SpanId>,
    sampled: bool,
    action: Option<String>,
    status: Option<i64>,
    attributes: Vec<KeyValue>,
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == "sampled" {
            self.sampled = value;
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if let Ok(value) = i64::try_from(value) {
            self.record_i64(field, value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        if field.name() == "status" {
            self.status = Some(value);
            let key = "http.response.status_code";
            self.attributes.push(KeyValue::new(key, value));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "trace_id" => self.trace_id = TraceId::from_hex(value).ok(),
            "span_id" => self.span_id = SpanId::from_hex(value).ok(),
            "parent_span_id" => self.parent = SpanId::from_hex(value).ok(),
            name => {
                let key = match name {
                    "method" => "http.request.method",
                    "peer" => "client.address",
                    "action" => {
                        self.action = Some(value.to_owned());
                        "pts.action"
                    }
                    "request_id" => "pts.request_id",
                    "token" => "pts.token_id",
                    _ => return,
                };
                self.attributes.push(KeyValue::new(key, value.to_owned()));
            }
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

impl<S> Layer<S> for SpanLayer
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id).filter(|_| fields.sampled) {
            let begun = system::wall_clock();
            span.extensions_mut().insert(Open { begun, fields });
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            values.record(&mut open.fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let open = context
            .span(&id)
            .and_then(|span| span.extensions_mut().remove::<Open>());
        let Some(span) = open.and_then(|open| self.ended(open)) else {
            return;
        };
        // Full, or nobody sends any more: requests do not wait for either.
        if self.spans.try_send(span).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl SpanLayer {
    fn ended(&self, open: Open) -> Option<SpanData> {
        let Open { begun, fields } = open;
        let context = SpanContext::new(
            fields.trace_id?,
            fields.span_id?,
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        let status = match fields.status {
            Some(500..) => Status::error(""),
            _ => Status::Unset,
        };
        Some(SpanData {
            span_context: context,
            parent_span_id: fields.parent.unwrap_or(SpanId::INVALID),
            parent_span_is_remote: fields.parent.is_some(),
            span_kind: SpanKind::Server,
            name: fields.action.map_or(Cow::Borrowed("request"), Cow::Owned),
            start_time: begun,
            end_time: system::wall_clock().max(begun),
            attributes: fields.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: self.scope.clone(),
        })
    }
}
