//! What is printed: each cell, the summary, and the tables of the docs.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use crate::{
    cells::{Cell, Noise},
    play::End,
    world::World,
};

/// The least detection of the limit for a cell to count in ratios.
const TESTABLE: f64 = 0.9;
/// Judges that are not rivals.
const OURS: [&str; 5] = ["limit-rates", "limit-ratio", "prototype", "ace-flow", "stdio"];

/// How one judge did in one cell.
#[derive(Clone, Debug)]
pub struct Tally {
    pub judge: String,
    runs: u64,
    rolled_back: u64,
    /// Rollbacks by minute.
    minutes: BTreeMap<u32, u64>,
    exposure: f64,
    promoted_minutes: u64,
}

impl Tally {
    pub fn new(judge: &str) -> Self {
        let judge = judge.to_owned();
        Self { judge, runs: 0, rolled_back: 0, minutes: BTreeMap::new(), exposure: 0.0, promoted_minutes: 0 }
    }

    pub fn add(&mut self, end: &End) {
        self.runs += 1;
        self.exposure += end.exposure;
        if end.rolled_back {
            self.rolled_back += 1;
            *self.minutes.entry(end.minutes).or_default() += 1;
        } else {
            self.promoted_minutes += u64::from(end.minutes);
        }
    }

    pub fn merge(&mut self, other: Self) {
        self.runs += other.runs;
        self.rolled_back += other.rolled_back;
        self.exposure += other.exposure;
        self.promoted_minutes += other.promoted_minutes;
        for (minute, count) in other.minutes {
            *self.minutes.entry(minute).or_default() += count;
        }
    }

    /// The share of runs that were rolled back.
    fn share(&self) -> f64 {
        self.rolled_back as f64 / self.runs as f64
    }

    /// Wilson's interval of that share, 95 %.
    fn interval(&self) -> (f64, f64) {
        let (n, p, z) = (self.runs as f64, self.share(), 1.959_964);
        let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        ((middle - half).max(0.0), middle + half)
    }

    /// Minutes within which this part of the rollbacks came.
    fn quantile(&self, part: f64) -> Option<u32> {
        let mut rest = (part * self.rolled_back as f64).ceil() as u64;
        for (minute, count) in &self.minutes {
            if rest <= *count {
                return Some(*minute);
            }
            rest -= count;
        }
        None
    }

    fn bad(&self, cell: &Cell) -> f64 {
        World::bad(cell, self.exposure / self.runs as f64)
    }

    fn promotion(&self) -> f64 {
        self.promoted_minutes as f64 / (self.runs - self.rolled_back) as f64
    }
}

/// How all judges did in one cell.
pub struct Row {
    pub cell: Cell,
    pub tallies: Vec<Tally>,
}

impl Row {
    fn of(&self, judge: &str) -> Option<&Tally> {
        self.tallies.iter().find(|tally| tally.judge == judge)
    }

    /// How often the limit finds this canary.
    fn testable(&self) -> f64 {
        self.of("limit-rates").map_or(0.0, Tally::share)
    }

    fn ratio(&self, judge: &Tally, to: &str) -> Option<f64> {
        Some(judge.bad(&self.cell) / self.of(to)?.bad(&self.cell))
    }

    pub fn print(&self) {
        println!("\n{}", self.cell);
        for tally in &self.tallies {
            if self.cell.is_null() {
                let (low, high) = tally.interval();
                println!(
                    "  {:12} false rollbacks {:6.2} % ({:.2}..{:.2})   promoted after {:.1} min",
                    tally.judge,
                    tally.share() * 100.0,
                    low * 100.0,
                    high * 100.0,
                    tally.promotion()
                );
            } else {
                let show = |minute: Option<u32>| minute.map_or("-".into(), |minute| minute.to_string());
                let times = |ratio: Option<f64>| ratio.map_or("-".into(), |ratio| format!("{ratio:.2}"));
                println!(
                    "  {:12} detected {:5.1} %   median {:>2} p90 {:>2} min   bad {:10.1}   x rates {:>6}  x ratio {:>6}",
                    tally.judge,
                    tally.share() * 100.0,
                    show(tally.quantile(0.5)),
                    show(tally.quantile(0.9)),
                    tally.bad(&self.cell),
                    times(self.ratio(tally, "limit-rates")),
                    times(self.ratio(tally, "limit-ratio")),
                );
            }
        }
    }
}

