"""Records become a table: one row a run that counts as evidence, one column a feature, one case a row belongs to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from advisor.learn.usable_runs import score_of, teaching
from advisor.records.schema import Dataset, Pretraining, Run
from advisor.space.hyperparameters import HYPERPARAMETERS, NO_DECAY

Floats = NDArray[np.float64]
DescribeModel = Callable[[str, int], Mapping[str, float]]
"""From a timm model name and an image size to numeric descriptors."""


class Case(NamedTuple):
    """What configurations are compared within: a dataset, a model and how it is trained."""

    dataset_id: str
    model: str
    opt: str
    pretraining: Pretraining
    augmented: bool = False
    """Whether training images are varied."""
    img_size: int = 224
    """Side of the square input in pixels."""

    @property
    def pretrained(self) -> bool:
        """Whether training starts from pretrained weights of any kind."""
        return self.pretraining is not Pretraining.NONE


@dataclass(frozen=True)
class Context:
    """Everything about a training that is known before its hyperparameters are chosen.

    Parameters
    ----------
    case : Case
        The case it belongs to.
    n_train, n_classes : int
        Training images and classes.
    warmup_epochs : float
        Epochs of warm-up within the planned ones.
    max_epochs : int
        The most epochs that configurations in this context may take: what a regret is measured under.
    dataset_features, model_features : mapping of str to float
        As ``advisor.describe`` gives them.
    """

    case: Case
    n_train: int
    n_classes: int
    warmup_epochs: float
    max_epochs: int
    dataset_features: Mapping[str, float]
    model_features: Mapping[str, float]


@dataclass(frozen=True)
class Table:
    """Runs as numbers.

    Attributes
    ----------
    columns : tuple of str, length d
        Names of the features.
    x : ndarray of shape (n, d)
        Features; NaN where one is unknown.
    score : ndarray of shape (n,)
        Final top-1 accuracy of the raw model in percent; a diverged run counts as chance.
    hparams : mapping of str to ndarray of shape (n,)
        The hyperparameters by name, as they were.
    case_of : ndarray of int, shape (n,)
        Index into ``cases``.
    cases : tuple of Case
        The cases.
    group_of : ndarray of str, shape (n,)
        Base source of the row's dataset; everything of one is held out together.
    kind : ndarray of str, shape (n,)
        How the configuration came about: ``core``, ``sobol``, ``reference``, ``repeat``, or empty.
    n_train, n_eval : ndarray of shape (n,)
        Images that were trained on, and that the score was measured on.
    seconds : ndarray of shape (n,)
        Training seconds; NaN where unknown.
    """

    columns: tuple[str, ...]
    x: Floats
    score: Floats
    hparams: Mapping[str, Floats]
    case_of: NDArray[np.int64]
    cases: tuple[Case, ...]
    group_of: NDArray[np.str_]
    kind: NDArray[np.str_]
    n_train: Floats
    n_eval: Floats
    seconds: Floats

    def __len__(self) -> int:
        return len(self.score)

    def take(self, rows: NDArray[Any]) -> Table:
        """Return the table of the given rows (a mask or indices); ``cases`` stays whole."""
        return replace(
            self,
            x=self.x[rows],
            score=self.score[rows],
            hparams={name: column[rows] for name, column in self.hparams.items()},
            case_of=self.case_of[rows],
            group_of=self.group_of[rows],
            kind=self.kind[rows],
            n_train=self.n_train[rows],
            n_eval=self.n_eval[rows],
            seconds=self.seconds[rows],
        )

    def means_over_seeds(self) -> tuple[NDArray[np.intp], Floats]:
        """Return a row of each configuration of a case, and the mean score of all that had it; both of shape (m,)."""
        keys = np.column_stack([self.case_of, *(self.hparams[name] for name in HYPERPARAMETERS)])
        _, first, of = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        return first, np.bincount(of.ravel(), weights=self.score) / np.bincount(of.ravel())

    def without_columns(self, names: Iterable[str]) -> Table:
        """Return the table without the named features."""
        dropped = set(names)
        keep = [i for i, name in enumerate(self.columns) if name not in dropped]
        return replace(self, columns=tuple(self.columns[i] for i in keep), x=self.x[:, keep])


def hidden_features(columns: Sequence[str], seen: Collection[str]) -> NDArray[np.bool_]:
    """Return which columns are features of the dataset that are of none of the groups ``seen``; shape (d,).

    Parameters
    ----------
    columns : sequence of str
        Names of features.
    seen : collection of str
        Groups of dataset features as ``features.compute.all_features`` of ``describe`` names them; those of plugins are
        of the group ``plugins``.
    """
    from advisor.describe.features.compute import all_features

    group_of = {f"data:{feature.name}": feature.group for feature in all_features()}
    return np.array([name.startswith("data:") and group_of.get(name, "plugins") not in seen for name in columns])


def features(context: Context, hparams: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the features of configurations in one context, by name.

    Beside the hyperparameters, the context and the descriptions these are products that carry meaning: optimizer steps
    and samples seen (log2), the steps of one epoch, the learning rate per square root of the batch size (the noise
    scale of adaptive optimizers) and per batch size (of plain ones), and lr x steps x weight decay, which is how
    far decoupled decay shrinks a weight over the training (log2).

    Parameters
    ----------
    context : Context
        The context.
    hparams : mapping of str to ndarray of shape (n,)
        The hyperparameters by name.

    Returns
    -------
    dict of str to ndarray of shape (n,)
    """
    n = len(hparams["lr"])
    constant = {name: np.full(n, value, dtype=np.float64) for name, value in _constant_features(context).items()}
    return {**varying_features(context, hparams), **constant}


