"""Back-off and escalation: pure functions, so every case is a line."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from bot.alerts.rules import (
    Move,
    OpenAlert,
    Policy,
    Sending,
    is_down,
    next_change,
    next_move,
    retry_pause,
)

OPENED = datetime(2026, 11, 24, 4, 0, tzinfo=timezone.utc)
LINE = (("1-webhook", "1-mail"), ("2-mail",))
POLICY = Policy()


def sent(step: int, outlet: str) -> Sending:
    return Sending(step, outlet, 1, sent=True)


def failing(step: int, outlet: str, attempts: int = 3) -> Sending:
    return Sending(step, outlet, attempts, sent=False)


def alert(
    *sendings: Sending, step: int = 0, level: str = "urgent", unreached: bool = False, stepped: int = 0
) -> OpenAlert:
    """An urgent alert, opened at OPENED, whose last step was planned `stepped` minutes later."""
    moment = OPENED + timedelta(minutes=stepped)
    return OpenAlert(7, level, OPENED, moment, step, unreached, sendings)  # type: ignore[arg-type]


FIRST = (sent(0, "1-webhook"), sent(0, "1-mail"))
BOTH = (*FIRST, sent(1, "2-mail"))


@pytest.mark.parametrize(
    ("given", "minutes", "expected"),
    [
        pytest.param(alert(*FIRST), 0, Move(), id="told, and waited for"),
        pytest.param(alert(*FIRST), 14.9, Move(), id="not yet"),
        pytest.param(alert(*FIRST), 15, Move(1, ("2-mail",)), id="urgent: the next after 15 minutes"),
        pytest.param(alert(*FIRST, level="emergency"), 5, Move(1, ("2-mail",)), id="emergency: after 5"),
        pytest.param(alert(*FIRST, level="other"), 239, Move(), id="other: not before 4 hours"),
        pytest.param(alert(*FIRST, level="other"), 240, Move(1, ("2-mail",)), id="other: after 4 hours"),
        pytest.param(
            alert(*BOTH, step=1, stepped=15), 30, Move(2, ("1-webhook", "1-mail"), tell_patient=True),
            id="the line is through: the patient learns it, and the line begins again",
        ),
        pytest.param(
            alert(*BOTH, step=1, stepped=15, unreached=True), 30, Move(2, ("1-webhook", "1-mail")),
            id="and learns it once",
        ),
        pytest.param(alert(*BOTH, step=5, stepped=75, unreached=True), 900, Move(), id="three rounds are all"),
        pytest.param(
            alert(failing(0, "1-webhook"), failing(0, "1-mail")), 0.2, Move(1, ("2-mail",)),
            id="a dead step is passed over at once",
        ),
        pytest.param(alert(failing(0, "1-webhook", 2), failing(0, "1-mail")), 0.2, Move(), id="not after two attempts"),
        pytest.param(alert(failing(0, "1-webhook"), sent(0, "1-mail")), 0.2, Move(), id="not if one has taken it"),
        pytest.param(
            alert(failing(0, "1-webhook"), failing(0, "1-mail"), failing(1, "2-mail"), step=1), 0.5, Move(),
            id="with all dead no second round is begun before its time",
        ),
        pytest.param(
            alert(failing(0, "1-webhook"), failing(0, "1-mail"), failing(1, "2-mail"), step=1), 3,
            Move(tell_patient=True), id="with all dead the patient learns it after the limit",
        ),
        pytest.param(
            alert(failing(0, "1-webhook"), sent(0, "1-mail"), sent(1, "2-mail"), step=1, stepped=15, unreached=True), 30,
            Move(2, ("1-mail",)), id="what still waits at an outlet is not given it twice",
        ),
        pytest.param(alert(), 1, Move(0, ("1-webhook", "1-mail")), id="its outlets left the line: planned anew"),
        pytest.param(alert(step=-1, unreached=True), 60, Move(0, ("1-webhook", "1-mail")), id="opened without an outlet"),
    ],
)  # fmt: skip
def test_what_is_due(given: OpenAlert, minutes: float, expected: Move) -> None:
    assert next_move(given, LINE, POLICY, OPENED + timedelta(minutes=minutes)) == expected


@pytest.mark.parametrize("unreached", [False, True])
def test_without_a_line_the_patient_is_told_and_nothing_else(unreached: bool) -> None:
    move = next_move(alert(step=-1, unreached=unreached), (), POLICY, OPENED)
    assert move == Move(tell_patient=not unreached)
    assert move.none is unreached


def test_nothing_becomes_due_between_the_instants_that_are_named() -> None:
    given = alert(failing(0, "1-webhook", 1))
    for moment in next_change(given, POLICY):
        assert not next_move(given, LINE, POLICY, moment).none
        assert next_move(given, LINE, POLICY, min(next_change(given, POLICY)) - timedelta(seconds=1)).none


@pytest.mark.parametrize(
    ("attempts", "least", "most"),
    [(1, 0.5, 1), (2, 1, 2), (3, 2, 4), (5, 8, 16), (6, 15, 30), (50, 15, 30), (10**9, 15, 30)],
)
def test_pauses_double_up_to_a_bound_with_jitter(attempts: int, least: float, most: float) -> None:
    assert retry_pause(attempts, 0.0).total_seconds() == least
    assert retry_pause(attempts, 1.0).total_seconds() == most


@pytest.mark.parametrize(("asked", "pause"), [(None, 1), (0, 1), (20, 20), (120, 120), (86400, 120)])
def test_an_outlet_may_ask_for_a_longer_pause_within_bounds(asked: float | None, pause: float) -> None:
    assert retry_pause(1, 1.0, asked).total_seconds() == pause


@pytest.mark.parametrize(
    ("failures", "minutes_ago", "down"), [(0, None, False), (2, 0, False), (3, 0, True), (9, 4.9, True), (9, 5, False)]
)
def test_down_is_known_for_a_while_only(failures: int, minutes_ago: float | None, down: bool) -> None:
    failed_at = None if minutes_ago is None else OPENED - timedelta(minutes=minutes_ago)
    assert is_down(failures, failed_at, OPENED) is down
