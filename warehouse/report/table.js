"use strict";

(() => {
  const texts = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  /** The value to sort a cell by: a number or a day in `data-value`, else its text; null if empty. */
  function value(row, column, numeric) {
    const cell = row.cells[column];
    if (!numeric) {
      return cell.textContent.trim();
    }
    const text = cell.dataset.value;
    return text === "" ? null : text.includes("-", 1) && !text.includes("e") ? Date.parse(text) : Number(text);
  }

  /** Sort the rows by a column. Rows without a value stay last in both directions. */
  function sort(table, heading, descending) {
    const body = table.tBodies[0];
    const column = heading.cellIndex;
    const numeric = "numeric" in heading.dataset;
    const rows = Array.from(body.rows, (row) => [value(row, column, numeric), row]);
    rows.sort(([one], [other]) => {
      if (one === null || other === null) {
        return (one === null) - (other === null);
      }
      const order = numeric ? one - other : texts.compare(one, other);
      return descending ? -order : order;
    });
    body.append(...rows.map(([, row]) => row));
    for (const other of heading.parentElement.cells) {
      other.setAttribute("aria-sort", "none");
    }
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
  }

  for (const table of document.querySelectorAll("table")) {
    table.tHead.addEventListener("click", (event) => {
      const heading = event.target.closest("button")?.closest("th");
      if (heading) {
        const now = heading.getAttribute("aria-sort");
        // Figures start with the largest, names with the first.
        sort(table, heading, now === "none" ? "numeric" in heading.dataset : now === "ascending");
      }
    });
  }
})();
