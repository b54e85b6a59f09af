"use strict";

/** The heat maps of weekdays and hours. */
(() => {
  const maps = document.querySelectorAll(".hours table");
  const LEVELS = 4;
  const counts = new Intl.NumberFormat("en-US");

  /** Show the sums of these rows: of an hour, counted from Monday's first, and the figure of each map. */
  window.showHours = (rows) => maps.forEach((map, place) => {
    const cells = map.querySelectorAll("tbody td");
    const sums = new Array(cells.length).fill(0);
    for (const [hour, ...figures] of rows) {
      sums[hour] += figures[place];
    }
    const most = Math.max(1, ...sums);
    cells.forEach((cell, hour) => {
      cell.textContent = counts.format(sums[hour]);
      cell.dataset.level = Math.ceil((LEVELS * sums[hour]) / most);
    });
  });
})();
