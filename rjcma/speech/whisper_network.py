"""The Whisper network on one window of sound: what it says, in which language, and when.

Each window is read once, without timestamps: with them, Whisper leaves out a last sentence that
goes on after the window (Radford et al., 2023, section 2.3). The time of each token is found in
what the decoder attends to in the sound (cross-attention and dynamic time warping, as
`transformers` computes them). The most probable token is taken each time, which is temperature 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import (
    AutoFeatureExtractor,
    AutoTokenizer,
    LogitsProcessor,
    WhisperForConditionalGeneration,
)
from transformers.modeling_outputs import BaseModelOutput

from rjcma import device
from rjcma.jobs.progress import say
from rjcma.problem import Problem
from rjcma.speech import whisper_model
from rjcma.speech.seams import Samples
from rjcma.speech.whisper_model import KEY
from rjcma.speech.whisper_words import grouped
from rjcma.speech.words import Word
from rjcma.text import loading, preprocessors
from rjcma.wav import RATE

PRECISION = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

NO_SPEECH, UNLIKELY = 0.6, -1.0
"""Nothing is said in a window if Whisper gives this probability to "no speech", and less than this
mean log-probability to what it writes (Radford et al., 2023, section 4.5)."""

PROMPT = 3
"""Tokens before the text: start, language, task."""

FRAME = RATE // 50
"""Samples of 20 ms, the precision of Whisper's times."""

QUIET = 1e-3
"""A frame with less of the power of its word's loudest frame, 30 dB, is not in the word (ours)."""


class Window(NamedTuple):
    """What the encoder made of a window, and what the decoder first thinks of it."""

    states: Tensor
    """(1, S, D)."""
    mask: Tensor
    """(1, rows of the spectrogram): 1 where there is sound."""
    language: str
    """The most probable one."""
    silence: float
    """The probability that nothing is said."""

    @property
    def is_speech(self) -> bool:
        """Whether something seems to be said."""
        return self.silence <= NO_SPEECH


