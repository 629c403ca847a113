#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/sinusoidal/harmonics.csv: real spherical harmonics from SciPy's complex ones.

    golden_harmonics.py OUT_FILE          needs scipy 1.15 or later; prints how far e3nn is, where it is installed

sph_harm_y has the Condon-Shortley phase. Its real form: sqrt2 Re Y(l, m) for m > 0, sqrt2 Im Y(l, |m|) for m < 0.
"""
import sys

import numpy as np
import scipy
from scipy.special import sph_harm_y

from golden_file import write_block


def harmonics(points, degrees):
    x, y, z = (points / np.linalg.norm(points, axis=1, keepdims=True)).T
    theta, phi = np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)
    columns = []
    for degree in range(degrees):
        for order in range(-degree, degree + 1):
            value = sph_harm_y(degree, abs(order), theta, phi)
            columns.append(value.real if order == 0 else np.sqrt(2) * (value.real if order > 0 else value.imag))
    return np.array(columns).T


def compare_with_e3nn():
    """e3nn has no Condon-Shortley phase, and its polar axis is the second."""
    try:
        import torch
        from e3nn import o3
    except ImportError:
        print("e3nn is not installed")
        return
    points = np.random.default_rng(3).normal(size=(20, 3))
    ours = harmonics(points, 9)
    for degree in range(9):
        for order in range(-degree, degree + 1):
            ours[:, degree * degree + degree + order] *= -1 if order % 2 else 1
    theirs = o3.spherical_harmonics(list(range(9)), torch.tensor(points[:, [1, 2, 0]]), True, normalization="integral")
    print(f"e3nn: {np.max(np.abs(ours - theirs.numpy())):.1e}")


def main(path):
    random = np.random.default_rng(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"# source = scipy {scipy.__version__} special.sph_harm_y in float64\n")
        file.write("# script = tests/parity/golden_harmonics.py\n")
        for degrees, count in ((2, 4), (5, 7), (9, 12)):
            points = random.integers(-64, 65, (count, 3)) / 16
            points[0], points[1] = (0, 0, 2), (0, -1, 0)
            for name, values in (("at", points), ("row", harmonics(points, degrees))):
                write_block(file, f"{name}-{degrees}", values)


if __name__ == "__main__":
    main(sys.argv[1])
    compare_with_e3nn()
