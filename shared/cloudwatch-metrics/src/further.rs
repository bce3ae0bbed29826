//! The judge's further metrics, in the same call as the counts.

use analysis::Sample;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery};
use rollout::{Colour, Series, Source};

use crate::query::{Values, count, query};

fn id(colour: Colour, place: usize) -> String {
    format!("{colour}_further_{place}")
}

fn id_of(colour: Colour, place: usize) -> String {
    format!("{colour}_of_{place}")
}

/// The series of a colour, with the ids of their queries.
fn series(colour: Colour, further: &[Source]) -> impl Iterator<Item = (String, &Series)> {
    further.iter().enumerate().flat_map(move |(place, source)| {
        let (own, of) = match source {
            Source::Values(values) => (values, None),
            Source::Counts { events, of } => (events, of.as_ref()),
        };
        [(id(colour, place), own)].into_iter().chain(of.map(|of| (id_of(colour, place), of)))
    })
}

/// The ids of a colour's queries.
pub(crate) fn ids(colour: Colour, further: &[Source]) -> impl Iterator<Item = String> {
    series(colour, further).map(|(id, _)| id)
}

/// The queries of a colour, whose target group is `target_group` in the load balancer's metrics.
pub(crate) fn queries(
    colour: Colour,
    target_group: &str,
    further: &[Source],
) -> impl Iterator<Item = MetricDataQuery> {
    series(colour, further).map(move |(id, series)| {
        let arm = series.arm.value.of(colour, target_group);
        let own = series.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let dimensions = own.chain([(series.arm.dimension.as_str(), arm.as_str())]);
        let metric = Metric::builder()
            .namespace(&series.namespace)
            .metric_name(&series.metric)
            .set_dimensions(Some(
                dimensions
                    .map(|(name, value)| Dimension::builder().name(name).value(value).build())
                    .collect(),
            ))
            .build();
        query(id, metric, series.statistic.clone())
    })
}

/// What a colour's metrics said in the minute that begins then, in which it had so many requests.
///
/// Events and what they are a part of can fall into different minutes, so that there may be more of them: they count as
/// all. Without anything that could have been an event nothing is known.
pub(crate) fn samples(
    values: &Values,
    colour: Colour,
    second: i64,
    requests: u64,
    further: &[Source],
) -> Vec<Sample> {
    let sample = |(place, source): (usize, &Source)| {
        let own = values.value(&id(colour, place), second);
        match source {
            Source::Values(_) => own.filter(|value| value.is_finite()).map_or(Sample::Missing, Sample::Value),
            Source::Counts { of, .. } => {
                let of = match of {
                    Some(_) => values.value(&id_of(colour, place), second).map_or(0, count),
                    None => requests,
                };
                if of == 0 {
                    return Sample::Missing;
                }
                Sample::Count { events: own.map_or(0, count).min(of), of }
            }
        }
    };
    further.iter().enumerate().map(sample).collect()
}
