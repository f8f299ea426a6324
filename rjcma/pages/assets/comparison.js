// A clip's page of a comparison: #t=SECONDS shows that moment, and a line marks it.
"use strict";

addEventListener("DOMContentLoaded", () => {
  const AROUND = 6; // seconds to either side
  const show = () => {
    const asked = /^#t=([\d.]+)$/.exec(location.hash);
    if (!asked) return;
    const time = Number(asked[1]);
    for (const figure of Object.values(report.data).flatMap((page) => Object.values(page.figures))) {
      const [first, last] = (figure.whole ??= figure.layout.xaxis.range);
      figure.layout.xaxis.range = [Math.max(time - AROUND, first), Math.min(time + AROUND, last)];
      figure.layout.shapes = [
        {
          type: "line", x0: time, x1: time, y0: 0, y1: 1, yref: "paper",
          line: { color: "var(--quiet)", width: 1.5, dash: "dot" },
        },
      ];
    }
    report.onTheme.forEach((draw) => draw());
    document.querySelector("[data-figure]")?.scrollIntoView({ block: "nearest" });
  };
  addEventListener("hashchange", show);
  show();
});
