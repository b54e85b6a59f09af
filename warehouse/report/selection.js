"use strict";

/** What the reader chooses, a period and campaigns, holds for figures, charts, the table and replies. */
(() => {
  const data = JSON.parse(document.getElementById("selection").textContent);
  const place = Object.fromEntries(data.totals.map((name, index) => [name, index]));
  const counts = new Intl.NumberFormat("en-US");
  const shares = new Intl.NumberFormat("en-US", {
    style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1, roundingMode: "halfEven",
  });
  const NOTHING = "\u2013";
  const DAY = 86400000;

  const count = (value) => (value === null ? NOTHING : counts.format(value));
  const share = (part, whole) => (part === null || !whole ? NOTHING : shares.format(part / whole));
  const sum = (chosen, name) => chosen.reduce((found, index) => found + data.campaigns[index].totals[place[name]], 0);
  const iso = (day) => new Date(Date.parse(data.first) + day * DAY).toISOString().slice(0, 10);
  const dates = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const written = (day) => dates.format(new Date(iso(day)));
  const local = (day) => `${iso(day)}T00:00:00`;

  /** The figures of some campaigns, from one day to another; `whole`: over their whole life. */
  function figures(chosen, from, to, whole) {
    const found = { whole, campaigns: chosen.length, reached: null, opened: null, clicked: null, replied: null,
      unsubscribed: null, memberships: sum(chosen, "people_contacted_by_email") };
    if (whole) {
      for (const [name, column] of [["sent", "emails_sent"], ["bounced", "bounced"], ["delivered", "delivered"]]) {
        found[name] = sum(chosen, column);
      }
    } else {
      Object.assign(found, { sent: 0, bounced: 0, delivered: 0 });
      for (const index of chosen) {
        for (const [day, sent, bounced, delivered] of data.daily[index]) {
          if (day >= from && day <= to) {
            found.sent += sent;
            found.bounced += bounced;
            found.delivered += delivered;
          }
        }
      }
    }
    if (data.people) {
      countPeople(found, new Set(chosen), from, to);
    } else if (whole) {
      found.reached = found.memberships;
      for (const name of ["opened", "clicked", "replied", "unsubscribed"]) {
        found[name] = sum(chosen, `people_${name}`);
      }
    }
    for (const name of ["people_replied_linkedin", "people_interested", "people_auto_replied", "people_replied"]) {
      found[name] = sum(chosen, name);
    }
    return found;
  }

  /** Each person once. Of a period, those who were mailed in it: others may still open what came before. */
  function countPeople(found, chosen, from, to) {
    Object.assign(found, { reached: 0, opened: 0, clicked: 0, replied: 0, unsubscribed: 0 });
    for (const events of data.people) {
      let mailed = 0, bounced = 0, all = 0;
      for (let at = 0; at < events.length; at += 3) {
        const day = events[at + 1];
        if (chosen.has(events[at]) && (found.whole || (day >= from && day <= to))) {
          const flags = events[at + 2];
          mailed += flags & 1;
          bounced += (flags >> 1) & 1;
          all |= flags;
        }
      }
      found.unsubscribed += (all >> 5) & 1;
      const active = (all & 28) > 0;
      if (mailed > bounced || (active && (found.whole || mailed))) {
        found.reached += 1;
        found.opened += (all >> 2) & 1;
        found.clicked += (all >> 3) & 1;
        found.replied += (all >> 4) & 1;
      }
    }
  }

  /** Text, details, and the number to compare, by the name of the figure. */
  function texts(found) {
    const answered = found.people_replied + found.people_replied_linkedin;
    const life = found.whole ? "" : ", over the campaigns' whole life";
    const rate = (part, said) => [share(part, found.reached), `${count(part)} ${said}`,
      found.reached ? part / found.reached : null, true];
    return {
      emails_sent: [count(found.sent), `${count(found.delivered)} delivered`, found.sent, false],
      bounce_rate: [share(found.bounced, found.sent), `${count(found.bounced)} e-mails bounced`,
        found.sent ? found.bounced / found.sent : null, true],
      people_contacted_by_email: [count(found.reached),
        found.whole ? (data.people ? `${count(found.memberships)} counted in each campaign` : "of each campaign")
          : "each counted once", found.reached, false],
      open_rate: rate(found.opened, "people opened"),
      click_rate: rate(found.clicked, "people clicked"),
      reply_rate: rate(found.replied, "people replied by e-mail"),
      people_unsubscribed: [count(found.unsubscribed), `${count(found.people_auto_replied)} replied automatically${life}`,
        found.unsubscribed, false],
      people_replied_linkedin: [count(found.people_replied_linkedin),
        `people, in addition to replies by e-mail${life}`, null, false],
      people_interested: [count(found.people_interested),
        answered ? `${share(found.people_interested, answered)} of all who replied${life}` : "nobody has replied",
        null, false],
    };
  }

  /** How a number differs from that of the period before. */
  function change([, , now, isShare], [, , before]) {
    if (now === null || before === null || before === undefined) {
      return "";
    }
    const difference = isShare ? 100 * (now - before) : before ? (100 * (now - before)) / before : null;
    if (difference === null) {
      return now ? "none before" : "";
    }
    const size = Math.abs(difference).toFixed(1);
    const sign = size === "0.0" ? "=" : difference > 0 ? "\u25B2" : "\u25BC";
    return `${sign} ${size}${isShare ? " points" : "%"}`;
  }

  // Charts ------------------------------------------------------------------------------------------------------------

  /** The sums of the chosen campaigns for each day of the charts. */
  function series(chosen) {
    const length = data.last - data.begin + 1;
    const columns = Array.from({ length: 6 }, () => new Array(length).fill(0));
    for (const index of chosen) {
      for (const [day, ...values] of data.daily[index]) {
        if (day >= data.begin && day <= data.last) {
          values.forEach((value, column) => { columns[column][day - data.begin] += value; });
        }
      }
    }
    return columns;
  }

  function daily(values) {
    return values.map((value, index) => ({ date: local(data.begin + index), count: value, ago: values.length - 1 - index }));
  }

  function weekly(values) {
    const weeks = new Map();
    values.forEach((value, index) => {
      const monday = mondayOf(data.begin + index);
      const week = weeks.get(monday) ?? { date: local(monday), end: local(monday + 6), count: 0, days: 0 };
      weeks.set(monday, week);
      week.count += value;
      week.days += 1;
      week.ago = values.length - 1 - index;
    });
    return [...weeks.values()];
  }

  const mondayOf = (day) => day - ((new Date(Date.parse(data.first) + day * DAY).getUTCDay() + 6) % 7);

  function bounces(sent, bounced) {
    const week = (values, index) => values.slice(Math.max(0, index - 6), index + 1).reduce((found, value) => found + value, 0);
    const rows = sent.map((_, index) => {
      const whole = week(sent, index);
      return { date: local(data.begin + index), ago: sent.length - 1 - index,
        "Bounce rate": whole ? week(bounced, index) / whole : null };
    });
    let part = 0;
    const line = [];
    for (const row of rows) {
      if (row["Bounce rate"] === null) {
        part += 1;
      } else {
        line.push({ date: row.date, ago: row.ago, rate: "Bounce rate", share: row["Bounce rate"], part });
      }
    }
    return { bounces: line, bounces_days: rows };
  }

  function firstContacts(chosen) {
    const within = new Set(chosen);
    const weeks = new Map();
    let last = 0;
    for (const events of data.people) {
      const own = [];
      for (let at = 0; at < events.length; at += 3) {
        last = Math.max(last, events[at + 1]);
        if (within.has(events[at])) {
          own.push([events[at + 1], events[at + 2]]);
        }
      }
      const first = Math.min(...own.filter(([, flags]) => flags & 1).map(([day]) => day));
      if (first === Infinity) {
        continue;
      }
      const reply = Math.min(...own.filter(([day, flags]) => day >= first && flags & 16).map(([day]) => day));
      const monday = mondayOf(first);
      const week = weeks.get(monday) ?? { people: 0, replied: 0 };
      weeks.set(monday, week);
      week.people += 1;
      week.replied += reply - first <= 14 ? 1 : 0;
    }
    const mondays = [...weeks.keys()].sort((one, other) => one - other);
    return mondays.map((monday) => ({ ...weeks.get(monday), date: local(monday), end: local(monday + 6),
      ago: mondays.at(-1) - monday, share: weeks.get(monday).replied / weeks.get(monday).people,
      state: monday + 20 <= last ? "complete" : "more may come" }));
  }

  /** The rows of each chart, by the name of its data. Those of bars by the name of the bar. */
  function rows(chosen, found) {
    const made = {};
    if (data.last) {
      const [sent, bounced, , opened, , replied] = series(chosen);
      for (const [name, values] of [["sent", sent], ["opened", opened], ["replied", replied]]) {
        made[`${name}_days`] = daily(values);
        made[`${name}_weeks`] = weekly(values);
      }
      Object.assign(made, bounces(sent, bounced));
    }
    if (data.people) {
      made.weeks = firstContacts(chosen);
    }
    made.funnel = [found.reached, { Reached: found.reached, Opened: found.opened, Clicked: found.clicked,
      Replied: found.replied }];
    made.linkedin = [sum(chosen, "invitations_sent"), { Invited: sum(chosen, "invitations_sent"),
      Accepted: sum(chosen, "invitations_accepted"), Replied: found.people_replied_linkedin }];
    made.ratings = [found.people_replied + found.people_replied_linkedin, { Interested: found.people_interested,
      Maybe: sum(chosen, "people_maybe"), "Not interested": sum(chosen, "people_not_interested") }];
    return made;
  }

  // The page ----------------------------------------------------------------------------------------------------------

  const controls = document.getElementById("controls");
  if (!controls) {
    return;
  }
  const table = document.querySelector("#campaigns tbody");
  // Sorting moves the rows.
  const lines = table ? Array.from(table.rows) : [];
  const replies = document.querySelectorAll(".replies > li");
  const repliesShown = document.getElementById("replies-shown");
  const newest = repliesShown?.textContent;
  const moreReplies = document.getElementById("more-replies");

  function chosen() {
    const open = window.openCampaign();
    if (open >= 0) {
      return [open];
    }
    const text = controls.elements.filter.value.trim().toLowerCase();
    const channel = Number(controls.elements.channel?.value ?? 0);
    const status = controls.elements.status.value;
    const client = controls.elements.client?.value;
    return data.campaigns.flatMap((campaign, index) =>
      campaign.name.includes(text) && (!channel || campaign.channels & channel) && (!status || campaign.status === status)
        && (!client || campaign.client === client) ? [index] : []);
  }

  function show() {
    const campaigns = chosen();
    const within = new Set(campaigns);
    const period = Number(controls.elements.days?.value ?? 0);
    const from = data.last - period + 1;
    const found = figures(campaigns, from, data.last, !period);
    // A period before the first day would be compared with nothing.
    const compared = period && from - period >= data.begin;
    const before = compared ? texts(figures(campaigns, from - period, from - 1, false)) : {};
    const now = texts(found);
    for (const card of document.querySelectorAll(".figure")) {
      const name = card.dataset.name;
      card.querySelector(".value").textContent = now[name][0];
      card.querySelector(".made-of").textContent = now[name][1];
      card.querySelector(".change").textContent = before[name] ? change(now[name], before[name]) : "";
    }
    document.getElementById("period").textContent = !period ? "Over the whole life of the campaigns"
      : `${written(from)} to ${written(data.last)}${compared ? `, compared with the ${period} days before` : ""}`;
    lines.forEach((line, index) => { line.hidden = !within.has(index); });
    document.getElementById("shown").textContent = `${campaigns.length} of ${lines.length}`;
    window.showHours(campaigns.flatMap((index) => data.hours[index]));
    showReplies(campaigns.length === data.campaigns.length, within);
    window.drawCharts?.(rows(campaigns, found), period || data.last - data.begin + 1, { count, share });
  }

  /** All: the newest of the account. Else those of these campaigns, of which the page has a few older ones. */
  function showReplies(all, within) {
    for (const reply of replies) {
      reply.hidden = all ? "older" in reply.dataset : !within.has(Number(reply.dataset.campaign));
    }
    if (repliesShown) {
      const number = Array.from(replies).filter((reply) => !reply.hidden).length;
      repliesShown.textContent = all ? newest : `${number || "none"} of the newest`;
    }
    if (moreReplies) {
      moreReplies.open ||= !all;
      moreReplies.firstElementChild.hidden = !all;
    }
  }

  controls.addEventListener("input", show);
  controls.addEventListener("submit", (event) => event.preventDefault());
  window.showChosen = show;
  show();
})();
