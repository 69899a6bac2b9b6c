"""Begins a tuning, or takes up the one that the same command began."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from advisor.advise.output.script_arguments import ScriptArguments
from advisor.advise.prepare import PreparedRequest
from advisor.advise.request import make_request
from advisor.advise.suggestion import Suggestion
from advisor.api import Advisor
from advisor.config import Config
from advisor.describe.sources.class_map import read_class_map
from advisor.describe.sources.validation_split import validation_split
from advisor.errors import UsageError
from advisor.learn.curve_model import shipped_curve_model
from advisor.records.recording.provenance import script_folder
from advisor.records.schema import Dataset
from advisor.records.store.store import Store
from advisor.records.store.sync import sync_own
from advisor.tuning.clock import Budget
from advisor.tuning.models import ExpectedOfModels
from advisor.tuning.opening_models import begin_models, open_models
from advisor.tuning.outlook import Expected
from advisor.tuning.plan import Plan
from advisor.tuning.session import Session
from advisor.tuning.training.script import TunedScript, ask_script
from advisor.tuning.trials import Trial

Say = Callable[[str], None]
FOLDER = Path("output", "tuning")


@dataclass(frozen=True)
class Opened:
    """A tuning that is ready to go on.

    Attributes
    ----------
    session : Session
        Where.
    script : TunedScript or None
        What trains; None where that is a loop of the caller's.
    expected : Expected or ExpectedOfModels
        What is known beforehand.
    suggestion : Suggestion
        The advice that it began with.
    dataset : Dataset
        What is trained on.
    store : Store
        Where its runs are recorded.
    config : Config
        The settings that trials are recorded with.
    ways : mapping of str to (TunedScript, Suggestion)
        What trains each model, where a tuning is of several, and the advice for it, the most promising first;
        ``script`` and ``suggestion`` are the first's.
    """

    session: Session
    script: TunedScript | None
    expected: Expected | ExpectedOfModels
    suggestion: Suggestion
    dataset: Dataset
    store: Store
    config: Config
    ways: Mapping[str, tuple[TunedScript, Suggestion]] = field(default_factory=dict)

    @property
    def models(self) -> Sequence[str]:
        """The models, where there are several."""
        return list(self.ways)

    def way(self, trial: Trial) -> tuple[TunedScript, Suggestion]:
        """Return what trains a trial of a script, and the advice that its recipe is from."""
        if trial.model is not None:
            return self.ways[trial.model]
        assert self.script is not None
        return self.script, self.suggestion

    def plan(self, budget: Budget) -> Plan:
        """Return its trials so far, and what may be spent on it in all."""
        sync_own(self.store, self.config)
        return Plan(self.session, self.store, self.expected, budget, resumes=self.script is None or self.script.resumes)


def session_of(script: Path, words: Sequence[str], folder: Path | None, models: str | None = None) -> Session:
    """Return the session that a command is about: that of ``folder``, or of the same script, arguments and models."""
    told = json.dumps([str(script.absolute()), *_command(models, words)])
    named = hashlib.sha256(told.encode()).hexdigest()[:8]
    return Session(folder or FOLDER / f"{script.stem}-{named}")


def _command(models: str | None, words: Sequence[str]) -> list[str]:
    return [*([] if models is None else ["--models", models]), *words]


def open_tuning(script: Path, words: Sequence[str], folder: Path | None, say: Say, models: str | None = None) -> Opened:
    """Begin a tuning, or take up the one that the same command began.

    Parameters
    ----------
    script : Path
        The training script.
    words : sequence of str
        Its command line.
    folder : Path, optional
        Where to tune.
    say : callable
        Takes lines about what is done.
    models : str, optional
        timm's names of the models to tune over, with commas between them, or ``auto``.

    Raises
    ------
    AdvisorError
        If the script cannot be tuned, or its dataset not be described.
    """
    session = session_of(script, words, folder, models)
    config = Config(project=script.resolve().parent)
    store = Store(config["store"])
    adviser = Advisor(store=store)
    if not session.exists:
        tuned = _with_validation(ask_script(script, words), config, say)
        tuned.open()
        begun = [] if models is None else begin_models(models, tuned, adviser, say)
        suggestion = begun[0].suggestion if begun else adviser.answer(_prepare(adviser, session, tuned))
        session.create(
            {
                "script": str(script),
                "words": list(words),
                "models_asked": models,
                "models": [one.to_document() for one in begun],
                "trained_with": list(tuned.words),
                "arguments": {
                    "values": dict(tuned.arguments.values),
                    "decided": sorted(tuned.arguments.decided),
                    "options": dict(tuned.arguments.options),
                },
                "suggestion": suggestion.model_dump(mode="json", by_alias=True),
            }
        )
    else:
        asked = session.asked
        told = [asked.get("script"), *asked.get("words", ()), asked.get("models_asked")]
        if told != [str(script), *words, models]:
            words_then = _command(asked.get("models_asked"), asked.get("words", ()))
            command = " ".join([asked.get("script", "a loop"), *words_then])
            raise _another(session, f"it was begun for {command}", "--folder ANOTHER")
        tuned = TunedScript(script, tuple(asked["trained_with"]), ScriptArguments(**asked["arguments"]))
        suggestion = Suggestion.model_validate(asked["suggestion"])
        say(f"goes on with the tuning in {session.folder}")
    expected: Expected | ExpectedOfModels
    ways: dict[str, tuple[TunedScript, Suggestion]] = {}
    if models is not None:
        one_model = partial(_one_model, adviser, session, tuned)
        expected, ways = open_models(session.asked["models"], one_model, adviser.artefact)
        tuned, _ = next(iter(ways.values()))
    prepared = _prepare(adviser, session, tuned)
    if models is None:
        expected = Expected(adviser.artefact, prepared, suggestion, shipped_curve_model())
    return Opened(session, tuned, expected, suggestion, prepared.dataset, store, config, ways)


def _one_model(
    adviser: Advisor, session: Session, tuned: TunedScript, name: str
) -> tuple[TunedScript, PreparedRequest]:
    """Return a script that trains a model, and what is asked for it."""
    script = tuned.of_model(name)
    return script, _prepare(adviser, session, script)


def open_loop(dataset: Any, class_map: str | None, asked: Mapping[str, Any], folder: Path, say: Say) -> Opened:
    """Begin the tuning of a loop, or take up the one that the same call began; parameters as of ``tune``.

    Raises
    ------
    AdvisorError
        If the dataset cannot be described, or the folder is of another call.
    """
    session, config = Session(folder), Config(project=script_folder())
    adviser = Advisor(store=Store(config["store"]))
    request = make_request(**asked)
    description = adviser.describe(dataset, class_map=class_map)
    same = {**request.to_document(), "dataset_id": description.dataset.dataset_id}
    prepared = _without(session, adviser.prepare(request, description.dataset))
    if not session.exists:
        suggestion = adviser.answer(prepared)
        session.create({"request": same, "suggestion": suggestion.model_dump(mode="json", by_alias=True)})
    elif session.asked.get("request") != same:
        raise _another(session, "it was begun for another dataset, model or set of limits", "folder=ANOTHER")
    else:
        suggestion = Suggestion.model_validate(session.asked["suggestion"])
        say(f"goes on with the tuning in {session.folder}")
    expected = Expected(adviser.artefact, prepared, suggestion, shipped_curve_model())
    return Opened(session, None, expected, suggestion, description.dataset, adviser.store, config)


def _another(session: Session, cause: str, hint: str) -> UsageError:
    return UsageError(f"{session.folder} is the tuning of another command", cause=cause, hint=hint)


def _without(session: Session, prepared: PreparedRequest) -> PreparedRequest:
    """Return a prepared request without the runs of the tuning itself."""
    if not session.exists:
        return prepared
    own = f"{session.name}/"
    return replace(prepared, own_runs=tuple(run for run in prepared.own_runs if not (run.name or "").startswith(own)))


def _prepare(adviser: Advisor, session: Session, tuned: TunedScript) -> PreparedRequest:
    """Return what is asked for a script."""
    asked = tuned.asked()
    dataset, class_map = asked.pop("dataset"), asked.pop("class_map")
    request = make_request(**asked)
    description = adviser.describe(dataset, class_map=class_map)
    return _without(session, adviser.prepare(request, description.dataset))


def _with_validation(tuned: TunedScript, config: Config, say: Say) -> TunedScript:
    """Return a script that validates on images it does not train on: a split is made where there is none."""
    root = tuned.arguments.folder_without_validation()
    split = validation_split(root, config["cache_dir"]) if root is not None else None
    if split is None or len(split.of_class) < 2:
        return tuned
    named = tuned.arguments.class_map()
    made = split.make(None if named is None else read_class_map(named, split.training))
    say(f"there is no validation split: a fifth of each class is kept for it and not trained on, see {split.list}")
    return tuned.on_split(str(made))
