"use strict";

(async () => {
  const specifications = JSON.parse(document.getElementById("charts").textContent);
  const views = [];

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
      views.push(chart.view);
    } catch (problem) {
      place.textContent = `This chart cannot be drawn here: ${problem.message}`;
      console.error(problem);
    }
  }

  await Promise.all(Object.entries(specifications).map(([name, specification]) => draw(name, specification)));
  document.documentElement.dataset.charts = "drawn";

  for (const choice of document.querySelectorAll("input[name=days]")) {
    choice.addEventListener("change", () => {
      for (const view of views) {
        if ("days" in view.getState().signals) {
          view.signal("days", Number(choice.value)).runAsync();
        }
      }
    });
  }
})();
