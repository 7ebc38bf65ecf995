"""Slack: Rasa's connector for requests and their signature; ours for identity, once, order and the way back."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import structlog
from rasa.core.channels.slack import SlackInput
from sanic import response
from sanic.exceptions import InvalidUsage
from sanic.request import Request
from sanic.response import HTTPResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import tracing
from bot.channels.connectors.guarded import Common, Sender, sender_of, with_suggestions
from bot.channels.exchange import Exchange, Turn, channel_phrases
from bot.channels.guard import MAX_BODY_BYTES, clean_text
from bot.channels.inbox import Later, RoomQueues
from bot.channels.intake import OnMessage
from bot.enrollment.audit import Actor
from bot.enrollment.inbox import NewEvent, WaitingEvent, finish, keep_reply, take_in
from bot.nlu.language import detect_language

_ACTOR = Actor("slack channel", "system")
_MOST_FAILURES = 4
#: What Slack says of a request that may be repeated.
_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
_log = structlog.get_logger(__name__)


class GuardedSlack(SlackInput):  # type: ignore[misc]
    """`POST /webhooks/slack/webhook`: stored first, answered 200 at once, worked on afterwards.

    Slack repeats what it takes for failed; Rasa answers such repetitions unread, so that a message whose first
    delivery was lost stays unanswered. Here each is known by workspace, channel and time stamp.
    """

    def __init__(self, credentials: Mapping[str, Any], common: Common) -> None:
        super().__init__(
            credentials["slack_token"],
            credentials.get("slack_channel"),
            credentials.get("proxy"),
            use_threads=bool(credentials.get("use_threads", False)),
            slack_signing_secret=str(credentials["slack_signing_secret"]),
        )
        self._common = common
        self._exchange = Exchange(self.name(), common.secret, common.database, common.alarming)
        api = {"base_url": credentials["slack_api"]} if credentials.get("slack_api") else {}
        self._client = AsyncWebClient(self.slack_token, proxy=self.proxy, **api)
        self._bot: OnMessage | None = None
        self.queues = RoomQueues(self.name(), common.database, self._work)
        self._made: dict[int, list[str]] = {}
        self._admitted: set[int] = set()

    def blueprint(self, on_new_message: OnMessage) -> Any:
        """Rasa's routes."""
        self._bot = on_new_message
        return super().blueprint(on_new_message)

    async def start(self) -> None:
        """Takes up what an earlier process left."""
        await self.queues.resume()

    async def stop(self) -> None:
        """Stops; what is not done waits in the database."""
        await self.queues.stop()

    def is_request_from_slack_authentic(self, request: Request) -> bool:
        """Rasa's check of the HMAC and the time stamp, which takes a header that comes twice."""
        names = ("x-slack-signature", "x-slack-request-timestamp")
        if any(len(request.headers.getall(name, [])) != 1 for name in names):
            return False
        return bool(super().is_request_from_slack_authentic(request))

    def get_metadata(self, request: Request) -> dict[str, Any]:
        """Who wrote where; Slack's own ids, never names.

        Raises:
            InvalidUsage: the event lacks an id.
        """
        if request.headers.get("content-type") != "application/json":
            return {}
        found = dict(super().get_metadata(request))
        data = request.json
        event = data.get("event") if isinstance(data, dict) else None
        if not isinstance(event, dict) or not self._is_user_message(data):
            return found
        team, channel, moment = data.get("team_id"), event.get("channel"), event.get("ts")
        if not all(isinstance(one, str) for one in (team, channel, moment)):
            raise InvalidUsage("expected ids of a workspace, a channel and a message")
        # A mention comes as two events; the place and time of the message are the same in both.
        identifier = f"{team}/{channel}/{moment}"
        direct = self._is_direct_message(data)
        found.update(sender_of(self.name(), f"{team}/{event.get('user')}", channel, direct, identifier))
        return found

    async def process_message(
        self, request: Request, on_new_message: OnMessage, text: str, sender_id: str | None, metadata: Any
    ) -> HTTPResponse:
        """Stores a message; it is worked on afterwards."""
        sender = (metadata or {}).get("sender")
        cleaned = clean_text(html.unescape(text)) if isinstance(text, str) else ""
        if not isinstance(sender, Sender) or not cleaned:
            return response.text("")
        thread = metadata.get("thread_id") if self.use_threads else None
        content = {"text": cleaned[:MAX_BODY_BYTES], "direct": sender.direct, "thread": thread}
        event = NewEvent(sender.identifier, sender.room, sender.account, content)
        async with self._common.database.writing(_ACTOR, "event") as session:
            fresh = await take_in(session, self.name(), [event])
            await session.commit()
        self.queues.put(fresh)
        return response.text("")

    async def _work(self, event: WaitingEvent, failures: int) -> None:
        texts = self._made.get(event.number) or event.reply
        if texts is None:
            texts = await self._texts(event, failures)
            async with self._common.database.writing(_ACTOR, "reply") as session:
                await keep_reply(session, event.number, texts)
                await session.commit()
            self._made[event.number] = texts
        for text in texts:
            await self._post(event, text)
        async with self._common.database.writing(_ACTOR, "event done") as session:
            await finish(session, event.number)
            await session.commit()
        self._made.pop(event.number, None)
        self._admitted.discard(event.number)

    async def _texts(self, event: WaitingEvent, failures: int) -> list[str]:
        text = str(event.content["text"])
        language = detect_language(text) or "en"
        number = self._common.emergency_number
        if event.number not in self._admitted and not self._common.alarming(text):
            wait = await self._common.limit.admit(event.account)
            if not wait and not event.content["direct"] and self._common.rooms is not None:
                wait = await self._common.rooms.admit(event.room)
            if wait:
                return [channel_phrases().say("slow_down", language, seconds=max(1, round(wait)), number=number)]
            self._admitted.add(event.number)
        if failures >= _MOST_FAILURES:
            return [channel_phrases().say("failed", language, phone=number, number=number)]
        assert self._bot is not None
        turn = Turn(event.account, event.room, event.content["direct"] is True, text)
        with tracing.message(self.name(), tracing.id_of(self.name(), event.event_id, event.account)) as handled:
            messages = await self._exchange.answer(turn, self._bot)
            handled.update(status=200, reply=messages)
        return [with_suggestions(message, language) for message in messages]

    async def _post(self, event: WaitingEvent, text: str) -> None:
        """Posts one message; a refusal that will not pass is given up, with a line in the log."""
        # Slack's markup begins with these: '<!channel>' in an answer must not ring everybody.
        plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        thread = event.content.get("thread")
        try:
            await self._client.chat_postMessage(
                channel=event.room, text=plain, **({"thread_ts": thread} if thread else {})
            )
        except Exception as refused:
            # Asked, not caught by its class: the class may be one that `bot.server.lazy` has left asleep until now.
            if not isinstance(refused, SlackApiError):
                raise Later(f"Slack cannot be reached ({type(refused).__name__})") from refused
            said = refused.response
            reason = str(said.get("error", "")) if hasattr(said, "get") else ""
            status = int(getattr(said, "status_code", 0) or 0)
            if status == 429 or status >= 500 or reason in _PASSING:
                wait = getattr(said, "headers", {}).get("Retry-After")
                raise Later("Slack wants us to wait", float(wait) if wait else None) from None
            _log.warning("refused by Slack", reply=reason[:40])
