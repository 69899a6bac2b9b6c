"""A suggestion as the beginning and the bounds of a Ray Tune search."""

from __future__ import annotations

from typing import Any

from advisor import MissingExtraError, Suggestion


def search_space(suggestion: Suggestion) -> dict[str, Any]:
    """Return a domain for each hyperparameter: its good range and every suggestion; a single value stands as it is.

    Learning rate, batch size, epochs and weight decay are drawn by factors, unless 0 is among the values.

    Parameters
    ----------
    suggestion : Suggestion

    Returns
    -------
    dict
        For ``param_space`` of ``tune.Tuner``.

    Raises
    ------
    MissingExtraError
        If Ray Tune is not installed.
    """
    try:
        from ray import tune
    except ImportError as error:  # also where ray is there without what Tune needs
        raise MissingExtraError("ray[tune]", "ray", "search with Ray Tune") from error
    space: dict[str, Any] = {}
    for one in suggestion.space():
        if one.low == one.high:
            space[one.name] = int(one.low) if one.whole else one.low
        elif one.whole:
            draw = tune.lograndint if one.log else tune.randint
            space[one.name] = draw(int(one.low), int(one.high) + 1)  # the upper end is not drawn
        else:
            space[one.name] = (tune.loguniform if one.log else tune.uniform)(one.low, one.high)
    return space


def points_to_evaluate(suggestion: Suggestion) -> list[dict[str, Any]]:
    """Return the suggestions, best first, as points of ``search_space``.

    Parameters
    ----------
    suggestion : Suggestion

    Returns
    -------
    list of dict
        For ``points_to_evaluate`` of a search algorithm; only the values that there is something to search in.
    """
    searched = [one.name for one in suggestion.space() if one.low < one.high]
    points = ({name: one.configuration.as_dict()[name] for name in searched} for one in suggestion.suggestions)
    return [point for point in points if point]
