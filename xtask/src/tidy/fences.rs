//! Which libraries only one crate may name, so that replacing one of them means rewriting one
//! crate.

use super::{
    Problem,
    workspace::{Workspace, matches},
};

/// Libraries, and the only crates that may have them in their manifest for any purpose.
struct Fence {
    libraries: &'static [&'static str],
    holders: &'static [&'static str],
    why: &'static str,
}

const FENCES: &[Fence] = &[
    Fence {
        libraries: &["diesel*", "deadpool*", "postgres*", "pq-sys", "sqlx*"],
        holders: &["pts-adapter-postgres"],
        why: "a database library that two crates name is in the signatures of both: storage can \
              then no longer be replaced",
    },
    Fence {
        libraries: &["tokio-postgres*"],
        holders: &["pts-adapter-postgres", "pts-testkit", "bench-load"],
        why: "plain connections are for the adapter's bulk writes, for tests that look at the \
              database from outside, and for the bench that measures the database alone",
    },
    Fence {
        libraries: &["openidconnect", "oauth2"],
        holders: &["pts-adapter-oidc"],
        why: "who somebody is, is asked of a port: which protocol tells it is one adapter's business",
    },
    Fence {
        libraries: &["actix*"],
        holders: &["pts-adapter-http", "bench-parse-only"],
        why: "the web framework stays at the edge: a use case that knows it can be called no \
              other way",
    },
    Fence {
        libraries: &["cedar-policy*"],
        holders: &["pts-adapter-cedar"],
        why: "who may do what is asked through a port: the language in which it is written can \
              then be another",
    },
];

/// The crates that name a library that is another's.
pub(crate) fn check(workspace: &Workspace) -> Vec<Problem> {
    let mut problems = Vec::new();
    for member in &workspace.members {
        for dependency in &member.dependencies {
            let fence = FENCES.iter().find(|fence| {
                fence
                    .libraries
                    .iter()
                    .any(|library| matches(library, &dependency.name))
            });
            let Some(fence) = fence else { continue };
            if !fence.holders.contains(&member.name.as_str()) {
                problems.push(Problem {
                    place: member.name.clone(),
                    found: format!("{} -> {}", member.name, dependency.name),
                    expected: format!("only {} to name it", fence.holders.join(" and ")),
                    why: fence.why,
                });
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::workspace::fake::workspace;

    #[test]
    fn holders_may_name_their_libraries() {
        let house = workspace(&[
            (
                "pts-adapter-postgres",
                &["diesel", "diesel-async", "deadpool", "tokio-postgres"],
            ),
            ("pts-testkit", &["optional:tokio-postgres"]),
            ("pts-adapter-http", &["actix-web", "dev:actix-http"]),
            ("pts-adapter-cedar", &["cedar-policy"]),
        ]);
        assert_eq!(check(&house), []);
    }

    #[test]
    fn a_library_behind_a_fence_is_caught_outside_it() {
        for (member, library) in [
            ("pts-server", "diesel"),
            ("pts-services", "diesel-async"),
            ("pts-testkit", "diesel_migrations"),
            ("pts-server", "dev:tokio-postgres"),
            ("pts-adapter-http", "deadpool"),
            ("pts-server", "actix-web"),
            ("pts-adapter-postgres", "actix-rt"),
            ("pts-services", "cedar-policy-core"),
        ] {
            let problems = check(&workspace(&[(member, &[library])]));
            assert_eq!(problems.len(), 1, "{member} -> {library}");
            assert_eq!(problems[0].place, member);
        }
    }
}
