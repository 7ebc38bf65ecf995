"""How much of a drug a participant gets per dose: the prescribed amount, and the staff's arithmetic beside it.

A prescribed amount on file always wins. Patients get it or None; a calculated amount is for staff alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bot.trial.dose_arithmetic import Rounding, bsa_m2, implausible, order_deviation_percent, round_dose
from bot.trial.protocol import DosePlan, DrugName, Protocol, Text
from bot.trial.record import ParticipantRecord


@dataclass(frozen=True)
class Calculation:
    """The staff's arithmetic: inputs, formula, exact amount, roundings side by side, the order's deviation.

    `roundings` is empty for what is not given in tablets.
    """

    height_cm: float
    weight_kg: float
    formula: str
    bsa_m2: float
    exact_mg: float
    roundings: tuple[Rounding, ...]
    order_deviation_percent: float | None

    def as_data(self) -> dict[str, Any]:
        """Plain values; the area to four decimals, the exact amount to one."""
        return {
            "height_cm": self.height_cm,
            "weight_kg": self.weight_kg,
            "formula": self.formula,
            "bsa_m2": round(self.bsa_m2, 4),
            "exact_mg": round(self.exact_mg, 1),
            "roundings": {
                rounding.policy: [
                    {"mg": amount.mg, "tablets": {str(mg): count for mg, count in amount.tablets}}
                    for amount in rounding.candidates
                ]
                for rounding in self.roundings
            },
            "order_deviation_percent": self.order_deviation_percent,
        }


@dataclass(frozen=True)
class DoseAmount:
    """How much of a drug a participant gets per dose.

    Attributes:
        basis: the record's words, such as `1000 mg/m2`.
        source: `prescribed` (an order on file, or the protocol's flat amount), `calculated` (staff only) or `none`.
        bsa_m2: for staff, where height and weight are on file and plausible.
        flags: for staff: `height`, `weight`, `swapped` (implausible), `no_height`, `no_weight`.
        staff_note: for staff: what the record's amount is at odds with.
    """

    drug: DrugName
    per_dose_mg: int | None
    basis: str
    source: Literal["prescribed", "calculated", "none"]
    for_staff: bool
    bsa_m2: float | None = None
    calculation: Calculation | None = None
    flags: tuple[str, ...] = ()
    staff_note: Text | None = None

    def as_data(self) -> dict[str, Any]:
        """The contract's form; staff also get `bsa_m2` (two decimals), `calculation` and `flags`."""
        data: dict[str, Any] = {
            "drug": self.drug,
            "per_dose_mg": self.per_dose_mg,
            "basis": self.basis,
            "source": self.source,
        }
        if self.for_staff:
            data["bsa_m2"] = None if self.bsa_m2 is None else round(self.bsa_m2, 2)
            data["calculation"] = None if self.calculation is None else self.calculation.as_data()
            data["flags"] = list(self.flags)
        return data


def dose_amount(
    protocol: Protocol,
    record: ParticipantRecord,
    drug: DrugName,
    for_staff: bool,
    prescribed_only: bool = False,
) -> DoseAmount:
    """How much per dose: the order on file always wins; without one staff get the exact calculated amount.

    A patient gets the prescribed amount or None, never a calculated one; so do staff who ask what was prescribed.
    """
    plan = protocol.dose(drug)
    ordered = prescribed_mg(plan, record)
    source: Literal["prescribed", "calculated", "none"] = "none" if ordered is None else "prescribed"
    if not for_staff:
        return DoseAmount(drug, ordered, str(plan.amount), source, for_staff=False)
    flags = implausible(protocol, record.height_cm, record.weight_kg)
    flags += tuple(f"no_{name}" for name, value in _measures(record) if value is None)
    calculation = None if flags else _calculate(protocol, record, plan, ordered)
    amount = ordered
    if ordered is None and calculation is not None and not prescribed_only:
        amount, source = int(calculation.exact_mg + 0.5), "calculated"
    return DoseAmount(
        drug=drug,
        per_dose_mg=amount,
        basis=str(plan.amount),
        source=source,
        for_staff=True,
        bsa_m2=None if flags else _bsa(protocol, record),
        calculation=calculation,
        flags=flags,
        staff_note=plan.staff_note,
    )


def prescribed_mg(plan: DosePlan, record: ParticipantRecord) -> int | None:
    """The order on file; the protocol's own amount where it is a flat one."""
    if plan.amount.unit == "mg":
        return plan.amount.value
    return record.capecitabine_mg if plan.drug == "capecitabine" else record.oxaliplatin_mg


def _measures(record: ParticipantRecord) -> tuple[tuple[str, float | None], ...]:
    return (("height", record.height_cm), ("weight", record.weight_kg))


def _bsa(protocol: Protocol, record: ParticipantRecord) -> float | None:
    if record.height_cm is None or record.weight_kg is None:
        return None
    return bsa_m2(record.height_cm, record.weight_kg, protocol.settings.bsa_formula)


def _calculate(
    protocol: Protocol, record: ParticipantRecord, plan: DosePlan, ordered: int | None
) -> Calculation | None:
    area = _bsa(protocol, record)
    if area is None or plan.amount.unit != "mg/m2" or record.height_cm is None or record.weight_kg is None:
        return None
    exact = area * plan.amount.value
    return Calculation(
        height_cm=record.height_cm,
        weight_kg=record.weight_kg,
        formula=protocol.settings.bsa_formula,
        bsa_m2=area,
        exact_mg=exact,
        roundings=round_dose(protocol, exact) if plan.route == "oral" else (),
        order_deviation_percent=None if ordered is None else order_deviation_percent(ordered, exact),
    )
