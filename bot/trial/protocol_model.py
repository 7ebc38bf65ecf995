"""The values a protocol file is made of: frozen, typed, unknown keys refused.

The terms are those of CDISC USDM (Encounter, Timing) and FHIR PlanDefinition (relatedAction), see the head of the file
`protocols/NCT05576480.yml`. Nothing in here reads a file; `bot.trial.protocol` does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, StrictInt, StrictStr, validator

from bot.trial.record import Language, VisitCode

if TYPE_CHECKING:
    Day = dt.date
else:

    class Day(dt.date):
        """A calendar date as YAML writes it; no number and no text is taken for one (pydantic alone would)."""

        @classmethod
        def __get_validators__(cls) -> Iterator[Callable[[object], dt.date]]:
            yield cls.check

        @classmethod
        def check(cls, value: object) -> dt.date:
            if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
                raise ValueError("a date such as 2026-03-02")
            return value


class Value(BaseModel):
    """A frozen part of the protocol; a key it does not know is an error, and so is an empty text."""

    class Config:
        frozen = True
        extra = "forbid"
        min_anystr_length = 1


class Text(Value):
    """One sentence or label in both languages; `text["zh"]` and `text.zh` are the same."""

    en: StrictStr
    zh: StrictStr

    def __getitem__(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en

    def filled(self, **words: object) -> Text:
        """The text with its `{placeholders}` replaced; a Text among the words gives each language its own."""

        def words_in(language: Language) -> dict[str, object]:
            return {key: word[language] if isinstance(word, Text) else word for key, word in words.items()}

        return Text(en=self.en.format(**words_in("en")), zh=self.zh.format(**words_in("zh")))


class Criterion(Value):
    """One criterion: `text` is the record's wording, `title` a short label of ours."""

    id: StrictStr
    kind: Literal["inclusion", "exclusion"]
    title: Text
    text: StrictStr


class Range(Value):
    """Inclusive limits."""

    lowest: StrictInt
    highest: StrictInt

    def holds(self, value: float) -> bool:
        """Whether the value lies within, limits included."""
        return self.lowest <= value <= self.highest


class Closure(Value):
    """A day on which the site is closed: it warns, it never moves a date."""

    date: Day
    label: Text


class Settings(Value):
    """What the record leaves open, as the site has decided it; each is explained in the protocol file."""

    c1d1_offset_days: StrictInt
    radiotherapy_weekends: Literal["as_written"]
    first_penpulimab: Literal["both_days"]
    delay_policy: Literal["re_anchor", "keep_plan"]
    first_capecitabine_dose: Literal["morning", "evening"]
    ward_line: StrictStr | None
    emergency_number: StrictStr
    tablet_strengths_mg: tuple[StrictInt, ...]
    tablet_strengths_source: StrictStr
    bsa_formula: Literal["mosteller", "du_bois", "haycock", "gehan_george"]
    rounding_policies: tuple[Literal["nearest_150", "tablets"], ...]
    plausible_height_cm: Range
    plausible_weight_kg: Range
    holiday_country: StrictStr
    closures: tuple[Closure, ...]


class Status(Value):
    """The record's structured fields on where the trial stands."""

    recruitment: StrictStr
    phase: StrictStr
    study_type: StrictStr
    start: Day
    completion: Day
    results: Text


class Design(Value):
    """The two-stage design; `stage_one_pcr_boundary`: stage two needs more complete responses than this."""

    allocation: StrictStr
    intervention_model: StrictStr
    primary_purpose: StrictStr
    masking: StrictStr
    stage_one_enrolled: StrictInt
    stage_one_pcr_boundary: StrictInt
    evaluable_target: StrictInt
    enrolled_target: StrictInt
    loss_percent: StrictInt
    quote: StrictStr
    source: StrictStr


class Sponsor(Value):
    """Who runs the trial, in the record's spelling."""

    lead: StrictStr
    collaborator: StrictStr
    investigator: StrictStr
    affiliation: StrictStr
    source: StrictStr


class Site(Value):
    """Where the trial takes place."""

    name: Text
    city: Text
    source: StrictStr


class Contact(Value):
    """A contact of the public record, or of the site's settings (`source` says which)."""

    id: StrictStr
    role: Text
    name: StrictStr | None
    phone: StrictStr
    source: StrictStr


class Reference(Value):
    """A publication the record names."""

    pmid: StrictStr
    label: Text
    citation: StrictStr


class WindowDays(Value):
    """USDM's window of a timing: days after the date itself, both included."""

    lower: StrictInt
    upper: StrictInt


#: What a visit is counted from: another visit, or the end of the tablets.
Anchor = Literal[VisitCode, "last_capecitabine"]


class Timing(Value):
    """When a visit is due, relative to an anchor.

    `type` is `fixed_reference` (day 1 itself), `after` (`offset_days` after the anchor), `not_before` (a lower bound
    alone) or `undated` (the record gives no day). `offset_days` is a number of days or the name of a setting.
    """

    type: Literal["fixed_reference", "after", "not_before", "undated"]
    relation: Literal["start_to_start", "end_to_start"] | None = None
    anchor: Anchor | None = None
    offset_days: StrictInt | StrictStr | None = None
    window_days: WindowDays | None = None


