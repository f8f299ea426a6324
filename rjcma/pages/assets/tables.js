// Tables that sort: a click, or Enter, on the button in a column's head. The first click sorts in
// the order that the head names in data-first ("ascending" if it names none).
"use strict";

addEventListener("DOMContentLoaded", () => {
  const value = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    return text === "" || Number.isNaN(Number(text)) ? text : Number(text);
  };
  // Empty cells are last in either order.
  const compare = (a, b, sign) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * String(a).localeCompare(String(b), "en", { numeric: true });
  };
  const sort = (table, head) => {
    const heads = [...table.tHead.rows[0].cells];
    const before = head.getAttribute("aria-sort");
    const first = head.dataset.first ?? "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = before === first ? other : first;
    heads.forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order);
    const column = heads.indexOf(head);
    const sign = order === "ascending" ? 1 : -1;
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => compare(value(a, column), value(b, column), sign));
    table.tBodies[0].append(...rows);
  };
  // A field that filters a long table by the first cell of each row, and says how many are left.
  for (const field of document.querySelectorAll("input[data-filters]")) {
    const rows = [...document.getElementById(field.dataset.filters).tBodies[0].rows];
    const line = field.closest("p");
    line.hidden = rows.length < 20;
    field.addEventListener("input", () => {
      const wanted = field.value.toLowerCase();
      for (const row of rows) {
        row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
      }
      const left = rows.filter((row) => !row.hidden).length;
      line.querySelector("[role=status]").textContent = wanted ? left + " of " + rows.length : "";
    });
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const head of table.tHead.rows[0].cells) {
      head.querySelector("button")?.addEventListener("click", () => sort(table, head));
    }
  }
});
