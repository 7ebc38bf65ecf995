"""What an answer about a symptom costs beside every other answer, in one run of our servers with an on-call system.

    .venv/bin/python benchmarks/triage_cost.py                   # prints a table, writes benchmarks/results/
    .venv/bin/python benchmarks/triage_cost.py --messages 10 --no-record

Kinds of messages follow one another in short blocks, over and over, so that what else the machine does falls on all alike.
CPU time is what the kernel has booked to both servers, the sending of the notification to the on-call system included.
The ratios are of medians over the blocks: against the median of the other kinds, and against the dearest of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
from base64 import b64encode
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from message_cost import cost
from servers import Ours

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bot.alerts.receiver import Receiver

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "triage_cost.json"
_STAFF = "bench.nurse"

#: What is said by a participant, by kind of answer.
SAID = {
    "greeting": "Hello",
    "contact": "Who can I call?",
    "about a drug": "What is penpulimab?",
    "next visit": "When is my next visit?",
    "all visits": "Show me all my visits",
    "tablets today": "Which tablets do I take today?",
    "wish for a person": "I want to speak to a person",
    "wish for another day": "Can I move my next visit?",
}
#: By staff; each look at a record goes into the audit trail.
SAID_BY_STAFF = {
    "a participant's visit": "When is the next visit of P-9005?",
    "who comes": "Who comes tomorrow?",
    "pre-check": "58M, ECOG 1, cT3N1M0, MSS, 6 cm from the anal verge, adenocarcinoma",
}
#: The answers about symptoms that are compared with those.
SYMPTOMS = {
    "symptom, urgent": "I have had diarrhoea six times today",
    "symptom, emergency": "I have a fever of 38.7 and chills",
    "symptom, in Chinese": "我现在胸口很痛",
}


class Bench(Ours):
    """Our servers with an on-call system that takes every notification."""

    oncall: Receiver
    speaker: str | None = None

    def environment(self) -> dict[str, str]:
        line = {"SPARC_ALERT_LINE": self.oncall.url, "SPARC_ALERT_SECRET": self.alert_secret}
        return {**super().environment(), **line}

    alert_secret = "whsec_" + b64encode(secrets.token_bytes(32)).decode()

    def prepare(self) -> dict[str, object]:
        """As ever, and with a nurse."""
        prepared = super().prepare()
        self._sparc("link", _STAFF, "--staff", "nurse")
        return prepared

    def account_of(self, conversation: int) -> str:
        """The nurse where staff speak, else the conversation's participant."""
        return self.speaker or super().account_of(conversation)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--messages", type=int, default=20, help="messages of a block (default 20)")
    parser.add_argument("--blocks", type=int, default=7, help="blocks of each kind (default 7)")
    parser.add_argument("--no-record", action="store_true", help="print only")
    return parser.parse_args()


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    kinds = {kind: (text, None) for kind, text in {**SAID, **SYMPTOMS}.items()}
    kinds.update({kind: (text, _STAFF) for kind, text in SAID_BY_STAFF.items()})
    blocks: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    failures: dict[str, int] = {}
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sparc-benchmark-")))
        server = Bench(scratch, accounts=24)
        server.oncall = stack.enter_context(Receiver(server.alert_secret))
        stack.enter_context(server)
        server.prepare()
        await server.start(300)
        for block in range(options.blocks + 1):
            for number, (kind, (text, speaker)) in enumerate(kinds.items()):
                server.texts, server.speaker = (text,), speaker
                room = 1000 * (block + 1) + number
                per, measured = await cost(server, range(room, room + 1), range(options.messages))
                for failure, count in measured.failures.items():
                    failures[failure] = failures.get(failure, 0) + count
                if block:  # the first one warms caches as a day's use would
                    latency = float(statistics.median(ms for _, ms in measured.latencies))
                    blocks[kind].append({"cpu_ms": per["all"]["cpu_ms"], "p50_ms": latency})
        notified = len({delivery.ticket for delivery in server.oncall.deliveries})
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    medians = {
        kind: {key: round(statistics.median(one[key] for one in found), 2) for key in found[0]}
        for kind, found in blocks.items()
    }
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit or None,
        "messages_of_a_kind": options.messages * options.blocks,
        "failures": failures,
        "tickets_notified": notified,
        "kinds": medians,
        "ratios": ratios(medians),
    }


def ratios(medians: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Each answer about a symptom against the median of the other answers, and against the dearest of them."""
    found = {}
    for kind in SYMPTOMS:
        found[kind] = {}
        for key in ("cpu_ms", "p50_ms"):
            others = [one[key] for name, one in medians.items() if name not in SYMPTOMS]
            found[kind][f"{key}_over_median"] = round(medians[kind][key] / statistics.median(others), 2)
            found[kind][f"{key}_over_dearest"] = round(medians[kind][key] / max(others), 2)
    return found


def table(report: dict[str, Any]) -> str:
    lines = [f"{'a message':<24} {'CPU ms':>8} {'p50 ms':>8}"]
    lines += [f"{kind:<24} {one['cpu_ms']:>8.2f} {one['p50_ms']:>8.2f}" for kind, one in report["kinds"].items()]
    for kind, one in report["ratios"].items():
        lines.append(f"{kind}: " + ", ".join(f"{name} {value}" for name, value in one.items()))
    lines.append(f"failures {report['failures']}, tickets notified {report['tickets_notified']}")
    return "\n".join(lines)


def main() -> int:
    options = arguments()
    report = asyncio.run(measure(options))
    print(table(report))
    if not options.no_record:
        RESULT.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
