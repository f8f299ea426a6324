// The keys of a clip's page; the page lists them in its help.
"use strict";

const KEYS = {
  " ": "toggle", k: "toggle", ArrowLeft: "back", ArrowRight: "forward", Home: "begin",
  End: "finish", "[": "word_back", "]": "word_forward", "+": "closer", "=": "closer", "-": "wider",
  0: "all",
  f: "follow", m: "mute", v: "speak", d: "drag", "?": "help",
};
const SHIFTED = { ArrowLeft: "second_back", ArrowRight: "second_forward" };

// Where keys have a meaning of their own.
const TYPING = "input:not([type=checkbox]):not([type=radio]), select, textarea, dialog";

function listenToKeys(perform) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest(TYPING)) return;
    if (event.key === " " && event.target.closest("button, a, summary, input")) return;
    if (event.key.startsWith("Arrow") && event.target.closest("input")) return;
    const action = (event.shiftKey && SHIFTED[event.key]) || KEYS[event.key];
    if (!action) return;
    event.preventDefault();
    perform(action);
  });
}