def varying_features(context: Context, hparams: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return those of ``features`` that depend on the hyperparameters."""
    lr, batch, epochs = (np.asarray(hparams[name], dtype=np.float64) for name in ("lr", "batch_size", "epochs"))
    decay = np.asarray(hparams["weight_decay"], dtype=np.float64)
    # timm's loader drops the last incomplete batch.
    epoch_steps = np.maximum(1.0, np.floor(context.n_train / batch))
    steps = epoch_steps * epochs
    return {
        "log_lr": _log2(lr),
        "log_batch_size": _log2(batch),
        "log_epochs": _log2(epochs),
        "log_epochs_share": _log2(epochs / context.max_epochs),
        "dropout": np.asarray(hparams["dropout"], dtype=np.float64),
        "log_weight_decay": _log2(np.maximum(decay, NO_DECAY)),
        "log_steps": _log2(steps),
        "log_epoch_steps": _log2(epoch_steps),
        "log_samples_seen": _log2(steps * batch),
        "log_lr_per_sqrt_batch": _log2(lr / np.sqrt(batch)),
        "log_lr_per_batch": _log2(lr / batch),
        "log_lr_steps": _log2(lr * steps),
        "log_shrinkage": _log2(lr * steps * np.maximum(decay, NO_DECAY)),
        "batch_share": batch / context.n_train,
    }


def _constant_features(context: Context) -> dict[str, float]:
    return {
        "adaptive": float(not context.case.opt.startswith(("sgd", "momentum", "nesterov"))),
        "pretrained": float(context.case.pretrained),
        "augmented": float(context.case.augmented),
        "warmup_epochs": context.warmup_epochs,
        "log_max_epochs": float(_log2(context.max_epochs)),
        "log_img_size": float(_log2(context.case.img_size)),
        **{f"data:{name}": value for name, value in context.dataset_features.items()},
        **{f"model:{name}": value for name, value in context.model_features.items()},
    }


def _log2(values: ArrayLike) -> Floats:
    # The last bits depend on the processor, and the trees grown on them would too.
    return np.asarray(np.round(np.log2(values), 9))


def is_augmented(run: Run) -> bool:
    """Return whether the images that a run was trained on were varied."""
    return run.augment not in (None, "", "none")


_FOLLOW_LR = ("log_lr", "log_lr_per_sqrt_batch", "log_lr_per_batch", "log_lr_steps", "log_shrinkage")


def at_other_lr(columns: Sequence[str], x: Floats, factor: float) -> Floats:
    """Return the features of the same configurations with their learning rate multiplied by ``factor``."""
    moved: Floats = x.copy()
    moved[:, [name in _FOLLOW_LR for name in columns]] += np.log2(factor)
    return moved


_CONTEXT_FIELDS = ("dataset_id", "model", "opt", "pretraining", "img_size", "n_train", "warmup_epochs", "augment")
_DEFAULT_SIDE = 224
"""Side of the images, in pixels, where a run does not say."""


def case_of(run: Run) -> Case:
    """Return the case of a run that is evidence."""
    assert run.dataset_id is not None
    assert run.model is not None
    assert run.opt is not None
    side = run.img_size or _DEFAULT_SIDE
    return Case(run.dataset_id, run.model, run.opt, run.pretraining, is_augmented(run), side)


def context_of(run: Run, dataset: Dataset, describe_model: DescribeModel, max_epochs: int) -> Context:
    """Return the context that a run was trained in, where configurations of up to ``max_epochs`` were tried."""
    case = case_of(run)
    return Context(
        case=case,
        n_train=run.n_train or dataset.n_train,
        n_classes=dataset.n_classes,
        warmup_epochs=run.warmup_epochs or 0.0,
        max_epochs=max_epochs,
        dataset_features=dataset.features,
        model_features=describe_model(case.model, case.img_size),
    )


def _without_probe(dataset: Dataset) -> Dataset:
    kept = {name: value for name, value in dataset.features.items() if not name.startswith(_PROBE)}
    return replace(dataset, features=kept)


_PROBE = "probe_"
"""Beginning of the features that need a training; a user's dataset rarely has them."""


def build_table(
    runs: Iterable[Run], datasets: Iterable[Dataset], describe_model: DescribeModel, *, with_probe: bool = False
) -> Table:
    """Return the table of all runs that are evidence and whose dataset is described.

    Parameters
    ----------
    runs : iterable of Run
        Any runs; those that are no evidence are left out.
    datasets : iterable of Dataset
        The datasets that runs name by ``dataset_id``.
    describe_model : callable
        From model name and image size to descriptors.
    with_probe : bool
        Whether features of the probe become columns. A model that leaned on them would be lost without, so it is not
        given them; they are there to be judged.

    Returns
    -------
    Table
        With zero rows if nothing is evidence.
    """
    by_id = {dataset.dataset_id: dataset if with_probe else _without_probe(dataset) for dataset in datasets}
    usable = teaching(runs, by_id)
    found = [by_id[str(run.dataset_id)] for run in usable]
    hparams = {name: np.array([getattr(run, name) for run in usable], dtype=np.float64) for name in HYPERPARAMETERS}

    # Features are computed once a context, not once a run: there are far fewer of them.
    most_epochs: dict[Case, int] = {}
    for run in usable:
        case = case_of(run)
        most_epochs[case] = max(most_epochs.get(case, 1), int(run.epochs or 1))
    rows_of: dict[tuple[Any, ...], list[int]] = {}
    for i, run in enumerate(usable):
        rows_of.setdefault(tuple(getattr(run, name) for name in _CONTEXT_FIELDS), []).append(i)
    contexts: list[tuple[list[int], Context]] = []
    cases: dict[Case, int] = {}
    case_index = np.zeros(len(usable), dtype=np.int64)
    for rows in rows_of.values():
        first = usable[rows[0]]
        context = context_of(first, found[rows[0]], describe_model, most_epochs[case_of(first)])
        contexts.append((rows, context))
        case_index[rows] = cases.setdefault(context.case, len(cases))
    # Names first, so that the matrix is there once only, however many rows it has.
    columns = tuple(
        dict.fromkeys(name for rows, context in contexts for name in features(context, _take(hparams, rows[:1])))
    )
    x = np.full((len(usable), len(columns)), np.nan)
    for rows, context in contexts:
        x[rows] = to_matrix(columns, features(context, _take(hparams, rows)))

    return Table(
        columns=columns,
        x=x,
        score=np.array([score_of(run, d.n_classes) for run, d in zip(usable, found, strict=True)], dtype=np.float64),
        hparams=hparams,
        case_of=case_index,
        cases=tuple(cases),
        group_of=np.array([d.group for d in found], dtype=np.str_),
        kind=np.array([str(run.extra.get("kind", "")) for run in usable], dtype=np.str_),
        n_train=np.array([run.n_train or d.n_train for run, d in zip(usable, found, strict=True)], dtype=np.float64),
        n_eval=np.array([run.n_eval or d.n_eval for run, d in zip(usable, found, strict=True)], dtype=np.float64),
        seconds=np.array([run.train_seconds or np.nan for run in usable], dtype=np.float64),
    )


def _take(hparams: Mapping[str, Floats], rows: list[int]) -> dict[str, Floats]:
    return {name: column[rows] for name, column in hparams.items()}


def to_matrix(columns: Sequence[str], named: Mapping[str, Floats]) -> Floats:
    """Return features by name as a matrix of shape (n, d) with the given columns; NaN where a name is missing."""
    n = len(next(iter(named.values())))
    return np.column_stack([named.get(name, np.full(n, np.nan)) for name in columns])
