//! Resources by their tags, of services whose own lists cannot be asked for tags.

use std::collections::BTreeMap;

use aws_client::{Fault, SdkConfig};
use aws_sdk_resourcegroupstagging::types::TagFilter;

use crate::common::{has_all, tags};

pub(crate) const SERVICE: &str = "Resource Groups Tagging API";

/// The most that a page holds (`GetResources`, Resource Groups Tagging API Reference).
const PAGE: i32 = 100;

/// Asks the Resource Groups Tagging API, which sees a tag some seconds after it was set.
#[derive(Clone, Debug)]
pub(crate) struct Tagging(aws_sdk_resourcegroupstagging::Client);

impl Tagging {
    /// With a client of this configuration. Makes no call.
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(aws_sdk_resourcegroupstagging::Client::new(config))
    }

    /// The ARNs of the resources of these types (`ecs:service`) that have these tags, each with all its tags.
    pub(crate) async fn find(
        &self,
        types: &[&str],
        wanted: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, Fault> {
        let filters = wanted.iter().map(|(tag, value)| TagFilter::builder().key(tag).values(value).build());
        let filters: Vec<TagFilter> = filters.collect();
        let types: Vec<String> = types.iter().map(|one| (*one).to_owned()).collect();
        let mut found = BTreeMap::new();
        let mut next = None;
        loop {
            let page = self
                .0
                .get_resources()
                .set_tag_filters(Some(filters.clone()))
                .set_resource_type_filters(Some(types.clone()))
                .resources_per_page(PAGE)
                .set_pagination_token(next)
                .send()
                .await
                .map_err(|error| Fault::new("tag:GetResources", &error))?;
            for one in page.resource_tag_mapping_list.unwrap_or_default() {
                let tags = tags(one.tags().iter().map(|tag| (Some(tag.key()), Some(tag.value()))));
                if let Some(arn) = one.resource_arn.filter(|_| has_all(&tags, wanted)) {
                    found.insert(arn, tags);
                }
            }
            next = page.pagination_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(found);
            }
        }
    }
}
