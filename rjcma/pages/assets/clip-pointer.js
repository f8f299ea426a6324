// The pointer over the timeline: it reads values, a click seeks, and a drag over lanes scrubs.
// Drags over the traces are Plotly's: they zoom, or move the traces.
"use strict";

const STILL = 4; // pixels within which a press and its release are a click

function followPointer(timeline, axis, frames, clock, hover) {
  const seconds = (event) => axis.seconds(event.clientX - timeline.getBoundingClientRect().left);
  const inside = (time) => time >= axis.start && time <= axis.stop;
  const within = (time) => Math.min(Math.max(time, axis.start), axis.stop);
  const seek = (event) => clock.seek(frames.at(within(seconds(event))));
  let pressed = null; // where, and whether over a lane

  const press = (event) => {
    if (event.button || !inside(seconds(event))) return;
    const overLane = event.target.closest("canvas") !== null;
    pressed = { x: event.clientX, y: event.clientY, overLane };
    if (overLane) seek(event);
  };
  const release = (event) => {
    if (!pressed) return;
    const { x, y, overLane } = pressed;
    const moved = Math.hypot(event.clientX - x, event.clientY - y) > STILL;
    if (!overLane && !moved) seek(event);
    pressed = null;
  };
  // Plotly stops some events on their way up: presses are heard on their way down.
  timeline.addEventListener("pointerdown", press, { capture: true });
  addEventListener("pointermove", (event) => pressed?.overLane && seek(event));
  addEventListener("pointerup", release);
  addEventListener("pointercancel", () => (pressed = null));

  timeline.addEventListener("pointermove", (event) => {
    const time = seconds(event);
    if (event.pointerType === "mouse" && inside(time)) hover.show(frames.at(time), event);
    else hover.hide();
  });
  timeline.addEventListener("pointerleave", () => hover.hide());
}
