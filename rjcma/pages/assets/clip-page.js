// A clip's page: the clock is the one thing that all parts follow, and that all parts set.
"use strict";

addEventListener("DOMContentLoaded", () => {
  const root = document.querySelector("[data-clip]");
  const data = report.data[root.dataset.clip];
  const find = (name) => root.querySelector(`[data-part="${name}"]`);
  const frames = new Frames(data);
  const clock = new Clock(frames);
  const axis = new Axis(frames.start, frames.stop);
  const words = data.words && unpackedWords(data.words);
  const targets = data.targets.map(unpackedTarget);
  const wordAt = (seconds) => {
    const word = words ? sortedAfter(words.start, seconds + 1e-6) - 1 : -1;
    return word >= 0 && seconds < words.end[word] ? word : -1;
  };

  const timeline = find("timeline");
  axis.width = timeline.clientWidth;
  const traces = new Traces(find("traces"), targets, frames, axis);
  const lanes = [];
  const lane = (name, kind, ...rest) => {
    const made = new kind(find(name), axis, ...rest);
    lanes.push(made);
    return made;
  };
  if (data.faces) lane("faces", FaceLane, frames, data.faces);
  const wordLane = words && lane("words", WordLane, words);
  if (data.sound) lane("sound", SoundLane, data.sound);

  // A click on a word seeks to the first frame on which it is spoken.
  const seekWord = (word) => {
    const { start, end } = words;
    const frame = frames.at(start[word]);
    const next = Math.min(frame + 1, frames.count - 1);
    const begun = frames.time(frame) >= start[word] || frames.time(next) >= end[word];
    clock.seek(begun ? frame : next);
    axis.reveal(clock.seconds);
  };
  const transcript = words && new Transcript(find("transcript"), words, seekWord);
  const readout = new Readout(find("readout"), find("clock"), targets, frames, data, words);
  const cursor = find("cursor");
  const place = (line, seconds) => {
    const x = axis.x(seconds);
    line.hidden = x < Axis.LEFT - 1 || x > axis.width - Axis.RIGHT + 1;
    line.style.transform = `translateX(${x}px)`;
  };

  const marks = [find("mark-row"), find("mark-column")];
  const textAt = (seconds) => (wordAt(seconds) < 0 ? "" : ` “${words.text[wordAt(seconds)]}”`);
  const parts = { frames, axis, clock, place, marks, textAt };
  const attention = data.attention && new Attention(find("attention"), data, parts);

  clock.onFrame.push((frame) => {
    const word = wordAt(frames.time(frame));
    if (clock.playing && find("follow").checked) axis.reveal(clock.seconds);
    place(cursor, clock.seconds);
    wordLane?.show(word);
    transcript?.show(word, clock.playing);
    readout.show(frame, word);
    attention?.show(frame);
  });
  axis.listeners.push(() => place(cursor, clock.seconds));

  const toggle = find("toggle");
  clock.onState.push(() => {
    toggle.textContent = clock.playing ? "Pause" : "Play";
    root.dataset.playing = clock.playing;
  });

  // The pointer over the timeline: values at its time, a click seeks, a drag over lanes scrubs.
  const hover = new Hover(find("hover"), find("pointer"), readout, axis, wordAt);
  const seconds = (event) => axis.seconds(event.clientX - timeline.getBoundingClientRect().left);
  const inside = (time) => time >= axis.start && time <= axis.stop;
  let pressed = null;
  timeline.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    pressed = { x: event.clientX, y: event.clientY, at: event.timeStamp, lane: event.target.closest("canvas") };
    if (pressed.lane && inside(seconds(event))) clock.seek(frames.at(seconds(event)));
  }, { capture: true });
  addEventListener("pointermove", (event) => {
    if (pressed?.lane) clock.seek(frames.at(Math.min(Math.max(seconds(event), axis.start), axis.stop)));
  });
  addEventListener("pointerup", (event) => {
    const moved = pressed && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > 4;
    if (pressed && !pressed.lane && !moved && inside(seconds(event))) clock.seek(frames.at(seconds(event)));
    pressed = null;
  });
  addEventListener("pointercancel", () => (pressed = null));
  timeline.addEventListener("pointermove", (event) => {
    const time = seconds(event);
    if (event.pointerType === "mouse" && inside(time)) hover.show(frames.at(time), event);
    else hover.hide();
  });
  timeline.addEventListener("pointerleave", () => hover.hide());
  timeline.addEventListener("dblclick", () => axis.showAll());

  new ResizeObserver(() => {
    if (axis.width === timeline.clientWidth) return;
    axis.width = timeline.clientWidth;
    axis.listeners.forEach((listener) => listener());
  }).observe(timeline);
  // At once: before a page is printed there is no further picture of the screen.
  const redraw = () => {
    axis.width = timeline.clientWidth;
    traces.draw();
    lanes.forEach((each) => each.drawNow());
    place(cursor, clock.seconds);
  };
  report.onTheme.push(redraw);
  // On paper, what lies over one another must have one width: that of A4 and of Letter.
  const onPaper = (width) => () => {
    timeline.style.width = width;
    redraw();
  };
  addEventListener("beforeprint", onPaper("680px"));
  addEventListener("afterprint", onPaper(""));

  const speak = () => (find("spoken").textContent = readout.sentence());
  const actions = {
    toggle: () => clock.toggle(),
    back: () => clock.seek(clock.frame - 1),
    forward: () => clock.seek(clock.frame + 1),
    second_back: () => clock.seek(frames.at(clock.seconds - 1)),
    second_forward: () => clock.seek(frames.at(clock.seconds + 1)),
    begin: () => clock.seek(0),
    finish: () => clock.seek(frames.count - 1),
    word_back: () => words && wordNear(-1),
    word_forward: () => words && wordNear(1),
    closer: () => axis.zoom(0.5, clock.seconds),
    wider: () => axis.zoom(2, clock.seconds),
    all: () => axis.showAll(),
    follow: () => (find("follow").checked = !find("follow").checked),
    mute: () => (find("video").muted = !find("video").muted),
    speak,
    help: () => find("help").showModal(),
    drag: () => {
      const pan = traces.dragmode !== "pan";
      traces.drag(pan ? "pan" : "zoom");
      root.querySelector('[data-do="drag"]').setAttribute("aria-pressed", pan);
    },
  };
  const wordNear = (step) => {
    const last = sortedAfter(words.start, clock.seconds + 1e-6) - 1;
    const next = Math.min(Math.max(last + step, 0), words.text.length - 1);
    if (words.text.length) seekWord(next);
  };
  const perform = (name) => {
    actions[name]();
    if (KEEP_IN_SIGHT.has(name)) axis.reveal(clock.seconds);
  };
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) perform(button.dataset.do);
  });
  find("video").addEventListener("click", () => clock.toggle());
  find("rate").addEventListener("change", (event) => clock.setRate(Number(event.target.value)));
  listenToKeys(perform);

  new VideoSource(data.video, clock, {
    video: find("video"), box: find("box"), note: find("note"),
    folder: find("folder"), form: find("source"), file: find("file"),
  });
  lanes.forEach((each) => each.redraw());
  const asked = /^#t=([\d.]+)$/.exec(location.hash); // a link may name a time: clip.html#t=12.5
  clock.seek(asked ? frames.at(Number(asked[1])) : 0);
  root.dataset.ready = "";
});

