"""Puts the Matrix channel together."""

from __future__ import annotations

from bot.channels.exchange import Exchange, channel_phrases
from bot.channels.guard import ROOM_SHARE, RateLimit
from bot.channels.inbox import RoomQueues
from bot.channels.intake import Alarming, OnMessage
from bot.channels.matrix.channel import MatrixChannel
from bot.channels.matrix.client import MatrixClient
from bot.channels.matrix.messages import Messages
from bot.channels.matrix.service import CHANNEL, MatrixService, Numbers
from bot.config import Settings
from bot.enrollment.database import Database
from bot.trial.protocol import load_protocol


def build_matrix(
    settings: Settings, database: Database, limit: RateLimit, alarming: Alarming, bot: OnMessage
) -> MatrixChannel | None:
    """The channel that the settings describe, or None where it is off."""
    matrix = settings.matrix
    if matrix is None:
        return None
    as_token, hs_token = settings.matrix_tokens()
    protocol, phrases = load_protocol(), channel_phrases()
    client = MatrixClient(matrix.homeserver, as_token, matrix.user_id)
    queues = RoomQueues(CHANNEL, database, lambda event, failures: service.work(event, failures))
    service = MatrixService(
        matrix,
        client,
        database,
        Exchange(CHANNEL, settings.signing_secret(), database, alarming),
        Messages(phrases, protocol),
        phrases,
        Numbers(settings.ward_line or protocol.contacts[0].phone, settings.emergency_number),
        limit,
        RateLimit(settings.rate * ROOM_SHARE),
        alarming,
        bot,
        queues.put_next,
    )
    return MatrixChannel(hs_token, matrix.user_id, client, database, queues, service.push)
