"""Marks an MLflow run with advice, so that MLflow's own tables can set what was advised beside what came of it."""

from __future__ import annotations

from advisor import AdvisorError, MissingExtraError, Suggestion
from advisor_mlflow.mapping import SUGGESTION_TAG


def tag_run(suggestion: Suggestion, run_id: str | None = None) -> str:
    """Tag a run with a suggestion's id, its best values, what is expected of them and how sure that is.

    Parameters
    ----------
    suggestion : Suggestion
        The advice that the run follows.
    run_id : str, optional
        The MLflow run; by default the active one.

    Returns
    -------
    str
        The run's id.

    Raises
    ------
    MissingExtraError
        If MLflow is not installed.
    AdvisorError
        If no run is active and none is named.
    """
    try:
        import mlflow
    except ModuleNotFoundError as error:
        raise MissingExtraError("mlflow", "mlflow", "tag an MLflow run") from error
    if run_id is None:
        active = mlflow.active_run()
        if active is None:
            raise AdvisorError(
                "there is no MLflow run to tag",
                cause="none is active in this thread",
                hint="call tag_run inside `with mlflow.start_run():`, or name the run with run_id",
            )
        run_id = str(active.info.run_id)
    client = mlflow.MlflowClient()
    for name, value in tags_of(suggestion).items():
        client.set_tag(run_id, name, value)
    return run_id


def tags_of(suggestion: Suggestion) -> dict[str, str]:
    """Return the tags: names begin with ``advisor.``, values are text."""
    best = suggestion.best
    values: dict[str, object] = {f"advised.{name}": value for name, value in best.configuration.as_dict().items()}
    if best.expected is not None:
        values["expected_top1"] = best.expected.top1
    values |= {"confidence": suggestion.confidence, "basis": suggestion.basis}
    return {SUGGESTION_TAG: suggestion.suggestion_id, **{f"advisor.{name}": str(v) for name, v in values.items()}}