const KEEP_IN_SIGHT = new Set(
  ["back", "forward", "second_back", "second_forward", "begin", "finish"],
);

const KEYS = {
  " ": "toggle", k: "toggle", ArrowLeft: "back", ArrowRight: "forward", Home: "begin", End: "finish",
  "[": "word_back", "]": "word_forward", "+": "closer", "=": "closer", "-": "wider", 0: "all",
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

function unpackedWords({ text, start, end }) {
  return { text, start: report.unpack(start), end: report.unpack(end) };
}

// A target with its arrays, and with the lowest and the highest of its folds by frame.
function unpackedTarget(target) {
  const unpacked = (array) => array && report.unpack(array);
  const folds = target.folds.map((fold) => ({ ...fold, values: unpacked(fold.values) }));
  const extreme = (choose) =>
    folds.length ? folds[0].values.map((_, frame) => choose(...folds.map((f) => f.values[frame]))) : null;
  return {
    ...target,
    truth: unpacked(target.truth),
    prediction: unpacked(target.prediction),
    folds,
    lowest: extreme(Math.min),
    highest: extreme(Math.max),
  };
}

// The values of a frame: in the table beside the video, and as a sentence.
class Readout {
  constructor(table, time, targets, frames, data, words) {
    Object.assign(this, { table, time, targets, frames, data, words });
    this.frame = 0;
    this.word = -1;
  }

  show(frame, word) {
    this.frame = frame;
    this.word = word;
    const { table, time, frames } = this;
    time.textContent =
      `${minutes(frames.time(frame), 2)} of ${minutes(frames.stop, 2)}, frame ${frame}`;
    this.targets.forEach((target, row) => {
      const values = {
        truth: number(target.truth?.[frame]),
        prediction: number(target.prediction?.[frame]),
        band: this.band(target, frame),
      };
      for (const cell of table.tBodies[0].rows[row].querySelectorAll("[data-value]")) {
        cell.textContent = values[cell.dataset.value];
      }
    });
  }

  band(target, frame) {
    if (!target.folds.length) return "–";
    return `${number(target.lowest[frame])} to ${number(target.highest[frame])}`;
  }

  faceIsMissing(frame) {
    return this.data.faces?.missing.some(([first, stop]) => first <= frame && frame < stop);
  }

  lines(frame, word) {
    const lines = this.targets.map((target) => {
      const parts = [];
      if (target.truth) parts.push(`truth ${number(target.truth[frame])}`);
      if (target.prediction) parts.push(`prediction ${number(target.prediction[frame])}`);
      if (target.folds.length > 1) parts.push(`folds ${this.band(target, frame)}`);
      return `${target.name}: ${parts.join(", ")}`;
    });
    if (word >= 0) lines.push(`Word: ${this.words.text[word]}`);
    if (this.faceIsMissing(frame)) lines.push("No face");
    return lines;
  }

  sentence() {
    const seconds = this.frames.time(this.frame).toFixed(2);
    return [`At ${seconds} seconds, frame ${this.frame}.`, ...this.lines(this.frame, this.word)].join(". ");
  }
}

function number(value) {
  return value === undefined || Number.isNaN(value) ? "–" : value.toFixed(3).replace("-", "−");
}

// What the pointer is over: a line through all lanes, and a box with the values there.
class Hover {
  constructor(box, line, readout, axis, wordAt) {
    Object.assign(this, { box, line, readout, axis, wordAt });
  }

  show(frame, event) {
    const { box, line, readout, axis } = this;
    const seconds = readout.frames.time(frame);
    line.hidden = box.hidden = false;
    line.style.transform = `translateX(${axis.x(seconds)}px)`;
    const title = `${minutes(seconds, 2)}, frame ${frame}`;
    box.textContent = [title, ...readout.lines(frame, this.wordAt(seconds))].join("\n");
    const left = axis.x(seconds);
    const place = left > axis.width / 2 ? left - box.offsetWidth - 12 : left + 12;
    const top = event.clientY - box.parentElement.getBoundingClientRect().top + 14;
    box.style.transform = `translate(${place}px, ${top}px)`;
  }

  hide() {
    this.line.hidden = this.box.hidden = true;
  }
}
