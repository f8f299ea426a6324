// A clip's page: the clock is the one thing that all parts follow, and that all parts set.
"use strict";

addEventListener("DOMContentLoaded", () => {
  const root = document.querySelector("[data-clip]");
  const data = report.data[root.dataset.clip];
  const find = (name) => root.querySelector(`[data-part="${name}"]`);
  const frames = new Frames(data);
  const clock = new Clock(frames);
  const axis = new Axis(frames.start, frames.stop);
  const { words } = data;
  const targets = data.targets.map(unpackedTarget);
  const wordAt = (seconds) => {
    const word = words ? sortedAfter(words.start, seconds + 1e-6) - 1 : -1;
    return word >= 0 && seconds < words.end[word] ? word : -1; // of two at a time, the later one
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

  // A click on a word seeks to the first frame on which it is spoken; to the one before, if it is
  // spoken between two frames.
  const sought = { word: -1, frame: -1 };
  const seekWord = (word) => {
    const { start, end } = words;
    const frame = frames.at(start[word]);
    const next = Math.min(frame + 1, frames.count - 1);
    const begun = frames.time(frame) >= start[word] || frames.time(next) >= end[word];
    clock.seek(begun ? frame : next);
    Object.assign(sought, { word, frame: clock.frame });
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

  const hover = new Hover(find("hover"), find("pointer"), readout, axis, wordAt);
  followPointer(timeline, axis, frames, clock, hover);
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

  const actions = actionsOf({
    clock, frames, axis, traces, words, seekWord, sought, readout, find,
  });
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

// What buttons and keys do, by name.
function actionsOf({ clock, frames, axis, traces, words, seekWord, sought, readout, find }) {
  const by = (seconds) => clock.seek(frames.at(clock.seconds + seconds));
  const wordNear = (step) => {
    if (!words?.text.length) return;
    const begun = sortedAfter(words.start, clock.seconds + 1e-6) - 1;
    const last = clock.frame === sought.frame ? sought.word : begun;
    seekWord(Math.min(Math.max(last + step, 0), words.text.length - 1));
  };
  return {
    toggle: () => clock.toggle(),
    back: () => clock.seek(clock.frame - 1),
    forward: () => clock.seek(clock.frame + 1),
    second_back: () => by(-1),
    second_forward: () => by(1),
    begin: () => clock.seek(0),
    finish: () => clock.seek(frames.count - 1),
    word_back: () => wordNear(-1),
    word_forward: () => wordNear(1),
    closer: () => axis.zoom(0.5, clock.seconds),
    wider: () => axis.zoom(2, clock.seconds),
    all: () => axis.showAll(),
    follow: () => (find("follow").checked = !find("follow").checked),
    mute: () => (find("video").muted = !find("video").muted),
    speak: () => (find("spoken").textContent = readout.sentence()),
    help: () => find("help").showModal(),
    drag: () => {
      const pans = traces.dragmode === "pan";
      traces.drag(pans ? "zoom" : "pan");
      find("drag").setAttribute("aria-pressed", !pans);
    },
  };
}

const KEEP_IN_SIGHT = new Set(
  ["back", "forward", "second_back", "second_forward", "begin", "finish"],
);

// A target with its arrays, and with the lowest and the highest of its folds by frame.
function unpackedTarget(target) {
  const unpacked = (array) => array && report.unpack(array);
  const folds = target.folds.map((fold) => ({ ...fold, values: unpacked(fold.values) }));
  const extreme = (choose) =>
    folds.length
      ? folds[0].values.map((_, frame) => choose(...folds.map((fold) => fold.values[frame])))
      : null;
  return {
    ...target,
    truth: unpacked(target.truth),
    prediction: unpacked(target.prediction),
    folds,
    lowest: extreme(Math.min),
    highest: extreme(Math.max),
  };
}
