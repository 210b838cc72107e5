"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const fill = (element, attributes, children) => {
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const make = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
  const draw = (name, attributes, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
  const readable = (v) => v.toLocaleString("en-US", { maximumFractionDigits: Math.abs(v) >= 1000 ? 0 : Math.abs(v) >= 1 ? 2 : 4 });

  function ticks(low, high, most) {
    const raw = (high - low) / most, size = Math.pow(10, Math.floor(Math.log10(raw)));
    const step = [1, 2, 2.5, 5, 10].map((f) => f * size).find((s) => s >= raw * 0.999), list = [];
    for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-6; v += step) list.push(Math.abs(v) < step / 1e6 ? 0 : v);
    return list;
  }

  // numeric gives the numbers that values begin with, when all do and they share their unit.
  function numeric(values) {
    const parts = values.map((v) => /^(-?[0-9.]+)\s*([^0-9]*)$/.exec(v));
    return parts.every(Boolean) && new Set(parts.map((p) => p[2])).size === 1 ? parts.map((p) => Number(p[1])) : null;
  }

  // lines groups points by all settings but the one on the axis.
  function lines(over, figure) {
    const by = new Map();
    for (const p of data.points) {
      if (p.figures[figure] === null) continue;
      const name = p.at.filter((_, i) => i !== over).map((v, i) => data.settings.filter((_, k) => k !== over)[i].split(".").pop() + " " + v).join(", ");
      if (!by.has(name)) by.set(name, []);
      by.get(name).push({ place: data.values[over].indexOf(p.at[over]), value: p.figures[figure] });
    }
    return [...by];
  }

  function show() {
    const figure = Number(byId("figure").value), over = Number(byId("over").value), spec = data.figures[figure];
    byId("title").textContent = spec.name;
    byId("unit").textContent = spec.unit;
    const groups = lines(over, figure), canvas = byId("canvas");
    const width = Math.max(280, canvas.clientWidth), height = 340, box = { left: 60, right: width - 20, top: 12, bottom: height - 40 };
    const all = groups.flatMap(([, points]) => points.flatMap((p) => p.value));
    let low = Math.min(0, ...all), high = Math.max(0, ...all);
    const apart = high - Math.min(...all) > high * 0.001; // what hardly differs is shown as a flat line
    if (apart && low >= 0 && Math.min(...all) > high * 0.6) low = Math.min(...all) - (high - Math.min(...all)) * 0.5;
    if (low === high) high = low + 1;
    const room = (high - low) * 0.05;
    high += room;
    if (low !== 0) low -= room;
    const numbers = numeric(data.values[over]), count = data.values[over].length;
    const least = numbers && Math.min(...numbers), most = numbers && Math.max(...numbers);
    const inner = box.right - box.left - 40;
    const x = (place) => box.left + 20 + (count === 1 ? inner / 2 : numbers && most > least ? (numbers[place] - least) / (most - least) * inner : place / (count - 1) * inner);
    const y = (v) => box.bottom - (v - low) / (high - low) * (box.bottom - box.top);

    const svg = draw("svg", { class: "chart", role: "img", viewBox: "0 0 " + width + " " + height, height, "aria-label": spec.name + " over " + data.settings[over] });
    for (const v of ticks(low, high, 6)) {
      svg.append(draw("line", { class: v === 0 ? "zero" : "rule", x1: box.left, x2: box.right, y1: y(v), y2: y(v) }),
        draw("text", { x: box.left - 8, y: y(v) + 3.5, "text-anchor": "end" }, readable(v)));
    }
    let free = -Infinity;
    [...data.values[over].keys()].sort((a, b) => x(a) - x(b)).forEach((i) => {
      const text = data.values[over][i];
      if (x(i) - text.length * 3.2 < free) return;
      free = x(i) + text.length * 3.2 + 6;
      svg.append(draw("text", { x: x(i), y: box.bottom + 16, "text-anchor": "middle" }, text));
    });
    svg.append(draw("text", { x: (box.left + box.right) / 2, y: height - 6, "text-anchor": "middle" }, data.settings[over]));
    byId("legend").replaceChildren();
    groups.forEach(([name, points], k) => {
      const color = "var(--c" + k % 8 + ")", shift = (k - (groups.length - 1) / 2) * Math.min(4, 40 / groups.length);
      points.sort((a, b) => x(a.place) - x(b.place));
      svg.append(draw("path", { class: "line", stroke: color, d: points.map((p, i) => (i ? "L" : "M") + (x(p.place) + shift) + " " + y(p.value[0])).join("") }));
      for (const p of points) {
        const at = x(p.place) + shift;
        svg.append(draw("line", { x1: at, x2: at, y1: y(p.value[1]), y2: y(p.value[2]), stroke: color, "stroke-width": 2, opacity: 0.45 }),
          draw("circle", { cx: at, cy: y(p.value[0]), r: 3.6, fill: color }, draw("title", {},
            (name ? name + ", " : "") + data.values[over][p.place] + ": " + readable(p.value[0]) + " " + spec.unit + " (" + readable(p.value[1]) + " – " + readable(p.value[2]) + ")")));
      }
      if (name) {
        const key = draw("svg", { viewBox: "0 0 14 10", "aria-hidden": "true" }, draw("line", { x1: 0, x2: 14, y1: 5, y2: 5, stroke: color, "stroke-width": 2.4 }));
        byId("legend").append(make("li", {}, key, name));
      }
    });
    canvas.replaceChildren(svg);
    table(figure, spec);
  }

  function table(figure, spec) {
    const head = make("tr", {}, ...data.settings.map((s) => make("th", { scope: "col" }, s)), ...["mean", "least", "most"].map((t) => make("th", { scope: "col", class: "n" }, t + (spec.unit ? ", " + spec.unit : ""))));
    document.querySelector("#table thead").replaceChildren(head);
    document.querySelector("#table tbody").replaceChildren(...data.points.map((p) => make("tr", {}, ...p.at.map((v) => make("td", {}, v)),
      ...(p.figures[figure] || [null, null, null]).map((v) => make("td", { class: "n" }, v === null ? "–" : readable(v))))));
  }

  data.figures.forEach((f, i) => byId("figure").append(make("option", { value: i }, f.name)));
  data.settings.forEach((s, i) => byId("over").append(make("option", { value: i }, s)));
  const first = data.figures.findIndex((f) => f.key === "service.delivered_kwh");
  if (first >= 0) byId("figure").value = String(first);
  // Numbers make an axis; of several, the one with most values.
  const worth = (i) => data.values[i].length + (numeric(data.values[i]) ? 1000 : 0);
  byId("over").value = String(data.settings.map((_, i) => i).sort((a, b) => worth(b) - worth(a))[0]);
  byId("figure").addEventListener("change", show);
  byId("over").addEventListener("change", show);
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  if (data.figures.length) {
    show();
    let width = byId("canvas").clientWidth;
    new ResizeObserver(() => {
      if (width === byId("canvas").clientWidth) return;
      width = byId("canvas").clientWidth;
      show();
    }).observe(byId("canvas"));
  }
})();
