// The attention of the paper's fusion: for the window at hand, C of each recursion and modality as
// a picture with time on both axes. A window's values come with a script of their own, loaded when
// the window is shown first.
"use strict";

class Attention {
  static SYMBOLS = { audio: "a", visual: "v", text: "t" };

  constructor(root, data, { frames, axis, clock, place, marks, textAt }) {
    Object.assign(this, { root, frames, axis, clock, place, marks, textAt });
    this.networks = data.attention;
    this.network = 0;
    this.window = -1;
    this.grid = root.querySelector(".grid");
    this.about = root.querySelector(".about");
    this.reading = root.querySelector(".reading");
    this.own = root.querySelector("[name=own]");
    this.ends = root.querySelectorAll(".scale b");
    root.addEventListener("change", (event) => {
      if (event.target === this.own) this.paint();
      if (event.target.name !== "network") return;
      this.network = Number(event.target.value);
      this.window = -1;
      this.show(clock.frame);
    });
    root.addEventListener("click", (event) => {
      const step = event.target.closest("[data-window]")?.dataset.window;
      if (step) this.turn(Number(step));
    });
    this.grid.addEventListener("pointermove", (event) => this.hover(event));
    this.grid.addEventListener("pointerleave", () => this.leave());
    this.grid.addEventListener("click", (event) => this.seek(event));
    axis.listeners.push(() => this.mark());
    report.onTheme.push(() => this.paint());
    // Nothing is loaded before the section comes near to what is seen.
    this.near = false;
    new IntersectionObserver(
      ([{ isIntersecting }]) => {
        this.near ||= isIntersecting;
        if (isIntersecting) this.show(clock.frame);
      },
      { rootMargin: "300px" },
    ).observe(root);
  }

  get present() {
    return this.networks[this.network];
  }

  // The window in whose middle a frame lies best; -1 if the frame is in none that is kept.
  windowAt(frame) {
    let best = -1;
    let least = Infinity;
    this.present.windows.forEach(({ start, stop }, number) => {
      const off = Math.abs((start + stop - 1) / 2 - frame);
      if (frame >= start && frame < stop && off < least) [best, least] = [number, off];
    });
    return best;
  }

  // Seek to the first frame of the window before or after.
  turn(step) {
    const { windows } = this.present;
    const from = this.window < 0 ? this.nearest(step) : this.window + step;
    const next = Math.min(Math.max(from, 0), windows.length - 1);
    const { start, stop } = windows[next];
    this.clock.seek(Math.floor((start + stop - 1) / 2));
    this.axis.reveal(this.clock.seconds);
  }

  nearest(step) {
    const after = this.present.windows.findIndex(({ start }) => start > this.clock.frame);
    if (after < 0) return this.present.windows.length - 1;
    return step > 0 ? after : after - 1;
  }

  show(frame) {
    if (!this.near) return;
    const window = this.windowAt(frame);
    if (window !== this.window) {
      this.window = window;
      this.leave();
      this.load();
    }
    this.point(frame);
  }

  async load() {
    const { windows, fold, target, all_windows: all } = this.present;
    const network = `Network ${target}-${fold}`;
    if (this.window < 0) {
      this.grid.hidden = true;
      this.about.textContent =
        `${network}: of this time no window was kept (${windows.length} of ${all} were).`;
      return;
    }
    const asked = windows[this.window];
    const [from, to] = [this.frames.time(asked.start), this.frames.end(asked.stop - 1)];
    this.about.textContent =
      `${network}, window ${this.window + 1} of ${windows.length}: ` +
      `${minutes(from, 1)} to ${minutes(to, 1)}, frames ${asked.start} to ${asked.stop - 1}` +
      (windows.length < all ? ` (of ${all} windows, ${windows.length} were kept).` : ".");
    asked.values ??= await this.values(asked).catch(() => null);
    if (asked !== this.present.windows[this.window]) return; // another one was asked for meanwhile
    if (!asked.values) {
      this.grid.hidden = true;
      this.about.textContent +=
        ` Its matrices are missing: there is no ${asked.script}, or it is damaged.`;
      return;
    }
    this.grid.hidden = false;
    this.build();
    this.paint();
    this.point(this.clock.frame);
  }

