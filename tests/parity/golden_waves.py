#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/sinusoidal/waves.csv: random Fourier features of scikit-learn.

    golden_waves.py OUT_FILE          needs scikit-learn 1.9

`features-n` is tokens x features of `x-n` by `weights-n` and `phases-n`, in three sizes.
"""
import sys

import numpy as np
from sklearn.kernel_approximation import RBFSampler

from golden_file import write_block


def main(path):
    draw = np.random.default_rng(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = scikit-learn 1.9 RBFSampler\n# script = tests/parity/golden_waves.py\n")
        for n, (tokens, axes, features, gamma) in enumerate(((6, 2, 8, 0.5), (3, 1, 5, 2.0), (5, 3, 33, 1.0))):
            x = draw.integers(-16, 17, (tokens, axes)) / 8
            sampler = RBFSampler(gamma=gamma, n_components=features, random_state=n).fit(x)
            blocks = {"x": x, "weights": sampler.random_weights_, "phases": sampler.random_offset_[None],
                      "features": sampler.transform(x)}
            for name, values in blocks.items():
                write_block(file, f"{name}-{n}", values, digits=17)


if __name__ == "__main__":
    main(sys.argv[1])
