"""Body surface, amounts and tablets against values computed apart (arbitrary-precision calculator, 20 digits)."""

from __future__ import annotations

import pytest

from bot.trial.dose_arithmetic import bsa_m2, implausible, order_deviation_percent, round_dose
from bot.trial.protocol import Protocol

# height cm, weight kg, Mosteller m2, capecitabine mg, oxaliplatin mg, nearest 150 mg
CASES = [
    (120, 30, 1.0000, 1000.0, 135.0, 1050),
    (130, 34, 1.1081, 1108.1, 149.6, 1050),
    (140, 38.5, 1.2236, 1223.6, 165.2, 1200),
    (145, 41, 1.2851, 1285.1, 173.5, 1350),
    (148, 43, 1.3296, 1329.6, 179.5, 1350),
    (150, 45, 1.3693, 1369.3, 184.9, 1350),
    (152, 47.5, 1.4162, 1416.2, 191.2, 1350),
    (154, 50, 1.4625, 1462.5, 197.4, 1500),
    (155, 52, 1.4963, 1496.3, 202.0, 1500),
    (156, 54, 1.5297, 1529.7, 206.5, 1500),
    (158, 53, 1.5252, 1525.2, 205.9, 1500),
    (160, 57, 1.5916, 1591.6, 214.9, 1650),
    (161, 59, 1.6244, 1624.4, 219.3, 1650),
    (162, 60, 1.6432, 1643.2, 221.8, 1650),
    (163, 61.5, 1.6687, 1668.7, 225.3, 1650),
    (164, 62, 1.6806, 1680.6, 226.9, 1650),
    (165, 63, 1.6993, 1699.3, 229.4, 1650),
    (166, 64, 1.7179, 1717.9, 231.9, 1650),
    (168, 66, 1.7550, 1755.0, 236.9, 1800),
    (169, 65, 1.7468, 1746.8, 235.8, 1800),
    (170, 68, 1.7920, 1792.0, 241.9, 1800),
    (171, 77, 1.9125, 1912.5, 258.2, 1950),
    (172, 74, 1.8803, 1880.3, 253.8, 1950),
    (173, 72, 1.8601, 1860.1, 251.1, 1800),
    (174, 75.5, 1.9103, 1910.3, 257.9, 1950),
    (175, 80, 1.9720, 1972.0, 266.2, 1950),
    (176, 82, 2.0022, 2002.2, 270.3, 1950),
    (178, 85, 2.0501, 2050.1, 276.8, 2100),
    (180, 80, 2.0000, 2000.0, 270.0, 1950),
    (180, 90, 2.1213, 2121.3, 286.4, 2100),
    (182, 92.5, 2.1625, 2162.5, 291.9, 2100),
    (185, 95, 2.2095, 2209.5, 298.3, 2250),
    (188, 100, 2.2852, 2285.2, 308.5, 2250),
    (190, 110, 2.4095, 2409.5, 325.3, 2400),
    (195, 120, 2.5495, 2549.5, 344.2, 2550),
    (200, 130, 2.6874, 2687.4, 362.8, 2700),
    (210, 160, 3.0551, 3055.1, 412.4, 3000),
    (220, 200, 3.4960, 3496.0, 472.0, 3450),
]


@pytest.mark.parametrize(("height", "weight", "area", "capecitabine", "oxaliplatin", "nearest"), CASES)
def test_mosteller_and_amounts(
    protocol: Protocol,
    height: float,
    weight: float,
    area: float,
    capecitabine: float,
    oxaliplatin: float,
    nearest: int,
) -> None:
    found = bsa_m2(height, weight)
    assert round(found, 4) == area
    assert round(found * protocol.dose("capecitabine").amount.value, 1) == capecitabine
    assert round(found * protocol.dose("oxaliplatin").amount.value, 1) == oxaliplatin
    by_policy = {rounding.policy: rounding.candidates for rounding in round_dose(protocol, found * 1000)}
    assert nearest in [amount.mg for amount in by_policy["nearest_150"]]


@pytest.mark.parametrize(
    ("height", "weight", "formula", "area"),
    [
        (160, 57, "du_bois", 1.58708477),
        (175, 80, "du_bois", 1.95605992),
        (150, 45, "du_bois", 1.36977049),
        (160, 57, "haycock", 1.59589000),
        (175, 80, "haycock", 1.98427734),
        (150, 45, "haycock", 1.36987380),
        (160, 57, "gehan_george", 1.60591796),
        (175, 80, "gehan_george", 1.98570944),
        (150, 45, "gehan_george", 1.38374609),
    ],
)
def test_named_alternatives(height: float, weight: float, formula: str, area: float) -> None:
    assert bsa_m2(height, weight, formula) == pytest.approx(area, abs=1e-8)


