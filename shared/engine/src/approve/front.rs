//! The HTTP front: which requests there are, and how a page is sent. Pure.

use approval_link::page::{self, Page};
use approval_link::{Link, LinkError};
use contract::{Body, HttpRequest, HttpResponse, LinkMade};

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

/// Why a request is not a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Odd {
    /// What stands where a link should is none.
    NoLink(LinkError),
    /// There is nothing at this path.
    Nowhere,
    /// The path is right, the method is not: these are.
    Method(&'static str),
    /// The body is not what the page's form sends, in the words of this status.
    Body(u16),
}

/// What a request wants.
pub(super) fn visit(request: &HttpRequest) -> Result<Visit, Odd> {
    let link = |text: &str| text.parse::<Link>().map_err(Odd::NoLink);
    match (request.method.as_str(), request.path.strip_prefix(LinkMade::PREFIX), request.path.as_str()) {
        ("GET" | "HEAD", Some(text), _) => link(text).map(Visit::Look),
        ("POST", None, "/") => form(request).and_then(link).map(Visit::Approve),
        (_, Some(_), _) => Err(Odd::Method("GET, HEAD")),
        (_, None, "/") => Err(Odd::Method("POST")),
        _ => Err(Odd::Nowhere),
    }
}

/// The link in a form: two fields, both of them letters that need no encoding, in any order.
fn form(request: &HttpRequest) -> Result<&str, Odd> {
    if request.content_type != FORM {
        return Err(Odd::Body(415));
    }
    let text = match &request.body {
        Body::Text(text) => text,
        Body::TooLong => return Err(Odd::Body(413)),
        Body::NotText => return Err(Odd::Body(400)),
    };
    let mut fields: Vec<_> = text.split('&').map(|field| field.split_once('=')).collect();
    fields.sort_unstable();
    match fields.as_slice() {
        [Some(("decision", "approve")), Some(("link", link))] => Ok(link),
        _ => Err(Odd::Body(400)),
    }
}
