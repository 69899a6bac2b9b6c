"""The adviser: from a dataset, a model and the user's limits to a suggestion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.advise.pipeline import answer
from advisor.advise.request import DEFAULT_MODEL, Request, make_request
from advisor.advise.resources.memory import out_of_memory
from advisor.advise.resources.speed import epochs_within, images_per_second
from advisor.advise.resources.trial import Trial, try_steps
from advisor.advise.search.search import Prefer, allowed_bounds
from advisor.advise.suggestion import Suggestion
from advisor.config import Config
from advisor.errors import StoreError
from advisor.learn.artefact import MANIFEST, Artefact
from advisor.records.schema import HYPERPARAMETERS, Dataset, Run, StoredSuggestion
from advisor.space.configuration import Limits

if TYPE_CHECKING:
    from advisor.advise.explain.explanation import Explanation
    from advisor.describe.dataset import Description
    from advisor.records.store.store import Store


class Advisor:
    """Advises from the shipped evidence and the user's own.

    Parameters
    ----------
    store : Store, optional
        Records of the user's runs, where the advice given is remembered; by default the configured one.
    artefact : Artefact, optional
        The meta-model to advise with; by default the user's own if ``advisor train`` made one, else the shipped one.
    """

    def __init__(self, store: Store | None = None, artefact: Artefact | None = None) -> None:
        self._config = Config()
        self._store = store
        self._artefact = artefact

    @property
    def artefact(self) -> Artefact:
        """The meta-model in use, read on first use.

        Raises
        ------
        AdvisorError
            If its files are damaged.
        """
        if self._artefact is None:
            own = Path(self._config["metamodel_dir"])
            shipped = Path(str(resources.files("advisor._meta_data") / "metamodel"))
            self._artefact = Artefact.load(own if (own / MANIFEST).is_file() else shipped)
        return self._artefact

    def describe(self, dataset: str | Path | Any) -> Description:
        """Describe a dataset; see ``advisor.describe.dataset.describe``."""
        from advisor.describe.dataset import describe

        return describe(dataset)

    def suggest(
        self,
        dataset: str | Path | Description | Any,
        *,
        model: str | None = None,
        opt: str = "adamw",
        pretrained: bool | None = None,
        img_size: int | None = None,
        max_epochs: int | None = None,
        max_batch_size: int | None = None,
        max_seconds: float | None = None,
        prefer: Prefer = "balanced",
        fix: Mapping[str, float] | None = None,
        top_k: int = 3,
        device: str | None = None,
    ) -> Suggestion:
        """Suggest starting values of the five hyperparameters.

        Parameters
        ----------
        dataset : path, Description, or anything ``describe`` opens
            The training images.
        model : str, optional
            A timm model name; by default ``DEFAULT_MODEL``, and the suggestion says so.
        opt : str
            timm's name of the optimizer.
        pretrained : bool, optional
            Whether to start from pretrained weights; by default where the model has them.
        img_size : int, optional
            Side of the training images in pixels; by default the model's native size.
        max_epochs, max_batch_size : int, optional
            Hard limits.
        max_seconds : float, optional
            Hard limit on the time of the whole training; needs a recorded run of the model, or a ``device`` to measure
            its speed on.
        prefer : {"accuracy", "balanced", "speed"}
            ``accuracy`` ignores cost, ``balanced`` takes the fewest epochs within the noise of the best,
            ``speed`` the fewest within one point.
        fix : mapping of str to float, optional
            Values that are already decided.
        top_k : int
            How many configurations to suggest, best first.
        device : str, optional
            Where to try a few training steps, as torch names it: what the batch may be without running out of memory,
            and how long training will take if no recorded run tells. Needs torch and timm.

        Returns
        -------
        Suggestion
            The same for the same request and evidence, but for its id.

        Raises
        ------
        DatasetError
            If the dataset cannot be described.
        UsageError
            If the model, optimizer or device is unknown or a limit is out of range.
        """
        request = make_request(
            model=model,
            opt=opt,
            pretrained=pretrained,
            img_size=img_size,
            limits=Limits(max_epochs, max_batch_size, max_seconds, dict(fix or {})),
            prefer=prefer,
            top_k=top_k,
        )
        from advisor.describe.dataset import Description

        description = dataset if isinstance(dataset, Description) else self.describe(dataset)
        notes = [] if model else [f"no model was named: this is advice for {DEFAULT_MODEL}; name yours with --model"]
        # What cannot be met within the dataset is refused before the store is opened, and leaves nothing behind.
        allowed_bounds(dict.fromkeys(HYPERPARAMETERS, (1.0, math.inf)), request.limits, description.dataset.n_train)
        recorded, measured = self._recorded(), None
        if device is not None:
            trial = try_steps(request, description.dataset.n_classes, device)
            if isinstance(trial, Trial):
                notes.append(trial.note(request.limits))
                request = replace(request, limits=trial.limit(request.limits))
                measured = trial.images_per_second
            else:
                notes.append(trial)
        elif too_large := out_of_memory(recorded, request.model.name, request.img_size):
            notes.append(too_large.note(request.limits))
            request = replace(request, limits=too_large.limit(request.limits))
        speed = images_per_second(recorded, request.model.name, request.img_size) or measured
        if request.limits.max_seconds is not None:
            request = _within_time(request, description.dataset.n_train, speed)
        suggestion = self.answer(request, description.dataset)
        suggestion = suggestion.model_copy(update={"warnings": (*notes, *suggestion.warnings)})
        return self._remember(_timed(suggestion, speed))

    def answer(self, request: Request, dataset: Dataset) -> Suggestion:
        """Return the suggestion for a checked request and a described dataset, without remembering it."""
        return answer(self.artefact, request, dataset, lambda: self._own_runs(dataset))

    def explain(self, request: Request, dataset: Dataset) -> Explanation:
        """Return why the answer to a checked request is what it is, own runs heeded as in the answer."""
        from advisor.advise.explain.explanation import explain

        return explain(self.artefact, request, dataset, own=lambda: self._own_runs(dataset))

    def _own_runs(self, dataset: Dataset) -> list[Run]:
        """Return the recorded runs on a dataset; none where the store cannot be read."""
        try:
            return self._open_store().runs(dataset=dataset.dataset_id)
        except StoreError:
            return []

    def _recorded(self) -> list[Run]:
        """Return all recorded runs, the latest first; none where the store cannot be read."""
        try:
            return self._open_store().runs()
        except StoreError:
            return []

    def _open_store(self) -> Store:
        if self._store is None:
            from advisor.records.store.store import Store
            from advisor.records.store.sync import sync

            self._store = Store(self._config["store"])
            sync(self._store, self._config["spool_dir"])
        return self._store

    def _remember(self, suggestion: Suggestion) -> Suggestion:
        """Store the suggestion; a store that cannot be written loses the row, never the answer."""
        row = StoredSuggestion(
            suggestion_id=suggestion.suggestion_id,
            created_at=datetime.now(timezone.utc),
            dataset_id=suggestion.dataset.dataset_id,
            model=suggestion.model,
            suggestion=suggestion.model_dump(mode="json", by_alias=True),
        )
        try:
            self._open_store().save_suggestion(row)
        except StoreError as error:
            warning = f"this advice could not be remembered: {error}"
            return suggestion.model_copy(update={"warnings": (*suggestion.warnings, warning)})
        return suggestion


def suggest(dataset: str | Path | Description | Any, **options: Any) -> Suggestion:
    """Suggest starting values in one line; the options are those of ``Advisor.suggest``."""
    return Advisor().suggest(dataset, **options)


def _within_time(request: Request, n_train: int, speed: float | None) -> Request:
    """Return the request with its time budget turned into epochs."""
    limits = request.limits
    assert limits.max_seconds is not None
    bought = epochs_within(limits.max_seconds, n_train, speed, request.model.name)
    return replace(request, limits=replace(limits, max_epochs=min(bought, limits.max_epochs or bought)))


def _timed(suggestion: Suggestion, speed: float | None) -> Suggestion:
    """Return the suggestion with expected seconds, where the speed is known."""
    if speed is None:
        return suggestion
    n_train = suggestion.dataset.n_train
    timed = tuple(
        s.model_copy(update={"expected_seconds": round(s.epochs * n_train / speed, 1)}) for s in suggestion.suggestions
    )
    return suggestion.model_copy(update={"suggestions": timed})
