"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const make = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
  const draw = (name, attributes, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
  function fill(element, attributes, children) {
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  // Numbers and times.
  const number = (v, digits) => v.toLocaleString("en-US", { maximumFractionDigits: digits === undefined ? 3 : digits });
  const hundredths = (v) => v.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const readable = (v) => number(v, Math.abs(v) >= 1000 ? 0 : Math.abs(v) >= 100 ? 1 : Math.abs(v) >= 1 ? 2 : 4);
  const two = (n) => String(n).padStart(2, "0");
  const clock = (ms, seconds) => {
    const d = new Date(ms);
    return two(d.getUTCHours()) + ":" + two(d.getUTCMinutes()) + (seconds ? ":" + two(d.getUTCSeconds()) : "");
  };
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const day = (ms) => { const d = new Date(ms); return d.getUTCDate() + " " + months[d.getUTCMonth()]; };
  const moment = (ms) => day(ms) + " " + clock(ms, data.width < 60000);
  const timeOf = (i) => data.start + i * data.width;

  // What all plots share: the points in view, and the one that is pointed at.
  const view = { from: 0, to: data.points, at: -1 };
  const plots = [];
  let active = null; // the plot that shows what it has there

  const second = 1000, minute = 60 * second, hour = 60 * minute, dayLong = 24 * hour;
  const timeSteps = [second, 5 * second, 15 * second, 30 * second, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 3 * hour,
    6 * hour, 12 * hour, dayLong, 2 * dayLong, 4 * dayLong, 7 * dayLong, 14 * dayLong, 28 * dayLong, 56 * dayLong];
  function timeTicks(width) {
    const from = timeOf(view.from), to = timeOf(view.to), most = Math.max(2, Math.floor(width / 78));
    const step = timeSteps.find((s) => (to - from) / s <= most) || timeSteps[timeSteps.length - 1];
    const ticks = [];
    for (let t = Math.ceil(from / step) * step; t <= to; t += step) {
      ticks.push({ t, text: t % dayLong === 0 || step >= dayLong ? day(t) : clock(t, step < minute) });
    }
    return ticks;
  }
  function valueTicks(low, high, most) {
    const raw = (high - low) / most, size = Math.pow(10, Math.floor(Math.log10(raw)));
    const step = [1, 2, 2.5, 5, 10].map((f) => f * size).find((s) => s >= raw * 0.999);
    const ticks = [];
    for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-6; v += step) ticks.push(Math.abs(v) < step / 1e6 ? 0 : v);
    return ticks;
  }

  const color = (series) => "var(--" + series.color + ")";

  class Plot {
    constructor(spec) {
      this.spec = spec;
      this.set = 0; // which of its sets of series is shown
      this.title = make("span", {}, spec.title);
      this.legend = make("ul", { class: "legend" });
      this.caption = make("figcaption", {}, this.title, make("span", { class: "unit" }, spec.unit), this.legend);
      if (spec.sets.length > 1) this.caption.append(this.choice());
      this.svg = draw("svg", { class: "chart", role: "img", tabindex: "0" });
      this.tip = make("div", { class: "tip" });
      this.tip.hidden = true;
      this.canvas = make("div", { class: "canvas" }, this.svg, this.tip);
      this.figure = make("figure", { class: "plot" + (spec.wide ? " wide" : "") }, this.caption, this.canvas, this.behind());
      this.listen();
    }
    get series() { return this.spec.sets[this.set].series; }
    choice() {
      const select = make("select", { "aria-label": this.spec.title + ": which" });
      this.spec.sets.forEach((s, i) => select.append(make("option", { value: i }, s.name)));
      select.addEventListener("change", () => { this.set = Number(select.value); this.draw(); });
      return select;
    }
    // behind is the table of the plot's numbers, made when it is opened.
    behind() {
      const details = make("details", {}, make("summary", {}, "Table"));
      details.addEventListener("toggle", () => {
        if (details.open) {
          if (details.children.length > 1) details.lastChild.remove();
          details.append(this.table());
        }
      });
      return details;
    }
    table() {
      const step = Math.max(1, Math.ceil((view.to - view.from) / 60));
      const head = make("tr", {}, make("th", { scope: "col" }, "from"));
      this.series.forEach((s) => head.append(make("th", { scope: "col", class: "n" }, s.name + ", " + this.spec.unit)));
      const body = make("tbody");
      for (let i = Math.floor(view.from); i < view.to; i += step) {
        const row = make("tr", {}, make("td", {}, moment(timeOf(i))));
        for (const s of this.series) {
          const known = s.mean.slice(i, Math.min(i + step, view.to)).filter((v) => v !== null);
          const mean = known.reduce((a, b) => a + b, 0) / known.length;
          row.append(make("td", { class: "n" }, known.length ? readable(mean / this.spec.scale) : "–"));
        }
        body.append(row);
      }
      return make("div", { class: "scroll" }, make("table", { class: "data" }, make("thead", {}, head), body));
    }

    // bounds gives the least and the most that is in view.
    bounds() {
      let low = this.spec.zero ? 0 : Infinity, high = this.spec.zero ? 0 : -Infinity;
      for (let i = Math.floor(view.from); i < view.to; i++) {
        let up = 0, down = 0;
        for (const s of this.series) {
          const least = (s.min || s.mean)[i], most = (s.max || s.mean)[i];
          if (least === null || most === null) continue;
          if (s.style === "area") { if (s.mean[i] > 0) up += s.mean[i]; else down += s.mean[i]; continue; }
          low = Math.min(low, least); high = Math.max(high, most);
        }
        low = Math.min(low, down || low); high = Math.max(high, up || high);
      }
      if (!(low < Infinity)) { low = 0; high = 1; }
      if (this.spec.top !== undefined) { low = 0; high = Math.max(high, this.spec.top); }
      if (low === high) { high += Math.abs(high) * 0.1 || 1; if (!this.spec.zero) low -= Math.abs(low) * 0.1; }
      const room = this.spec.top === undefined ? (high - low) * 0.06 : 0;
      return [(low === 0 ? 0 : low - room) / this.spec.scale, (high === 0 ? 0 : high + room) / this.spec.scale];
    }

    draw() {
      const width = Math.max(280, this.canvas.clientWidth), height = this.spec.wide ? 270 : 190;
      const box = this.box = { left: 52, right: width - 8, top: 8, bottom: height - 22 };
      const [low, high] = this.bounds();
      this.x = (i) => box.left + (i - view.from) / (view.to - view.from) * (box.right - box.left);
      this.y = (v) => box.bottom - (v / this.spec.scale - low) / (high - low) * (box.bottom - box.top);
      const clip = "clip-" + this.spec.id;
      const content = draw("g", { "clip-path": "url(#" + clip + ")" });
      this.svg.replaceChildren(draw("defs", {}, draw("clipPath", { id: clip }, draw("rect",
        { x: box.left, y: box.top - 4, width: box.right - box.left, height: box.bottom - box.top + 8 }))), this.axes(low, high), content);
      this.svg.setAttribute("viewBox", "0 0 " + width + " " + height);
      this.svg.setAttribute("height", height);
      this.incidents(content);
      this.stack(content);
      this.series.forEach((s) => this.curve(content, s));
      this.cross = draw("line", { class: "cross", y1: box.top, y2: box.bottom, visibility: "hidden" });
      this.selection = draw("rect", { class: "selection", y: box.top, height: box.bottom - box.top, visibility: "hidden" });
      this.svg.append(this.selection, this.cross);
      this.showLegend();
      this.svg.setAttribute("aria-label", this.inWords());
      this.point();
    }
    axes(low, high) {
      const g = draw("g"), box = this.box;
      for (const v of valueTicks(low, high, this.spec.wide ? 6 : 4)) {
        const y = this.y(v * this.spec.scale);
        g.append(draw("line", { class: v === 0 ? "zero" : "rule", x1: box.left, x2: box.right, y1: y, y2: y }),
          draw("text", { x: box.left - 7, y: y + 3.5, "text-anchor": "end" }, number(v, 4)));
      }
      for (const tick of timeTicks(box.right - box.left)) {
        const x = this.x((tick.t - data.start) / data.width);
        g.append(draw("line", { class: "rule", x1: x, x2: x, y1: box.top, y2: box.bottom }));
        if (x > box.left - 1 && x < box.right - 14) g.append(draw("text", { x, y: box.bottom + 15, "text-anchor": "middle" }, tick.text));
      }
      return g;
    }
    incidents(g) {
      for (const e of data.incidents || []) {
        const from = this.x((e.at - data.start) / data.width), to = this.x((e.at + e.for - data.start) / data.width);
        g.append(draw("rect", { class: "incident", x: from, y: this.box.top, width: Math.max(1.5, to - from), height: this.box.bottom - this.box.top },
          draw("title", {}, e.kind + " " + e.who + ", " + moment(e.at))));
      }
    }
    // steps gives a path that holds each value over its point, in pieces where values are known.
    steps(values) {
      let path = "", open = false;
      const to = Math.min(Math.ceil(view.to), values.length);
      for (let i = Math.floor(view.from); i < to; i++) {
        if (values[i] === null) { open = false; continue; }
        const y = this.y(values[i]).toFixed(1);
        path += (open ? "V" + y : "M" + this.x(i).toFixed(1) + " " + y) + "H" + this.x(i + 1).toFixed(1);
        open = true;
      }
      return path;
    }
    // between gives the area from one list of values to another.
    between(low, high) {
      let path = "", up = "", down = "";
      const close = () => { if (up) path += "M" + up.slice(1) + down + "Z"; up = down = ""; };
      const to = Math.min(Math.ceil(view.to), high.length);
      for (let i = Math.floor(view.from); i < to; i++) {
        if (low[i] === null || high[i] === null) { close(); continue; }
        const a = this.x(i).toFixed(1), b = this.x(i + 1).toFixed(1), top = this.y(high[i]).toFixed(1), bottom = this.y(low[i]).toFixed(1);
        up += "L" + a + " " + top + "L" + b + " " + top;
        down = "L" + b + " " + bottom + "L" + a + " " + bottom + down;
      }
      close();
      return path;
    }
    stack(g) {
      const up = [], down = [];
      for (const s of this.series) {
        if (s.style !== "area") continue;
        const low = [], high = [];
        s.mean.forEach((v, i) => {
          const base = v < 0 ? down : up, from = base[i] || 0;
          if (v !== null) base[i] = from + v;
          low[i] = v === null ? null : Math.min(from, from + v);
          high[i] = v === null ? null : Math.max(from, from + v);
        });
        g.append(draw("path", { class: "area", d: this.between(low, high), fill: color(s) }));
      }
    }
    curve(g, s) {
      if (s.style === "area") return;
      if (s.min && s.max) g.append(draw("path", { class: "band", d: this.between(s.min, s.max), fill: color(s) }));
      if (s.style === "limit") {
        const load = this.series[0], most = load.max || load.mean;
        const over = most.map((v, i) => v !== null && s.mean[i] !== null && v > s.mean[i] * 1.0001 ? v : null);
        g.append(draw("path", { class: "over", d: this.between(over.map((v, i) => v === null ? null : s.mean[i]), over) }));
      }
      g.append(draw("path", { class: "line " + s.style, d: this.steps(s.mean), stroke: color(s) }));
    }

    showLegend() {
      this.legend.replaceChildren();
      if (this.series.length < 2 && !this.series[0].max) return;
      for (const s of this.series) {
        const key = draw("svg", { viewBox: "0 0 14 10", "aria-hidden": "true" }, s.style === "area"
          ? draw("rect", { width: 14, height: 10, rx: 2, fill: color(s) })
          : draw("line", { x1: 0, x2: 14, y1: 5, y2: 5, stroke: color(s), "stroke-width": 2.4, "stroke-dasharray": s.style === "limit" ? "4 3" : "none" }));
        this.legend.append(make("li", {}, key, s.name + (s.max ? " (mean, least to most)" : "")));
      }
    }
    inWords() {
      const parts = this.series.map((s) => {
        const known = s.mean.filter((v) => v !== null);
        const least = Math.min(...(s.min || s.mean).filter((v) => v !== null)), most = Math.max(...(s.max || s.mean).filter((v) => v !== null));
        return known.length ? s.name + " from " + readable(least / this.spec.scale) + " to " + readable(most / this.spec.scale) + " " + this.spec.unit : s.name + " unknown";
      });
      return this.spec.title + ": " + parts.join("; ");
    }

    listen() {
      const index = (e) => {
        const place = this.svg.getBoundingClientRect(), box = this.box;
        const x = (e.clientX - place.left) * this.svg.viewBox.baseVal.width / place.width;
        return view.from + Math.max(0, Math.min(1, (x - box.left) / (box.right - box.left))) * (view.to - view.from);
      };
      let begin = null;
      this.svg.addEventListener("pointermove", (e) => {
        const i = index(e);
        view.at = Math.min(Math.floor(i), data.points - 1);
        if (begin !== null) {
          const a = this.x(Math.min(begin, i)), b = this.x(Math.max(begin, i));
          this.selection.setAttribute("x", a);
          this.selection.setAttribute("width", b - a);
          this.selection.setAttribute("visibility", b - a > 4 ? "visible" : "hidden");
        }
        pointAll(this);
      });
      this.svg.addEventListener("pointerdown", (e) => { if (e.pointerType !== "touch") { begin = index(e); this.svg.setPointerCapture(e.pointerId); } });
      this.svg.addEventListener("pointerup", (e) => {
        if (begin === null) return;
        const a = Math.min(begin, index(e)), b = Math.max(begin, index(e));
        begin = null;
        this.selection.setAttribute("visibility", "hidden");
        if (this.x(b) - this.x(a) > 4) look(a, b);
      });
      this.svg.addEventListener("pointerleave", () => { if (begin === null) { view.at = -1; pointAll(null); } });
      this.svg.addEventListener("dblclick", () => look(0, data.points));
      this.svg.addEventListener("blur", () => { view.at = -1; pointAll(null); });
      this.svg.addEventListener("keydown", (e) => {
        const stride = Math.max(1, Math.round((view.to - view.from) / (e.shiftKey ? 20 : 200)));
        if (e.key === "Escape") return look(0, data.points);
        if (e.key !== "ArrowLeft" && e.key !== "ArrowRight") return;
        e.preventDefault();
        const from = view.at < 0 ? Math.floor((view.from + view.to) / 2) : view.at;
        view.at = Math.max(Math.ceil(view.from), Math.min(Math.ceil(view.to) - 1, from + (e.key === "ArrowLeft" ? -stride : stride)));
        pointAll(this);
        byId("reading").textContent = this.tip.innerText;
      });
    }
    point() {
      const inside = view.at >= Math.floor(view.from) && view.at < view.to && view.at >= 0;
      this.cross.setAttribute("visibility", inside ? "visible" : "hidden");
      this.tip.hidden = !(inside && active === this);
      if (!inside) return;
      const x = this.x(view.at + 0.5);
      this.cross.setAttribute("x1", x);
      this.cross.setAttribute("x2", x);
      if (active !== this) return;
      const rows = make("table");
      for (const s of this.series) {
        const v = s.mean[view.at];
        if (v === null) continue;
        let text = readable(v / this.spec.scale) + " " + this.spec.unit;
        if (s.max && s.min && s.max[view.at] !== s.min[view.at]) text += " (" + readable(s.min[view.at] / this.spec.scale) + " – " + readable(s.max[view.at] / this.spec.scale) + ")";
        rows.append(make("tr", {}, make("td", {}, s.name), make("td", {}, text)));
      }
      this.tip.replaceChildren(make("b", {}, moment(timeOf(view.at))), rows);
      const scale = this.canvas.clientWidth / this.svg.viewBox.baseVal.width, place = x * scale;
      const room = this.canvas.clientWidth - this.tip.offsetWidth;
      this.tip.style.left = Math.max(0, place + 14 > room ? place - this.tip.offsetWidth - 14 : place + 14) + "px";
    }
  }

  function pointAll(plot) {
    active = plot;
    plots.forEach((p) => p.point());
  }
  function look(from, to) {
    if (to - from < 2) to = from + 2;
    view.from = Math.max(0, Math.floor(from));
    view.to = Math.min(data.points, Math.ceil(to));
    const whole = view.from === 0 && view.to === data.points;
    byId("whole").disabled = whole;
    byId("range").textContent = whole ? "" : moment(timeOf(view.from)) + " to " + moment(timeOf(view.to));
    drawAll();
  }
  function drawAll() { plots.forEach((p) => p.draw()); }

  if (byId("plots")) {
    data.plots.forEach((spec) => { const p = new Plot(spec); plots.push(p); byId("plots").append(p.figure); });
    byId("whole").addEventListener("click", () => look(0, data.points));
    let width = 0;
    new ResizeObserver(() => {
      if (width === byId("plots").clientWidth) return; // a table was opened
      width = byId("plots").clientWidth;
      drawAll();
    }).observe(byId("plots"));
  }

  // The table of sessions.
  function sessionTable() {
    const { head, rows, stations } = data.sessions;
    const page = 100;
    let order = { column: -1, down: false }, shown = page, found = rows;
    const text = (row, c) => {
      const v = row[c], kind = head[c].kind;
      if (v === null || v === "") return "–";
      if (kind === "time") return moment(data.start + v * 1000);
      if (kind === "span") return v >= 3600 ? Math.floor(v / 3600) + " h " + two(Math.floor(v % 3600 / 60)) : v >= 60 ? Math.floor(v / 60) + " min" : v + " s";
      if (kind === "energy") return hundredths(v / 1000);
      if (kind === "money") return hundredths(Number(v));
      if (kind === "station") return stations[v];
      return typeof v === "number" ? number(v) : v;
    };
    const key = (row, c) => head[c].kind === "station" ? stations[row[c]] : head[c].kind === "money" ? Number(row[c]) : row[c];
    const line = (row) => make("tr", {}, ...head.map((h, c) => {
      const cell = make("td", { class: h.left ? "" : "n" }, text(row, c));
      if (h.kind === "money") cell.title = row[c];
      if (h.share !== undefined && row[h.share] > 0) {
        const part = make("i");
        part.style.width = Math.min(100, 100 * row[c] / row[h.share]) + "%";
        cell.append(make("span", { class: "bar", "aria-hidden": "true" }, part));
      }
      return cell;
    }));
    const body = document.querySelector("#sessions tbody");
    function show() {
      body.replaceChildren(...found.slice(0, shown).map(line));
      byId("more").hidden = shown >= found.length;
      const energy = head.findIndex((h) => h.name === "kWh"), sum = found.reduce((a, row) => a + row[energy], 0);
      byId("found").textContent = number(found.length) + " of " + number(rows.length) + " sessions, " + number(sum / 1000, 1) + " kWh";
    }
    function pick() {
      const words = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean), station = byId("station").value;
      found = rows.filter((row) => (station === "" || row[1] === Number(station)) && words.every((w) => head.some((h, c) => h.left && text(row, c).toLowerCase().includes(w))));
      if (order.column >= 0) {
        const c = order.column, sign = order.down ? -1 : 1;
        found = found.slice().sort((a, b) => {
          const x = key(a, c), y = key(b, c);
          if (x === y) return 0;
          if (x === null) return 1;
          if (y === null) return -1;
          return sign * (typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x - y);
        });
      }
      shown = page;
      show();
    }
    const titles = head.map((h, c) => {
      const button = make("button", { type: "button" }, h.name);
      const title = make("th", { scope: "col", class: h.left ? "" : "n" }, button);
      button.addEventListener("click", () => {
        order = { column: c, down: order.column === c && !order.down };
        titles.forEach((t, i) => { if (i === c) t.setAttribute("aria-sort", order.down ? "descending" : "ascending"); else t.removeAttribute("aria-sort"); });
        pick();
      });
      return title;
    });
    document.querySelector("#sessions thead").append(make("tr", {}, ...titles));
    stations.forEach((name, i) => byId("station").append(make("option", { value: i }, name)));
    byId("find").addEventListener("input", pick);
    byId("station").addEventListener("change", pick);
    byId("more").addEventListener("click", () => { shown += 5 * page; show(); });
    window.addEventListener("beforeprint", () => { shown = Math.max(shown, 500); show(); drawAll(); });
    show();
  }
  if (byId("sessions")) sessionTable();

  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
})();
