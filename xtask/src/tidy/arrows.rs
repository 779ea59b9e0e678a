//! Which crate of the workspace may depend on which. The table is the design; the check only
//! compares.

use super::{
    Problem,
    workspace::{Member, Workspace, matches},
};

/// A crate, or every crate whose name fits a pattern ending in `*`, and what it may depend on.
struct Room {
    name: &'static str,
    may: May,
    why: &'static str,
}

/// Normal and build dependencies within the workspace. Dev-dependencies are free, but for xtask.
enum May {
    /// These and no others; the second list only as optional dependencies.
    Name(&'static [&'static str], &'static [&'static str]),
    /// All of the product, which tests and tasks are not part of.
    NameTheProduct,
    /// Nothing of the workspace, not even for its tests.
    StandApart,
}

const TESTKIT: &str = "pts-testkit";
const XTASK: &str = "xtask";

/// The first row that fits decides.
const ROOMS: &[Room] = &[
    Room {
        name: "pts-domain",
        may: May::Name(&[], &[]),
        why: "what is true depends on nobody's way of storing or serving it",
    },
    Room {
        name: "pts-api",
        may: May::Name(&["pts-domain"], &[]),
        why: "the contract is read by clients too: it must not know who carries it out",
    },
    Room {
        name: "pts-ports",
        may: May::Name(&["pts-domain"], &[]),
        why: "a port is stated in the domain's words, so that any adapter can stand behind it",
    },
    Room {
        name: "pts-services",
        may: May::Name(&["pts-api", "pts-ports", "pts-domain"], &[]),
        why: "use cases reach the outside through ports only",
    },
    Room {
        name: "pts-adapter-http",
        may: May::Name(&["pts-api", "pts-services", "pts-ports", "pts-domain"], &[]),
        why: "an inbound adapter calls the services; adapters never depend on each other",
    },
    Room {
        name: "pts-adapter-*",
        may: May::Name(&["pts-ports", "pts-domain"], &[]),
        why: "an adapter can be replaced by any other that keeps the same port's contract; \
              adapters never depend on each other",
    },
    Room {
        name: "pts-client",
        may: May::Name(&["pts-api", "pts-domain"], &[]),
        why: "a client knows the contract, not the server",
    },
    Room {
        name: "pts-cli",
        may: May::Name(&["pts-client", "pts-api", "pts-domain"], &[]),
        why: "the command line has no logic of its own: it shows what the client answers",
    },
    Room {
        name: "pts-ui",
        may: May::Name(&[], &[]),
        why: "the embedded web app is files; it speaks to the server as every client does",
    },
    Room {
        name: "pts-server",
        may: May::NameTheProduct,
        why: "the program wires the product together, and ships neither tests nor tasks",
    },
    Room {
        name: TESTKIT,
        may: May::Name(
            &["pts-domain", "pts-api", "pts-ports"],
            // A TestDb needs the migrations. Behind a feature, so that the core's tests do not.
            &["pts-adapter-postgres"],
        ),
        why: "the core's own tests use the kit, so it must be as light as they are: a real \
              database comes in by an optional dependency",
    },
    Room {
        name: XTASK,
        may: May::StandApart,
        why: "the tasks must build and say what is wrong when the product does not build",
    },
    Room {
        name: "bench-answers",
        may: May::NameTheProduct,
        why: "what the door costs is seen only beside the same call without it, in one process",
    },
    Room {
        name: "bench-*",
        may: May::StandApart,
        why: "what the product is measured with and against shares no code with it",
    },
];

/// The crates whose dependencies go where no arrow leads.
pub(crate) fn check(workspace: &Workspace) -> Vec<Problem> {
    let mut problems = Vec::new();
    for member in &workspace.members {
        match ROOMS.iter().find(|room| matches(room.name, &member.name)) {
            Some(room) => check_member(workspace, member, room, &mut problems),
            None => problems.push(Problem {
                place: member.name.clone(),
                found: "a crate that has no place in the house".into(),
                expected: "a row in xtask/src/tidy/arrows.rs that says what it may depend on"
                    .into(),
                why: "who depends on whom is decided, not found out later",
            }),
        }
    }
    problems
}

fn check_member(workspace: &Workspace, member: &Member, room: &Room, out: &mut Vec<Problem>) {
    for dependency in member
        .dependencies
        .iter()
        .filter(|dep| workspace.has(&dep.name))
    {
        let name = dependency.name.as_str();
        let (allowed, expected) = match &room.may {
            May::StandApart => (
                false,
                "no crate of the workspace, not even in its tests".into(),
            ),
            _ if dependency.dev => continue,
            May::NameTheProduct => (
                name != TESTKIT && name != XTASK,
                "any crate but the test kit and the tasks".into(),
            ),
            May::Name(always, optionally) => (
                always.contains(&name) || (dependency.optional && optionally.contains(&name)),
                in_words(always, optionally),
            ),
        };
        if !allowed {
            out.push(Problem {
                place: member.name.clone(),
                found: format!("{} -> {name}", member.name),
                expected,
                why: if name == TESTKIT {
                    "the test kit is a dev-dependency only"
                } else {
                    room.why
                },
            });
        }
    }
}