@pytest.mark.parametrize(("height", "weight"), [(0, 60), (160, 0), (-160, 60), (float("nan"), 60)])
def test_no_area_of_nobody(height: float, weight: float) -> None:
    with pytest.raises(ValueError, match="expected more than 0"):
        bsa_m2(height, weight)


def test_an_unknown_formula_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected one of mosteller, .* found 'boyd'"):
        bsa_m2(160, 60, "boyd")


@pytest.mark.parametrize(
    ("exact", "nearest_150", "tablets"),
    [
        # (mg, {strength: count}); a tie has two candidates
        (1500.0, [(1500, {500: 3})], [(1500, {500: 3})]),
        (1575.0, [(1500, {500: 3}), (1650, {500: 3, 150: 1})], [(1550, {500: 1, 150: 7}), (1600, {500: 2, 150: 4})]),
        (1574.9, [(1500, {500: 3})], [(1550, {500: 1, 150: 7})]),
        (1575.1, [(1650, {500: 3, 150: 1})], [(1600, {500: 2, 150: 4})]),
        (1650.0, [(1650, {500: 3, 150: 1})], [(1650, {500: 3, 150: 1})]),
        (1800.0, [(1800, {500: 3, 150: 2})], [(1800, {500: 3, 150: 2})]),
        (2000.0, [(1950, {500: 3, 150: 3})], [(2000, {500: 4})]),
        (2025.0, [(1950, {500: 3, 150: 3}), (2100, {500: 3, 150: 4})], [(2000, {500: 4}), (2050, {500: 2, 150: 7})]),
        (1125.0, [(1050, {150: 7}), (1200, {150: 8})], [(1100, {500: 1, 150: 4}), (1150, {500: 2, 150: 1})]),
    ],
)
def test_roundings_side_by_side(
    protocol: Protocol,
    exact: float,
    nearest_150: list[tuple[int, dict[int, int]]],
    tablets: list[tuple[int, dict[int, int]]],
) -> None:
    found = {
        rounding.policy: [(amount.mg, dict(amount.tablets)) for amount in rounding.candidates]
        for rounding in round_dose(protocol, exact)
    }
    assert found == {"nearest_150": nearest_150, "tablets": tablets}


@pytest.mark.parametrize("exact", [1000.0, 1333.3, 1591.6449, 1746.8, 1999.9, 2409.5, 3496.0])
def test_tablets_add_up_to_the_amount_they_stand_for(protocol: Protocol, exact: float) -> None:
    for rounding in round_dose(protocol, exact):
        for amount in rounding.candidates:
            assert sum(strength * count for strength, count in amount.tablets) == amount.mg


def test_only_one_strength_in_the_pharmacy(protocol: Protocol) -> None:
    only_500 = protocol.with_settings(tablet_strengths_mg=(500,))
    found = {r.policy: [(a.mg, a.tablets) for a in r.candidates] for r in round_dose(only_500, 1650.0)}
    assert found == {"nearest_150": [(1650, ())], "tablets": [(1500, ((500, 3),))]}


@pytest.mark.parametrize("exact", [0.0, -1.0, float("nan")])
def test_nothing_is_not_rounded(protocol: Protocol, exact: float) -> None:
    with pytest.raises(ValueError, match="expected more than 0 mg"):
        round_dose(protocol, exact)


@pytest.mark.parametrize(
    ("order", "exact", "percent"),
    [(1650, 1650.0, 0.0), (1800, 1746.8, 3.0), (1650, 1699.3, -2.9), (1500, 2000.0, -25.0), (2000, 1600.0, 25.0)],
)
def test_deviation_of_the_order(order: int, exact: float, percent: float) -> None:
    assert order_deviation_percent(order, exact) == percent


def test_no_deviation_from_nothing() -> None:
    with pytest.raises(ValueError, match="expected more than 0 mg"):
        order_deviation_percent(1500, 0.0)


@pytest.mark.parametrize(
    ("height", "weight", "reasons"),
    [
        (160.0, 57.0, ()),
        (120.0, 30.0, ()),
        (220.0, 200.0, ()),
        (119.9, 57.0, ("height",)),
        (220.1, 57.0, ("height",)),
        (1.6, 57.0, ("height",)),  # in metres
        (160.0, 29.9, ("weight",)),
        (160.0, 200.1, ("weight", "swapped")),
        (110.0, 230.0, ("height", "weight")),
        (165.0, 170.0, ("swapped",)),
        (57.0, 160.0, ("height", "swapped")),
        (65.0, 169.0, ("height", "swapped")),
        (25.0, 160.0, ("height",)),
        (None, 57.0, ()),
        (160.0, None, ()),
        (None, 300.0, ("weight",)),
    ],
)
def test_implausible_measures(
    protocol: Protocol, height: float | None, weight: float | None, reasons: tuple[str, ...]
) -> None:
    assert implausible(protocol, height, weight) == reasons
