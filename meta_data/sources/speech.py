"""Spoken words of the espeak-ng synthesiser as spectrograms: which word, which voice, which language."""

from __future__ import annotations

import functools
import io
import subprocess
import wave
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher
from advisor.errors import AdvisorError

DATA = "deb:espeak-ng-data"
WORDS = (
    "apple", "bridge", "candle", "dragon", "engine", "forest", "garden", "hammer", "island", "jungle",
    "kitchen", "ladder", "mirror", "needle", "orange", "pencil", "river", "shadow", "table", "window",
)  # fmt: skip
VOICES = ("f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "croak", "whisper")
LANGUAGES = ("cs", "de", "el", "en", "es", "fi", "fr", "hu", "it", "pl", "pt", "ru", "sv", "tr")
RATE = 22050


def _speak(fetcher: Fetcher, text: str, voice: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the sound, values in -1 to 1 at 22,050 Hz, spoken at a random speed and pitch.

    Raises
    ------
    AdvisorError
        If espeak-ng is not installed.
    """
    data = next(fetcher.folder(DATA).glob("usr/lib/*/espeak-ng-data"))
    command = ["espeak-ng", f"--path={data.parent}", "-v", voice, "-s", str(rng.integers(120, 220))]
    command += ["-p", str(rng.integers(20, 80)), "--stdout", text]
    try:
        spoken = subprocess.run(command, check=True, capture_output=True).stdout
    except FileNotFoundError as error:
        raise AdvisorError(
            "espeak-ng is not installed",
            cause="the datasets of speech are spoken by it",
            hint="apt-get install espeak-ng",
        ) from error
    with wave.open(io.BytesIO(spoken)) as sound:
        return np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").astype(float) / 2**15


def _spectrogram(sound: NDArray[np.float64], seconds: float, size: int, rng: np.random.Generator) -> Image.Image:
    """Draw power in dB over time and a scale of frequency that is linear below and logarithmic above 1 kHz."""
    wanted = int(seconds * RATE)
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    sound = sound[loud[0] : loud[-1] + 1] if len(loud) else sound
    before = int(rng.integers(0, max(1, wanted - len(sound))))
    padded = np.pad(sound, (before, max(0, wanted - before - len(sound))))[:wanted]
    padded = padded + rng.normal(0, 10 ** rng.uniform(-4, -2.3), wanted)
    window = 512
    starts = np.linspace(0, wanted - window, size).astype(int)
    frames = np.stack([padded[start : start + window] for start in starts]) * np.hanning(window)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    mels = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), size + 2)  # O'Shaughnessy's formula
    edges = (700 * (10 ** (mels / 2595) - 1) * window / RATE)[:, None]
    bins = np.arange(power.shape[1])[None]
    rising, falling = (bins - edges[:-2]) / np.diff(edges[:-1], axis=0), (edges[2:] - bins) / np.diff(edges[1:], axis=0)
    bank = np.maximum(0, np.minimum(rising, falling))
    decibels = 10 * np.log10(power @ bank.T + 1e-5)
    top = decibels.max()
    return Image.fromarray((255 * np.clip((decibels.T[::-1] - top + 60) / 60, 0, 1)).astype("uint8"))


def _words(takes: int, fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    for word in WORDS:
        for voice in VOICES:
            for _ in range(takes):
                sound = _speak(fetcher, word, f"en+{voice}", rng)
                yield Sample(word, _spectrogram(sound, 1.0, size, rng), voice)


def _voices(takes: int, fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    for voice in VOICES:
        for word in WORDS:
            for _ in range(takes):
                sound = _speak(fetcher, word, f"en-us+{voice}", rng)
                yield Sample(voice, _spectrogram(sound, 0.8, size, rng), word)


def _languages(takes: int, fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield numbers read out in each language: the same digits for all."""
    for _ in range(takes):
        number = str(rng.integers(1000, 1_000_000))
        for language in LANGUAGES:
            voice = VOICES[int(rng.integers(12))]
            sound = _speak(fetcher, number, f"{language}+{voice}", rng)
            yield Sample(language, _spectrogram(sound, 2.0, size, rng), number)


_spec = functools.partial(
    DatasetSpec,
    group="speech",
    source="spoken by the espeak-ng synthesiser",
    licence="GPL-3+",
    packages=(DATA,),
    generated=True,
)

SPECS = (
    _spec(
        name="speech-words",
        labels="the word; voices in evaluation are not in training",
        img_size=40,
        n_train=680,
        n_eval=1000,
        samples=functools.partial(_words, 6),
    ),
    _spec(
        name="speech-words-large",
        labels="the word; voices in evaluation are not in training",
        img_size=128,
        n_train=500,
        n_eval=400,
        samples=functools.partial(_words, 4),
    ),
    _spec(
        name="speech-voices",
        labels="the voice; words in evaluation are not in training",
        img_size=32,
        n_train=120,
        n_eval=1000,
        samples=functools.partial(_voices, 4),
    ),
    _spec(
        name="speech-languages",
        labels="the language a number is read in; numbers in evaluation are not in training",
        img_size=64,
        n_train=260,
        n_eval=1000,
        samples=functools.partial(_languages, 90),
    ),
)
