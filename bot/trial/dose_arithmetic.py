"""Body surface area, amounts by body surface, and whole tablets: the staff's cross-check of an order.

Nothing in here is ever shown to a patient, who gets the prescribed amount (protocol notes).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

from bot.trial.protocol import Protocol

#: Two amounts in mg closer than this are the same: far below any scale, far above floating-point noise.
SAME_MG = 1e-6

# Height in cm, weight in kg, area in m2. Sources: Mosteller, N Engl J Med 1987;317:1098. Du Bois and Du Bois, Arch
# Intern Med 1916;17:863. Haycock, J Pediatr 1978;93:62. Gehan and George, Cancer Chemother Rep 1970;54:225.
_FORMULAS: Mapping[str, Callable[[float, float], float]] = {
    "mosteller": lambda height, weight: math.sqrt(height * weight / 3600),
    "du_bois": lambda height, weight: 0.007184 * height**0.725 * weight**0.425,
    "haycock": lambda height, weight: 0.024265 * height**0.3964 * weight**0.5378,
    "gehan_george": lambda height, weight: 0.0235 * height**0.42246 * weight**0.51456,
}


@dataclass(frozen=True)
class TabletAmount:
    """An amount and the fewest tablets that make it, as (strength in mg, count); empty where no tablets do."""

    mg: int
    tablets: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Rounding:
    """One rounding policy applied to an exact amount; an exact tie leaves two candidates, lower first."""

    policy: str
    candidates: tuple[TabletAmount, ...]


def bsa_m2(height_cm: float, weight_kg: float, formula: str = "mosteller") -> float:
    """Body surface area in square metres, not rounded.

    Raises:
        ValueError: a height or weight is not above zero, or the formula is none of mosteller, du_bois, haycock,
            gehan_george.
    """
    if formula not in _FORMULAS:
        raise ValueError(f"formula: expected one of {', '.join(_FORMULAS)}, found {formula!r}")
    if not (height_cm > 0 and weight_kg > 0):
        raise ValueError(f"height and weight: expected more than 0, found {height_cm} cm and {weight_kg} kg")
    return _FORMULAS[formula](height_cm, weight_kg)


def implausible(protocol: Protocol, height_cm: float | None, weight_kg: float | None) -> tuple[str, ...]:
    """Why these measures are not to be used: `height`, `weight` (outside the site's limits), `swapped`; else empty.

    `swapped`: more kilograms than centimetres, and within the limits the other way round. What is not given is not
    implausible.
    """
    heights, weights = protocol.settings.plausible_height_cm, protocol.settings.plausible_weight_kg
    reasons = []
    if height_cm is not None and not heights.holds(height_cm):
        reasons.append("height")
    if weight_kg is not None and not weights.holds(weight_kg):
        reasons.append("weight")
    if height_cm is not None and weight_kg is not None and weight_kg > height_cm:
        exchanged = heights.holds(weight_kg) and weights.holds(height_cm)
        reasons += ["swapped"] if exchanged else []
    return tuple(reasons)


def round_dose(protocol: Protocol, exact_mg: float) -> tuple[Rounding, ...]:
    """The exact amount by each of the site's rounding policies, side by side.

    `nearest_150` takes the nearest multiple of 150 mg, `tablets` the nearest amount that whole tablets of the
    pharmacy's strengths make.

    Raises:
        ValueError: the amount is not above zero.
    """
    if not exact_mg > 0:
        raise ValueError(f"amount: expected more than 0 mg, found {exact_mg}")
    made = _made_of_tablets(protocol.settings.tablet_strengths_mg, math.ceil(exact_mg))
    roundings = []
    for policy in protocol.settings.rounding_policies:
        amounts = sorted(made) if policy == "tablets" else range(150, math.ceil(exact_mg) + 151, 150)
        distance = min(abs(mg - exact_mg) for mg in amounts)
        nearest = [mg for mg in amounts if abs(abs(mg - exact_mg) - distance) < SAME_MG]
        roundings.append(Rounding(policy, tuple(TabletAmount(mg, made.get(mg, ())) for mg in nearest)))
    return tuple(roundings)


def _made_of_tablets(strengths: tuple[int, ...], up_to: int) -> dict[int, tuple[tuple[int, int], ...]]:
    """Every amount above zero that whole tablets make, to one tablet beyond `up_to`, by the fewest tablets."""
    largest_first = sorted(strengths, reverse=True)
    limit = up_to + max(strengths)
    made: dict[int, tuple[int, ...]] = {}
    for counts in product(*(range(limit // strength + 1) for strength in largest_first)):
        mg = sum(strength * count for strength, count in zip(largest_first, counts, strict=True))
        if 0 < mg <= limit and (mg not in made or sum(counts) < sum(made[mg])):
            made[mg] = counts
    return {
        mg: tuple((strength, count) for strength, count in zip(largest_first, counts, strict=True) if count)
        for mg, counts in made.items()
    }


def order_deviation_percent(order_mg: float, exact_mg: float) -> float:
    """By how many percent the order differs from the exact amount, above it positive; one decimal.

    Raises:
        ValueError: the exact amount is not above zero.
    """
    if not exact_mg > 0:
        raise ValueError(f"exact amount: expected more than 0 mg, found {exact_mg}")
    return round((order_mg - exact_mg) / exact_mg * 100, 1)
