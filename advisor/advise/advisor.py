"""The adviser: from a dataset, a model and the user's limits to a suggestion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.advise.context import context_of_request, has_say
from advisor.advise.neighbours import most_similar
from advisor.advise.request import DEFAULT_MODEL, Request, make_request
from advisor.advise.rule import apply_rule, find_rule, rule_ranges
from advisor.advise.search import Prefer, allowed_bounds, search
from advisor.advise.speed import epochs_within, images_per_second
from advisor.advise.suggestion import (
    Assumes,
    DatasetName,
    Expected,
    MetaModelName,
    Suggested,
    Suggestion,
)
from advisor.config import Config
from advisor.errors import StoreError
from advisor.learn.artefact import MANIFEST, Artefact, Covered
from advisor.learn.metamodel import LEVEL, Prediction
from advisor.learn.space import Limits
from advisor.learn.table import Floats, features, to_matrix
from advisor.records.schema import Dataset, StoredSuggestion, new_id

if TYPE_CHECKING:
    from advisor.describe.dataset import Description
    from advisor.records.store import Store

_ENOUGH_GROUPS = 10
_RULE_ASSUMES = Assumes(
    sched="cosine", warmup_epochs=0, min_lr=0.0, augment="timm-default", mixup=0.0, label_smoothing=0.1
)


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
            Hard limit on the time of the whole training; needs a recorded run of the model to know its speed.
        prefer : {"accuracy", "balanced", "speed"}
            ``accuracy`` ignores cost, ``balanced`` takes the fewest epochs within the noise of the best,
            ``speed`` the fewest within one point.
        fix : mapping of str to float, optional
            Values that are already decided.
        top_k : int
            How many configurations to suggest, best first.

        Returns
        -------
        Suggestion
            The same for the same request and evidence, but for its id.

        Raises
        ------
        DatasetError
            If the dataset cannot be described.
        UsageError
            If the model or optimizer is unknown or a limit is out of range.
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
        if request.limits.max_seconds is not None:
            request = self._within_time(request, description.dataset.n_train)
        suggestion = self.answer(request, description.dataset)
        if model is None:
            note = f"no model was named: this is advice for {DEFAULT_MODEL}; name yours with --model"
            suggestion = suggestion.model_copy(update={"warnings": (note, *suggestion.warnings)})
        # The store is opened last, so that a request that is refused leaves nothing behind.
        return self._remember(_timed(suggestion, self._speed(request)))

    def answer(self, request: Request, dataset: Dataset) -> Suggestion:
        """Return the suggestion for a checked request and a described dataset, without remembering it."""
        covered = self.artefact.covering(request.opt, request.pretrained)
        novelty, reasons = self._novelty(request, dataset, covered)
        if covered is None or novelty >= 1:
            return self._by_rule(request, dataset, reasons)
        return self._by_metamodel(request, dataset, covered, novelty, reasons)

    def _within_time(self, request: Request, n_train: int) -> Request:
        """Return the request with its time budget turned into epochs."""
        limits = request.limits
        assert limits.max_seconds is not None
        bought = epochs_within(limits.max_seconds, n_train, self._speed(request), request.model.name)
        return replace(request, limits=replace(limits, max_epochs=min(bought, limits.max_epochs or bought)))

    def _speed(self, request: Request) -> float | None:
        """Return the images a second that the user's own runs of the model were trained at, if any are known."""
        try:
            return images_per_second(self._open_store().runs(), request.model.name, request.img_size)
        except StoreError:
            return None

    def _by_metamodel(
        self, request: Request, dataset: Dataset, covered: Covered, novelty: float, reasons: list[str]
    ) -> Suggestion:
        bounds = allowed_bounds(covered.bounds, request.limits, dataset.n_train)
        context = context_of_request(request, dataset, covered, max_epochs=int(bounds["epochs"][1]))

        def predict(five: Mapping[str, Floats]) -> Prediction:
            return self.artefact.model.predict(to_matrix(self.artefact.model.columns_, features(context, five)))

        noise = self.artefact.noise or 1.0
        found = search(predict, bounds, prefer=request.prefer, noise=noise, top_k=request.top_k)
        suggestions = tuple(
            Suggested.of(configuration, expected=_expected(found.prediction, i))
            for i, configuration in enumerate(found.configurations)
        )
        reasons += [*_unmet(request.limits, suggestions[0], covered), _lacks(covered)]
        return self._suggestion(
            request,
            dataset,
            suggestions=suggestions,
            ranges=found.ranges,
            assumes=Assumes(**{name: value or _blank(name) for name, value in covered.assumes.items()}),
            basis="meta-model",
            novelty=novelty,
            warnings=reasons,
            evidence=most_similar(self.artefact, request, dataset),
        )

    def _by_rule(self, request: Request, dataset: Dataset, reasons: list[str]) -> Suggestion:
        attention = request.model.is_transformer
        rule = find_rule(request.opt, pretrained=request.pretrained, attention=attention)
        limits = request.limits
        values = apply_rule(
            request.opt,
            pretrained=request.pretrained,
            attention=attention,
            n_train=dataset.n_train,
            max_epochs=limits.max_epochs,
            max_batch_size=limits.max_batch_size,
            batch_size=int(limits.fixed["batch_size"]) if "batch_size" in limits.fixed else None,
        )
        allowed_bounds({name: (v, v) for name, v in values.as_dict().items()}, limits, dataset.n_train)
        fixed: dict[str, Any] = {name: _typed(name, value) for name, value in limits.fixed.items()}
        values = replace(values, **fixed)
        return self._suggestion(
            request,
            dataset,
            suggestions=(Suggested.of(values),),
            ranges=rule_ranges(values, set(limits.fixed)),
            assumes=_RULE_ASSUMES,
            basis="rule",
            novelty=1.0,
            warnings=[*reasons, f"a fixed rule answers, not evidence; {rule.source}"],
            evidence=(),
        )

    def _suggestion(
        self, request: Request, dataset: Dataset, *, novelty: float, warnings: list[str], basis: str, **parts: Any
    ) -> Suggestion:
        covered = self.artefact.covering(request.opt, request.pretrained)
        # A claim for a context needs that many independent sources there.
        proven = covered is not None and covered.groups >= _ENOUGH_GROUPS
        confidence = "low" if novelty > 0.5 or basis == "rule" else "high" if novelty <= 0.1 and proven else "medium"
        return Suggestion(
            suggestion_id=new_id(),
            dataset=DatasetName(
                dataset_id=dataset.dataset_id,
                name=dataset.name,
                n_train=dataset.n_train,
                n_classes=dataset.n_classes,
            ),
            model=request.model.name,
            opt=request.opt,
            pretrained=request.pretrained,
            img_size=request.img_size,
            confidence=confidence,  # type: ignore[arg-type]  # mypy cannot see the three literals through the chain
            basis=basis,  # type: ignore[arg-type]
            novelty=round(novelty, 3),
            warnings=tuple(warnings),
            metamodel=MetaModelName(
                version=self.artefact.version, runs=self.artefact.runs, datasets=len(self.artefact.known)
            ),
            **parts,
        )

    def _novelty(self, request: Request, dataset: Dataset, covered: Covered | None) -> tuple[float, list[str]]:
        """Return how unlike the evidence a request is, 0 to 1, and why in words.

        The dataset counts by its distance to the nearest recorded one; a model or an image size outside what was
        recorded adds a quarter for every factor of two.
        """
        start = "pretrained weights" if request.pretrained else "scratch"
        if covered is None:
            return 1.0, [f"no recorded run used {request.opt} from {start}"]
        if not has_say(covered):
            return 1.0, [f"runs with {request.opt} from {start} were recorded on {covered.groups} sources of data only"]
        reasons = []
        novelty = self.artefact.familiarity.novelty(dataset.features)
        if novelty > 0.1:
            reasons.append("this dataset is unlike those in the evidence")
        for what, value, (low, high) in (
            ("model size", request.model.params_with(dataset.n_classes), covered.num_params),
            ("image size", request.img_size, covered.img_size),
        ):
            octaves = max(0.0, math.log2(value / high), math.log2(low / value))
            if octaves > 0.25:
                novelty += octaves / 4
                reasons.append(f"{what} {value:,} lies outside the evidence ({low:,} to {high:,})")
        return min(1.0, novelty), reasons

    def _open_store(self) -> Store:
        if self._store is None:
            from advisor.records.ingest import sync
            from advisor.records.store import Store

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


