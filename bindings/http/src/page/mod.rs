//! The page for people: what is published, how the versions hang together, and what a client would download.
//!
//! All of it is made here and works without JavaScript; the script only saves loading the page anew.

mod graph;

use std::fmt::{self, Display, Write};
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use patchcore::Version;
use patchcore::repository::{Line, Package};
use serde::Deserialize;

use crate::cache::planned;
use crate::plans::Planned;
use crate::service::Service;
use crate::snapshot::Snapshot;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Nothing but what comes from here, and nothing that stands in the page itself.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// How many versions are listed; those before are in the manifest.
const LISTED: usize = 200;

#[derive(Deserialize)]
pub(crate) struct Asked {
    from: Option<String>,
    arch: Option<String>,
}

/// `GET /`
pub(crate) async fn page(State(service): State<Arc<Service>>, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    let snapshot = service.current.get().await;
    let (asked, mut status) = match asked {
        Ok(Query(asked)) => (asked, StatusCode::OK),
        Err(_) => (Asked { from: None, arch: None }, StatusCode::BAD_REQUEST),
    };
    let arch = asked.arch.as_deref().filter(|arch| !arch.is_empty());
    let from = asked.from.as_deref().map(str::trim).filter(|from| !from.is_empty());
    let answer = match from.map(str::parse::<Version>) {
        None => None,
        Some(Ok(version)) => Some(match planned(&service, &snapshot, version, arch).await {
            Ok(planned) => Ok((version, planned)),
            Err(refusal) => Err(refusal.message().to_owned()),
        }),
        Some(Err(error)) => {
            status = StatusCode::BAD_REQUEST;
            Some(Err(error.message().to_owned()))
        }
    };
    let html = html(&snapshot, arch, from.unwrap_or_default(), answer);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, html).into_response()
}

/// `GET /page.css`
pub(crate) async fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE)
}

/// `GET /page.js`
pub(crate) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}

type Outcome = Option<Result<(Version, Arc<Planned>), String>>;

fn html(snapshot: &Snapshot, arch: Option<&str>, from: &str, answer: Outcome) -> String {
    let line = snapshot.manifest.line(arch);
    let mut html = String::with_capacity(64 << 10);
    let _ = write!(html, "{HEAD}<main>\n<h1>Releases</h1>\n");
    match line.latest() {
        None => html.push_str("<p>Nothing is published yet.</p>\n"),
        Some(latest) => {
            let _ = write!(html, "<p class=\"lead\">The latest version is <strong>{latest}</strong>");
            if let Some(full) = line.full(latest) {
                let size = Size(full.size);
                let _ = write!(html, ", <a href=\"/patches/{}\">{size} in full</a>", Text(&full.file));
            }
            if let Some(moment) = &snapshot.manifest.generated_at {
                let _ = write!(html, ", published {}", Moment(moment));
            }
            html.push_str(".</p>\n");
        }
    }
    form(&mut html, snapshot, &line, arch, from, answer);
    graph::figure(&mut html, &line);
    versions(&mut html, &line);
    html.push_str(FOOT);
    html
}

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta name=\"color-scheme\" content=\"light dark\">\n<title>Releases</title>\n\
    <link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"/page.css\">\n\
    <script src=\"/page.js\" defer></script>\n</head>\n<body>\n";

const FOOT: &str = "</main>\n<footer>\n<p><a href=\"/patches/manifest.json\">Manifest</a> \
    <a href=\"/openapi.json\">Interface</a> <a href=\"/healthz\">Health</a> <a href=\"/metrics\">Metrics</a></p>\n\
    </footer>\n</body>\n</html>\n";

fn form(html: &mut String, snapshot: &Snapshot, line: &Line<'_>, arch: Option<&str>, from: &str, answer: Outcome) {
    html.push_str(
        "<section aria-labelledby=\"ask\">\n<h2 id=\"ask\">What would a client download?</h2>\n\
         <form action=\"/\" method=\"get\">\n<p><label for=\"from\">Installed version</label>\n",
    );
    let _ = writeln!(
        html,
        "<input id=\"from\" name=\"from\" list=\"known\" value=\"{}\" placeholder=\"1.0.0\" autocomplete=\"off\" \
         maxlength=\"64\" aria-describedby=\"hint\" required>",
        Text(from)
    );
    html.push_str("<datalist id=\"known\">");
    for version in line.versions().iter().rev().take(LISTED) {
        let _ = write!(html, "<option value=\"{version}\">");
    }
    html.push_str("</datalist>\n");
    let architectures = snapshot.manifest.architectures();
    if !architectures.is_empty() {
        html.push_str("<label for=\"arch\">Architecture</label>\n<select id=\"arch\" name=\"arch\"><option value=\"\">any</option>");
        for known in architectures {
            let selected = if Some(known) == arch { " selected" } else { "" };
            let _ = write!(html, "<option{selected}>{}</option>", Text(known));
        }
        html.push_str("</select>\n");
    }
    html.push_str(
        "<button>Show</button></p>\n<p id=\"hint\" class=\"hint\">0.0.0 is a machine that has nothing yet.</p>\n</form>\n\
         <div id=\"answer\" aria-live=\"polite\">",
    );
    match answer {
        None => {}
        Some(Err(message)) => {
            let _ = write!(html, "<p class=\"error\">{}</p>", Text(&message));
        }
        Some(Ok((version, planned))) => plan(html, version, &planned),
    }
    html.push_str("</div>\n</section>\n");
}

