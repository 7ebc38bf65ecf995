"""What Alembic runs to get at the database: the connection comes from `bot.enrollment.migrations`."""

from __future__ import annotations

from alembic import context

from bot.enrollment import models, models_alerts, models_audit, models_clinical, models_inbox, models_web
from bot.enrollment.base import Base

TABLES = (
    models,
    models_clinical,
    models_alerts,
    models_audit,
    models_inbox,
    models_web,
)  # importing them fills the metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
