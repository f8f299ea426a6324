// The base of all pages, loaded first: the registry of data, and the theme.
// Pages are opened from disk, so there are no modules and nothing is fetched.
"use strict";

const report = {
  data: {},

  // Each file in assets/data calls this once.
  add(name, value) {
    report.data[name] = value;
  },

  // The values of an array that Python has packed, as a typed array.
  unpack(array) {
    const bytes = Uint8Array.from(atob(array.bdata), (c) => c.charCodeAt(0));
    const kinds = { f4: Float32Array, i4: Int32Array, u1: Uint8Array };
    return new kinds[array.dtype](bytes.buffer);
  },

  // A colour of the present theme as rgb(): report.colour("var(--blue)").
  colour(text) {
    report.probe ??= document.body.appendChild(
      Object.assign(document.createElement("span"), { hidden: true }),
    );
    report.probe.style.color = text;
    return getComputedStyle(report.probe).color;
  },

  // Functions that are called when the theme has changed, to draw again.
  onTheme: [],

  // What is kept for the next page; a browser may refuse to keep anything.
  kept(name) {
    try {
      return localStorage.getItem("rjcma." + name);
    } catch {
      return null;
    }
  },
  keep(name, value) {
    try {
      localStorage.setItem("rjcma." + name, value);
    } catch {
      // not kept
    }
  },

  // Whether things may move.
  still: () => matchMedia("(prefers-reduced-motion: reduce)").matches,
};

(function themes() {
  const names = ["auto", "light", "dark"];
  const root = document.documentElement;
  const show = (theme) => {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
  };
  const redraw = () => report.onTheme.forEach((draw) => draw());
  let theme = names.includes(report.kept("theme")) ? report.kept("theme") : "auto";
  show(theme); // before anything is painted

  addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("button.theme");
    const label = () => (button.textContent = "Theme: " + theme);
    button.hidden = false;
    label();
    button.addEventListener("click", () => {
      theme = names[(names.indexOf(theme) + 1) % names.length];
      show(theme);
      report.keep("theme", theme);
      label();
      redraw();
    });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  // Paper is white, and narrow: figures are drawn for it before printing, and again afterwards.
  addEventListener("beforeprint", () => {
    show("light");
    root.classList.add("paper");
    redraw();
  });
  addEventListener("afterprint", () => {
    show(theme);
    root.classList.remove("paper");
    redraw();
  });
})();
