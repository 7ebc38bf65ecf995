"""How fast notes are read and decided on one core, and how the cost grows with the length of a note.

Run: `python benchmarks/precheck_speed.py`.
"""

from __future__ import annotations

import time
from datetime import date

from bot.nlu.clinical import ClinicalReader
from bot.trial.eligibility import assess
from bot.trial.protocol import load_protocol

TODAY = date(2026, 6, 10)
LINES = [
    "58M newly dx'd rectal adenoca 6cm AV, cT3N1M0, MSS (PCR), ECOG 1, tx-naive, consent signed 8 June",
    "F 67, low rectal adenoCA T2N1, CT no mets, KPS 80, hysterectomy 1998, not obstructed, NKDA",
    "74yo man WHO 2, mid rectum adenoca T3cN2M0, MSS on PCR, does not want to take part",
    "Mrs K 52, postmenopausal, BCC of the nose excised 2021, clear; yellow fever jab 1 May 2026",
    "HBsAg neg, anti-HCV neg, HIV neg, no active infection; MI 2019; no transplant; no autoimmune disease",
]
ROUNDS = 200
SIZES_KIB = (1, 2, 4, 8, 16, 32, 64)


def main() -> None:
    begun = time.perf_counter()
    reader = ClinicalReader.load()
    print(f"pipeline loaded in {time.perf_counter() - begun:.2f} s")
    protocol = load_protocol()
    for line in LINES:
        assess(protocol, reader.read(line, TODAY), TODAY)

    begun = time.process_time()
    for _ in range(ROUNDS):
        for line in LINES:
            reader.read(line, TODAY)
    reading = time.process_time() - begun
    begun = time.process_time()
    for _ in range(ROUNDS):
        for line in LINES:
            assess(protocol, reader.read(line, TODAY), TODAY)
    both = time.process_time() - begun
    count = ROUNDS * len(LINES)
    print(f"one-line notes, read: {count / reading:.0f} a second; read and decided: {count / both:.0f} a second")

    print("size of one note (KiB), milliseconds, milliseconds per KiB")
    block = ". ".join(LINES) + ".\n"
    for size in SIZES_KIB:
        text = (block * (size * 1024 // len(block) + 1))[: size * 1024]
        begun = time.process_time()
        assess(protocol, reader.read(text, TODAY), TODAY)
        spent = (time.process_time() - begun) * 1000
        print(f"{size:>6} {spent:>10.1f} {spent / size:>8.1f}")


if __name__ == "__main__":
    main()