/// One judge over all cells.
struct Line {
    judge: String,
    /// Mean and worst share of false rollbacks of each noise model, and the worst cell.
    nulls: Vec<(Noise, f64, f64, String)>,
    /// Geometric mean and worst of the ratio to the limit with both rates.
    rates: Option<(f64, f64, String)>,
    /// The same, to the limit with the ratio only.
    ratio: Option<(f64, f64, String)>,
    /// The same, to the best rival with no more false rollbacks in the null cell of the same traffic.
    rival: Option<(f64, f64, String)>,
    promotion: f64,
}

fn geometric(ratios: &[(f64, String)]) -> Option<(f64, f64, String)> {
    let (worst, at) = ratios.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
    let mean = (ratios.iter().map(|(ratio, _)| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    Some((mean, *worst, at.clone()))
}

fn noises(rows: &[Row]) -> Vec<Noise> {
    let mut all: Vec<Noise> =
        rows.iter().filter(|row| row.cell.is_null()).map(|row| row.cell.noise).collect();
    all.dedup();
    all
}

/// The cells whose ratios count: independent errors, and a limit that finds the canary.
fn counted(rows: &[Row]) -> impl Iterator<Item = &Row> {
    rows.iter().filter(|row| row.cell.noise == Noise::Independent && row.testable() >= TESTABLE)
}

/// The best rival in a cell among those that blame the innocent no more often than this judge.
fn best_rival<'a>(rows: &'a [Row], row: &'a Row, judge: &str) -> Option<&'a Tally> {
    let null = rows.iter().find(|null| {
        null.cell.is_null()
            && null.cell.noise == row.cell.noise
            && (null.cell.rate, null.cell.p0) == (row.cell.rate, row.cell.p0)
    })?;
    let own = null.of(judge)?.rolled_back;
    row.tallies
        .iter()
        .filter(|rival| rival.judge != judge && !OURS.contains(&rival.judge.as_str()))
        .filter(|rival| null.of(&rival.judge).is_some_and(|null| null.rolled_back <= own))
        .min_by(|a, b| a.exposure.total_cmp(&b.exposure))
}

fn lines(rows: &[Row]) -> Vec<Line> {
    let mut names: Vec<&str> = Vec::new();
    for tally in rows.iter().flat_map(|row| &row.tallies) {
        if !names.contains(&tally.judge.as_str()) {
            names.push(&tally.judge);
        }
    }
    names.into_iter().map(|judge| line(rows, judge)).collect()
}

fn line(rows: &[Row], judge: &str) -> Line {
    let nulls = noises(rows).into_iter().filter_map(|noise| {
        let shares: Vec<(f64, String)> = rows
            .iter()
            .filter(|row| row.cell.is_null() && row.cell.noise == noise)
            .filter_map(|row| Some((row.of(judge)?.share(), row.cell.to_string())))
            .collect();
        let (worst, at) = shares.iter().max_by(|a, b| a.0.total_cmp(&b.0))?.clone();
        Some((noise, shares.iter().map(|(share, _)| share).sum::<f64>() / shares.len() as f64, worst, at))
    });
    let to = |limit: &str| {
        let ratios: Vec<_> = counted(rows)
            .filter_map(|row| Some((row.ratio(row.of(judge)?, limit)?, row.cell.to_string())))
            .collect();
        geometric(&ratios)
    };
    let rivals: Vec<_> = counted(rows)
        .filter_map(|row| {
            let rival = best_rival(rows, row, judge)?;
            let ratio = row.of(judge)?.exposure / rival.exposure;
            Some((ratio, format!("{} by {}", row.cell, rival.judge)))
        })
        .collect();
    let promoted: Vec<f64> = rows
        .iter()
        .filter(|row| row.cell.is_null())
        .filter_map(|row| row.of(judge).map(Tally::promotion))
        .filter(|minutes| minutes.is_finite())
        .collect();
    Line {
        judge: judge.to_owned(),
        nulls: nulls.collect(),
        rates: to("limit-rates"),
        ratio: to("limit-ratio"),
        rival: geometric(&rivals),
        promotion: promoted.iter().sum::<f64>() / promoted.len() as f64,
    }
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 {
        "0".into()
    } else if percent < 0.1 {
        format!("{percent:.2}")
    } else if percent < 10.0 {
        format!("{percent:.1}")
    } else {
        format!("{percent:.0}")
    }
}

/// The summary for a terminal.
pub fn summary(rows: &[Row]) -> String {
    let mut text = String::new();
    let lines = lines(rows);
    let _ = write!(text, "\n{:12}", "null %");
    for noise in noises(rows) {
        let _ = write!(text, " {:>14}", noise.name());
    }
    let _ = writeln!(text, "  promoted after");
    for line in lines.iter().filter(|line| !line.nulls.is_empty()) {
        let _ = write!(text, "{:12}", line.judge);
        for (_, mean, worst, _) in &line.nulls {
            let _ = write!(text, " {:>14}", format!("{} / {}", percent(*mean), percent(*worst)));
        }
        let _ = writeln!(text, "  {:.2} min", line.promotion);
    }
    for line in lines.iter().filter(|line| OURS.contains(&line.judge.as_str())) {
        for (noise, _, worst, at) in line.nulls.iter().filter(|(_, _, worst, _)| *worst > 0.01) {
            let _ = writeln!(
                text,
                "  {} above 1 % under {}: {} % in {at}",
                line.judge,
                noise.name(),
                percent(*worst)
            );
        }
    }
    let _ = writeln!(text, "\nbad requests: geometric mean / worst");
    for line in &lines {
        let show = |what: &str, ratio: &Option<(f64, f64, String)>| {
            ratio
                .as_ref()
                .map_or(String::new(), |(mean, worst, at)| format!("  {what} {mean:.3} / {worst:.2} ({at})"))
        };
        let (rates, ratio) = (show("x rates", &line.rates), show("x ratio", &line.ratio));
        if !rates.is_empty() {
            let _ = writeln!(text, "{:12}{rates}{ratio}{}", line.judge, show("x rival", &line.rival));
        }
    }
    text.push_str(&size(rows));
    text
}

fn size(rows: &[Row]) -> String {
    let first = |row: &Row| row.tallies.first().map_or(0, |tally| tally.runs);
    let null: u64 = rows.iter().filter(|row| row.cell.is_null()).map(first).sum();
    let plain = |row: &&Row| row.cell.noise == Noise::Independent && row.of("limit-rates").is_some();
    let others: Vec<&Row> = rows.iter().filter(plain).collect();
    let blind = others.iter().filter(|row| row.testable() < 0.5).count();
    format!(
        "{null} null rollouts; {} of {} cells testable (limit finds {TESTABLE} or more), {blind} under 0.5\n",
        counted(rows).count(),
        others.len()
    )
}

/// The tables of the docs.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "False rollbacks of an equal version, mean over cells / worst cell, percent:\n\n| judge |",
    );
    let noises = noises(rows);
    for noise in &noises {
        let _ = write!(text, " {} |", noise.name());
    }
    let _ = writeln!(text, " promoted after |\n|---|{}---|", "---|".repeat(noises.len()));
    let lines = lines(rows);
    for line in lines.iter().filter(|line| !line.nulls.is_empty()) {
        let _ = write!(text, "| {} |", line.judge);
        for (_, mean, worst, _) in &line.nulls {
            let _ = write!(text, " {} / {} |", percent(*mean), percent(*worst));
        }
        let _ = writeln!(text, " {:.1} min |", line.promotion);
    }
    text.push_str("\nBad requests served, geometric mean / worst, as a multiple of:\n\n");
    text.push_str("| judge | the limit with both rates | the limit with their ratio | the best peer that blames no more |\n|---|---|---|---|\n");
    for line in lines.iter().filter(|line| line.rates.is_some()) {
        let show = |ratio: &Option<(f64, f64, String)>| {
            ratio.as_ref().map_or("-".into(), |(mean, worst, _)| format!("{mean:.2} / {worst:.2}"))
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            line.judge,
            show(&line.rates),
            show(&line.ratio),
            show(&line.rival)
        );
    }
    let _ = write!(text, "\n{}", size(rows));
    text
}

