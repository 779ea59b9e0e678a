//! What the tests say they ran on: one line for each use of a database, `kind database suite`
//! (`container postgres:17 contract-suite`, `local 15 http`).

use std::{collections::BTreeMap, fmt};

use super::probe;

/// How often each suite used each database.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// By kind and database, then by suite.
    used: BTreeMap<(String, String), BTreeMap<String, usize>>,
}

const CONTAINER: &str = "container";

impl Report {
    /// Reads the report; a line with fewer words still counts for what it says.
    pub(crate) fn parse(text: &str) -> Self {
        let mut report = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let Some(kind) = words.next() else { continue };
            let database = words.next().unwrap_or("?");
            let suite = words.collect::<Vec<_>>().join(" ");
            let suites = report
                .used
                .entry((kind.to_owned(), database.to_owned()))
                .or_default();
            *suites.entry(suite).or_default() += 1;
        }
        report
    }

    /// The images of `majors` in which no suite ran.
    pub(crate) fn missing(&self, pattern: &str, majors: &[u16]) -> Vec<String> {
        majors
            .iter()
            .map(|&major| probe::image(pattern, major))
            .filter(|image| {
                !self
                    .used
                    .contains_key(&(CONTAINER.to_owned(), image.clone()))
            })
            .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.used.is_empty() {
            return writeln!(out, "databases used: none. No suite ran on PostgreSQL");
        }
        writeln!(out, "databases used:")?;
        for ((kind, database), suites) in &self.used {
            let suites: Vec<String> = suites
                .iter()
                .map(|(suite, times)| {
                    if *times == 1 {
                        suite.clone()
                    } else {
                        format!("{suite} ({times} times)")
                    }
                })
                .collect();
            writeln!(out, "  {kind} {database}: {}", suites.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_ran_where_and_how_often() {
        let report = Report::parse(
            "local 15 http\ncontainer postgres:17 contract-suite\nlocal 15 http\n\n\
             local 15 contract-suite\n",
        );
        assert_eq!(
            report.to_string(),
            "databases used:\n  container postgres:17: contract-suite\n  \
             local 15: contract-suite, http (2 times)\n"
        );
    }

    #[test]
    fn a_version_that_ran_in_no_container_is_missing() {
        let report = Report::parse("container pg:15 contract-suite\nlocal pg:17 contract-suite\n");
        assert_eq!(report.missing("pg:{major}", &[15, 17]), ["pg:17"]);
        assert_eq!(
            Report::parse("").missing("pg:{major}", &[15, 17]),
            ["pg:15", "pg:17"]
        );
    }

    #[test]
    fn no_database_at_all_is_said() {
        assert!(
            Report::parse("")
                .to_string()
                .contains("No suite ran on PostgreSQL")
        );
    }
}
