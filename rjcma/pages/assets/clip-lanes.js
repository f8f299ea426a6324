// The lanes above the traces, each a canvas on the same axis of time: faces, words, log-mel.
"use strict";

class Lane {
  constructor(canvas, axis, height) {
    this.canvas = canvas;
    this.axis = axis;
    this.height = height;
    this.pen = canvas.getContext("2d");
    axis.listeners.push(() => this.redraw());
  }

  // Draw again with the next picture of the screen.
  redraw() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.drawNow();
    });
  }

  drawNow() {
    this.clear();
    this.pen.save();
    this.pen.beginPath();
    this.pen.rect(Axis.LEFT, 0, this.axis.inner, this.height);
    this.pen.clip();
    this.draw();
    this.pen.restore();
  }

  clear() {
    const { canvas, axis, height, pen } = this;
    const sharp = devicePixelRatio || 1;
    const width = Math.round(axis.width * sharp);
    if (canvas.width !== width || canvas.height !== Math.round(height * sharp)) {
      canvas.width = width;
      canvas.height = Math.round(height * sharp);
      canvas.style.height = `${height}px`;
    }
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    pen.clearRect(0, 0, axis.width, height);
  }

  // A picture that makes the lane draw again when it is there.
  picture(address) {
    const image = new Image();
    image.addEventListener("load", () => this.redraw());
    image.src = address;
    return image;
  }

  pictureIsThere(image) {
    return image.complete && image.naturalWidth > 0;
  }
}

// Crops of the face, each at its time; hatched where there is none.
class FaceLane extends Lane {
  static SIDE = 48; // pixels
  static MARK = 5;
  static STEP = 0.125; // seconds between faces at least; a quarter more until they fit

  constructor(canvas, axis, frames, faces) {
    super(canvas, axis, FaceLane.SIDE + FaceLane.MARK + 2);
    this.frames = frames;
    this.faces = faces;
    this.kept = report.unpack(faces.kept);
    this.sheets = [];
  }

  draw() {
    const { axis, frames, pen } = this;
    const { SIDE } = FaceLane;
    let step = FaceLane.STEP;
    while ((step / (axis.stop - axis.start)) * axis.inner < SIDE + 2) step *= 1.25;
    for (let n = Math.floor(axis.start / step); n * step < axis.stop; n++) {
      const middle = (n + 0.5) * step;
      if (middle < frames.start || middle > frames.stop) continue;
      const x = axis.x(middle) - SIDE / 2;
      const frame = frames.at(middle);
      if (this.isMissing(frame)) this.drawMissing(x);
      else this.drawFace(frame, x);
    }
    pen.fillStyle = report.colour("var(--bad)");
    for (const [first, stop] of this.faces.missing) {
      const left = axis.x(frames.time(first));
      pen.fillRect(left, SIDE + 2, Math.max(axis.x(frames.end(stop - 1)) - left, 1), FaceLane.MARK);
    }
  }

  isMissing(frame) {
    return this.faces.missing.some(([first, stop]) => first <= frame && frame < stop);
  }

  // The kept crop that is nearest to the frame.
  drawFace(frame, x) {
    const { kept, faces, pen } = this;
    const after = Math.min(sortedAfter(kept, frame), kept.length - 1);
    const before = Math.max(after - 1, 0);
    const place = frame - kept[before] <= kept[after] - frame ? before : after;
    const number = Math.floor(place / faces.per_sheet);
    const sheet = (this.sheets[number] ??= this.picture(faces.sheets[number]));
    if (!this.pictureIsThere(sheet)) return;
    const inside = place % faces.per_sheet;
    const left = (inside % faces.columns) * faces.side;
    const top = Math.floor(inside / faces.columns) * faces.side;
    pen.drawImage(sheet, left, top, faces.side, faces.side, x, 0, FaceLane.SIDE, FaceLane.SIDE);
  }

  drawMissing(x) {
    const { pen } = this;
    const { SIDE } = FaceLane;
    pen.fillStyle = report.colour("var(--faint)");
    pen.fillRect(x, 0, SIDE, SIDE);
    pen.fillStyle = report.colour("var(--quiet)");
    pen.font = "11px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillText("no", x + SIDE / 2, SIDE / 2 - 2);
    pen.fillText("face", x + SIDE / 2, SIDE / 2 + 11);
  }
}

// Words, each at its time, as far as there is room; a line shows how long it lasts.
class WordLane extends Lane {
  constructor(canvas, axis, words) {
    super(canvas, axis, 26);
    this.words = words;
    this.present = -1;
  }

  show(word) {
    if (word === this.present) return;
    this.present = word;
    this.redraw();
  }

  draw() {
    const { axis, pen, words } = this;
    const [ink, quiet, lit] = ["--ink", "--quiet", "--lit"].map((name) =>
      report.colour(`var(${name})`),
    );
    pen.font = "13px system-ui, sans-serif";
    pen.textAlign = "left";
    let free = -Infinity;
    const first = Math.max(sortedAfter(words.start, axis.start) - 30, 0);
    for (let n = first; n < words.text.length && words.start[n] < axis.stop; n++) {
      const left = axis.x(words.start[n]);
      const length = Math.max(axis.x(words.end[n]) - left - 1, 1);
      if (n === this.present) {
        pen.fillStyle = lit;
        pen.fillRect(left - 2, 4, Math.max(length, pen.measureText(words.text[n]).width) + 4, 20);
      }
      pen.fillStyle = n === this.present ? ink : quiet;
      pen.fillRect(left, 0, length, 2.5);
      const hides = n + 1 === this.present && axis.x(words.start[n + 1]) < this.right(left, n);
      if ((left < free && n !== this.present) || hides) continue;
      pen.fillStyle = ink;
      pen.fillText(words.text[n], left, 19);
      free = this.right(left, n) + 5;
    }
  }

  right(left, word) {
    return left + this.pen.measureText(this.words.text[word]).width;
  }
}

// The log-mel spectrogram: low tones below.
class SoundLane extends Lane {
  constructor(canvas, axis, sound) {
    super(canvas, axis, 64);
    this.sound = sound;
    this.tiles = [];
  }

  draw() {
    const { axis, pen } = this;
    this.sound.tiles.forEach(({ address, start, stop }, number) => {
      if (stop < axis.start || start > axis.stop) return;
      const tile = (this.tiles[number] ??= this.picture(address));
      if (!this.pictureIsThere(tile)) return;
      const left = axis.x(start);
      pen.drawImage(tile, left, 0, axis.x(stop) - left, this.height);
    });
  }
}
