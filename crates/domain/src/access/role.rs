//! Roles: bundles of scopes under a name that says what somebody is there for.

use super::Scope;

/// The roles that there always are, and what each allows.
pub const BUILT_IN_ROLES: [(&str, &[Scope]); 4] = [
    ("viewer", &[Scope::EventsRead, Scope::ElevationsRequest]),
    ("emitter", &[Scope::EventsWrite]),
    (
        "operator",
        &[
            Scope::EventsRead,
            Scope::EventsWrite,
            Scope::MetricsRead,
            Scope::Operate,
            Scope::ElevationsRequest,
        ],
    ),
    ("admin", &[Scope::Admin]),
];

/// What a role allows that there always is.
pub fn built_in_role(name: &str) -> Option<&'static [Scope]> {
    let mut known = BUILT_IN_ROLES.into_iter();
    known.find_map(|(role, scopes)| (role == name).then_some(scopes))
}
