"""The response model that ships: the chosen penalty, bootstrap draws, what the runs cover, and where they are from."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from typing import Any

import numpy as np

from advisor.learn.response import Coefficients, ResponseModel, optimizer_group, part_names
from research.response_model.fitting import (
    N_DRAWS,
    RIDGES,
    Fits,
    bootstrap,
    coefficients,
    design,
    leave_datasets_out,
    weights_of,
)
from research.response_model.runs import PublicRuns

_DECIMALS = 4
SOURCE = {
    "repository": "https://github.com/rapanti/quicktune",
    "commit": "41e6a21",
    "path": "src/quicktune/data/.mtlbm/extended",
    "citation": "Pineda Arango et al.: Quick-Tune. ICLR 2024",
    "licence": "BSD-3-Clause",
}
NOTICE = """\
The coefficients are fitted to runs from rapanti/quicktune, distributed under the BSD 3-Clause License.

Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this list of conditions and the following
disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following
disclaimer in the documentation and/or other materials provided with the distribution.
3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse or promote products
derived from this software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES,
INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY,
WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF
THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE."""


def choose_fits(runs: PublicRuns, ridges: Sequence[float] = RIDGES) -> Fits:
    """Return the fits with the penalty that errs least on datasets left out."""
    data, weights = design(runs), weights_of(runs)
    tried = [leave_datasets_out(data, runs.dataset, weights, ridge) for ridge in ridges]
    return min(tried, key=lambda fits: fits.error)


def fit_response_model(
    runs: PublicRuns, ridges: Sequence[float] = RIDGES, draws: int = N_DRAWS
) -> tuple[ResponseModel, Fits]:
    """Return the response model of runs, and the fits that its penalty was chosen by."""
    fits = choose_fits(runs, ridges)
    data, weights = design(runs), weights_of(runs)
    drawn = bootstrap(data, runs.dataset, weights, fits.ridge, fits.whole, draws)
    model = ResponseModel(
        names=part_names(),
        coefficients=_rounded(coefficients(fits.whole)),
        draws=[_rounded(draw) for draw in drawn],
        evidence=_evidence(runs),
        provenance={
            **SOURCE,
            "notice": NOTICE,
            "runs": len(runs),
            "datasets": len(np.unique(runs.dataset)),
            "models": len(np.unique(runs.model)),
            "ridge": fits.ridge,
            "recipes_sha256": recipes_digest(),
        },
    )
    return model, fits


def recipes_digest() -> str:
    """Return the SHA-256 of the shipped recipes, at which the optimum starts."""
    text = resources.files("advisor._meta_data").joinpath("recipes.csv").read_text(encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def _evidence(runs: PublicRuns) -> dict[str, Any]:
    ratio = runs.of("img_size") / runs.of("pretrain_img_size")
    columns = {name: runs.of(name) for name in ("num_params", "img_size", "n_train", "batch_size")}
    extents = {name: [float(v.min()), float(v.max())] for name, v in {**columns, "img_size_ratio": ratio}.items()}
    return {
        **extents,
        "runs": dict(sorted(Counter(f"{case.kind} {optimizer_group(case.opt)}" for case in runs.cases).items())),
    }


def _rounded(c: Coefficients) -> Coefficients:
    return Coefficients(*(np.round(part, _DECIMALS) for part in (c.optimum, c.below, c.above, c.level, c.decay)))