  // The bytes of a window's picture, once it is decoded.
  async values({ name, script }) {
    if (!(name in report.data)) await loaded(this.root.dataset.root + script);
    const image = new Image();
    image.src = "data:image/png;base64," + report.data[name];
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height);
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, 0, 0);
    const { data } = pen.getImageData(0, 0, image.width, image.height);
    const bytes = new Uint8Array(data.length / 4);
    for (let n = 0; n < bytes.length; n++) bytes[n] = data[4 * n];
    return { bytes, width: image.width };
  }

  // The figure of each recursion and modality, made once per network.
  build() {
    if (this.built === this.network) return;
    this.built = this.network;
    const { modalities, recursions } = this.present;
    this.grid.style.setProperty("--columns", modalities.length);
    this.figures = [];
    for (let recursion = 0; recursion < recursions; recursion++) {
      modalities.forEach((modality, column) => this.figures.push({ recursion, modality, column }));
    }
    this.grid.replaceChildren(...this.figures.map((figure) => this.element(figure)));
  }

  element(figure) {
    const element = document.createElement("figure");
    const name = document.createElement("figcaption");
    const symbol = document.createElement("i");
    const index = document.createElement("sub");
    index.textContent = Attention.SYMBOLS[figure.modality] ?? figure.modality;
    symbol.append("C", index);
    figure.scale = document.createElement("span");
    name.append(symbol, ` ${figure.modality}, recursion ${figure.recursion + 1}`, figure.scale);
    const box = document.createElement("div");
    box.className = "matrix";
    figure.canvas = document.createElement("canvas");
    figure.canvas.setAttribute("role", "img");
    const lines = ["row", "column", "hover-row", "hover-column"].map((kind) => {
      const line = document.createElement("span");
      line.className = kind;
      return line;
    });
    [figure.row, figure.column_line, figure.hoverRow, figure.hoverColumn] = lines;
    box.append(figure.canvas, ...lines);
    const ends = document.createElement("span");
    ends.className = "ends";
    figure.ends = [document.createElement("span"), document.createElement("span")];
    ends.append(...figure.ends);
    element.append(name, box, ends);
    box.figure = figure;
    return element;
  }

  // The value of a cell of a figure.
  value(figure, row, column) {
    const { cells, values } = this.present.windows[this.window];
    const { zero, unit } = this.present;
    const place = (figure.recursion * cells + row) * values.width + figure.column * cells + column;
    return (values.bytes[place] - zero) / unit;
  }

  // All values of a figure, row after row.
  all(figure) {
    const { cells } = this.present.windows[this.window];
    return Float32Array.from({ length: cells * cells }, (_, n) =>
      this.value(figure, Math.floor(n / cells), n % cells),
    );
  }

  // Colours reach as far as the window's largest value, or each figure's own.
  paint() {
    const asked = this.present.windows[this.window];
    if (!asked?.values || this.built !== this.network) return;
    const { start, stop } = asked;
    const values = this.figures.map((figure) => this.all(figure));
    const largest = values.map((each) => each.reduce((a, b) => Math.max(a, Math.abs(b)), 0));
    const shared = Math.max(...largest);
    [-shared, shared].forEach((end, n) => {
      this.ends[n].textContent = this.own.checked ? "±" : number(end);
    });
    this.figures.forEach((figure, n) => {
      const scale = this.own.checked ? largest[n] : shared;
      this.draw(figure, values[n], scale || 1);
      figure.scale.textContent = this.own.checked ? ` ±${scale.toFixed(2)}` : "";
      figure.ends[0].textContent = minutes(this.frames.time(start), 1);
      figure.ends[1].textContent = minutes(this.frames.end(stop - 1), 1);
    });
  }

  draw(figure, values, scale) {
    const { canvas } = figure;
    const colours = diverging();
    canvas.width = canvas.height = Math.sqrt(values.length);
    const pen = canvas.getContext("2d");
    const picture = pen.createImageData(canvas.width, canvas.height);
    values.forEach((value, n) => picture.data.set(colours(value / scale), 4 * n));
    pen.putImageData(picture, 0, 0);
    const low = values.reduce((a, b) => Math.min(a, b), 1);
    const high = values.reduce((a, b) => Math.max(a, b), -1);
    canvas.setAttribute(
      "aria-label",
      `Correlation of ${figure.modality} frames with joint frames, recursion ` +
        `${figure.recursion + 1}: from ${low.toFixed(2)} to ${high.toFixed(2)}`,
    );
  }

  // Where the present frame is, in every figure.
  point(frame) {
    const asked = this.present.windows[this.window];
    if (!asked || this.built !== this.network) return;
    const part = `${(100 * (frame - asked.start + 0.5)) / (asked.stop - asked.start)}%`;
    for (const figure of this.figures) {
      figure.row.style.top = part;
      figure.column_line.style.left = part;
    }
  }

  // The frames and the cell under the pointer.
  under(event) {
    const figure = event.target.closest(".matrix")?.figure;
    const asked = this.present.windows[this.window];
    if (!figure || !asked?.values) return null;
    const box = figure.canvas.getBoundingClientRect();
    const length = asked.stop - asked.start;
    const along = (part) => Math.min(Math.max(Math.floor(part * length), 0), length - 1);
    const rowFrame = along((event.clientY - box.top) / box.height);
    const columnFrame = along((event.clientX - box.left) / box.width);
    const { step } = this.present;
    const value = this.value(figure, Math.floor(rowFrame / step), Math.floor(columnFrame / step));
    return { figure, value, row: asked.start + rowFrame, column: asked.start + columnFrame, asked };
  }

  hover(event) {
    const found = this.under(event);
    if (!found) return this.leave();
    const { figure, value, row, column, asked } = found;
    const times = [row, column].map((frame) => this.frames.time(frame));
    const [first, second] = times.map((seconds) => minutes(seconds, 2) + this.textAt(seconds));
    this.reading.textContent =
      `${figure.modality} at ${first} with all at ${second}: ${number(value)}`;
    const part = (frame) => `${(100 * (frame - asked.start + 0.5)) / (asked.stop - asked.start)}%`;
    for (const each of this.figures) {
      each.hoverRow.style.top = part(row);
      each.hoverColumn.style.left = part(column);
    }
    this.grid.dataset.hovered = "";
    this.marked = times;
    this.mark();
  }

  // Both times, in the traces too.
  mark() {
    this.marks.forEach((line, n) => {
      if (this.marked) this.place(line, this.marked[n]);
      else line.hidden = true;
    });
  }

  leave() {
    this.marked = null;
    this.mark();
    delete this.grid.dataset.hovered;
    this.reading.textContent = "";
  }

  seek(event) {
    const found = this.under(event);
    if (found) this.clock.seek(found.column);
  }
}

// Loads a script of data; it is refused if there is none.
function loaded(address) {
  return new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = address;
    script.addEventListener("load", done);
    script.addEventListener("error", failed);
    document.head.append(script);
  });
}

// Colours from -1 over 0 to 1: blue, the ground, vermillion. Safe for the colour-blind.
function diverging() {
  const [low, zero, high] = ["blue", "panel", "vermillion"].map((name) =>
    report.colour(`var(--${name})`).match(/[\d.]+/g).slice(0, 3).map(Number),
  );
  return (value) => {
    const end = value < 0 ? low : high;
    const part = Math.min(Math.abs(value), 1);
    return [...zero.map((from, n) => Math.round(from + (end[n] - from) * part)), 255];
  };
}
