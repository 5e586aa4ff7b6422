//! `case show` and `case list`.

use clap::Args;
use serde::Serialize;
use tributary_proto::gateway::v1::{GetCaseRequest, ListCasesRequest};

use super::view::CaseView;
use crate::client::{Caller, refused};
use crate::exit::Outcome;
use crate::output::{Output, table};

/// `case show`
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The case's id
    case: String,
}

/// `case list`
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Terms joined by AND, such as 'state = READY AND disposition = UNREACHABLE'
    #[arg(long, default_value = "")]
    filter: String,
    /// At most this many
    #[arg(long, default_value_t = 50)]
    page_size: i32,
    /// Token of the next page, from the page before
    #[arg(long, default_value = "")]
    page_token: String,
}

#[derive(Serialize)]
struct Page {
    cases: Vec<CaseView>,
    next_page_token: String,
}

/// Shows one case.
pub(crate) async fn show(args: &Show, caller: &Caller, output: Output) -> Outcome {
    let gateway = caller.connect().await?;
    let request = GetCaseRequest { case_id: args.case.clone(), on_behalf_of: gateway.on_behalf_of.clone() };
    let answer = gateway.cases().get_case(request).await.map_err(|status| refused(&status))?;
    let case = CaseView::from(answer.into_inner().case.unwrap_or_default());
    output.print(&case, CaseView::text)
}

/// Lists cases.
pub(crate) async fn list(args: &List, caller: &Caller, output: Output) -> Outcome {
    let gateway = caller.connect().await?;
    let request = ListCasesRequest {
        on_behalf_of: gateway.on_behalf_of.clone(),
        page_size: args.page_size,
        page_token: args.page_token.clone(),
        filter: args.filter.clone(),
    };
    let answer = gateway.cases().list_cases(request).await.map_err(|status| refused(&status))?.into_inner();
    let cases = answer.cases.into_iter().map(CaseView::from).collect();
    let page = Page { cases, next_page_token: answer.next_page_token };
    output.print(&page, |page| {
        let rows = page.cases.iter().map(CaseView::row);
        let mut text = table(["case", "state", "answered", "deliver by", "request"], rows);
        if !page.next_page_token.is_empty() {
            text.push_str(&format!("\nmore: --page-token {}", page.next_page_token));
        }
        text
    })
}
