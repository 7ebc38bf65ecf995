"""The command line, continued: `./sparc participants ...` that changes, exports or erases one participant's record."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bot.cli_common import AsJson, Code, Why, confirmed, day_of, plain_errors, required_day, say, time_of
from bot.config import Settings
from bot.errors import SparcError

records = typer.Typer()

Day = Annotated[str, typer.Argument(help="The day, such as 2026-06-08.")]
MaybeDay = Annotated[str | None, typer.Argument(help="The day, such as 2026-06-08.")]
Drug = Annotated[str, typer.Argument(help="capecitabine, oxaliplatin, penpulimab or radiotherapy.")]


def _change(code: str, why: str, as_json: bool, deed: object) -> None:
    from bot.commands import records as work

    done = asyncio.run(work.change(Settings.from_environment(), code, why, deed))  # type: ignore[arg-type]
    say(done, as_json, work.as_changes)


@records.command("set-status")
def set_status(code: Code, status: Annotated[str, typer.Argument()], why: Why, as_json: AsJson = False) -> None:
    """Says where a participant stands: screening, enrolled, on_treatment, completed, withdrawn, screen_failed."""
    from bot.enrollment import writes

    with plain_errors():
        _change(code, why, as_json, lambda session: writes.set_status(session, code, status))


@records.command("record-visit")
def record_visit(
    code: Code,
    visit: Annotated[str, typer.Argument(help="RT1 to RT5, IO1, C1D1 to C4D1, RESTAGE or SURGERY.")],
    status: Annotated[str, typer.Argument(help="done, booked, missed or cancelled; nothing: take it off the record.")],
    why: Why,
    day: MaybeDay = None,
    at: Annotated[str | None, typer.Option("--at", help="The time of day, such as 09:30.")] = None,
    as_json: AsJson = False,
) -> None:
    """Records a visit as it is booked or as it went; what was recorded before is replaced."""
    from bot.enrollment import writes

    with plain_errors():
        if status == "nothing":
            _change(code, why, as_json, lambda session: writes.remove_visit(session, code, visit))
            return
        when, hour = day_of(day, "DAY"), time_of(at, "--at")
        if hour is not None and when is None:
            raise SparcError("--at: a time of day needs its DAY")
        _change(code, why, as_json, lambda session: writes.record_visit(session, code, visit, status, when, hour))


@records.command("dose")
def dose(
    code: Code,
    drug: Annotated[str, typer.Argument(help="capecitabine or oxaliplatin.")],
    why: Why,
    mg: Annotated[int | None, typer.Argument(help="The prescribed amount per dose in mg.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="There is no order any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Puts the prescribed amount per dose on file, as the prescriber has ordered it."""
    from bot.enrollment import writes

    with plain_errors():
        if (mg is None) != remove:
            raise SparcError("give either the amount in MG or --remove")
        _change(code, why, as_json, lambda session: writes.set_prescribed_dose(session, code, drug, mg))


@records.command("give-dose")
def give_dose(
    code: Code,
    drug: Drug,
    day: Day,
    status: Annotated[str, typer.Argument(help="given, reduced or missed.")],
    why: Why,
    mg: Annotated[int | None, typer.Option("--mg", help="The amount in mg.")] = None,
    minutes: Annotated[int | None, typer.Option("--minutes", help="How long the infusion took.")] = None,
    as_json: AsJson = False,
) -> None:
    """Records one dose as it was given, reduced or missed."""
    from bot.enrollment import writes

    with plain_errors():
        when = required_day(day, "DAY")
        _change(code, why, as_json, lambda session: writes.record_dose(session, code, drug, when, status, mg, minutes))


@records.command("hold-dose")
def hold_dose(
    code: Code,
    drug: Drug,
    first: Annotated[str, typer.Argument(help="The first day without it.")],
    reason: Annotated[str, typer.Argument(help="toxicity, laboratory, participant, administrative or other.")],
    why: Why,
    last: Annotated[str | None, typer.Option("--last", help="The last day without it, where that is known.")] = None,
    as_json: AsJson = False,
) -> None:
    """Records that a drug is withheld from a day on."""
    from bot.enrollment import writes

    with plain_errors():
        begin, end = required_day(first, "FIRST"), day_of(last, "--last")
        _change(code, why, as_json, lambda session: writes.hold_dose(session, code, drug, begin, reason, end))


