"""Each line of the table in docs/annotations.md reads a tiny file of that form."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from places import ROOT
from rated_clips import labels

NONE = np.nan
PARAMS = dict(
    re.findall(
        r"^\| ([^|]+?) \| .* \| `(\{.*\})` \|$", (ROOT / "docs/annotations.md").read_text(), re.M
    )
)


class Form(NamedTuple):
    """Files of a source, and the labels (T,) by target that a person reads in them."""

    files: dict[str, str | bytes]
    labels: dict[str, list[float]]
    clip: dict[str, Any] = {}


CARMA = """Time of Rating,03-Feb-2014 10:11:12
Multimedia File,c1.mp4
Lower Label,negative
Upper Label,positive
Minimum Value,-100
Maximum Value,100
Number of Steps,9
Second,Rating
%%%%%%,%%%%%%
"""
DARMA = """Time of Rating,03-Feb-2014 10:11:12,,
Multimedia File,c1.mp4,,
Magnitude,1000,,
Second,X,Y,B
%%%%%%,%%%%%%,%%%%%%,%%%%%%
1.00,500,-100,0
2.00,,,0
3.00,700,-300,0
4.00,800,-400,0
"""
PAGAN = """OriginalName,DatabaseName,Participant,SessionID,Timestamp,VideoTime,Value
c1.mp4,c1_x,P1,s1,1700000000000,0,50
c1.mp4,c1_x,P1,s1,1700000000500,500,100
c1.mp4,c1_x,P1,s1,1700000000700,750,100
c2.mp4,c2_x,P1,s2,1700000100000,0,0
c1.mp4,c1_x,P2,s3,1700000200000,0,50
c1.mp4,c1_x,P2,s3,1700000200700,750,50
c1.mp4,c1_x,P3,s4,1700000300000,0,0
c1.mp4,c1_x,P3,s4,1700000300700,750,75
"""
NOVA = """<?xml version="1.0" ?>
<annotation ssi-v="3">
    <info ftype="{}" size="4" />
    <scheme name="arousal" type="CONTINUOUS" sr="4" min="0" max="1" />
</annotation>
"""
AFEW = """{"video_id": "c1", "frames": {
 "00001": {"landmarks": [[1, 2]], "arousal": 5.0, "valence": -10.0},
 "00000": {"landmarks": [[1, 2]], "arousal": 0.0, "valence": 2.0},
 "00003": {"landmarks": [[1, 2]], "arousal": 10.0, "valence": null},
 "00002": {"landmarks": [[1, 2]], "arousal": 7, "valence": -5.0}}}
