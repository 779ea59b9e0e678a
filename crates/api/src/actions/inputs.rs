//! What a search and the export of the same things ask for: the filter that both have is written once.

/// Declares the inputs of a search, which comes in pages, and of the export that writes out everything
/// that the search would page through. Both are flat, each with its own fields around those of the
/// filter; `search` names what the export cannot be asked for.
macro_rules! search_and_export {
    (
        $(#[$about_search:meta])*
        pub struct $search:ident;
        $(#[$about_export:meta])*
        pub struct $export:ident;
        filter { $($(#[$about:meta])* pub $field:ident: $type:ty,)+ }
        $(search { $($(#[$about_own:meta])* pub $own:ident: $own_type:ty,)+ })?
    ) => {
        $(#[$about_search])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct $search {
            $($(#[$about])* pub $field: $type,)+
            $($($(#[$about_own])* pub $own: $own_type,)+)?
            /// At most so many, 1 to 1,000; 100 if not given.
            #[schemars(range(min = 1, max = $crate::actions::LARGEST_LIMIT))]
            pub limit: Option<usize>,
            /// `next_cursor` of the page before.
            pub cursor: Option<String>,
        }

        $(#[$about_export])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct $export {
            /// How they are written. Without it, `Accept` decides; NDJSON if that names neither.
            pub format: Option<$crate::actions::export::ExportFormat>,
            $($(#[$about])* pub $field: $type,)+
        }

        impl From<$export> for $search {
            /// The search that pages through the same.
            fn from(export: $export) -> Self {
                let $export { format: _, $($field,)+ } = export;
                Self {
                    $($field,)+
                    ..Self::default()
                }
            }
        }
    };
}

pub(crate) use search_and_export;