class VisitPlan(Value):
    """One encounter of the schedule of activities."""

    id: VisitCode
    epoch: Literal["radiotherapy", "cycles", "assessment", "surgery"]
    title: Text
    what_happens: Text
    timing: Timing


class Cycles(Value):
    """The repeated part: `count` cycles of `length_days`, each starting with its visit."""

    count: StrictInt
    length_days: StrictInt
    visits: tuple[VisitCode, ...]


class ScheduleOfActivities(Value):
    """The visits in protocol order, and what is said of all of them."""

    source: StrictStr
    quote: tuple[StrictStr, ...]
    cycles: Cycles
    where: Text
    prepare: Text
    call: Text
    visits: tuple[VisitPlan, ...]


class Amount(Value):
    """An amount per dose: mg per square metre of body surface, or a flat number of mg."""

    value: StrictInt
    unit: Literal["mg/m2", "mg"]

    def __str__(self) -> str:
        return f"{self.value} {self.unit}"


class CycleDays(Value):
    """First and last day of a cycle on which a dose is due, both included (FHIR: timing.repeat.bounds)."""

    first: StrictInt
    last: StrictInt


class InfusionMinutes(Value):
    """How long an infusion takes: `more_than` excludes its own value, the others include theirs."""

    more_than: StrictInt | None = None
    at_least: StrictInt | None = None
    at_most: StrictInt | None = None

    def holds(self, minutes: float) -> bool:
        """Whether an infusion of so many minutes is within the record's words."""
        return (
            (self.more_than is None or minutes > self.more_than)
            and (self.at_least is None or minutes >= self.at_least)
            and (self.at_most is None or minutes <= self.at_most)
        )


DrugName = Literal["capecitabine", "oxaliplatin", "penpulimab"]


class DosePlan(Value):
    """How one drug is given, as the record says."""

    drug: DrugName
    name: Text
    route: Literal["oral", "iv"]
    amount: Amount
    times_per_day: StrictInt
    cycle_days: CycleDays
    visits: tuple[VisitCode, ...]
    infusion_minutes: InfusionMinutes | None = None
    quote: StrictStr
    source: StrictStr
    staff_note: Text | None = None


class Contraception(Value):
    """The contraception criterion's time after the end of the treatment period."""

    months_after_end: StrictInt
    quote: StrictStr
    text: Text
    source: StrictStr


class Leaflet(Value):
    """What the approved leaflet says of missed and vomited doses; `approved_by` is None until the site has signed."""

    version: StrictStr
    source: StrictStr
    approved_by: StrictStr | None
    how_to_take: Text
    missed: Text
    vomited: Text
    vomited_source: StrictStr
    missed_infusion: Text
    stop_and_call: Text


class Topic(Value):
    """A public answer of `trial_info`; `source` is the section of the record."""

    source: StrictStr
    text: Text


class NoteText(Value):
    """What an answer must say beside a date; for everybody, or for staff alone."""

    audience: Literal["all", "staff"]
    text: Text


class Protocol(Value):
    """One trial's protocol, as its file has it."""

    identifier: StrictStr
    sponsor_identifier: StrictStr
    record_updated: Day
    title: Text
    settings: Settings
    status: Status
    design: Design
    sponsor: Sponsor
    site: Site
    contacts: tuple[Contact, ...]
    references: tuple[Reference, ...]
    schedule: ScheduleOfActivities
    doses: tuple[DosePlan, ...]
    contraception: Contraception
    leaflet: Leaflet
    topics: Mapping[StrictStr, Topic]
    notes: Mapping[StrictStr, NoteText]
    reasons: Mapping[StrictStr, Text]
    criteria: tuple[Criterion, ...]

    @validator("topics", "notes", "reasons")
    def _read_only(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        return MappingProxyType(dict(value))

    @property
    def visits(self) -> tuple[VisitPlan, ...]:
        """The planned visits in protocol order."""
        return self.schedule.visits

    def visit(self, code: str) -> VisitPlan:
        """The planned visit of that code.

        Raises:
            KeyError: the protocol has no such visit.
        """
        for plan in self.schedule.visits:
            if plan.id == code:
                return plan
        raise KeyError(code)

    def criterion(self, criterion_id: str) -> Criterion:
        """The criterion of that id (`I01`..`E16`).

        Raises:
            KeyError: the protocol has no such criterion.
        """
        for criterion in self.criteria:
            if criterion.id == criterion_id:
                return criterion
        raise KeyError(criterion_id)

    def dose(self, drug: str) -> DosePlan:
        """How that drug is given.

        Raises:
            KeyError: the protocol has no such drug.
        """
        for dose in self.doses:
            if dose.drug == drug:
                return dose
        raise KeyError(drug)

    def offset_days(self, plan: VisitPlan) -> int:
        """The visit's days after its anchor, a named setting resolved; 0 for day 1 itself."""
        offset = plan.timing.offset_days
        if isinstance(offset, str):
            resolved = getattr(self.settings, offset)
            assert isinstance(resolved, int)  # checked when the file was read
            return resolved
        return offset or 0

    def with_settings(self, **changes: object) -> Protocol:
        """The same protocol with some settings replaced (a ward line from the environment, a test's other policy).

        Raises:
            pydantic.ValidationError: a setting is unknown or has a wrong value.
        """
        settings = Settings(**{**self.settings.dict(), **changes})
        return self.copy(update={"settings": settings})
