#!/usr/bin/env python3
"""Writes p-values for the exact test to vectors.json, which the unit tests of src/tail.rs read.

Needs numpy and scipy: python3 -m venv venv && venv/bin/pip install scipy && venv/bin/python generate.py

Hypergeometric terms are ratios of exact integers, rounded once; the same p-value is asked of scipy.stats, and the
script stops where the two differ by more than scipy's own rounding. Binomial ones are scipy's.
"""

import json
import math
import pathlib

import numpy as np
from scipy import stats

SCIPY_ROUNDING = 1e-6


def hypergeometric(canary, baseline, errors):
    """Probabilities of least..=most errors on the canary, from exact integers."""
    least, most = max(0, errors - baseline), min(errors, canary)
    ways = math.comb(canary, least) * math.comb(baseline, errors - least)
    total = math.comb(canary + baseline, errors)
    law = []
    for j in range(least, most + 1):
        law.append(ways / total)
        ways = ways * (canary - j) * (errors - j) // ((j + 1) * (baseline - errors + j + 1))
    return least, np.array(law)


def scipy_hypergeometric(canary, baseline, errors):
    least, most = max(0, errors - baseline), min(errors, canary)
    return least, stats.hypergeom.pmf(np.arange(least, most + 1), canary + baseline, errors, canary)


def binomial(margin):
    def law(canary, baseline, errors):
        share = margin * canary / (margin * canary + baseline)
        return 0, stats.binom.pmf(np.arange(errors + 1), errors, share)

    return law


def p_value(tables, law):
    """tables: [canary requests, canary errors, baseline requests, baseline errors] each."""
    least, seen, total = 0, 0, np.array([1.0])
    for canary, canary_errors, baseline, baseline_errors in tables:
        first, one = law(canary, baseline, canary_errors + baseline_errors)
        least, seen, total = least + first, seen + canary_errors, np.convolve(total, one)
    return math.fsum(total[seen - least :])


def near(value, other, tolerance):
    return abs(value - other) <= tolerance * abs(other)


def tables_of(rng, minutes, canary, baseline, canary_rate, baseline_rate):
    return [
        [canary, int(rng.binomial(canary, canary_rate)), baseline, int(rng.binomial(baseline, baseline_rate))]
        for _ in range(minutes)
    ]


def comparisons():
    rng = np.random.default_rng(2026)
    plain = [
        [[3, 3, 4, 0]],
        [[1, 1, 1, 0]],
        [[5, 0, 5, 3]],
        [[10, 10, 10, 10]],
        [[10, 9, 10, 9]],
        [[2, 2, 3, 2], [3, 3, 2, 1]],
        [[100, 4, 900, 3]],
        [[100, 4, 900, 3], [90, 0, 910, 1], [110, 3, 890, 0]],
        [[1, 1, 1_000_000_000, 5]],
        [[100_000_000, 40, 900_000_000, 200]],
        [[100_000, 400, 900_000, 2_000]],
        [[1_000_000_000, 1500, 1_000_000_000, 1400]],
        [[2_000, 1_100, 2_000, 900]],
    ]
    for arguments in [
        (5, 30, 270, 0.05, 0.01),
        (5, 3_000, 27_000, 0.01, 0.005),
        (13, 600, 400, 0.02, 0.02),
        (13, 15_000, 15_000, 0.006, 0.005),
        (60, 50, 950, 0.03, 0.01),
        (60, 950, 50, 0.02, 0.01),
        (5, 40, 360, 0.6, 0.3),
        (2, 20_000, 10_000, 0.05, 0.03),
    ]:
        plain.append(tables_of(rng, *arguments))
    for tables in plain:
        p = p_value(tables, hypergeometric)
        by_scipy = p_value(tables, scipy_hypergeometric)
        assert near(by_scipy, p, SCIPY_ROUNDING), (tables, p, by_scipy)
        yield {"margin": 1.0, "tables": tables, "p": p}
    for margin in (1.2, 2.0):
        for tables in plain:
            p = p_value(tables, binomial(margin))
            if len(tables) == 1:
                canary, canary_errors, baseline, baseline_errors = tables[0]
                share = margin * canary / (margin * canary + baseline)
                tail = stats.binom.sf(canary_errors - 1, canary_errors + baseline_errors, share)
                assert near(tail, p, SCIPY_ROUNDING), (tables, p, tail)
            yield {"margin": margin, "tables": tables, "p": p}


def rates():
    for requests, errors, rate in [
        (1, 1, 0.05),
        (20, 0, 0.05),
        (20, 3, 0.05),
        (1_000, 80, 0.05),
        (1_000, 40, 0.05),
        (1_000_000, 50_700, 0.05),
        (1_000_000_000, 10_020_000, 0.01),
        (100_000, 99_990, 0.9999),
    ]:
        yield {"requests": requests, "errors": errors, "rate": rate, "p": float(stats.binom.sf(errors - 1, requests, rate))}


def main():
    vectors = {"comparisons": list(comparisons()), "rates": list(rates())}
    path = pathlib.Path(__file__).with_name("vectors.json")
    lines = [f'{json.dumps(kind)}: [\n' + ",\n".join(map(json.dumps, rows)) + "\n]" for kind, rows in vectors.items()]
    path.write_text("{" + ",\n".join(lines) + "}\n")
    for rows in vectors.values():
        print(len(rows), "vectors, p from", min(row["p"] for row in rows), "to", max(row["p"] for row in rows))


if __name__ == "__main__":
    main()
