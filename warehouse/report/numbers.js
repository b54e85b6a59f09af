"use strict";

/** The numbers of each chart as a table, for screen readers and whoever wants them: made of its tooltips once opened. */
(() => {
  function cell(name, text, scope) {
    const made = document.createElement(name);
    made.textContent = text;
    if (scope) {
      made.scope = scope;
    }
    return made;
  }

  function row(cells) {
    const made = document.createElement("tr");
    made.append(...cells);
    return made;
  }

  window.showNumbers = (chart) => {
    const place = document.getElementById(`numbers-${chart}`);
    if (!place.open) {
      return;
    }
    const marks = window.chartTold?.(chart) ?? [];
    // The sign beside the heading tells the meaning, which is too long for a column.
    const names = Object.keys(marks[0] ?? {}).filter((name) => name !== "Meaning");
    const table = place.querySelector("table");
    table.tHead.replaceChildren(row(names.map((name) => cell("th", name, "col"))));
    table.tBodies[0].replaceChildren(...marks.map((mark) =>
      row(names.map((name, column) => (column ? cell("td", mark[name]) : cell("th", mark[name], "row"))))));
    place.querySelector("p").hidden = marks.length > 0;
  };

  for (const place of document.querySelectorAll(".numbers")) {
    place.addEventListener("toggle", () => window.showNumbers(place.id.replace("numbers-", "")));
  }
})();