const BEGIN: &str = "<!-- judge-lab: begin -->";
const END: &str = "<!-- judge-lab: end -->";

/// Replaces what stands between the markers.
pub fn write_between_markers(file: &Path, table: &str) -> Result<(), String> {
    let place = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{place} cannot be read: {error}"))?;
    let missing = || format!("{place} has no lines `{BEGIN}` and `{END}`: add them where the table belongs");
    let (before, rest) = text.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    std::fs::write(file, format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))
        .map_err(|error| format!("{place} cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::Canary;

    fn row(canary: Canary, rolled_back: &[(&str, u64)]) -> Row {
        let cell = Cell { rate: 5.0, p0: 0.01, canary, noise: Noise::Independent };
        let tally = |(judge, count): &(&str, u64)| {
            let mut tally = Tally::new(judge);
            for run in 0..100 {
                let rolled_back = run < *count;
                let exposure = if rolled_back { 0.5 } else { 52.5 };
                tally.add(&End { rolled_back, minutes: 13, exposure });
            }
            tally
        };
        Row { cell, tallies: rolled_back.iter().map(tally).collect() }
    }

    #[test]
    fn a_rival_is_one_that_blames_no_more() {
        let rows = [
            row(Canary::Times(1.0), &[("prototype", 2), ("fisher", 3), ("mixture", 1), ("argo", 0)]),
            row(
                Canary::Times(5.0),
                &[("limit-rates", 100), ("prototype", 90), ("fisher", 100), ("mixture", 80), ("argo", 10)],
            ),
        ];
        let rival = |judge| best_rival(&rows, &rows[1], judge).map(|tally| tally.judge.as_str());
        assert_eq!(rival("prototype"), Some("mixture"));
        assert_eq!(rival("fisher"), Some("mixture"));
        assert_eq!(rival("argo"), None);
        let line = line(&rows, "prototype");
        let (mean, worst, _) = line.rates.unwrap();
        assert!((mean - (0.9 * 0.5 + 0.1 * 52.5) / 0.5).abs() < 1e-9 && (mean - worst).abs() < 1e-12);
        assert_eq!(line.nulls.len(), 1);
        assert!((line.nulls[0].2 - 0.02).abs() < 1e-12);
    }

    #[test]
    fn the_table_goes_between_the_markers() {
        let file = std::env::temp_dir().join(format!("judge-lab-{}.md", std::process::id()));
        std::fs::write(&file, format!("above\n{BEGIN}\nold\n{END}\nbelow\n")).unwrap();
        write_between_markers(&file, "| new |\n").unwrap();
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            format!("above\n{BEGIN}\n\n| new |\n\n{END}\nbelow\n")
        );
        std::fs::write(&file, "no markers").unwrap();
        assert!(write_between_markers(&file, "| new |").unwrap_err().contains("add them"));
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn a_tally_counts() {
        let mut tally = Tally::new("x");
        for minutes in [2, 2, 3, 9] {
            tally.add(&End { rolled_back: true, minutes, exposure: 1.0 });
        }
        tally.add(&End { rolled_back: false, minutes: 13, exposure: 2.0 });
        assert_eq!((tally.quantile(0.5), tally.quantile(0.9)), (Some(2), Some(9)));
        assert!((tally.share() - 0.8).abs() < 1e-12 && (tally.promotion() - 13.0).abs() < 1e-12);
        // Wilson's interval for 4 of 5: statsmodels.stats.proportion.proportion_confint(4, 5, method="wilson").
        let (low, high) = tally.interval();
        assert!((low - 0.375_53).abs() < 1e-4 && (high - 0.963_78).abs() < 1e-4, "{low} {high}");
    }
}
