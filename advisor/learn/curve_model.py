"""Where a run will end, from its epochs so far: learned from the curves of recorded runs.

Two LightGBM ensembles give the expected gain from the last known accuracy to the final one, and how large an error is
to be expected. Quantiles are those of the errors that were made on sources left out, in units of what was expected,
each source counting alike (normalised conformal prediction). Fitting is in ``research/curve_model``.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from advisor.errors import AdvisorError
from advisor.learn.curves import COLUMNS, Curve
from advisor.learn.table import Floats
from advisor.learn.trees import Trees

SCHEMA = "advisor.curves/1"
MANIFEST = "manifest.json"
MEMBERS = ("gain", "error")
_FOLDER = "curves"
_MARGIN = 0.05
"""How far below chance, and above 1, the scale goes, as a share of what is between them: noise may end below chance."""
_EXTREME = 0.005
LEAST_ERROR = 0.02
"""Errors below this are alike: the noise of an evaluation, on the scale of ``to_scale``."""


def to_scale(top1: Floats, chance: Floats) -> Floats:
    """Return accuracies in percent as logits between chance and 100 %, a little apart from both ends."""
    share = ((top1 - chance) / (100 - chance) + _MARGIN) / (1 + 2 * _MARGIN)
    share = np.clip(share, _EXTREME, 1 - _EXTREME)
    return np.asarray(np.log(share / (1 - share)))


def from_scale(values: Floats, chance: Floats) -> Floats:
    """Return what ``to_scale`` was given, within 0 and 100 %."""
    share = (1 + 2 * _MARGIN) / (1 + np.exp(-values)) - _MARGIN
    return np.asarray(np.clip(chance + (100 - chance) * share, 0, 100))


@dataclass(frozen=True)
class CurveModel:
    """Forecasts the final accuracy of runs.

    Attributes
    ----------
    members : mapping of str to Trees
        ``gain`` from the last known accuracy to the final one, ``error`` the logarithm of how far that may be off; both
        on the scale of ``to_scale``.
    until : ndarray of shape (b - 1,)
        Shares of the planned epochs at which the next row of ``errors`` begins to hold.
    levels : ndarray of shape (k,)
        Levels of the quantiles in ``errors``, rising.
    errors : ndarray of shape (b, k)
        Quantiles of what was made of errors on sources left out, in units of the expected ones.
    evidence : mapping
        What the recorded curves cover: ``epochs`` as (fewest, most), ``runs``, ``sources``.
    provenance : mapping
        Which files were learned from, and how the forecasts did on sources left out.
    """

    members: Mapping[str, Trees]
    until: Floats
    levels: Floats
    errors: Floats
    evidence: Mapping[str, Any]
    provenance: Mapping[str, Any]

    def quantiles(self, curves: Sequence[Curve], levels: Sequence[float]) -> Floats:
        """Return quantiles of the final top-1 accuracy in percent.

        A run whose learning rate does not come down as a cosine is taken for one whose does, as that of every recorded
        run did, and may also end where it is: its lower quantiles are at most the last accuracy.

        Parameters
        ----------
        curves : sequence of Curve, length n
            The runs so far.
        levels : sequence of float, length k
            Between 0 and 1; beyond those of ``self.levels`` the nearest of them counts.

        Returns
        -------
        ndarray of shape (n, k)
            NaN for a run of which no accuracy is known; the last accuracy for one that has come to its end.
        """
        if not curves:
            return np.empty((0, len(levels)))
        last, chance = (np.array([getattr(curve, name) for curve in curves]) for name in ("last", "chance"))
        x = np.array([(curve if curve.comes_down else curve.on_a_cosine()).features() for curve in curves])
        wanted = np.asarray(levels, dtype=np.float64)
        found = self.quantiles_of(x, last, chance, wanted)
        for row, curve in enumerate(curves):
            if curve.done >= curve.planned:
                found[row] = curve.last
            elif not curve.comes_down:
                found[row] = np.where(wanted < 0.5, np.minimum(found[row], curve.last), found[row])
        return found

    def quantiles_of(self, x: Floats, last: Floats, chance: Floats, levels: Floats) -> Floats:
        """Return what ``quantiles`` does, for features of shape (n, d), the last known accuracies and chance."""
        gain, error = (self.members[name].predict(x) for name in MEMBERS)
        rows = self.errors[np.digitize(x[:, COLUMNS.index("share_done")], self.until)]
        units = np.array([np.interp(levels, self.levels, row) for row in rows])
        scaled = (to_scale(last, chance) + gain)[:, None] + np.exp(error)[:, None] * units
        return from_scale(scaled, chance[:, None])

    def save(self, folder: Path) -> None:
        """Write ``manifest.json`` and a text file a member into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        texts = {f"{name}.txt": self.members[name].to_text() for name in MEMBERS}
        manifest = {
            "schema": SCHEMA,
            "provenance": self.provenance,
            "evidence": self.evidence,
            "columns": COLUMNS,
            "until": self.until.tolist(),
            "levels": self.levels.tolist(),
            "errors": self.errors.tolist(),
            "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()},
        }
        for name, text in {**texts, MANIFEST: json.dumps(manifest, indent=1) + "\n"}.items():
            part = folder / f"{name}.part"
            part.write_text(text, encoding="utf-8")
            part.replace(folder / name)

    @classmethod
    def load(cls, folder: Path) -> CurveModel:
        """Read what ``save`` wrote.

        Raises
        ------
        AdvisorError
            If files are missing, changed since they were written, or of another schema.
        """
        hint = "restore it from the distribution, or fit it again with `make -C research curves`"
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            schema, columns = manifest["schema"], tuple(manifest["columns"])
            texts = {name: (folder / name).read_text(encoding="utf-8") for name in manifest["files"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AdvisorError(f"no usable curve model in {folder}", cause=str(error), hint=hint) from error
        if schema != SCHEMA or columns != COLUMNS:
            raise AdvisorError(f"the curve model in {folder} is of another version, {schema}", hint=hint)
        for name, text in texts.items():
            if hashlib.sha256(text.encode()).hexdigest() != manifest["files"][name]:
                raise AdvisorError(f"{folder / name} is not the file that was fitted", cause="it changed", hint=hint)
        return cls(
            members={name: Trees(texts[f"{name}.txt"]) for name in MEMBERS},
            until=np.array(manifest["until"]),
            levels=np.array(manifest["levels"]),
            errors=np.array(manifest["errors"]),
            evidence=manifest["evidence"],
            provenance=manifest["provenance"],
        )


@functools.cache
def shipped_curve_model() -> CurveModel:
    """Return the curve model that is shipped with this program; see ``CurveModel.load``."""
    return CurveModel.load(Path(str(resources.files("advisor._meta_data") / _FOLDER)))
