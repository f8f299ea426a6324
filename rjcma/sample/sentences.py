"""The sentences of the sample corpus, from a small vocabulary, in written and plain form.

A sentence is a template whose slots are filled at random. It is *written* with its capitals and
punctuation ("Yes, I will help us tonight."), and *plain* as a recogniser hears it ("yes i will
help us tonight"). The sample's Vosk model knows only the words of `VOCABULARY`: after changing
`SLOTS` or `TEMPLATES`, build it again (models/build_vosk_sample.py), and the punctuation model
(models/build_punctuation_sample.py).

`AFFECT` gives valence and arousal of the words that carry affect, and `fitting_sentence` draws a
sentence whose words suit a state. The numbers are ours, set by hand in the manner of affective
word norms in psycholinguistics.
"""

from __future__ import annotations

import random
import re

SLOTS = {
    name: tuple(fillers.split("|"))
    for name, fillers in {
        "mood": "happy|sad|angry|calm|excited|afraid|proud|lonely|tired|nervous|worried|furious|"
        "cheerful|upset|bored|surprised|scared|relaxed|grateful|jealous|hopeful|miserable|"
        "delighted|disappointed|ashamed",
        "deg": "so|very|really|quite|extremely|not",
        "when": "today|now|tonight|again|yesterday|this morning|every evening|always||||",
        "they": "we|they",
        "he": "he|she",
        "pron": "i|you|he|she|we|they",
        "obj": "me|you|him|her|us|them",
        "person": "my friend|my mother|your father|her sister|my brother|the teacher|the doctor|"
        "the baby|our neighbor|the little girl|his son",
        "did": "broke|lost|found|opened|closed|loved|hated|bought|sold|painted|forgot|remembered|"
        "missed|finished|stole|wanted",
        "act": "open|close|break|take|bring|watch|keep|find|touch|forget|remember|move|clean|leave",
        "noun": "window|door|letter|picture|music|song|story|movie|game|garden|dinner|cake|coffee|"
        "car|phone|dog|cat|book|train|birthday|party|present|flower|problem|answer|money",
        "adj": "beautiful|wonderful|terrible|awful|lovely|horrible|quiet|loud|old|little|strange|"
        "funny|boring|broken|perfect|favorite|big",
        "place": "house|kitchen|park|school|city|office|beach|street|hospital|river",
        "doing": "crying|laughing|smiling|shouting|sleeping|dancing|singing|working|running|"
        "talking|playing|screaming|waiting",
        "poss": "my|your|our|his|her",
        "feel": "love|hate|need|want|miss",
    }.items()
}
"""What may stand in each slot of a template; an empty filler leaves the slot out."""

TEMPLATES = """
i am {deg} {mood} {when}.
{he} is {deg} {mood} {when}.
{he} was {deg} {mood} {when}.
{they} are {deg} {mood} {when}.
{they} were {mood} about the {noun}.
{person} is {deg} {mood} {when}.
{person} was {mood}, because of the {adj} {noun}.
i feel {deg} {mood} about the {noun}.
do you feel {mood} {when}?
why are you {deg} {mood} {when}?
{person} {did} the {noun} {when}.
{pron} {did} {poss} {adj} {noun} {when}.
{person} {did} the {adj} {noun}, and {did} the {noun}.
what a {adj} {noun}.
this is a {deg} {adj} {noun}.
that was the {adj} {noun} of {person}.
please, {act} the {noun} {when}.
please, don't {act} {poss} {adj} {noun}.
never {act} {poss} {noun} again.
i can't believe {he} {did} the {noun}.
thank you for the {adj} {noun}.
i {feel} {person} so much.
why did you {act} {poss} {noun}?
i {feel} {poss} {noun} and {poss} {noun}.
they {feel} the {adj} {noun} with {obj}.
how can {pron} {act} the {adj} {noun}?
we are waiting for {person} at the {place}.
{person} is {doing} in the {place} {when}.
stop {doing} at {obj} {when}.
the {noun} is {deg} {adj}, but i {feel} it.
everything is {adj} in the {place}.
nothing makes {obj} {mood} {when}.
it makes {obj} {mood} to {act} the {noun}.
let us go to the {place} with {person}.
you will {act} the {noun}, and go to the {place}.
where is {poss} {adj} {noun}?
there is a {noun} in the {place}.
there is no {noun} at the {place} {when}.
i think {person} will {act} the {noun}.
yes, i will help {obj} {when}.
no, you can't {act} it.
come here, and {act} the {noun}.
i hope {he} will come to the {place} {when}.
""".strip().split("\n")
"""Sentences with slots, in lower case, with their punctuation."""

MARKS = ".,?"


def plain(text: str) -> str:
    """A written sentence as a recogniser hears it: lower case, no punctuation.

    >>> plain("No, you can't touch it.")
    "no you can't touch it"
    """
    return text.lower().translate(str.maketrans("", "", MARKS))


def _vocabulary() -> list[str]:
    frames = [re.sub(r"\{\w+\}", "", plain(template)) for template in TEMPLATES]
    fillers = [filler for choices in SLOTS.values() for filler in choices]
    return sorted({word for text in frames + fillers for word in text.split()})


VOCABULARY = _vocabulary()
"""Every word that a sentence may contain, sorted; the vocabulary of the sample's Vosk model."""


