"""The declarative base of the models: naming of constraints, column helpers, times in UTC."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, MetaData, event
from sqlalchemy.orm import DeclarativeMeta, registry
from sqlalchemy.types import TypeDecorator

#: One rule for every constraint's name, so that a migration can drop it by name on both databases.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

_registry = registry(metadata=MetaData(naming_convention=NAMING))


class Base(metaclass=DeclarativeMeta):  # type: ignore[metaclass]  # SQLAlchemy 1.4 carries no types
    """Base of all models."""

    __abstract__ = True
    __tablename__: str
    registry = _registry
    metadata = _registry.metadata
    __table__: Any
    #: Whether the session guard writes an audit entry for every change of a row (see `bot.enrollment.audit`).
    __audited__ = True

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no column {name}")
            setattr(self, name, value)


class UtcTime(TypeDecorator):  # type: ignore[misc]  # SQLAlchemy 1.4 carries no types
    """An aware instant, kept in UTC; SQLite has no zones, so there the UTC wall time is stored."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        value = value.astimezone(timezone.utc)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


def one_of(column: str, values: Iterable[str], name: str | None = None) -> Any:
    """A CHECK that `column` holds one of `values` (or NULL)."""
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=name or column)


def participant_key(**options: Any) -> Any:
    """A foreign key to `participants.id`; a participant with anything on file cannot vanish by accident."""
    return ForeignKey("participants.id", ondelete="RESTRICT", **options)


def _keep_old_value(target: Any, value: Any, old: Any, initiator: Any) -> None:
    """Does nothing: listening with `active_history` makes SQLAlchemy load the old value before it is replaced."""


@event.listens_for(Base, "attribute_instrument", propagate=True)  # type: ignore[untyped-decorator]
def _load_old_values(class_: Any, key: str, attribute: Any) -> None:
    # Without this an attribute that had expired loses its old value, and the audit trail with it.
    if hasattr(getattr(attribute, "property", None), "columns"):
        event.listen(attribute, "set", _keep_old_value, active_history=True)
