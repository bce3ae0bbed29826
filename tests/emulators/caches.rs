//! cost-optimizer's way to `ElastiCache`, which no emulator has with the snapshots of what is deleted.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_stand_in::{Asked, ElastiCache};
use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;

use crate::http::Http;
use crate::server::{Call, listen, response, serve};

/// The way: `ElastiCache`, and the tags of its caches.
#[derive(Clone)]
pub struct Caches {
    /// Its address.
    pub url: String,
    /// Where the tags of everything else are.
    onward: String,
    http: Http,
    there: Arc<Mutex<ElastiCache>>,
}

impl Caches {
    /// Opens it, to the Resource Groups Tagging API at this address; it ends with the runtime.
    pub async fn open(environment: &str, onward: String) -> Self {
        let (listener, address) = listen().await;
        let there = Arc::new(Mutex::new(ElastiCache::new(environment)));
        let way = Self { url: format!("http://{address}"), onward, http: Http::new(), there };
        let server = way.clone();
        serve(listener, move |call, _| {
            let server = server.clone();
            async move { server.answer(call).await }
        });
        way
    }

    /// What is there.
    pub fn there(&self) -> MutexGuard<'_, ElastiCache> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, call: Call) -> io::Result<Response<Full<Bytes>>> {
        let asked = Asked::read(call.target(), &call.body);
        let is_of_caches = asked.json["ResourceTypeFilters"]
            .as_array()
            .is_none_or(|types| types.iter().any(|one| one == "elasticache"));
        if !is_of_caches {
            return call.pass_on(&self.http, &self.onward).await;
        }
        let (status, body) = self.there().answer(&asked);
        response(status, body)
    }
}
