"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement;
  const theme = document.getElementById("theme");
  const drawn = new Set();

  // Figures name colours as the style sheet does; plotly wants the colours themselves.
  const resolved = (value, style) => {
    if (typeof value === "string") {
      const name = /^var\((--[a-z]+)\)$/.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((item) => resolved(item, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item, style)]));
    }
    return value;
  };

  const draw = (element) => {
    const style = getComputedStyle(root);
    const figure = resolved(figures[element.dataset.figure], style);
    const ink = style.getPropertyValue("--ink").trim();
    const rule = style.getPropertyValue("--rule").trim();
    const layout = {
      showlegend: false, margin: { l: 55, r: 50, t: 10, b: 50 }, dragmode: false,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, size: 12 }, ...figure.layout,
    };
    for (const axis of ["xaxis", "yaxis", "yaxis2"]) {
      if (layout[axis]) {
        layout[axis] = { gridcolor: rule, zerolinecolor: rule, linecolor: rule, fixedrange: true, automargin: true, ...layout[axis] };
      }
    }
    Plotly.react(element, figure.data, layout, { responsive: true, displayModeBar: false });
    drawn.add(element);
  };

  const isDark = () =>
    (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const show = () => {
    theme.setAttribute("aria-pressed", String(isDark()));
    drawn.forEach(draw);
  };
  const remember = (action) => { try { return action(sessionStorage); } catch { return null; } };  // a file may have no storage

  root.dataset.theme = remember((storage) => storage.getItem("theme")) || "";
  if (!root.dataset.theme) delete root.dataset.theme;
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember((storage) => storage.setItem("theme", root.dataset.theme));
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);

  const toggle = (button, open) => {
    const details = document.getElementById(button.getAttribute("aria-controls"));
    button.setAttribute("aria-expanded", String(open));
    details.hidden = !open;
    // A plot in a hidden place has no width to be drawn to.
    if (open) details.querySelectorAll("[data-figure]").forEach(draw);
  };
  document.querySelectorAll(".toggle").forEach((button) => {
    button.addEventListener("click", () => toggle(button, button.getAttribute("aria-expanded") !== "true"));
  });
  document.querySelectorAll("main > section > .plots [data-figure]").forEach(draw);
  show();

  document.querySelectorAll(".copy").forEach((button) => {
    const command = document.getElementById(button.dataset.copy);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(command.textContent);
        button.textContent = "Copied";
      } catch { getSelection().selectAllChildren(command); }  // not allowed here: Ctrl-C does it
    });
  });

  const state = document.body.dataset.state;
  if (state) {
    const opened = () => [...document.querySelectorAll('.toggle[aria-expanded="true"]')].map((b) => b.getAttribute("aria-controls"));
    const before = JSON.parse(remember((storage) => storage.getItem("open")) || "[]");
    document.querySelectorAll(".toggle").forEach((b) => before.includes(b.getAttribute("aria-controls")) && toggle(b, true));
    const follow = async () => {
      try {
        const answer = await fetch("state");
        if (answer.ok && (await answer.text()) !== state) {
          remember((storage) => storage.setItem("open", JSON.stringify(opened())));
          location.reload();
          return;
        }
      } catch { /* the server was stopped: the page stays as it is */ }
      setTimeout(follow, 2000);
    };
    setTimeout(follow, 2000);
  }
})();