def _timed(suggestion: Suggestion, speed: float | None) -> Suggestion:
    """Return the suggestion with expected seconds, where the speed is known."""
    if speed is None:
        return suggestion
    n_train = suggestion.dataset.n_train
    timed = tuple(
        s.model_copy(update={"expected_seconds": round(s.epochs * n_train / speed, 1)}) for s in suggestion.suggestions
    )
    return suggestion.model_copy(update={"suggestions": timed})


def _expected(prediction: Prediction, row: int) -> Expected:
    return Expected(
        top1=round(float(prediction.top1[row]), 1),
        low=round(float(prediction.low[row]), 1),
        high=round(float(prediction.high[row]), 1),
        level=LEVEL,
    )


def _lacks(covered: Covered) -> str:
    """Say what kind of evidence there is, and what it holds nothing of."""
    (small, large), (few, many) = covered.img_size, covered.num_params
    return (
        f"learned from {covered.groups} sources of icons, glyphs and drawn images of {small} to {large} pixels, with "
        f"models of {few:,} to {many:,} parameters; there are no natural photographs among them"
    )


def _unmet(limits: Limits, best: Suggested, covered: Covered) -> list[str]:
    """Name the limits that allow more than the evidence reaches, where the advice sits at its edge."""
    high = covered.bounds["epochs"][1]
    if best.epochs >= high and (limits.max_epochs or math.inf) > high and "epochs" not in limits.fixed:
        return [f"the evidence ends at {high:g} epochs; more may help"]
    return []


def _blank(name: str) -> Any:
    """Return what an argument that a recorded run left empty means to timm."""
    return {"sched": "none", "augment": "none"}.get(name, 0.0)


def _typed(name: str, value: float) -> float | int:
    return int(value) if name in ("batch_size", "epochs") else float(value)
