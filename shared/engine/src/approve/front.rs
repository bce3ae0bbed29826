//! The HTTP front: which requests there are, and how a page is sent. Pure.

use approval_link::page::{self, Page};
use approval_link::{Link, LinkError};
use contract::{Body, HttpRequest, HttpResponse, LinkMade};

use super::pages;

/// The only thing that is sent here.
const FORM: &str = "application/x-www-form-urlencoded";

/// What a request wants.
pub(super) enum Visit {
    /// To see what a link is for. Programs that look into links do this, so that it changes nothing.
    Look(Link),
    /// To approve. The link is in the body, so that logs of addresses hold none.
    Approve(Link),
}

/// A page, and what its status needs beside it.
pub(super) struct Answer {
    page: Page,
    header: Option<(&'static str, String)>,
}

impl From<Page> for Answer {
    fn from(page: Page) -> Self {
        Self { page, header: None }
    }
}

impl Answer {
    pub(super) fn with(page: Page, name: &'static str, value: &str) -> Self {
        Self { page, header: Some((name, value.to_owned())) }
    }

    pub(super) const fn status(&self) -> u16 {
        self.page.status
    }

    /// Who asks with HEAD gets no body.
    pub(super) fn response(self, head: bool) -> HttpResponse {
        let headers = page::headers().into_iter().chain(self.header).collect();
        let body = if head { String::new() } else { self.page.html() };
        HttpResponse { status_code: self.page.status, headers, body }
    }
}

/// What a request wants, or the answer to one that nobody should send.
pub(super) fn visit(request: &HttpRequest) -> Result<Visit, Answer> {
    let link = |text: &str| text.parse::<Link>().map_err(|useless| pages::useless(&useless));
    match (request.method.as_str(), request.path.strip_prefix(LinkMade::PREFIX), request.path.as_str()) {
        ("GET" | "HEAD", Some(text), _) => link(text).map(Visit::Look),
        ("POST", None, "/") => form(request).and_then(link).map(Visit::Approve),
        (_, Some(_), _) => Err(pages::method("GET, HEAD")),
        (_, None, "/") => Err(pages::method("POST")),
        _ => Err(pages::nowhere()),
    }
}

/// The link in a form: two fields, both of them letters that need no encoding, in any order.
fn form(request: &HttpRequest) -> Result<&str, Answer> {
    if request.content_type != FORM {
        return Err(pages::unreadable(415));
    }
    let text = match &request.body {
        Body::Text(text) => text,
        Body::TooLong => return Err(pages::unreadable(413)),
        Body::NotText => return Err(pages::unreadable(400)),
    };
    let mut fields: Vec<_> = text.split('&').map(|field| field.split_once('=')).collect();
    fields.sort_unstable();
    match fields.as_slice() {
        [Some(("decision", "approve")), Some(("link", link))] => Ok(link),
        _ => Err(pages::useless(&LinkError::Malformed)),
    }
}