@records.command("adverse-event")
def adverse_event(
    code: Code,
    term: Annotated[str, typer.Argument(help="The event's term, such as neutropenia.")],
    grade: Annotated[int, typer.Argument(help="1 to 5, as CTCAE grades.")],
    onset: Annotated[str, typer.Argument(help="The day it began.")],
    why: Why,
    serious: Annotated[bool, typer.Option("--serious")] = False,
    ended: Annotated[str | None, typer.Option("--ended", help="The day it ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """Records an adverse event."""
    from bot.enrollment import writes

    with plain_errors():
        begin, end = required_day(onset, "ONSET"), day_of(ended, "--ended")
        _change(
            code,
            why,
            as_json,
            lambda session: writes.record_adverse_event(session, code, term, grade, begin, serious, end),
        )


@records.command("last-capecitabine")
def last_capecitabine(
    code: Code,
    why: Why,
    day: MaybeDay = None,
    remove: Annotated[bool, typer.Option("--remove", help="It is not known.")] = False,
    as_json: AsJson = False,
) -> None:
    """Records the day of the actual last capecitabine dose; surgery is planned from it."""
    from bot.enrollment import writes

    with plain_errors():
        if (day is None) != remove:
            raise SparcError("give either the DAY or --remove")
        when = day_of(day, "DAY")
        _change(code, why, as_json, lambda session: writes.set_last_capecitabine(session, code, when))


@records.command("consent")
def consent(
    code: Code,
    day: Day,
    why: Why,
    form: Annotated[str, typer.Option("--form", help="The consent form's version.")] = "main",
    withdrawn: Annotated[bool, typer.Option("--withdrawn", help="On that day it was withdrawn.")] = False,
    as_json: AsJson = False,
) -> None:
    """Records that consent was given, or withdrawn."""
    from bot.enrollment import writes

    with plain_errors():
        when = required_day(day, "DAY")
        if when > Settings.from_environment().clock.today():
            raise SparcError(f"DAY: {when} lies ahead")
        if not 1 <= len(form) <= 32:
            raise SparcError("--form: expected 1 to 32 characters")
        deed = writes.withdraw_consent if withdrawn else writes.give_consent
        _change(code, why, as_json, lambda session: deed(session, code, when, form))


@records.command("enrol")
def enrol(code: Code, day: Day, why: Why, as_json: AsJson = False) -> None:
    """Records the day of enrolment; the stage follows from the order of these days. The status is set apart."""
    from bot.enrollment import writes

    with plain_errors():
        when = required_day(day, "DAY")
        _change(code, why, as_json, lambda session: writes.enrol(session, code, when))


@records.command("outcome")
def outcome(
    code: Code,
    why: Why,
    pcr: Annotated[str | None, typer.Option("--pcr", help="yes, no or not-assessed.")] = None,
    assessed: Annotated[str | None, typer.Option("--assessed", help="The day of the assessment.")] = None,
    response: Annotated[
        str | None, typer.Option("--response", help="complete, near_complete, residual or not_assessable.")
    ] = None,
    strategy: Annotated[str | None, typer.Option("--strategy", help="watch_and_wait or surgery.")] = None,
    as_json: AsJson = False,
) -> None:
    """Records what re-staging or pathology found."""
    from bot.enrollment import writes

    with plain_errors():
        answers = {"yes": True, "no": False, "not-assessed": None}
        if pcr is not None and pcr not in answers:
            raise SparcError("--pcr: expected yes, no or not-assessed")
        when = day_of(assessed, "--assessed")
        if when is not None and when > Settings.from_environment().clock.today():
            raise SparcError(f"--assessed: {when} lies ahead")
        given = {"assessed_on": when, "response": response, "strategy": strategy}
        values: dict[str, object] = {name: value for name, value in given.items() if value is not None}
        if pcr is not None:
            values["pcr"] = answers[pcr]
        if not values:
            raise SparcError("give at least one of --pcr, --assessed, --response and --strategy")
        _change(code, why, as_json, lambda session: writes.record_outcome(session, code, **values))


@records.command("export")
def export(code: Code) -> None:
    """Everything on file about a participant as JSON, for their right of access."""
    from bot.commands import records as work

    with plain_errors():
        say(asyncio.run(work.exported(Settings.from_environment(), code)), as_json=True, for_people=str)


@records.command("erase")
def erase(
    code: Code,
    why: Why,
    yes: Annotated[bool, typer.Option("--yes", help="It is meant: this cannot be undone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erases a person's data on their request; the audit trail stays whole, without their values."""
    from bot.commands import records as work

    with plain_errors():
        confirmed(yes, f"this would erase what is on file about {code}, for good")
        done = asyncio.run(work.erased(Settings.from_environment(), code, why))
        say(done, as_json, lambda data: f"{code} is erased, with {data['conversations']} conversations")