fn in_words(always: &[&str], optionally: &[&str]) -> String {
    let mut words = match always {
        [] => "no crate of the workspace".to_owned(),
        names => format!("only {}", names.join(", ")),
    };
    for name in optionally {
        words.push_str(", and as an optional dependency ");
        words.push_str(name);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::workspace::fake::{on_disk, workspace};

    const HOUSE: &[(&str, &[&str])] = &[
        ("pts-domain", &["chrono", "dev:pts-testkit"]),
        ("pts-api", &["pts-domain"]),
        ("pts-ports", &["pts-domain"]),
        (
            "pts-services",
            &["pts-api", "pts-ports", "pts-domain", "dev:pts-testkit"],
        ),
        (
            "pts-adapter-http",
            &["pts-services", "pts-api", "actix-web"],
        ),
        ("pts-adapter-postgres", &["pts-ports", "pts-domain"]),
        ("pts-adapter-nats", &["pts-ports"]),
        ("pts-client", &["pts-api", "pts-domain"]),
        ("pts-cli", &["pts-client"]),
        ("pts-ui", &["rust-embed"]),
        (
            "pts-server",
            &[
                "pts-adapter-http",
                "pts-adapter-postgres",
                "pts-ui",
                "dev:pts-testkit",
            ],
        ),
        (
            "pts-testkit",
            &["pts-ports", "pts-domain", "optional:pts-adapter-postgres"],
        ),
        ("xtask", &["anyhow"]),
    ];

    /// The house as designed, with `member` naming one dependency more.
    fn with(member: &str, extra: &str) -> Vec<Problem> {
        let members: Vec<(&str, Vec<&str>)> = HOUSE
            .iter()
            .map(|(name, dependencies)| {
                let more = (*name == member).then_some(extra);
                (*name, dependencies.iter().copied().chain(more).collect())
            })
            .collect();
        let members: Vec<(&str, &[&str])> = members
            .iter()
            .map(|(name, deps)| (*name, deps.as_slice()))
            .collect();
        check(&workspace(&members))
    }

    #[test]
    fn the_house_as_designed_has_no_forbidden_arrow() {
        assert_eq!(check(&workspace(HOUSE)), []);
    }

    #[test]
    fn a_forbidden_arrow_is_caught() {
        for (from, to) in [
            ("pts-domain", "pts-ports"),
            ("pts-domain", "pts-api"),
            ("pts-api", "pts-services"),
            ("pts-api", "pts-ports"),
            ("pts-ports", "pts-api"),
            ("pts-services", "pts-adapter-postgres"),
            ("pts-adapter-http", "pts-adapter-postgres"),
            ("pts-adapter-postgres", "pts-adapter-http"),
            ("pts-adapter-postgres", "pts-services"),
            ("pts-adapter-nats", "pts-adapter-postgres"),
            ("pts-client", "pts-services"),
            ("pts-cli", "pts-ports"),
            ("pts-ui", "pts-api"),
            ("pts-server", "xtask"),
        ] {
            let problems = with(from, to);
            assert_eq!(problems.len(), 1, "{from} -> {to}: {problems:?}");
            assert_eq!(problems[0].place, from);
            assert_eq!(problems[0].found, format!("{from} -> {to}"));
        }
    }

    #[test]
    fn the_test_kit_is_a_dev_dependency_only() {
        for from in [
            "pts-domain",
            "pts-services",
            "pts-adapter-http",
            "pts-server",
        ] {
            let problems = with(from, "pts-testkit");
            assert_eq!(problems.len(), 1, "{from}");
            assert!(
                problems[0].why.contains("dev-dependency only"),
                "{problems:?}"
            );
        }
        assert_eq!(with("pts-adapter-http", "dev:pts-testkit"), []);
    }

    #[test]
    fn the_test_kit_may_bring_a_database_by_option_only() {
        assert_eq!(with("pts-testkit", "pts-adapter-postgres").len(), 1);
        assert_eq!(with("pts-testkit", "optional:pts-adapter-http").len(), 1);
    }

    #[test]
    fn the_tasks_name_no_product_crate_even_in_tests() {
        assert_eq!(with("xtask", "pts-domain").len(), 1);
        assert_eq!(with("xtask", "dev:pts-testkit").len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_asked_for_one() {
        let problems = check(&workspace(&[("pts-extra", &[])]));
        assert_eq!(problems.len(), 1);
        assert!(problems[0].expected.contains("arrows.rs"), "{problems:?}");
    }

    #[test]
    fn a_forbidden_arrow_is_caught_in_manifests_on_disk() {
        let house = on_disk(&[
            (
                "pts-domain",
                "[dev-dependencies]\npts-api = { path = \"../pts-api\" }\n",
            ),
            (
                "pts-api",
                "[dependencies]\nstore = { package = \"pts-ports\", path = \"../pts-ports\" }\n",
            ),
            (
                "pts-ports",
                "[build-dependencies]\npts-domain = { path = \"../pts-domain\" }\n",
            ),
        ]);
        let problems = check(&Workspace::read(house.path()).expect("a workspace"));
        let found: Vec<&str> = problems
            .iter()
            .map(|problem| problem.found.as_str())
            .collect();
        assert_eq!(found, ["pts-api -> pts-ports"]);
    }
}
