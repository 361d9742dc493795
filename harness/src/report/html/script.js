"use strict";
(() => {
  const root = document.documentElement;
  const search = document.getElementById("search");
  const all = [...document.querySelectorAll("details[data-severity]")];
  const buttons = [...document.querySelectorAll("button[data-severity]")];
  const shown = () => all.filter((one) => !one.hidden);
  const narrow = () => {
    const words = search.value.toLowerCase();
    const on = new Set(
      buttons.filter((one) => one.ariaPressed !== "false").map((one) => one.dataset.severity),
    );
    for (const one of all) {
      one.hidden = !on.has(one.dataset.severity) || !one.textContent.toLowerCase().includes(words);
    }
    document.getElementById("shown").textContent = `${shown().length} of ${all.length} shown`;
  };
  const move = (by) => {
    const list = shown();
    const at = list.findIndex((one) => one.contains(document.activeElement));
    const next = list[Math.max(0, Math.min(list.length - 1, at < 0 ? 0 : at + by))];
    next?.querySelector("summary").focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  const theme = () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = root.dataset.theme || (dark ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  };
  search.addEventListener("input", narrow);
  document.getElementById("theme").addEventListener("click", theme);
  for (const one of buttons) {
    one.addEventListener("click", () => {
      one.ariaPressed = one.ariaPressed === "false" ? "true" : "false";
      narrow();
    });
  }
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === search) {
      if (event.key === "Escape") search.blur();
      return;
    }
    const keys = {
      j: () => move(1),
      k: () => move(-1),
      t: theme,
      "/": () => search.focus(),
      a: () => {
        const open = shown().some((one) => !one.open);
        for (const one of shown()) one.open = open;
      },
    };
    const act = keys[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });
  narrow();
})();