"""
FORMS = {
    "RECOLA, raters": Form(
        {
            "arousal/c1.csv": "time;FM1 ;FM2 ;FF1 \n"
            "0.00;0.1;0.2;-0.1\n0.25;0.3;0.4;0.1\n0.50;-0.1;0.0;-0.3\n0.75;0.1;0.2;-0.1\n"
        },  # the same but for their means: equal weights
        {"arousal": [0.2 / 3, 0.8 / 3, -0.4 / 3, 0.2 / 3]},
    ),
    "RECOLA, gold standard": Form(
        {
            "arousal/c1.arff": "@relation x\n\n@attribute Instance_name string\n"
            "@attribute frameTime numeric\n@attribute 'GoldStandard' numeric\n\n@data\n"
            "'dev_1',0.00,0.1\n'dev_1',0.25,?\n'dev_1',0.50,0.3\n"
        },
        {"arousal": [0.1, 0.2, 0.3, NONE]},
    ),
    "SEWA": Form(
        {
            "c1.csv": "name;timestamp;arousal;valence;liking\n"
            "'SEWA_1';0.0;0.1;-0.1;0\n'SEWA_1';0.5;0.3;-0.3;0\n'SEWA_1';0.75;0.5;-0.5;0\n"
        },
        {"valence": [-0.1, -0.2, -0.3, -0.5], "arousal": [0.1, 0.2, 0.3, 0.5]},
    ),
    "MuSe": Form(
        {"arousal/c1.csv": "timestamp,value\n0,0.1\n500,0.3\n1000,0.2\n"},
        {"arousal": [0.1, 0.2, 0.3, 0.25]},
    ),
    "MuSe-Toolbox, raters": Form(
        {"raw/arousal/c1.csv": "timestamp,1,2\n0.50,0.1,0.2\n1.00,0.3,0.4\n1.50,0.2,0.3\n"},
        {"arousal": [0.15, 0.25, 0.35, 0.3]},
    ),
    "MuSe-Toolbox, gold standard": Form(
        {"processed/arousal/c1.csv": "Time,value\n0,0.15\n500,0.35\n1000,0.25\n"},
        {"arousal": [0.15, 0.25, 0.35, 0.3]},
    ),
    "AFEW-VA": Form(
        {"c1/c1.json": AFEW},
        {"valence": [0.2, -1.0, -0.5, NONE], "arousal": [0, 0.5, 0.7, 1]},
    ),
    "VEATIC": Form(
        {"c1_valence.csv": "0.1\n0.2\n-0.3\n0.4\n", "c1_arousal.csv": "1\n-1\n0\n0.5\n"},
        {"valence": [0.1, 0.2, -0.3, 0.4], "arousal": [1, -1, 0, 0.5]},
    ),
    "OMG-Emotion": Form(
        {
            "train.csv": "link,start,end,video,utterance,arousal,valence,EmotionMaxVote\n"
            "https://x/a?b=1,0.2,0.6,c1,utterance_1.mp4,0.75,-0.5,3\n"
            "https://x/a?b=2,0.0,1.0,c2,utterance_1.mp4,0.25,-0.9,3\n"
            "https://x/a?b=1,0.7,0.9,c1,utterance_2.mp4,0.50,0.5,4\n"
        },
        {"arousal": [NONE, 0.5, 0.5, 0.0], "valence": [NONE, -0.5, -0.5, 0.5]},
    ),
    "SEND": Form(
        {"c1.csv": "evaluatorWeightedEstimate\n50\n75\n25\n"}, {"valence": [0, 0.25, 0.5, 0]}
    ),
    "MSP-Conversation": Form(
        {
            "arousal/c1_001.csv": CARMA + "1,10\n2,30\n3,20\n",
            "arousal/c1_002.csv": CARMA + "1,20\n2,40\n3,30\n",
            "arousal/c1_2_003.csv": CARMA + "1,99\n2,-99\n3,99\n",  # of the clip c1_2
        },
        {"arousal": [0.15, 0.35, 0.25]},
        {"frames": 3, "fps": 1.0},
    ),
    "K-EmoCon": Form(
        {
            "c1.self.csv": "seconds,arousal,valence\n5,1,3\n10,5,4\n15,3,2\n",
            "c1.partner.csv": "seconds,arousal,valence\n5,2,3\n10,4,5\n15,3,4\n",
        },
        {"arousal": [-0.75, 0.75, 0], "valence": [0, 0.75, 0]},
        {"frames": 3, "fps": 0.2},
    ),
    "CASE": Form(
        {"c1.txt": "0.00\t0\t26225\n0.25\t-26225\t0\n0.50\t13112.5\t0\n0.75\t0\t0\n"},
        {"valence": [0, -1, 0.5, 0], "arousal": [1, 0, 0, 0]},
    ),
    "CARMA": Form(
        {"c1.csv": CARMA + "1,50\n2,-100\n3,0\n"},
        {"valence": [0.5, -1, 0]},
        {"frames": 3, "fps": 1.0},
    ),
    "DARMA": Form(
        {"c1.csv": DARMA},
        {"valence": [0.5, 0.6, 0.7, 0.8], "arousal": [-0.1, -0.2, -0.3, -0.4]},
        {"frames": 4, "fps": 1.0},
    ),
    "PAGAN": Form(
        {"arousal.csv": PAGAN},  # P2 never moves; P3 is on the line from -1 to 0.5
        {"arousal": [-0.5, 0, 0.5, 0.75]},
    ),
    "NOVA": Form(
        {
            "c1/arousal.r1.annotation": NOVA.format("ASCII"),
            "c1/arousal.r1.annotation~": "0,5;1\n1;1\n0,75;0,6\n0,5;1\n",
            "c1/arousal.r2.annotation": NOVA.format("BINARY"),
            "c1/arousal.r2.annotation~": np.array(
                [[0.5, 1], [0.5, 1], [0.25, 1], [np.nan, 0]], "<f4"
            ).tobytes(),
        },
        {"arousal": [0, 0.5, 0, 0]},
    ),
    "ELAN": Form(
        {
            "c1.txt": "arousal\t0.000\t0.300\t0.5\narousal\t0.500\t1.000\t-0.5\n"
            "valence\t0.200\t0.700\t0.1\nwords\t0.1\t0.9\tgood morning\n"
        },
        {"valence": [NONE, 0.1, 0.1, NONE], "arousal": [0.5, 0.5, -0.5, -0.5]},
    ),
}


def test_each_line_of_the_table_is_tested() -> None:
    assert sorted(PARAMS) == sorted(FORMS)


@pytest.mark.parametrize("source", FORMS)
def test_the_params_of_the_table_read_a_file_of_that_form(source: str, tmp_path: Path) -> None:
    form = FORMS[source]
    rated = labels(tmp_path, form.files, PARAMS[source], list(form.labels), **form.clip)
    assert rated.labels.dtype == np.float32
    expected = np.array(list(form.labels.values())).T
    np.testing.assert_allclose(rated.labels, expected, atol=1e-6)
