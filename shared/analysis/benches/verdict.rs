//! What a verdict costs: by minutes, by metrics, and by requests.
#![expect(clippy::unwrap_used, reason = "a bench ends when its input is wrong")]

use analysis::{
    Arm, Case, Course, Direction, FurtherMetric, Histories, History, Kind, Minute, Minutes, Policy, Sample,
    judge,
};
use divan::{AllocProfiler, Bencher, black_box};
use jiff::Timestamp;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

struct Input {
    policy: Policy,
    course: Course,
    history: Histories,
    planned: u32,
}

/// A canary at a tenth of the traffic, equal to its baseline: errors, slow requests and six further metrics as counts.
fn input(minutes: u32, further: usize, requests: u64) -> Input {
    let name = |place: usize| format!("metric {place}");
    let metric = |place| FurtherMetric {
        name: name(place),
        kind: Kind::Counts,
        worse: Direction::Higher,
        margin: None,
    };
    let policy = Policy {
        latency_objective_ms: Some(300),
        metrics: (0..further).map(metric).collect(),
        ..Policy::default()
    };
    // Equal, so that the judge reads to the end.
    let arm = |requests: u64| {
        let events = requests / 100;
        let sample = Sample::Count { events, of: requests };
        Arm::new(requests, events, Some(events)).unwrap().with(vec![sample; further]).unwrap()
    };
    let minute = |number: u32| {
        let start = Timestamp::from_second(1_800_000_000 + 60 * i64::from(number)).unwrap();
        Minute::new(start, arm(requests / 10), arm(requests * 9 / 10)).unwrap()
    };
    let course =
        Course::default().followed_by(0, &Minutes::new((0..minutes).map(minute).collect()).unwrap()).unwrap();
    let mean = analysis_float(requests) / 100.0;
    let usual = History {
        minutes: 360,
        requests: requests * 360,
        events: requests / 100 * 360,
        minute_mean: mean,
        minute_variance: mean,
        window_mean: mean * 10.0,
        window_variance: mean * 10.0,
        split: None,
    };
    let history = Histories { errors: Some(usual), slow: Some(usual) };
    Input { policy, course, history, planned: minutes }
}

#[expect(clippy::cast_precision_loss, reason = "requests of a bench")]
const fn analysis_float(count: u64) -> f64 {
    count as f64
}

fn run(bencher: Bencher<'_, '_>, input: &Input) {
    bencher.bench(|| {
        judge(&Case {
            policy: black_box(&input.policy),
            planned: input.planned,
            beside: true,
            history: &input.history,
            course: &input.course,
            step: 0,
        })
    });
}

#[divan::bench(args = [15, 30, 60, 120, 240, 480, 960])]
fn minutes_of_8_metrics(bencher: Bencher<'_, '_>, minutes: u32) {
    run(bencher, &input(minutes, 6, 3_000));
}

#[divan::bench(args = [1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000])]
fn requests_a_minute(bencher: Bencher<'_, '_>, requests: u64) {
    run(bencher, &input(60, 6, requests));
}
