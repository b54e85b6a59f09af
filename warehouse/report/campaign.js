"use strict";

/** One campaign alone, while the address ends with #campaign- and its ID: links lead to it, and Back leads out. */
(() => {
  const place = document.getElementById("campaign");
  if (!place) {
    return;
  }
  // In the order of the data: sorting moves them.
  const links = [...document.querySelectorAll("#campaigns tbody th a")];
  const heading = place.querySelector("h2");
  let open = -1;

  /** The place in the data of the campaign that is open; -1: none. */
  window.openCampaign = () => open;

  function follow() {
    const before = open;
    open = links.findIndex((link) => link.hash === location.hash);
    place.hidden = open < 0;
    document.documentElement.classList.toggle("alone", open >= 0);
    if (open >= 0) {
      heading.textContent = links[open].textContent;
      const status = links[open].closest("tr").querySelector(".badge");
      document.getElementById("campaign-status").replaceChildren(status?.cloneNode(true) ?? "");
      // The form of the address is that of Snov.io's help on campaign IDs.
      document.getElementById("campaign-snov").href =
        `https://app.snov.io/campaigns/${links[open].hash.replace("#campaign-", "")}`;
    }
    window.showChosen?.();
    if (open >= 0) {
      // The heading itself may already be in sight, because it stays at the top.
      place.parentElement.scrollIntoView();
      heading.focus({ preventScroll: true });
    } else if (before >= 0) {
      links[before].focus();
    }
  }

  window.addEventListener("hashchange", follow);
  follow();
})();
