//! The plot of a backtest, as SVG.

use std::fmt::Write as _;

use analysis::{Probability, Rate};

use crate::backtest::{Backtest, Row};
use crate::{Badness, float};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 96.0;
/// The chart's sides.
const CHART: (f64, f64) = (520.0, 300.0);
/// Where the bars of false rollbacks begin, and how long one of 100 % is.
const BARS: (f64, f64) = (760.0, 132.0);

/// Distinct for most people who do not see all colours (Okabe and Ito), the first for the own policy.
const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#b8a800"];
const DASHES: [&str; 3] = ["", "6 4", "2 3"];

/// Detection probability against ratio for each rule, and how often each blames an unchanged service.
pub fn plot(result: &Backtest, title: &str) -> String {
    let rows = result.rows.len();
    let legend = TOP + CHART.1 + 78.0;
    let height = legend + 22.0 * float(rows.div_ceil(3) as u64) + 22.0;
    let mut svg = String::new();
    let _ = write!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="13" fill="#333">
<title>{title}</title>
<rect width="{WIDTH}" height="{height}" rx="8" fill="#fff"/>
<text x="{LEFT}" y="34" font-size="18" font-weight="600" fill="#111">{title}</text>
<text x="{LEFT}" y="56" fill="#666">{} to {}: {} minutes, {} requests, {} errors</text>
"##,
        result.from.strftime("%Y-%m-%d %H:%M"),
        result.to.strftime("%Y-%m-%d %H:%M"),
        result.minutes,
        result.requests,
        result.errors,
        title = escaped(title),
    );
    axes(&mut svg, result);
    bars(&mut svg, result);
    for (index, row) in result.rows.iter().enumerate().rev() {
        curve(&mut svg, index, row);
    }
    for (index, row) in result.rows.iter().enumerate() {
        let (x, y) = (LEFT + 280.0 * float((index % 3) as u64), legend + 22.0 * float((index / 3) as u64));
        let style = Style::of(index);
        let _ = writeln!(
            svg,
            r#"<path d="M{x} {:.1}h26" {}/><text x="{:.1}" y="{y}">{}</text>"#,
            y - 4.0,
            style.stroke(),
            x + 34.0,
            escaped(&row.rule.name),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// How a row is drawn.
struct Style {
    colour: &'static str,
    dash: &'static str,
    width: f64,
}

impl Style {
    fn of(index: usize) -> Self {
        let colour = COLOURS.get(index % COLOURS.len()).copied().unwrap_or("#000");
        let dash = DASHES.get(index / COLOURS.len() % DASHES.len()).copied().unwrap_or("");
        Self { colour, dash, width: if index == 0 { 3.0 } else { 1.8 } }
    }

    fn stroke(&self) -> String {
        format!(
            r#"fill="none" stroke="{}" stroke-width="{}" stroke-dasharray="{}" stroke-linejoin="round""#,
            self.colour, self.width, self.dash
        )
    }
}

/// The place of a ratio: logarithmic up to 10, a dead version behind that.
fn across(badness: Badness) -> f64 {
    let share = match badness {
        Badness::Times(ratio) => ratio.clamp(1.0, 10.0).log10() * 0.86,
        Badness::Dead => 1.0,
    };
    LEFT + share * CHART.0
}

fn up(share: f64) -> f64 {
    TOP + CHART.1 * (1.0 - share.clamp(0.0, 1.0))
}

fn axes(svg: &mut String, result: &Backtest) {
    let (right, bottom) = (LEFT + CHART.0, TOP + CHART.1);
    let _ = writeln!(svg, r#"<text x="{LEFT}" y="82" font-weight="600">Rolled back, of 100 rollouts</text>"#);
    for percent in [0_u32, 25, 50, 75, 90, 100] {
        let y = up(f64::from(percent) / 100.0);
        let stroke = if percent == 90 { "#bbb\" stroke-dasharray=\"4 4" } else { "#e6e6e6" };
        let _ = writeln!(
            svg,
            r##"<path d="M{LEFT} {y:.1}H{right}" stroke="{stroke}"/><text x="{}" y="{:.1}" text-anchor="end" fill="#666">{percent}</text>"##,
            LEFT - 8.0,
            y + 4.0,
        );
    }
    let effects =
        result.rows.first().map(|row| row.detections.iter().map(|one| one.badness)).into_iter().flatten();
    for badness in std::iter::once(Badness::Times(1.0)).chain(effects) {
        let x = across(badness);
        let _ = writeln!(
            svg,
            r##"<path d="M{x:.1} {TOP}V{bottom}" stroke="#f0f0f0"/><text x="{x:.1}" y="{:.1}" text-anchor="middle" fill="#666">{badness}</text>"##,
            bottom + 20.0,
        );
    }
    let _ = writeln!(
        svg,
        r##"<path d="M{LEFT} {bottom}H{right}" stroke="#999"/><text x="{:.1}" y="{:.1}" text-anchor="middle" fill="#666">the new version's error rate, as a multiple of the old one's (1x: unchanged)</text>"##,
        LEFT + CHART.0 / 2.0,
        bottom + 42.0,
    );
}

fn curve(svg: &mut String, index: usize, row: &Row) {
    let style = Style::of(index);
    let unchanged = (Badness::Times(1.0), row.false_rollbacks.rate.get());
    let points: Vec<(f64, f64)> = std::iter::once(unchanged)
        .chain(row.detections.iter().map(|one| (one.badness, one.found)))
        .map(|(badness, share)| (across(badness), up(share)))
        .collect();
    let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(svg, r#"<polyline points="{}" {}/>"#, line.join(" "), style.stroke());
    for (x, y) in points {
        let _ = writeln!(
            svg,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{}" fill="{}"/>"#,
            style.width + 0.8,
            style.colour
        );
    }
}

/// How often each rule blames an unchanged service, with its confidence bounds.
fn bars(svg: &mut String, result: &Backtest) {
    let (left, long) = BARS;
    let _ = writeln!(
        svg,
        r#"<text x="{:.1}" y="82" font-weight="600">Unchanged service rolled back</text>"#,
        left - 110.0
    );
    let pitch = (CHART.1 / float(result.rows.len().max(1) as u64)).min(46.0);
    for (index, row) in result.rows.iter().enumerate() {
        let y = TOP + pitch * float(index as u64);
        let Rate { rate, low, high, .. } = row.false_rollbacks;
        let [share, low, high] = [rate, low, high].map(Probability::get);
        let style = Style::of(index);
        let (height, middle) = (pitch * 0.34, y + pitch * 0.68);
        let _ = writeln!(
            svg,
            r##"<text x="{:.1}" y="{:.1}" font-size="12">{}</text>
<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{height:.1}" rx="2" fill="#eee"/>
<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{height:.1}" rx="2" fill="{}"/>
<path d="M{:.1} {middle:.1}H{:.1}" stroke="#333"/>
<text x="{:.1}" y="{:.1}" font-size="12" font-weight="600">{}</text>"##,
            left - 110.0,
            y + pitch * 0.36,
            escaped(&row.rule.name),
            left - 110.0,
            middle - height / 2.0,
            long + 110.0,
            left - 110.0,
            middle - height / 2.0,
            (share * (long + 110.0)).max(1.5),
            style.colour,
            left - 110.0 + low * (long + 110.0),
            left - 110.0 + high * (long + 110.0),
            left + long + 8.0,
            middle + 4.0,
            percent(share),
        );
    }
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 10.0 || percent <= 0.0 { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use analysis::Policy;
    use jiff::Timestamp;

    use super::*;
    use crate::{Effort, PastMinute, PastMinutes, Rule, RuleKind, backtest};

    #[test]
    fn a_plot_has_a_curve_and_a_bar_for_each_rule_and_no_script() {
        let mut past = PastMinutes::new();
        for at in 0..200 {
            let start = Timestamp::from_second(at * 60).unwrap();
            past.push(PastMinute { start, requests: 300, errors: 3, slow: None }).unwrap();
        }
        let mut rules = vec![Rule { name: "a <b> & c".into(), kind: RuleKind::Policy(Policy::default()) }];
        rules.extend(crate::peers());
        let plan = "10:5,100:2".parse().unwrap();
        let result = backtest(&past, &plan, &rules, Effort { seed: 1, unchanged: 5, worse: 2 }).unwrap();
        let svg = plot(&result, "checkout");
        assert_eq!(svg.matches("<polyline").count(), rules.len());
        assert_eq!(svg.matches("<circle").count(), rules.len() * 7);
        assert!(svg.contains("a &lt;b&gt; &amp; c") && !svg.contains("<b>") && !svg.contains("script"));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && !svg.contains("NaN"));
    }
}
