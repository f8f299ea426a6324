// Draws the figures of a page: each element with data-figure, from report.data[page][figure].
// A figure is Plotly's, {data, layout}; its colours may be CSS variables, such as var(--blue), so
// that it follows the theme.
"use strict";

report.figures = {
  config: { displaylogo: false, displayModeBar: false },

  // Fingers scroll the page; a mouse zooms a figure by dragging, and a double click undoes it.
  dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",

  // A copy of a figure's part in which all colours of the theme are resolved.
  themed(value) {
    if (typeof value === "string") {
      return value.startsWith("var(--") ? report.colour(value) : value;
    }
    if (Array.isArray(value)) return value.map(report.figures.themed);
    if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, report.figures.themed(part)]),
    );
  },

  // What all figures share; a figure's own layout is laid over it.
  base() {
    const axis = {
      color: "var(--quiet)",
      gridcolor: "var(--faint)",
      zerolinecolor: "var(--line)",
      linecolor: "var(--line)",
      zeroline: false,
      automargin: true,
      title: { font: { color: "var(--ink)" }, standoff: 6 },
    };
    return {
      font: { family: "system-ui, sans-serif", size: 13, color: "var(--ink)" },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      dragmode: report.figures.dragmode,
      margin: { l: 48, r: 12, t: 12, b: 40 },
      hoverlabel: {
        bgcolor: "var(--panel)", bordercolor: "var(--line)", font: { color: "var(--ink)" },
      },
      axis,
    };
  },

  layout(own) {
    const { axis, ...base } = report.figures.base();
    const merged = { ...base, ...own };
    for (const key of Object.keys(merged)) {
      if (/^[xy]axis\d*$/.test(key)) {
        const title = { ...axis.title, ...merged[key].title };
        merged[key] = { ...axis, ...merged[key], title };
      }
    }
    return report.figures.themed(merged);
  },

  // Draws a figure as large as its element is now.
  draw(element, figure, config = {}) {
    const { data, layout } = figure;
    const size = { width: element.clientWidth, height: element.clientHeight };
    return Plotly.react(
      element,
      report.figures.themed(data),
      report.figures.layout({ ...size, ...layout }),
      { ...report.figures.config, ...config },
    );
  },
};

addEventListener("DOMContentLoaded", () => {
  const all = [...document.querySelectorAll("[data-figure]")];
  const draw = (element) => {
    const [page, name] = element.dataset.figure.split("/");
    report.figures.draw(element, report.data[page].figures[name]);
    element.dataset.drawn = "";
  };
  // A figure is drawn when it comes near to what is seen: the first are there at once.
  const seen = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (isIntersecting) {
          seen.unobserve(target);
          draw(target);
        }
      }
    },
    { rootMargin: "400px" },
  );
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if ("drawn" in target.dataset && target.clientWidth !== target._fullLayout.width) draw(target);
    }
  });
  for (const element of all) {
    seen.observe(element);
    resized.observe(element);
  }
  report.onTheme.push(() => all.filter((e) => "drawn" in e.dataset).forEach(draw));
  addEventListener("beforeprint", () => all.forEach(draw));
});
