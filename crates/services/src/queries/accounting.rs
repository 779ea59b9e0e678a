//! What became of everything that was sent.

use pts_api::Gap;
use pts_api::actions::accounting::{
    AccountReport, AccountRow, GetAccounting, GetAccountingInput, Tally,
};
use pts_domain::accounting::Days;
use pts_ports::AccountQuery;

use super::period;
use crate::coverage::{Found, Question, found};
use crate::gateway::limit;
use crate::{ActionError, Gateway, UseCase};

impl UseCase<GetAccounting> for Gateway {
    async fn run(&self, input: GetAccountingInput) -> Result<Found<AccountReport>, ActionError> {
        let (since, until) = period(self, input.since.as_ref(), input.until.as_ref())?;
        let limit = limit(input.limit)?;
        let query = AccountQuery {
            days: Days::touched(since, until),
            sender: input.token,
            source: input.source,
        };
        // So that whoever reads after writing finds what it wrote.
        self.books.hand_over().await?;
        let account = self.accounting.account(&query, limit).await?;
        let shown = account.lines.len() as u64;
        let report = AccountReport {
            totals: Tally::from(account.totals),
            rows: account.lines.into_iter().map(AccountRow::from).collect(),
        };
        // An account of what was received is whole whatever was not.
        let mut answer = found(report, Question::itself());
        if account.uncounted > 0 {
            answer.gaps.push(Gap {
                from: None,
                to: None,
                reason: "events of the log that are still being counted".to_owned(),
                // Of all workspaces together.
                count: Some(account.uncounted).filter(|_| !self.bound),
            });
        }
        if shown < account.all_lines {
            answer.warnings.push(format!(
                "only the busiest {shown} of {} rows are shown; the totals are of all",
                account.all_lines
            ));
        }
        Ok(answer)
    }
}
