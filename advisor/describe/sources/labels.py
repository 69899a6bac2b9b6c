"""From label values as people write them to class indices; what is not single-label classification is refused."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from advisor.describe.sources.images import Labels, printable
from advisor.errors import DatasetError

LABEL_COLUMNS = ("label", "labels", "fine_label", "class", "category", "target", "class_name", "label_name")
"""Names of columns of labels that are understood, in any case; the first match counts."""
_HIDDEN = "-1"
"""What stands for a label that is kept secret, as of the test images of public challenges."""
_SEPARATORS = ("|", ";", ",")


def have_labels(values: Sequence[Any], of_training: Collection[Any]) -> bool:
    """Return whether any image of a split has a label: neither nothing nor, unless training has it too, -1.

    Parameters
    ----------
    values : sequence
        The labels of the split.
    of_training : collection
        The labels of the training images.
    """
    known = {str(_single(value)) for value in of_training}
    return any(not _is_missing(value := _single(v)) and (str(value) != _HIDDEN or _HIDDEN in known) for v in values)


def _single(value: Any) -> Any:
    """Return what a list or an array of one label holds."""
    if isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) > 0:
        return value[0] if len(value) == 1 else value
    return value


def _is_missing(value: Any) -> bool:
    if isinstance(value, (float, np.floating)):
        return bool(np.isnan(value))
    return value is None or (isinstance(value, (str, bytes)) and not value.strip())


def class_indices(values: Sequence[Any], name: str, known: Sequence[str] = ()) -> tuple[Labels, tuple[str, ...]]:
    """Return the class index of each label, and the names of the classes.

    Parameters
    ----------
    values : sequence
        One label an image: text, whole numbers, or truth values; whole numbers are indices where ``known`` is given.
    name : str
        The dataset, for messages.
    known : sequence of str
        Names of the classes in the order of their numbers, where the source states them.

    Raises
    ------
    DatasetError
        For several labels an image, measurements, and images without a label.
    """
    values = [_single(value) for value in values]
    if any(isinstance(value, (list, tuple, dict, set)) or getattr(value, "ndim", 0) > 0 for value in values):
        raise _multi_label(name)
    hidden = sum(str(value) == _HIDDEN for value in values) if known else 0
    missing = sum(map(_is_missing, values)) + hidden
    if missing:
        raise DatasetError(
            f"{missing} images of {printable(name)} have no label",
            cause=f"every image needs exactly one class{f', and {_HIDDEN} is the number of none' if hidden else ''}",
            hint="give each a label or leave its row out",
        )
    texts = [value if isinstance(value, str) else _plain(value, name) for value in values]
    _refuse_lists(texts, name)
    _refuse_measurements(texts, name)
    if known and all(text.isdecimal() and int(text) < len(known) for text in texts):
        return np.array([int(text) for text in texts], dtype=np.int32), tuple(known)
    classes = tuple(sorted(set(texts)))
    index = {label: i for i, label in enumerate(classes)}
    return np.array([index[text] for text in texts], dtype=np.int32), classes


def _plain(value: Any, name: str) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise DatasetError(
            f"the labels of {printable(name)} are not understood",
            cause=f"one is a {type(value).__name__}, neither text nor a whole number",
            hint="give each image the name or the number of its class",
        ) from error
    if not number.is_integer():
        raise _regression(name)
    return str(int(number))


def _refuse_lists(texts: list[str], name: str) -> None:
    """Refuse labels such as ``[1, 4]`` and ``cat|dog`` where cat and dog are labels elsewhere."""
    for text in texts:
        if text.startswith("[") and text.endswith("]"):
            try:
                several = len(json.loads(text)) != 1
            except (ValueError, RecursionError):
                several = False
            if several:
                raise _multi_label(name)
    distinct = set(texts)
    for separator in _SEPARATORS:
        compound = [[part.strip() for part in text.split(separator)] for text in distinct if separator in text]
        times = Counter(part for parts in compound for part in parts)
        alone = distinct & set(times)
        lists = sum(all(part in alone or times[part] > 1 for part in parts) for parts in compound)
        # Names of single classes have commas too ("cock, rooster"): there some part has to be a label by itself.
        if compound and 2 * lists >= len(compound) and (alone or separator != ","):
            raise _multi_label(name)


def _refuse_measurements(texts: list[str], name: str) -> None:
    """Refuse numbers with fractions, and whole numbers that hardly ever repeat and do not just count the classes."""
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        return
    if not all(map(math.isfinite, numbers)):
        return  # "nan" and "inf" are words as well
    if not all(number.is_integer() for number in numbers):
        raise _regression(name)
    distinct = set(numbers)
    if len(numbers) > 20 and len(distinct) > len(numbers) / 2 and max(distinct) - min(distinct) > 2 * len(distinct):
        raise _regression(name)


def _multi_label(name: str) -> DatasetError:
    return DatasetError(
        f"{printable(name)} has several labels for one image",
        cause="advice exists for single-label classification only",
        hint="keep one class for each image",
    )


def _regression(name: str) -> DatasetError:
    return DatasetError(
        f"{printable(name)} has measurements for labels",
        cause="advice exists for single-label classification only, not for regression",
        hint="turn the numbers into a few named classes",
    )
