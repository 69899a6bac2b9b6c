"""The Python API: advice on a dataset, and the learning and judging of what advice rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.advise.pipeline import answer
from advisor.advise.prepare import PreparedRequest, prepare
from advisor.advise.request import Prefer, Request, make_request
from advisor.advise.suggestion import Suggestion
from advisor.config import Config
from advisor.errors import StoreError
from advisor.learn.artefact import MANIFEST, Artefact
from advisor.records.schema import Dataset, Run, StoredSuggestion

if TYPE_CHECKING:
    from advisor.advise.explain.explanation import Explanation
    from advisor.advise.models.fitting import ModelLimits
    from advisor.advise.models.rank import RankedRequests
    from advisor.advise.models.ranking import ModelRanking
    from advisor.describe.dataset import Description
    from advisor.evaluate.training import TrainedMetaModel
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

    @property
    def store(self) -> Store:
        """The records of the user's runs, opened and brought up to date on first use.

        Raises
        ------
        StoreError
            If the store cannot be read.
        """
        if self._store is None:
            from advisor.records.store.store import Store
            from advisor.records.store.sync import sync_own

            self._store = Store(self._config["store"])
            sync_own(self._store, self._config)
        return self._store

    def describe(self, dataset: str | Path | Any, *, class_map: str | None = None) -> Description:
        """Describe a dataset; see ``advisor.describe.dataset.describe``."""
        from advisor.describe.dataset import describe

        return describe(dataset, class_map=class_map)

    def suggest(
        self,
        dataset: str | Path | Description | Any,
        *,
        class_map: str | None = None,
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
        """Suggest starting values of the hyperparameters.

        Parameters
        ----------
        dataset : path, Dataset, DataLoader, Description, or anything ``describe`` opens
            The training images. Where ``advisor run --suggest`` made a validation split of a folder, what that left.
        class_map : str, optional
            A file of timm's ``--class-map``, which names the class folders that are trained on.
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
            max_epochs=max_epochs,
            max_batch_size=max_batch_size,
            max_seconds=max_seconds,
            fix=fix,
            prefer=prefer,
            top_k=top_k,
            device=device,
        )
        from advisor.describe.dataset import Description

        if isinstance(dataset, (str, Path)):
            from advisor.describe.sources.validation_split import missing_split

            split = missing_split(dataset, self._config["cache_dir"])
            dataset = split.folder if split is not None and split.is_made else dataset
        description = dataset if isinstance(dataset, Description) else self.describe(dataset, class_map=class_map)
        return self.answer(self.prepare(request, description.dataset))

    def prepare(self, request: Request, dataset: Dataset) -> PreparedRequest:
        """Find out everything that decides the answer to a request on a described dataset; see ``prepare``."""
        return prepare(self.artefact, request, dataset, _StoredRuns(self))

    def answer(self, prepared: PreparedRequest) -> Suggestion:
        """Return the suggestion for a prepared request, and remember it.

        A store that cannot be written loses the row, never the answer.
        """
        return self._remember(answer(self.artefact, prepared), prepared)

    def _remember(self, suggestion: Suggestion, prepared: PreparedRequest) -> Suggestion:
        row = StoredSuggestion(
            suggestion_id=suggestion.suggestion_id,
            created_at=datetime.now(timezone.utc),
            dataset_id=suggestion.dataset.dataset_id,
            model=suggestion.model,
            suggestion=suggestion.model_dump(mode="json", by_alias=True),
            request=prepared.to_document(),
        )
        try:
            self.store.save_suggestion(row)
        except StoreError as error:
            warning = f"this advice could not be remembered: {error}"
            return suggestion.model_copy(update={"warnings": (*suggestion.warnings, warning)})
        return suggestion

    def rank_models(
        self,
        dataset: str | Path | Description | Any,
        models: str | Sequence[str] = "auto",
        *,
        max_params: int | None = None,
        max_memory: int | None = None,
        max_seconds: float | None = None,
        top_k: int = 3,
        class_map: str | None = None,
        **options: Any,
    ) -> ModelRanking:
        """Rank models for a dataset by the accuracy that fine-tuning them is expected to reach, before any trial.

        Parameters
        ----------
        dataset : path, Dataset, DataLoader, Description, or anything ``describe`` opens
            The training images.
        models : str or sequence of str
            timm model names, in a text with commas between them; by default all of which an accuracy on ImageNet is
            published.
        max_params : int, optional
            Most parameters that a model may have; by default as many as the largest that was recorded has.
        max_memory : int, optional
            Most bytes that training may take, in single precision.
        max_seconds : float, optional
            Hard limit on the time of the whole training; needs a recorded run on the dataset, or a ``device``.
        top_k : int
            How many models to show where none are named.
        class_map : str, optional
            A file of timm's ``--class-map``, which names the class folders that are trained on.
        **options
            Further options of ``suggest``: ``opt``, ``img_size``, ``max_epochs``, ``max_batch_size``, ``prefer``,
            ``fix``, ``device``.

        Returns
        -------
        ModelRanking
            The most accurate first, each with its values; the suggestion of the first is remembered.

        Raises
        ------
        UsageError
            If a model is unknown, none fits, or the weights are asked to be random.
        """
        from advisor.advise.models.candidates import named_models
        from advisor.advise.models.fitting import ModelLimits
        from advisor.describe.dataset import Description

        names = named_models(models) if isinstance(models, str) else models
        description = dataset if isinstance(dataset, Description) else self.describe(dataset, class_map=class_map)
        limits = ModelLimits(max_params, max_memory, max_seconds)
        ranked = self.rank(names, limits, options, description.dataset, top_k=top_k)
        return ranked.ranking

    def rank(
        self,
        models: Sequence[str],
        limits: ModelLimits,
        options: Mapping[str, Any],
        dataset: Dataset,
        *,
        top_k: int,
    ) -> RankedRequests:
        """Rank models for a described dataset, with the requests that their values answer; see ``rank_models``."""
        from advisor.advise.models.rank import rank_models

        ranked = rank_models(self.artefact, models, limits, options, dataset, _StoredRuns(self), top_k=top_k)
        self._remember(ranked.ranking.best.suggestion, ranked.prepared[0])
        return ranked

    def explain(self, prepared: PreparedRequest) -> Explanation:
        """Return why the answer to a prepared request is what it is."""
        from advisor.advise.explain.explanation import explain

        return explain(self.artefact, prepared)

    def train(
        self,
        out: str | Path | None = None,
        *,
        add: Sequence[str | Path] = (),
        force: bool = False,
        workers: int | None = None,
    ) -> TrainedMetaModel:
        """Fit the meta-model to the shipped evidence and the user's own runs; see ``evaluate.training.train``."""
        from advisor.evaluate.training import train

        folder = Path(out or self._config["metamodel_dir"])
        return train(self.store, folder, add=[Path(one) for one in add], force=force, workers=workers)

    def evaluate(self, *, finetuning: bool = False, workers: int | None = None) -> dict[str, Any]:
        """Judge the advice on the shipped evidence, every source held out in turn.

        Parameters
        ----------
        finetuning : bool
            Whether fine-tuning from ImageNet weights is judged, or training from scratch.
        workers : int, optional
            Processes; by default one per core.

        Returns
        -------
        dict
            JSON values, as ``advisor evaluate --format json`` prints them.
        """
        from advisor.evaluate.shipped import evaluate_shipped

        return evaluate_shipped(finetuning=finetuning, workers=workers)


