"""Small datasets in every packing that needs no further package, to be damaged."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

_CLASSES = ("cat", "dog")
_SPLITS = {"train": 6, "validation": 3, "test": 2}


def _pictures() -> Iterator[tuple[str, str, str, bytes]]:
    """Yield split, class, name and content of some image files."""
    for split, n in _SPLITS.items():
        for label in _CLASSES:
            for i in range(n):
                rng = np.random.default_rng(len(split) * 1000 + len(label) + 31 * i + (label == "dog") * 7)
                image = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
                kind = ("PNG", "JPEG")[i % 2]
                buffer = io.BytesIO()
                image.save(buffer, kind)
                yield split, label, f"{i:03d}.{'png' if kind == 'PNG' else 'jpg'}", buffer.getvalue()


def _folder(root: Path) -> Path:
    for split, label, name, content in _pictures():
        (root / split / label).mkdir(parents=True, exist_ok=True)
        (root / split / label / name).write_bytes(content)
    return root


def _competition(root: Path) -> Path:
    (root / "train_images").mkdir()
    rows = []
    for i, (_, label, _, content) in enumerate(_pictures()):
        (root / "train_images" / f"{i:03d}.png").write_bytes(content)
        rows.append(f"{i:03d}.png,{label}\n")
    (root / "train.csv").write_text("image_id,label\n" + "".join(rows))
    return root


def _class_folders(root: Path) -> Path:
    for split, label, name, content in _pictures():
        (root / label).mkdir(exist_ok=True)
        (root / label / f"{split}-{name}").write_bytes(content)
    return root


def _zip(root: Path) -> Path:
    with zipfile.ZipFile(root / "pets.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for split, label, name, content in _pictures():
            archive.writestr(f"pets/{split}/{label}/{name}", content)
    return root / "pets.zip"


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _tar(root: Path) -> Path:
    with tarfile.open(root / "pets.tar", "w") as archive:
        for split, label, name, content in _pictures():
            _add(archive, f"{split}/{label}/{name}", content)
    return root / "pets.tar"


def _tar_of_tars(root: Path) -> Path:
    with tarfile.open(root / "pets.tar", "w") as outer:
        for chosen in _CLASSES:
            inner = io.BytesIO()
            with tarfile.open(fileobj=inner, mode="w") as archive:
                for split, label, name, content in _pictures():
                    if label == chosen:
                        _add(archive, f"{split}-{name}", content)
            _add(outer, f"{chosen}.tar", inner.getvalue())
    return root / "pets.tar"


def _table(name: str, separator: str) -> Callable[[Path], Path]:
    def write(root: Path) -> Path:
        rows = [("path", "label", "split")]
        for split, label, file, content in _pictures():
            (root / split / label).mkdir(parents=True, exist_ok=True)
            (root / split / label / file).write_bytes(content)
            rows.append((f"{split}/{label}/{file}", label, split))
        (root / name).write_text("\n".join(separator.join(row) for row in rows), encoding="utf-8")
        return root / name

    return write


def _paths_in_parquet(root: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet

    _folder(root)
    rows = [{"path": f"{s}/{la}/{name}", "label": la, "split": s} for s, la, name, _ in _pictures()]
    pa.parquet.write_table(pa.Table.from_pylist(rows), root / "pets.parquet")
    return root / "pets.parquet"


def _image_table(split: str) -> object:
    import pyarrow as pa

    rows = [(content, _CLASSES.index(label)) for s, label, _, content in _pictures() if s == split]
    features = {"image": {"_type": "Image"}, "label": {"names": list(_CLASSES), "_type": "ClassLabel"}}
    schema = pa.schema(
        [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.int64())],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    images = [{"bytes": content, "path": None} for content, _ in rows]
    return pa.table({"image": images, "label": [label for _, label in rows]}, schema=schema)


def _hub(root: Path) -> Path:
    import pyarrow.parquet

    for config in ("small", "large"):
        (root / config).mkdir()
        for split in _SPLITS:
            name = f"{split}-00000-of-00001.parquet"
            pyarrow.parquet.write_table(_image_table(split), root / config / name, row_group_size=3)
    return root / "small"


def _saved(root: Path) -> Path:
    import pyarrow as pa

    (root / "dataset_dict.json").write_text(json.dumps({"splits": list(_SPLITS)}))
    for split in _SPLITS:
        (root / split).mkdir()
        table = _image_table(split)
        with pa.ipc.new_stream(str(root / split / "data-00000-of-00001.arrow"), table.schema) as writer:  # type: ignore[attr-defined]
            writer.write_table(table)
        features = {"label": {"names": list(_CLASSES), "_type": "ClassLabel"}}
        (root / split / "dataset_info.json").write_text(json.dumps({"features": features}))
    return root


def _shards(root: Path) -> Path:
    names = {split: [f"{letter}-{n}.tar" for n in range(2)] for letter, split in zip("abc", _SPLITS, strict=True)}
    for split, shards in names.items():
        of_split = [(label, name, content) for s, label, name, content in _pictures() if s == split]
        for n, shard in enumerate(shards):
            with tarfile.open(root / shard, "w") as archive:
                for label, name, content in of_split[n::2]:
                    _add(archive, f"{label}{name}", content)
                    _add(archive, f"{label}{name.partition('.')[0]}.cls", str(_CLASSES.index(label)).encode())
    splits = {split: {"filenames": shards} for split, shards in names.items()}
    (root / "_info.json").write_text(json.dumps({"splits": splits}))
    (root / "classnames.txt").write_text("".join(f"{label}\n" for label in _CLASSES))
    return root


def _npz(root: Path) -> Path:
    arrays: dict[str, Any] = {}
    for split, n in _SPLITS.items():
        arrays[f"{split}_images"] = np.random.default_rng(n).integers(0, 256, (2 * n, 8, 8, 3), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(2 * n) % 2)[:, None]
    np.savez_compressed(root / "pets.npz", **arrays)
    return root / "pets.npz"


DATASETS: dict[str, Callable[[Path], Path]] = {
    "folder": _folder,
    "class folders": _class_folders,
    "competition": _competition,
    "zip": _zip,
    "tar": _tar,
    "tar of tars": _tar_of_tars,
    "csv": _table("pets.csv", ","),
    "semicolons": _table("pets.csv", ";"),
    "tsv": _table("pets.tsv", "\t"),
    "parquet": _paths_in_parquet,
    "hub": _hub,
    "saved": _saved,
    "shards": _shards,
    "npz": _npz,
}
"""What writes a dataset into an empty folder and returns what to give as ``--dataset``."""
