"""Is advice from recipes like that of a source it has not seen?  ``python -m research.recipe_sources docs/novelty.md``.

Each source is left out in turn, and the learning rate that the others and the rule give for each of its settings is
compared with its own. What is compared is a factor, 1 where they agree, the same above and below.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from advisor.advise.recipes.published import lr_sources
from advisor.advise.recipes.recipes import Recipe, Recipes, shipped_recipes
from advisor.advise.recipes.rule import BASE_BATCH_SIZE, find_rule
from advisor.errors import UsageError
from advisor.space.optimizers import batch_factor, optimizer_family
from research.pages.rendering import render

METHODS = ("fixed rule", "family's median", "recipes")
_ATTENTION = 1 / 7
"""The share of attention from which on the rule takes a model for a transformer, see ``ModelDescription``."""


@dataclass(frozen=True)
class Row:
    """How far off the methods are in one context.

    Attributes
    ----------
    family : str
        The optimizer's family of recipes, or "all".
    start : str
        "scratch", "pretrained" or "any".
    sources, settings : int
        How many were left out in turn, and how many settings they hold.
    by_source, by_setting : dict of str to float
        Factor by method: the median over sources of the median over their settings, and the median over all settings.
    """

    family: str
    start: str
    sources: int
    settings: int
    by_source: dict[str, float]
    by_setting: dict[str, float]


def leave_source_out(recipes: Recipes) -> list[Row]:
    """Return a row for each optimizer and start that advice exists for, and one over all.

    Parameters
    ----------
    recipes : Recipes
        What is known.
    """
    errors: dict[tuple[str, str], dict[str, list[dict[str, float]]]] = defaultdict(lambda: defaultdict(list))
    # Settings with layer decay state the rate of the last layer, which is not what is compared.
    recipes = Recipes([recipe for recipe in recipes.recipes if recipe.layer_decay is None])
    for held_out, others in _splits(recipes):
        for recipe in held_out:
            start = "pretrained" if recipe.pretrained else "scratch"
            own = math.log(recipe.lr)
            errors[recipe.family, start][recipe.source].append(
                {name: abs(math.log(method(recipe, others)) - own) for name, method in _METHODS.items()}
            )
    rows = [_row(family, start, list(by_source.values())) for (family, start), by_source in sorted(errors.items())]
    return [*rows, _row("all", "any", [settings for by_source in errors.values() for settings in by_source.values()])]


def to_markdown(rows: list[Row]) -> str:
    """Return the rows as a Markdown table; the smallest factor of each is bold."""
    head = ("optimizer", "start", "sources", "settings", *METHODS, *(f"{name}, by setting" for name in METHODS))
    lines = [head, ("---",) * 2 + ("--:",) * (len(head) - 2)]
    lines += [
        (row.family, row.start, str(row.sources), str(row.settings), *_bold(row.by_source), *_bold(row.by_setting))
        for row in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _splits(recipes: Recipes) -> Iterator[tuple[list[Recipe], Recipes]]:
    advised = [recipe for recipe in recipes.recipes if _is_advised(recipe.family)]
    for source in sorted({recipe.source for recipe in advised}):
        others = Recipes([recipe for recipe in recipes.recipes if recipe.source != source])
        yield [recipe for recipe in advised if recipe.source == source], others


def _is_advised(family: str) -> bool:
    try:
        optimizer_family(family)
    except UsageError:
        return False
    return True


def _by_rule(recipe: Recipe, others: Recipes) -> float:
    rule = find_rule(recipe.family, pretrained=recipe.pretrained, attention=_attends(recipe))
    return float(rule.lr * (recipe.batch_size / BASE_BATCH_SIZE) ** rule.exponent)


def _by_median(recipe: Recipe, others: Recipes) -> float:
    said: dict[str, list[float]] = defaultdict(list)
    for other in others.recipes:
        if (other.family, other.pretrained) == (recipe.family, recipe.pretrained):
            said[other.source].append(math.log(other.reference_lr))
    if not said:
        return _by_rule(recipe, others)
    middle = statistics.median(statistics.median(rates) for rates in said.values())
    return math.exp(middle) * batch_factor(recipe.family, recipe.batch_size)


def _by_recipes(recipe: Recipe, others: Recipes) -> float:
    sources = lr_sources(
        others,
        recipe.family,
        pretrained=recipe.pretrained,
        attention=_attends(recipe),
        situation=recipe.situation,
    )
    return math.exp(sources.quantile(0.5)) * batch_factor(recipe.family, recipe.batch_size)


_METHODS: dict[str, Callable[[Recipe, Recipes], float]] = dict(
    zip(METHODS, (_by_rule, _by_median, _by_recipes), strict=True)
)


def _attends(recipe: Recipe) -> bool:
    return recipe.situation.attention > _ATTENTION


def _row(family: str, start: str, sources: list[list[dict[str, float]]]) -> Row:
    def factor(errors: list[float]) -> float:
        return math.exp(statistics.median(errors))

    settings = [errors for own in sources for errors in own]
    return Row(
        family=family,
        start=start,
        sources=len(sources),
        settings=len(settings),
        by_source={
            name: factor([statistics.median(errors[name] for errors in own) for own in sources]) for name in METHODS
        },
        by_setting={name: factor([errors[name] for errors in settings]) for name in METHODS},
    )


def _bold(factors: dict[str, float]) -> list[str]:
    best = min(f"{factor:.2f}" for factor in factors.values())
    return [f"**{text}**" if text == best else text for text in (f"{factors[name]:.2f}" for name in METHODS)]


def page(recipes: Recipes) -> str:
    """Return docs/novelty.md."""
    settings = sum(recipe.layer_decay is None for recipe in recipes.recipes)
    return render("novelty", settings=settings, table=to_markdown(leave_source_out(recipes)))


def main(to: str) -> None:
    """Write the page for the shipped recipes."""
    Path(to).write_text(page(shipped_recipes()), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
