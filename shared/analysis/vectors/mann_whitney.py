#!/usr/bin/env python3
"""Writes vectors for Kayenta's Mann-Whitney interval to mann_whitney.json, which src/peers/kayenta reads.

Needs scipy: python3 -m venv venv && venv/bin/pip install scipy && venv/bin/python mann_whitney.py

Statistics are checked against scipy.stats.mannwhitneyu's p-value. An interval's end is where the standardised statistic,
a falling step function of the shift, crosses the quantile: looked for among the pairwise differences, and the steps
between them.
"""

import json
import math
import pathlib
import random

from scipy import stats


def statistic(experiment, control, mu):
    moved = [value - mu for value in experiment]
    ranks = stats.rankdata(moved + control)
    m, n = len(experiment), len(control)
    over = sum(ranks[:m]) - m * (m + 1) / 2 - m * n / 2
    ties = sum(list(ranks).count(rank) ** 3 - list(ranks).count(rank) for rank in set(ranks))
    deviation = math.sqrt(m * n / 12 * (m + n + 1 - ties / ((m + n) * (m + n - 1))))
    return (over - math.copysign(0.5, over) * (over != 0)) / deviation


def checked(experiment, control, mu):
    z = statistic(experiment, control, mu)
    moved = [value - mu for value in experiment]
    p = stats.mannwhitneyu(moved, control, alternative="two-sided", method="asymptotic").pvalue
    assert abs(min(1, 2 * stats.norm.sf(abs(z))) - p) < 1e-9, (experiment, control, mu)
    return z


def crossing(experiment, control, quantile):
    """Where the statistic passes the quantile, or None where it equals it over a whole step."""
    jumps = sorted({round(x - y, 9) for x in experiment for y in control})
    low, high = jumps[0], jumps[-1]
    if statistic(experiment, control, low) - quantile <= 0:
        return low
    if statistic(experiment, control, high) - quantile >= 0:
        return high
    for index, jump in enumerate(jumps):
        before = statistic(experiment, control, jump - 1e-7) - quantile
        after = statistic(experiment, control, jump + 1e-7) - quantile
        if abs(before) < 1e-12 or abs(after) < 1e-12:
            return None
        if before > 0 > after:
            return jump
    raise AssertionError("no crossing")


def main():
    rng = random.Random(20260101)
    statistics, intervals = [], []
    while len(statistics) < 40 or len(intervals) < 40:
        m, n = rng.randint(2, 12), rng.randint(2, 12)
        digits = rng.choice([1, 2, 4])
        shift = rng.choice([0, 0, 1, 5])
        experiment = [round(rng.lognormvariate(0, 0.6) + shift, digits) for _ in range(m)]
        control = [round(rng.lognormvariate(0, 0.6), digits) for _ in range(n)]
        if len(set(experiment)) == 1 or len(set(control)) == 1:
            continue
        mu = rng.choice([0.0, 0.0, round(rng.uniform(-1, 3), 3)])
        if len(statistics) < 40:
            z = checked(experiment, control, mu)
            statistics.append({"experiment": experiment, "control": control, "mu": mu, "z": z})
        confidence = rng.choice([0.98, 0.95])
        quantile = stats.norm.isf((1 - confidence) / 2)
        ends = [crossing(experiment, control, q) for q in (quantile, -quantile, 0.0)]
        if None not in ends and len(intervals) < 40:
            lower, upper, estimate = ends
            intervals.append({"experiment": experiment, "control": control, "confidence": confidence,
                              "lower": lower, "upper": upper, "estimate": estimate})
    quantiles = [[p, float(stats.norm.ppf(p))] for p in
                 (0.5, 0.6, 0.75, 0.9, 0.92, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9999, 0.9999995)]
    out = {"quantiles": quantiles, "statistics": statistics, "intervals": intervals}
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(out, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
