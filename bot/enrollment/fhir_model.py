"""The part of FHIR R4 that is read: exactly these elements, checked; names, addresses and all else are passed over.

Own small models instead of `fhir.resources`: its releases for pydantic 1 check everything R4 knows at many times the
cost, and would bring names into objects that this project never wants to hold.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, StrictFloat, StrictInt, StrictStr, constr, root_validator
from pydantic.errors import DictError

_DATE = r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$"
_ID = r"^[A-Za-z0-9\-\.]{1,64}$"


class Element(BaseModel):
    """An element of a resource; what is not named here is ignored."""

    class Config:
        allow_mutation = False
        extra = "ignore"

    @classmethod
    def validate(cls, value: Any) -> Element:
        """As pydantic does, but a list is no object: left alone, it would read `[]` as an empty one."""
        if not isinstance(value, (dict, cls)):
            raise DictError()
        return super().validate(value)


class Coding(Element):
    """A code of a code system."""

    system: StrictStr | None = None
    code: StrictStr | None = None
    display: StrictStr | None = None


class Concept(Element):
    """A CodeableConcept: codes and free text."""

    coding: tuple[Coding, ...] = ()
    text: StrictStr | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes, whatever their systems."""
        return tuple(coding.code for coding in self.coding if coding.code)


class Code(Concept):
    """What a resource is about: a CodeableConcept that says something."""

    @root_validator(skip_on_failure=True)
    def _says_something(cls, values: dict[str, Any]) -> dict[str, Any]:
        if not values["coding"] and not values["text"]:
            raise ValueError("expected a coding or a text")
        return values


class Identifier(Element):
    """A business identifier."""

    system: StrictStr | None = None
    value: StrictStr | None = None


class Reference(Element):
    """A reference to another resource of the bundle, or to something outside by identifier."""

    reference: StrictStr | None = None
    identifier: Identifier | None = None


class Period(Element):
    """A period of days."""

    start: StrictStr | None = None
    end: StrictStr | None = None


class Quantity(Element):
    """A number with its unit."""

    value: StrictInt | StrictFloat | None = None
    unit: StrictStr | None = None
    code: StrictStr | None = None
    comparator: StrictStr | None = None


class Communication(Element):
    """A language that a patient speaks."""

    language: Concept
    preferred: bool | None = None


class Patient(Element):
    """A person: identifier, sex and birth date; the name is not read."""

    resourceType: Literal["Patient"]
    id: constr(regex=_ID, strict=True) | None = None  # type: ignore[valid-type]
    identifier: list[Identifier] = Field(..., min_items=1)
    gender: Literal["male", "female", "other", "unknown"] | None = None
    birthDate: constr(regex=_DATE, strict=True) | None = None  # type: ignore[valid-type]
    communication: tuple[Communication, ...] = ()


class ResearchSubject(Element):
    """A person's part in a study."""

    resourceType: Literal["ResearchSubject"]
    status: Literal[
        "candidate",
        "eligible",
        "follow-up",
        "ineligible",
        "not-registered",
        "off-study",
        "on-study",
        "on-study-intervention",
        "on-study-observation",
        "pending-on-study",
        "potential-candidate",
        "screening",
        "withdrawn",
    ]
    period: Period | None = None
    study: Reference
    individual: Reference


class Observation(Element):
    """A measurement or finding."""

    resourceType: Literal["Observation"]
    status: Literal[
        "registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown"
    ]
    code: Code
    subject: Reference
    effectiveDateTime: StrictStr | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: Concept | None = None
    valueInteger: StrictInt | None = None
    valueString: StrictStr | None = None


class Condition(Element):
    """A diagnosis."""

    resourceType: Literal["Condition"]
    clinicalStatus: Concept | None = None
    verificationStatus: Concept | None = None
    code: Code
    subject: Reference
    onsetDateTime: StrictStr | None = None
    abatementDateTime: StrictStr | None = None


class AppointmentParticipant(Element):
    """Somebody who takes part in an appointment."""

    actor: Reference | None = None
    status: Literal["accepted", "declined", "tentative", "needs-action"]


class Appointment(Element):
    """A booked, held or cancelled visit; `start` is an instant with its zone."""

    resourceType: Literal["Appointment"]
    status: Literal[
        "proposed",
        "pending",
        "booked",
        "arrived",
        "fulfilled",
        "cancelled",
        "noshow",
        "entered-in-error",
        "checked-in",
        "waitlist",
    ]
    identifier: tuple[Identifier, ...] = ()
    serviceType: tuple[Concept, ...] = ()
    appointmentType: Concept | None = None
    start: StrictStr | None = None
    participant: list[AppointmentParticipant] = Field(..., min_items=1)


Resource = Patient | ResearchSubject | Observation | Condition | Appointment
MODELS: dict[str, type[Element]] = {
    "Patient": Patient,
    "ResearchSubject": ResearchSubject,
    "Observation": Observation,
    "Condition": Condition,
    "Appointment": Appointment,
}
