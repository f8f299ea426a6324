"""eSpeak NG as the sample's voice: repeatable, with the times of words and phones."""

import numpy as np
import pytest

from rjcma.sample.voice import SAMPLE_RATE_HZ, VOICES, Espeak

TEXT = "the baby is sleeping in the house"


@pytest.fixture(scope="module")
def lexicon():
    return Espeak().lexicon


def said(espeak, *texts, **style):
    return [espeak.say(text, **style).audio.tobytes() for text in texts]


@pytest.mark.parametrize("voice", ["en-us+m3", "en-us+f3"])
def test_the_same_things_in_the_same_order_give_the_same_bytes(lexicon, voice):
    one, other, third = Espeak(lexicon), Espeak(lexicon), Espeak(lexicon)
    first = said(one, TEXT, "i am happy", TEXT, voice=voice)
    third.say("nobody else disturbs it", voice="en-us+f1")
    assert said(other, TEXT, "i am happy", TEXT, voice=voice) == first


@pytest.mark.parametrize("voice", VOICES)
def test_words_and_phones_lie_in_order_within_the_audio(lexicon, voice):
    utterance = Espeak(lexicon).say(TEXT, voice=voice)
    seconds = len(utterance.audio) / SAMPLE_RATE_HZ
    for spans in (utterance.words, utterance.phones):
        times = [time for span in spans for time in (span.start, span.end)]
        assert times == sorted(times)
        assert times[0] >= 0
        assert times[-1] <= seconds + 1e-3
        assert all(span.end > span.start for span in spans)
    assert [word.text for word in utterance.words] == TEXT.split()


def test_nearly_all_sound_lies_within_the_words(lexicon):
    utterance = Espeak(lexicon).say("please watch the cat")
    times = np.arange(len(utterance.audio)) / SAMPLE_RATE_HZ
    within = np.any([(times >= w.start) & (times < w.end) for w in utterance.words], axis=0)
    power = utterance.audio**2
    assert power[within].sum() > 0.99 * power.sum()
    assert not within.all()
    assert {phone.text for phone in utterance.phones} >= {"w", "k"}


def test_words_that_are_run_together_are_told_apart(lexicon):
    utterance = Espeak(lexicon).say("he was in the garden")
    word = {span.text: span for span in utterance.words}
    assert word["in"].end <= word["the"].start < word["the"].end <= word["garden"].start


def test_rate_pitch_and_volume_do_what_they_say(lexicon):
    espeak = Espeak(lexicon)
    slow, fast = (espeak.say(TEXT, rate=rate).audio for rate in (110, 220))
    soft, loud = (espeak.say(TEXT, volume=volume).audio for volume in (40, 160))
    low, high = (depth(espeak.say(TEXT, pitch=pitch).audio) for pitch in (10, 90))
    assert len(slow) > 1.5 * len(fast)
    assert loud.std() > 2 * soft.std()
    assert low > 2 * high


def depth(audio):
    """Power below 115 Hz, where a low voice's pitch is, as a share of that below 250 Hz."""
    power = np.abs(np.fft.rfft(audio)) ** 2
    low, high = (round(hz * len(audio) / SAMPLE_RATE_HZ) for hz in (115, 250))
    return power[:low].sum() / power[:high].sum()


def test_a_voice_that_is_not_there_is_refused(lexicon):
    with pytest.raises(ValueError, match="no voice nobody"):
        Espeak(lexicon).say("hello", voice="nobody")
