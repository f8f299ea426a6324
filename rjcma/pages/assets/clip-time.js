// The time of a clip's page: its frames, and the stretch of time that is seen.
"use strict";

// The times of frames, in seconds from the video's first frame.
class Frames {
  constructor({ frames, fps, first, times }) {
    this.count = frames;
    this.fps = fps;
    this.first = first; // the video's frame with which the clip begins
    this.known = times;
  }

  // When a frame is shown.
  time(frame) {
    return this.known ? this.known[frame] : (this.first + frame) / this.fps;
  }

  // When the frame after it is shown.
  end(frame) {
    return frame + 1 < this.count ? this.time(frame + 1) : this.time(frame) + 1 / this.fps;
  }

  get start() {
    return this.time(0);
  }
  get stop() {
    return this.end(this.count - 1);
  }

  // The frame that is shown at a time.
  at(seconds) {
    const frame = this.known
      ? sortedAfter(this.known, seconds + 1e-6) - 1
      : Math.floor((seconds + 1e-6) * this.fps) - this.first;
    return Math.min(Math.max(frame, 0), this.count - 1);
  }
}

// How many of the sorted values are at most `value`.
function sortedAfter(values, value) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The stretch of time that the traces and all lanes show, and where a time lies in it.
class Axis {
  // Pixels to the left and right of what is drawn, in every lane: room for names and numbers.
  static LEFT = 64;
  static RIGHT = 12;
  static SHORTEST = 0.4; // seconds

  constructor(start, stop) {
    this.whole = [start, stop];
    [this.start, this.stop] = this.whole;
    this.width = 600; // pixels of a lane, with both margins
    this.listeners = [];
  }

  get inner() {
    return Math.max(this.width - Axis.LEFT - Axis.RIGHT, 10);
  }

  x(seconds) {
    return Axis.LEFT + ((seconds - this.start) / (this.stop - this.start)) * this.inner;
  }

  seconds(x) {
    return this.start + ((x - Axis.LEFT) / this.inner) * (this.stop - this.start);
  }

  // Show another stretch, moved into the clip; `by` is who asks and needs no call.
  show(start, stop, by) {
    const [first, last] = this.whole;
    const length = Math.min(Math.max(stop - start, Axis.SHORTEST), last - first);
    const begin = Math.min(Math.max(start, first), last - length);
    if (begin === this.start && begin + length === this.stop) return;
    this.start = begin;
    this.stop = begin + length;
    this.listeners.forEach((listener) => listener(by));
  }

  showAll() {
    this.show(...this.whole);
  }

  zoom(factor, around) {
    const part = (around - this.start) / (this.stop - this.start);
    const length = (this.stop - this.start) * factor;
    this.show(around - part * length, around + (1 - part) * length);
  }

  // Turn to the stretch in which a time lies, like a page.
  reveal(seconds) {
    if (seconds >= this.start && seconds < this.stop) return;
    const length = this.stop - this.start;
    this.show(seconds - length * 0.08, seconds + length * 0.92);
  }
}
