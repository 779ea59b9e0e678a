//! A browser with somebody in front of it: keeps cookies, follows redirects, fills in forms.

use reqwest::{Client, Response, StatusCode};

use super::provider::PUBLIC;
use crate::harness::Server;

/// More pages than any sign-in has.
const MOST_PAGES: usize = 12;

pub(super) struct Browser<'s> {
    client: Client,
    server: &'s Server,
    /// Who sits there, as the provider's login takes it: a name, then groups, joined by `+`.
    who: String,
}

impl<'s> Browser<'s> {
    pub(super) fn of(server: &'s Server, who: &str) -> Self {
        let client = Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            client,
            server,
            who: who.to_owned(),
        }
    }

    /// Asks the server for a page.
    pub(super) async fn at(&self, path: &str) -> Response {
        let url = format!("{}{path}", self.server.url);
        let request = self.client.get(url).header("accept", "text/html");
        request.send().await.unwrap()
    }

    /// Signs in at the provider and stops where the browser is sent back: a path of the server.
    pub(super) async fn answered(&self, path: &str) -> String {
        let left = self.at(path).await;
        assert_eq!(left.status(), StatusCode::SEE_OTHER);
        let location = left.headers()["location"].to_str().unwrap().to_owned();
        let back = self.fill_in(&location).await;
        back.unwrap_or_else(|page| panic!("not sent back, but shown {page}"))
    }

    /// Signs in, from the server's page to the server's answer.
    pub(super) async fn sign_in(&self) -> Response {
        let back = self.answered("/signin/provider?next=/docs").await;
        self.at(&back).await
    }

    /// Goes through the pages of the provider: to where it sends the browser back, or to its last page.
    pub(super) async fn fill_in(&self, url: &str) -> Result<String, String> {
        let mut response = self.client.get(url).send().await.unwrap();
        for _ in 0..MOST_PAGES {
            let here = response.url().clone();
            if let Some(location) = response.headers().get("location") {
                let next = here.join(location.to_str().unwrap()).unwrap();
                if let Some(path) = next.as_str().strip_prefix(PUBLIC) {
                    return Ok(path.to_owned());
                }
                response = self.client.get(next).send().await.unwrap();
                continue;
            }
            let page = response.text().await.unwrap();
            let Some((action, fields)) = self.form(&page) else {
                return Err(page);
            };
            let target = here.join(&action).unwrap();
            response = self.client.post(target).form(&fields).send().await.unwrap();
        }
        panic!("the provider does not come to an end");
    }

    /// Where the page's form goes, and what is in it.
    fn form(&self, page: &str) -> Option<(String, Vec<(String, String)>)> {
        let form = page.split("<form").nth(1)?.split("</form>").next()?;
        let fields = form.split("<input").skip(1).filter_map(|input| {
            let name = attribute(input, "name")?;
            let value = match name.as_str() {
                "login" => self.who.clone(),
                "password" => "any".to_owned(),
                _ => attribute(input, "value")?,
            };
            Some((name, value))
        });
        Some((attribute(form, "action")?, fields.collect()))
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split(&format!("{name}=\"")).nth(1)?;
    Some(value.split('"').next()?.to_owned())
}