class _StoredRuns:
    """The runs of an adviser's store; none where it cannot be read, as advice is given all the same.

    Those of one request: what was asked once is not read again.
    """

    def __init__(self, adviser: Advisor) -> None:
        self._adviser = adviser
        self._read: dict[tuple[str, str], Sequence[Run]] = {}

    def of_model(self, model: str) -> Sequence[Run]:
        """Return the runs of a model, from whatever weights, the latest first."""
        return self._once("architecture", model, lambda store, name: store.runs(architecture=name))

    def on_dataset(self, dataset_id: str) -> Sequence[Run]:
        """Return the runs on a dataset."""
        from advisor.describe.same_images import runs_on

        cache_dir = self._adviser._config["cache_dir"]
        return self._once("dataset", dataset_id, lambda store, one: runs_on(store, one, cache_dir))

    def dataset(self, dataset_id: str) -> Dataset | None:
        """Return the description of a dataset, or None if there is none."""
        try:
            return self._adviser.store.dataset(dataset_id)
        except StoreError:
            return None

    def _once(self, kind: str, name: str, read: Callable[[Store, str], Sequence[Run]]) -> Sequence[Run]:
        if (kind, name) not in self._read:
            try:
                self._read[kind, name] = read(self._adviser.store, name)
            except StoreError:
                return []
        return self._read[kind, name]


def suggest(dataset: str | Path | Description | Any, **options: Any) -> Suggestion:
    """Suggest starting values in one line; the options are those of ``Advisor.suggest``."""
    return Advisor().suggest(dataset, **options)