def written_sentence(rng: random.Random) -> str:
    """A random sentence with its capitals and punctuation ("Why are you so sad now?")."""
    filled = re.sub(r"\{(\w+)\}", lambda slot: rng.choice(SLOTS[slot[1]]), rng.choice(TEMPLATES))
    tight = re.sub(rf"\s+([{MARKS}])", r"\1", " ".join(filled.split()))
    capital = re.sub(r"\bi\b", "I", tight)
    return capital[0].upper() + capital[1:]


def plain_sentence(rng: random.Random) -> str:
    """The same random sentence, plain ("why are you so sad now")."""
    return plain(written_sentence(rng))


def marked_words(text: str) -> list[tuple[str, str]]:
    """The plain words of written sentences, each with the mark that follows it, or "".

    >>> marked_words("Yes, I will. Do you?")
    [('yes', ','), ('i', ''), ('will', '.'), ('do', ''), ('you', '?')]
    """
    return [(plain(word), word[-1] if word[-1] in MARKS else "") for word in text.split()]


AFFECT: dict[str, tuple[float, float]] = {
    # moods
    "happy": (0.8, 0.4),
    "sad": (-0.7, -0.4),
    "angry": (-0.7, 0.7),
    "calm": (0.5, -0.8),
    "excited": (0.7, 0.9),
    "afraid": (-0.6, 0.5),
    "proud": (0.7, 0.3),
    "lonely": (-0.6, -0.5),
    "tired": (-0.4, -0.8),
    "nervous": (-0.4, 0.5),
    "worried": (-0.5, 0.3),
    "furious": (-0.8, 1.0),
    "cheerful": (0.8, 0.5),
    "upset": (-0.7, 0.4),
    "bored": (-0.4, -0.7),
    "surprised": (0.2, 0.8),
    "scared": (-0.6, 0.7),
    "relaxed": (0.6, -0.8),
    "grateful": (0.8, 0.0),
    "jealous": (-0.5, 0.3),
    "hopeful": (0.6, 0.1),
    "miserable": (-0.9, -0.3),
    "delighted": (0.9, 0.6),
    "disappointed": (-0.7, -0.3),
    "ashamed": (-0.6, -0.1),
    # what things are like
    "beautiful": (0.8, 0.1),
    "wonderful": (0.9, 0.4),
    "terrible": (-0.8, 0.4),
    "awful": (-0.8, 0.2),
    "lovely": (0.8, 0.0),
    "horrible": (-0.9, 0.5),
    "quiet": (0.2, -0.8),
    "loud": (-0.2, 0.8),
    "strange": (-0.2, 0.2),
    "funny": (0.7, 0.5),
    "boring": (-0.5, -0.7),
    "broken": (-0.6, -0.1),
    "perfect": (0.9, 0.2),
    "favorite": (0.7, 0.1),
    # what people feel and do
    "love": (0.9, 0.4),
    "hate": (-0.9, 0.6),
    "miss": (-0.4, -0.2),
    "loved": (0.8, 0.3),
    "hated": (-0.8, 0.5),
    "lost": (-0.6, -0.1),
    "broke": (-0.6, 0.4),
    "stole": (-0.7, 0.6),
    "found": (0.4, 0.2),
    "help": (0.4, 0.1),
    "thank": (0.7, 0.0),
    "crying": (-0.8, 0.3),
    "laughing": (0.8, 0.6),
    "smiling": (0.8, 0.1),
    "shouting": (-0.5, 0.9),
    "screaming": (-0.6, 1.0),
    "sleeping": (0.2, -1.0),
    "dancing": (0.7, 0.7),
    "singing": (0.6, 0.4),
    "running": (0.0, 0.7),
    "playing": (0.6, 0.4),
    "waiting": (-0.1, -0.5),
    "stop": (-0.4, 0.5),
    "never": (-0.3, 0.2),
    "no": (-0.3, 0.1),
    "yes": (0.4, 0.1),
    "extremely": (0.0, 0.4),
    "hope": (0.5, 0.0),
    "party": (0.6, 0.6),
    "birthday": (0.6, 0.4),
    "problem": (-0.5, 0.2),
}
"""Valence and arousal, in [-1, 1], of the words that carry any."""

CANDIDATES = 40


def affect(text: str) -> tuple[float, float] | None:
    """The mean valence and arousal of a sentence's words, None if no word carries affect.

    "not" halves the values of the next word and reverses their signs.

    >>> affect("He is not happy.")
    (-0.4, -0.2)
    """
    words = plain(text).split()
    turned = [-0.5 if before == "not" else 1.0 for before in ["", *words]]
    pairs = [
        (AFFECT[word][0] * turn, AFFECT[word][1] * turn)
        for word, turn in zip(words, turned)
        if word in AFFECT
    ]
    if not pairs:
        return None
    valences, arousals = zip(*pairs)
    return sum(valences) / len(pairs), sum(arousals) / len(pairs)


def fitting_sentence(
    rng: random.Random, valence: float, arousal: float, noise: float = 0.25
) -> str:
    """A written sentence whose words suit a state.

    Normal noise of standard deviation `noise` is added to the state. Of `CANDIDATES` random
    sentences, the nearest one that carries affect is taken.
    """
    aim = valence + rng.gauss(0, noise), arousal + rng.gauss(0, noise)
    best, least = "", float("inf")
    for _ in range(CANDIDATES):
        text = written_sentence(rng)
        felt = affect(text)
        if felt is None:
            continue
        distance = (felt[0] - aim[0]) ** 2 + (felt[1] - aim[1]) ** 2
        if distance < least:
            best, least = text, distance
    return best or written_sentence(rng)
