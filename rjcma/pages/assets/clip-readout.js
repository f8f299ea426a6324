// The values of a frame: beside the video, under the pointer, and as a sentence for screen readers.
"use strict";

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
    const lines = this.lines(this.frame, this.word);
    return [`At ${seconds} seconds, frame ${this.frame}`, ...lines].join(". ");
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
