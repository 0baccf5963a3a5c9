"""A small regression on a pair of rails: points of both in, an alignment geometry out.

Run as `python railway.py rails.csv degree alignment.json`; imports the standard library only.
"""

import csv
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

COLUMNS = ["s", "x_left", "y_left", "x_right", "y_right"]


def polynomial(s: Sequence[float], values: Sequence[float], degree: int) -> list[float]:
    """Return the coefficients, lowest power first, of the least-squares polynomial in s.

    Raises ValueError if the points do not determine it.
    """
    middle, half = (max(s) + min(s)) / 2, (max(s) - min(s)) / 2
    if len(set(s)) <= degree:
        raise ValueError(f"{len(set(s))} distinct s do not determine degree {degree}")
    scaled = [(it - middle) / half for it in s]  # powers of large s would drown the small ones
    size = degree + 1
    rows = [
        [math.fsum(t ** (i + j) for t in scaled) for j in range(size)]
        + [math.fsum(v * t**i for t, v in zip(scaled, values, strict=True))]
        for i in range(size)
    ]
    return _unscaled(_solve(rows), middle, half)


def _solve(rows: list[list[float]]) -> list[float]:
    """Solve the linear system by elimination with pivots; the last column is the right side."""
    size = len(rows)
    for i in range(size):
        best = max(range(i, size), key=lambda j: abs(rows[j][i]))
        rows[i], rows[best] = rows[best], rows[i]
        for j in range(i + 1, size):
            factor = rows[j][i] / rows[i][i]
            rows[j] = [a - factor * b for a, b in zip(rows[j], rows[i], strict=True)]
    found = [0.0] * size
    for i in reversed(range(size)):
        known = math.fsum(rows[i][j] * found[j] for j in range(i + 1, size))
        found[i] = (rows[i][size] - known) / rows[i][i]
    return found


def _unscaled(coefficients: Sequence[float], middle: float, half: float) -> list[float]:
    """Return a polynomial in (s - middle) / half as one in s."""
    found = [0.0] * len(coefficients)
    for power, coefficient in enumerate(coefficients):
        for k in range(power + 1):
            binomial = math.comb(power, k) * (-middle) ** (power - k)
            found[k] += coefficient / half**power * binomial
    return found


def alignment(rows: Sequence[Sequence[float]], degree: int) -> dict[str, object]:
    """Return the alignment geometry of points (s, x_left, y_left, x_right, y_right), in metres."""
    s = [row[0] for row in rows]
    x = [(row[1] + row[3]) / 2 for row in rows]
    y = [(row[2] + row[4]) / 2 for row in rows]
    fits = {"x": polynomial(s, x, degree), "y": polynomial(s, y, degree)}
    squares = [
        (_at(fits["x"], a) - b) ** 2 + (_at(fits["y"], a) - c) ** 2
        for a, b, c in zip(s, x, y, strict=True)
    ]
    gauges = [math.hypot(row[1] - row[3], row[2] - row[4]) for row in rows]
    return {
        "points": len(rows),
        "degree": degree,
        "centre_line": fits,
        "rms_residual": math.sqrt(math.fsum(squares) / len(squares)),
        "mean_gauge": math.fsum(gauges) / len(gauges),
    }


def _at(coefficients: Sequence[float], s: float) -> float:
    return math.fsum(it * s**power for power, it in enumerate(coefficients))


def read(path: Path) -> list[list[float]]:
    """Return the points of a CSV file. Raises ValueError with the line that is wrong."""
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.reader(file)
        head = next(lines, [])
        if head != COLUMNS:
            raise ValueError(f"line 1: expected {','.join(COLUMNS)}, found {','.join(head)}")
        rows = []
        for number, line in enumerate(lines, 2):
            try:
                rows.append([float(it) for it in line])
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
            if len(line) != len(COLUMNS) or not all(map(math.isfinite, rows[-1])):
                raise ValueError(f"line {number}: expected {len(COLUMNS)} finite numbers")
    if not rows:
        raise ValueError("no points")
    return rows


def main(rails: str, degree: str, out: str) -> None:
    """Read, compute, write."""
    try:
        found = alignment(read(Path(rails)), int(degree))
    except ValueError as error:
        sys.exit(f"{rails}: {error}")
    Path(out).write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