fn plan(html: &mut String, from: Version, planned: &Planned) {
    let Some(latest) = planned.latest else {
        html.push_str("<p>Nothing, since nothing is published yet.</p>");
        return;
    };
    if !planned.has_updates() {
        let why = if planned.reason == "up_to_date" { "it is up to date" } else { "what it has is newer" };
        let _ = write!(html, "<p>From {from}: <strong>nothing</strong>, {why}.</p>");
        return;
    }
    let why = match planned.reason {
        "fewest_bytes" => "these are the fewest bytes",
        "full_is_smaller" => "the whole version is fewer bytes than the deltas",
        "new_installation" => "nothing is installed",
        "unknown_version" => "this version is not known here, so it gets the whole one",
        "no_deltas" => "the deltas from this version are gone",
        other => other,
    };
    let bytes = Size(planned.bytes);
    let _ = write!(
        html,
        "<p>From {from} to {latest}: <strong>{bytes}</strong> ({}), since {}.</p><ol>",
        Text(planned.strategy),
        Text(why)
    );
    for package in &planned.packages {
        let file = Text(&package.file);
        let _ = write!(html, "<li><a href=\"/patches/{file}\">{file}</a> {}</li>", Size(package.size));
    }
    html.push_str("</ol>");
}

fn versions(html: &mut String, line: &Line<'_>) {
    html.push_str(
        "<section aria-labelledby=\"versions\">\n<h2 id=\"versions\">Versions</h2>\n\
         <div class=\"wide\" role=\"region\" aria-labelledby=\"versions\" tabindex=\"0\">\n<table>\n\
         <thead><tr><th scope=\"col\">Version</th><th scope=\"col\">Date</th><th scope=\"col\" class=\"number\">From the one before</th>\
         <th scope=\"col\" class=\"number\">In full</th><th scope=\"col\">Notes</th></tr></thead>\n<tbody>\n",
    );
    let versions = line.versions();
    let first = versions.len().saturating_sub(LISTED);
    for index in (first..versions.len()).rev() {
        let version = versions[index];
        let packages = line.packages();
        let making = || packages.iter().filter(move |package| package.to == version);
        let before = index.checked_sub(1).map(|before| versions[before]);
        let delta = before.and_then(|before| making().find(|package| !package.is_full() && package.from == before));
        let moment = making().find_map(|package| package.created_at.as_deref());
        let notes = making().find_map(|package| package.notes.as_deref());
        let _ = write!(html, "<tr><th scope=\"row\">{version}</th><td>");
        if let Some(moment) = moment {
            let _ = write!(html, "{}", Moment(moment));
        }
        let _ = write!(html, "</td><td class=\"number\">{}</td>", Link(delta.copied()));
        let _ = write!(html, "<td class=\"number\">{}</td>", Link(line.full(version)));
        let _ = writeln!(html, "<td class=\"notes\">{}</td></tr>", Text(notes.unwrap_or_default()));
    }
    html.push_str("</tbody>\n</table>\n</div>\n");
    if first > 0 {
        let _ = writeln!(html, "<p>{first} older versions are in the manifest.</p>");
    }
    html.push_str("</section>\n");
}

/// A package as its size, which leads to it.
struct Link<'a>(Option<&'a Package>);

impl Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("<span aria-label=\"none\">–</span>"),
            Some(package) => {
                write!(f, "<a href=\"/patches/{}\">{}</a>", Text(&package.file), Size(package.size))
            }
        }
    }
}

/// Text that stays text wherever it stands in the page.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => f.write_char(c),
        })
    }
}

/// The day of a moment.
struct Moment<'a>(&'a str);

impl Display for Moment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = self.0.split(['T', ' ']).next().unwrap_or_default();
        write!(f, "<time datetime=\"{}\">{}</time>", Text(self.0), Text(day))
    }
}

/// A number of bytes as people say it.
struct Size(u64);

impl Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
        if self.0 < 1024 {
            return write!(f, "{} bytes", self.0);
        }
        let mut value = self.0 as f64 / 1024.0;
        let mut unit = 0;
        // What would be shown as 1024.0 is one of the next unit.
        while value >= 1023.95 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        write!(f, "{value:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_people_say_them() {
        let said = [0, 1023, 1024, 1536, 1_048_575, 1 << 20, 5 << 30, u64::MAX].map(|size| Size(size).to_string());
        assert_eq!(
            said,
            ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1.0 MiB", "5.0 GiB", "16777216.0 TiB"]
        );
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(Text("<b a='\"'>&").to_string(), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
    }
}
