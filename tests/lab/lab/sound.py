# SPDX-License-Identifier: GPL-2.0-or-later
"""Sound that says of itself who sent it: sequences of tones, written as a file and recognised in a recording."""

import math
import struct
import wave

RATE = 8000
TONE = 0.2  # seconds of each tone
BLOCK = 160  # 20 ms, one packet of G.711
# 50 Hz apart is what a block can tell; these are far more, and below G.711's 3400 Hz.
TONES = (500, 700, 900, 1100, 1300, 1500, 1700, 1900, 2100, 2300, 2500)


def write(path, tones):
    """tones: frequencies out of TONES, no two neighbours alike."""
    count = int(RATE * TONE)
    samples = [12000 * math.sin(2 * math.pi * tone * n / RATE) for tone in tones for n in range(count)]
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(b"".join(struct.pack("<h", round(sample)) for sample in samples))


def _power(block, frequency):
    """Goertzel's algorithm: how much of the frequency is in the block."""
    factor = 2 * math.cos(2 * math.pi * frequency / RATE)
    last = before = 0.0
    for sample in block:
        last, before = sample + factor * last - before, last
    return last * last + before * before - factor * last * before


def _tone_of(block):
    """The one tone that this block is made of, or None: silence, noise or a change of tone."""
    energy = sum(sample * sample for sample in block)
    if energy < BLOCK * 500 * 500:
        return None
    best = max(TONES, key=lambda tone: _power(block, tone))
    # A pure tone has all its energy there: power = energy * block / 2.
    return best if _power(block, best) > 0.7 * energy * BLOCK / 2 else None


def recognise(path):
    """The tones of a recording in their order; neighbours alike are one. A recording still being written is read so far."""
    data = path.read_bytes()[44:]
    samples = struct.unpack(f"<{len(data) // 2}h", data[: len(data) // 2 * 2])
    heard = []
    for at in range(0, len(samples) - BLOCK + 1, BLOCK):
        tone = _tone_of(samples[at : at + BLOCK])
        if tone and (not heard or heard[-1] != tone):
            heard.append(tone)
    return heard


def longest_piece(heard, sent):
    """The length of the longest run of tones in `heard` that is a run of `sent`."""
    best = 0
    for i in range(len(heard)):
        for j in range(len(sent)):
            n = 0
            while i + n < len(heard) and j + n < len(sent) and heard[i + n] == sent[j + n]:
                n += 1
            best = max(best, n)
    return best
