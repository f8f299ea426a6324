// The traces: truth, prediction and the band of folds of each target, drawn by Plotly. A line gets
// as many points as there are pixels: the lowest and the highest of the frames that share one.
"use strict";

class Traces {
  static PANEL = 170; // pixels of a target's panel
  static GAP = 26;
  static BELOW = 34;
  static AROUND = 1; // widths of the screen that are drawn on each side, for dragging

  constructor(element, targets, frames, axis) {
    this.element = element;
    this.frames = frames;
    this.axis = axis;
    this.targets = targets;
    this.lines = targets.flatMap((target, row) => this.linesOf(target, row));
    this.height = targets.length * (Traces.PANEL + Traces.GAP) + Traces.BELOW;
    this.dragmode = matchMedia("(pointer: coarse)").matches ? false : "zoom";
    this.draw();
    element.on("plotly_relayouting", (change) => this.moved(change));
    element.on("plotly_relayout", (change) => {
      this.moved(change);
      if ("xaxis.range[0]" in change || "xaxis.range" in change) this.refine();
    });
    axis.listeners.push((by) => by !== this && this.refine());
  }

  // Each line: its values by frame, and how it is drawn.
  linesOf(target, row) {
    const axis = row ? `y${row + 1}` : "y";
    const line = (values, style) => ({ values, style: { yaxis: axis, mode: "lines", ...style } });
    const lines = [];
    if (target.folds.length > 1) {
      const edge = { width: 0 };
      lines.push(line(target.lowest, { line: edge }));
      lines.push(line(target.highest, { line: edge, fill: "tonexty", fillcolor: target.soft }));
    }
    if (target.truth) lines.push(line(target.truth, { line: { color: "var(--truth)", width: 3 } }));
    if (target.prediction) {
      lines.push(line(target.prediction, { line: { color: target.colour, width: 1.6 } }));
    }
    return lines;
  }

  // The first and last frame to draw: those that are seen, and some to either side.
  range() {
    const margin = (this.axis.stop - this.axis.start) * Traces.AROUND;
    const first = Math.max(this.frames.at(this.axis.start - margin) - 1, 0);
    return [first, Math.min(this.frames.at(this.axis.stop + margin) + 1, this.frames.count - 1)];
  }

  data() {
    const [first, last] = this.range();
    const seen = this.frames.at(this.axis.stop) - this.frames.at(this.axis.start) + 1;
    const size = Math.max(Math.floor(seen / this.axis.inner), 1);
    return this.lines.map(({ values, style }) => {
      const { frames, y } = thinned(values, first, last, size);
      const x = frames.map((frame) => this.frames.time(frame));
      return { x, y, type: "scatter", hoverinfo: "skip", showlegend: false, ...style };
    });
  }

  layout() {
    const { PANEL, GAP, BELOW } = Traces;
    const inner = this.height - BELOW;
    const layout = {
      height: this.height,
      margin: { l: Axis.LEFT, r: Axis.RIGHT, t: 0, b: BELOW },
      hovermode: false,
      dragmode: this.dragmode,
      showlegend: false,
      xaxis: {
        range: [this.axis.start, this.axis.stop],
        automargin: false,
        anchor: "free",
        position: 0,
        ticksuffix: " s",
        nticks: Math.max(Math.floor(this.axis.inner / 90), 3),
      },
      annotations: [],
    };
    this.targets.forEach((target, row) => {
      const top = 1 - (row * (PANEL + GAP) + GAP) / inner;
      const { low, high } = target;
      const past = (high - low) * 0.04;
      layout[row ? `yaxis${row + 1}` : "yaxis"] = {
        domain: [Math.max(top - PANEL / inner, 0), top],
        range: [low - past, high + past],
        tickvals: [low, (low + high) / 2, high],
        fixedrange: true,
        automargin: false,
        zeroline: low < 0 && high > 0,
      };
      layout.annotations.push({
        text: `<b>${target.shown}</b>`,
        font: { color: target.colour, size: 14 },
        xref: "paper", yref: "paper", x: 0, y: top, xanchor: "left", yanchor: "bottom",
        showarrow: false,
      });
    });
    return layout;
  }

  draw() {
    const figure = { data: this.data(), layout: this.layout() };
    // Two clicks are two seeks: Plotly would zoom out to what it has drawn.
    report.figures.draw(this.element, figure, { doubleClick: false });
  }

  // The traces were dragged: the other lanes follow.
  moved(change) {
    const range = change["xaxis.range"] ?? [change["xaxis.range[0]"], change["xaxis.range[1]"]];
    if (range[0] !== undefined) this.axis.show(Number(range[0]), Number(range[1]), this);
  }

  // Draw what is seen now with as many points as it needs, once for all changes of a picture.
  refine() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.draw();
    });
  }

  drag(mode) {
    this.dragmode = mode;
    Plotly.relayout(this.element, { dragmode: mode });
  }
}

// The lowest and the highest value of every `size` frames, in their order. NaN, which is a gap,
// becomes null, since Plotly has no other gap.
function thinned(values, first, last, size) {
  const frames = [];
  const y = [];
  const add = (frame) => {
    frames.push(frame);
    y.push(Number.isNaN(values[frame]) ? null : values[frame]);
  };
  if (size < 3) {
    for (let frame = first; frame <= last; frame++) add(frame);
    return { frames, y };
  }
  // Groups are counted from the clip's beginning, so that a line does not tremble when it moves.
  for (let group = first - (first % size); group <= last; group += size) {
    let low = -1;
    let high = -1;
    const stop = Math.min(group + size, last + 1);
    for (let frame = Math.max(group, first); frame < stop; frame++) {
      if (Number.isNaN(values[frame])) continue;
      if (low < 0 || values[frame] < values[low]) low = frame;
      if (high < 0 || values[frame] > values[high]) high = frame;
    }
    if (low < 0) add(Math.max(group, first));
    else if (low === high) add(low);
    else [low, high].sort((a, b) => a - b).forEach(add);
  }
  return { frames, y };
}
