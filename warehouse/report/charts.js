"use strict";

(async () => {
  const specifications = JSON.parse(document.getElementById("charts").textContent);
  const views = {};

  async function draw(name, specification) {
    const place = document.getElementById(`chart-${name}`);
    try {
      const chart = await vegaEmbed(place, specification, {
        actions: false,
        // Interprets expressions, because the page's policy forbids compiling text to code.
        ast: true,
        // The page's policy allows only its own style.
        defaultStyle: false,
        // Errors only: Vega warns about days without a rate, which it cannot draw.
        logLevel: 1,
        renderer: "svg",
        tooltip: { disableDefaultStyle: true },
      });
      views[name] = chart.view;
    } catch (problem) {
      place.textContent = `This chart cannot be drawn here: ${problem.message}`;
      console.error(problem);
    }
  }

  /** Bars by name, and what they are shares of. */
  function bars(view, name, [whole, people], { count, share }) {
    const rows = view.data(name).map((row) => {
      const number = people[row.name];
      const of = whole && number !== whole ? ` \u00B7 ${share(number, whole)}` : "";
      return { name: row.name, meaning: row.meaning, people: number ?? 0, number: count(number),
        share: share(number, whole), label: `${count(number)}${of}` };
    });
    const [about] = view.description().split(": ");
    view.description(`${about}: ${rows.map((row) => `${row.name} ${row.label}`).join(", ")}.`);
    view.signal("most", Math.max(4, ...rows.map((row) => row.people)));
    view.data(name, rows);
  }

  /** Draw the charts with these rows, by the name of their data, over the last `days`. */
  window.drawCharts = (rows, days, formats) => {
    for (const [chart, view] of Object.entries(views)) {
      const { data, signals } = view.getState({ data: () => true, signals: () => true, recurse: false });
      for (const [name, given] of Object.entries(rows)) {
        if (!(name in data)) {
          continue;
        }
        if (chart === name && "most" in signals) {
          bars(view, name, given, formats);
        } else {
          view.data(name, given);
        }
      }
      if ("days" in signals) {
        view.signal("days", days);
      }
      view.runAsync().then(() => window.showNumbers?.(chart));
    }
  };

  /** The rows that a chart shows now. */
  window.chartRows = (chart, name) => views[chart].data(name);

  const tooltips = (mark) =>
    mark.items.flatMap((item) => [item.tooltip || [], ...(item.items ?? []).map(tooltips)].flat());

  /** What a chart tells of each day or bar that it shows now: its tooltips, each once, because labels repeat them. */
  window.chartTold = (chart) => {
    const told = views[chart] ? tooltips(views[chart].scenegraph().root) : [];
    return [...new Map(told.map((tooltip) => [Object.values(tooltip)[0], tooltip])).values()];
  };

  await Promise.all(Object.entries(specifications).map(([name, specification]) => draw(name, specification)));
  window.showChosen?.();
  await Promise.all(Object.values(views).map((view) => view.runAsync()));
  document.documentElement.dataset.charts = "drawn";
})();