class Network:
    """A Whisper model on a device."""

    def __init__(self, name: str, device_name: str, precision: str) -> None:
        """Raises `Problem` for a model that is not here or that cannot be used."""
        whisper_model.check(name)
        self.name, self.device = name, device.choose(device_name, "speech.device")
        self.tokenizer = loading.read(name, AutoTokenizer, key=KEY)
        self.extractor = loading.read(name, AutoFeatureExtractor, key=KEY)
        model, report = loading.read(
            name,
            WhisperForConditionalGeneration,
            key=KEY,
            dtype=PRECISION[precision],
            attn_implementation="eager",  # it shows what the decoder attends to
            output_loading_info=True,
        )
        missing, surplus = report["missing_keys"], report["unexpected_keys"]
        loading.refuse_weights(name, missing, surplus, key=KEY)
        preprocessors.refuse_other(name, self.extractor, model.config, key=KEY)
        self.model: Any = model.eval().requires_grad_(False).to(self.device)
        self.says: Mapping[str, Any] = model.generation_config.to_dict()
        whisper_model.refuse_generation(name, self.says)
        self._find_heads()

    @property
    def samples(self) -> int:
        """The length of a window."""
        return int(self.extractor.n_samples)

    @property
    def is_multilingual(self) -> bool:
        """Whether it must be told a language."""
        return bool(self.says.get("is_multilingual", True))

    @torch.inference_mode()
    def read(self, samples: Samples) -> Window:
        """Encode a window, and let the decoder begin."""
        prepared = self.extractor(
            samples.astype(np.float32) / 2**15,
            sampling_rate=RATE,
            return_attention_mask=True,
            return_tensors="pt",
        )
        features = prepared.input_features.to(self.device, self.model.dtype)
        states = self.model.get_encoder()(features).last_hidden_state
        start = torch.tensor([[self.says["decoder_start_token_id"]]], device=self.device)
        first = self.model(encoder_outputs=BaseModelOutput(states), decoder_input_ids=start)
        chances = first.logits[0, -1].float().softmax(-1)
        self._refuse_no_numbers(chances)
        spoken = {code: float(chances[token]) for code, token in self._language_tokens().items()}
        language = max(spoken, key=lambda code: spoken[code]) if spoken else "en"
        silence = float(chances[self.says["no_timestamps_token_id"] - 1])  # as in transformers
        return Window(states, prepared.attention_mask, language, silence)

    @torch.inference_mode()
    def words(self, window: Window, samples: Samples, language: str) -> list[Word]:
        """What is said in a window, with times from its beginning; none where nothing is said."""
        asked = {"language": f"<|{language}|>", "task": "transcribe"}
        prompt = self._prompt(language)
        with loading.quiet():
            result = self.model.generate(
                encoder_outputs=BaseModelOutput(window.states),
                attention_mask=window.mask,
                decoder_input_ids=torch.tensor([prompt], device=self.device),
                logits_processor=[_Begin(self.says, len(prompt))],
                return_timestamps=False,
                return_token_timestamps=True,
                return_dict_in_generate=True,
                force_unique_generate_call=True,
                do_sample=False,
                num_beams=1,
                temperature=0.0,
                condition_on_prev_tokens=False,
                max_new_tokens=self.model.config.max_target_positions - PROMPT,
                **(asked if self.is_multilingual else {}),
            )
        tokens, times = result["sequences"][0].tolist(), result["token_timestamps"][0].tolist()
        first = len(prompt) + 1
        chances = self._chances(result["scores"][1:], tokens)
        if not window.is_speech and np.log(chances).mean() < UNLIKELY:
            return []
        end = whisper_model.end_of(self.says)
        text = [n for n in range(first, len(tokens)) if tokens[n] < end]
        found = grouped([tokens[n] for n in text], self.tokenizer.decode, language)
        words = []
        for spelt, places in found:
            begin, end = text[places.start], text[places.stop - 1]
            start, stop = tight(samples, times[begin - 1], times[end])
            sure = np.mean([chances[text[n] - first] for n in places])
            words.append(Word(spelt, start, stop, min(1.0, float(sure))))
        return words

    def _chances(self, scores: Sequence[Tensor], tokens: Sequence[int]) -> NDArray[np.float64]:
        """The probability of each token that was written."""
        written = tokens[len(tokens) - len(scores) :]
        found = [
            float(row[0].float().softmax(-1)[token])
            for row, token in zip(scores, written, strict=True)
        ]
        chances = np.array(found, np.float64)
        self._refuse_no_numbers(torch.from_numpy(chances))
        return np.maximum(chances, 1e-30)

    def _prompt(self, language: str) -> list[int]:
        """What the decoder is given: the start, and of a model of many languages what is asked."""
        start = int(self.says["decoder_start_token_id"])
        if not self.is_multilingual:
            return [start]
        return [start, self._language_tokens()[language], self.says["task_to_id"]["transcribe"]]

    def _language_tokens(self) -> dict[str, int]:
        known = self.says["lang_to_id"] if self.is_multilingual else {}
        return {token.strip("<|>"): number for token, number in known.items()}

    def _find_heads(self) -> None:
        """See that some heads show the times: without a list, all of the upper half of the layers.

        This is what Whisper's own code does for a model of which it has no list.
        """
        if getattr(self.model.generation_config, "alignment_heads", None):
            return
        layers, heads = self.model.config.decoder_layers, self.model.config.decoder_attention_heads
        every = [[layer, head] for layer in range(layers // 2, layers) for head in range(heads)]
        self.model.generation_config.alignment_heads = every
        say(f"{self.name}: no alignment_heads in generation_config.json; times by all upper ones")

    def _refuse_no_numbers(self, chances: Tensor) -> None:
        if not torch.isfinite(chances).all():
            raise Problem(
                file="speech.precision",
                found=f"{str(self.model.dtype).partition('.')[2]} that gives what is no number",
                expected="finite probabilities of words",
                cure="set speech.precision to fp32; if it is that already, check the model's files",
            )


class _Begin(LogitsProcessor):
    """Makes the first token that is written the one for no timestamps.

    It is Whisper's last one before the text. If it were given with the prompt, `transformers` would
    not see what the decoder attends to there, which is the place of the first token of the text.
    """

    def __init__(self, says: Mapping[str, Any], length: int) -> None:
        self.length, self.token = length, int(says["no_timestamps_token_id"])
        self.not_first = list(says.get("begin_suppress_tokens") or [])

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if input_ids.shape[1] == self.length:
            scores = torch.full_like(scores, -torch.inf)
            scores[:, self.token] = 0
        elif input_ids.shape[1] == self.length + 1:
            scores = scores.clone()
            scores[:, self.not_first] = -torch.inf
        return scores


def tight(samples: Samples, start: float, end: float) -> tuple[float, float]:
    """A word's time without the silence before and after it, in seconds.

    Times of attention leave no gap between words: a pause is part of one of its neighbours. They
    are float32, whose 0.58 is a little less: rounded to samples, none is in the frame before.
    """
    first, beyond = round(start * RATE) // FRAME, -(-round(end * RATE) // FRAME)
    part = samples[first * FRAME : beyond * FRAME].astype(np.float64)
    part = part[: len(part) // FRAME * FRAME].reshape(-1, FRAME)
    power = (part**2).sum(1)
    if not power.any():
        return start, end
    loud = np.flatnonzero(power >= QUIET * power.max())
    return (
        max(start, (first + int(loud[0])) * FRAME / RATE),
        min(end, (first + int(loud[-1]) + 1) * FRAME / RATE),
    )
