//! The pages: they are whole, load only what is embedded, and run no script of their own inside.

use reqwest::Method;

use super::support::Server;

/// Addresses that a page names in `src` and `href`.
fn named(page: &str) -> Vec<String> {
    let parts = page.split(['"', '\'']).collect::<Vec<_>>();
    parts
        .windows(2)
        .filter(|pair| pair[0].ends_with("src=") || pair[0].ends_with("href="))
        .map(|pair| pair[1].to_owned())
        .filter(|address| !address.starts_with('#'))
        .collect()
}

#[tokio::test]
async fn every_file_that_a_page_names_is_there_and_nothing_comes_from_elsewhere() {
    let server = Server::start().await;
    let cookie = server.session().await;
    let get = |path: &str| {
        server
            .bare(Method::GET, path)
            .header("cookie", &cookie)
            .send()
    };
    for page in ["/signin", "/admin", "/docs"] {
        let response = get(page).await.unwrap();
        assert_eq!(response.status(), 200, "{page}");
        assert_eq!(
            response.headers()["content-type"],
            "text/html; charset=utf-8"
        );
        let policy = response.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"));
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        let text = response.text().await.unwrap();
        assert!(
            !text.contains("<style") && !text.contains(" style=") && !text.contains(" onclick=")
        );
        let inline = text
            .split("<script")
            .skip(1)
            .filter(|rest| !rest.contains("></script>"));
        assert_eq!(inline.count(), 0, "{page} has a script inside");
        let names = named(&text);
        assert!(!names.is_empty());
        for name in names {
            assert!(
                name.starts_with('/') && !name.starts_with("//"),
                "{page} loads {name}"
            );
            assert_eq!(
                get(&name).await.unwrap().status(),
                200,
                "{page} names {name}"
            );
        }
    }
}

#[tokio::test]
async fn scripts_import_files_that_are_there_and_never_read_data_as_html() {
    let server = Server::start().await;
    let cookie = server.session().await;
    for name in [
        "app.js",
        "api.js",
        "details.js",
        "dom.js",
        "live.js",
        "quarantine.js",
        "sessions.js",
        "views.js",
    ] {
        let path = format!("/admin/{name}");
        let request = server.bare(Method::GET, &path).header("cookie", &cookie);
        let response = request.send().await.unwrap();
        assert_eq!(
            response.headers()["content-type"],
            "text/javascript; charset=utf-8"
        );
        let text = response.text().await.unwrap();
        for import in text.split(" from \"./").skip(1) {
            let import = import.split('"').next().unwrap();
            let path = format!("/admin/{import}");
            let request = server.bare(Method::GET, &path).header("cookie", &cookie);
            assert_eq!(
                request.send().await.unwrap().status(),
                200,
                "{name} imports {import}"
            );
        }
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            assert!(!text.contains(sink), "{name} uses {sink}");
        }
    }
}

#[tokio::test]
async fn files_that_are_not_there_are_not_found() {
    let server = Server::start().await;
    for path in [
        "/admin/none.js",
        "/docs/none.js",
        "/docs/index.html",
        "/signin/..%2fapp.js",
    ] {
        assert_eq!(
            server.get(path).send().await.unwrap().status(),
            404,
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_root_leads_people_to_the_admin_page() {
    let server = Server::start().await;
    let response = server.bare(Method::GET, "/").send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["location"]),
        (303, &"/admin".parse().unwrap())
    );
}
