"use strict";
// Draws what stands in the page as data: places on a map, their series, curves, strips.
(() => {
  const content = JSON.parse(document.getElementById("content").textContent);
  const COLOURS = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
  const VIRIDIS = ["#440154", "#482878", "#3e4a89", "#31688e", "#26838f", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
  const DIVERGING = ["#8c510a", "#bf812d", "#dfc27d", "#f6e8c3", "#f5f5f5", "#f5f5f5", "#c7eae5", "#80cdc1", "#35978f", "#01665e"];
  const DAY = 86400000;
  const ink = () => getComputedStyle(document.body).color;

  const make = (tag, given = {}, parent = null) => {
    const inside = ["svg", "g", "path", "line", "rect", "circle", "text", "title"].includes(tag);
    const node = inside ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(given)) {
      if (name === "text") node.textContent = value;
      else node.setAttribute(name, value);
    }
    if (parent) parent.append(node);
    return node;
  };
  const known = (x) => x !== null && Number.isFinite(x);
  const shown = (x, digits = 3) => {
    if (!known(x)) return "–";
    const size = Math.abs(x);
    const text = size !== 0 && (size >= 1e5 || size < 1e-3) ? x.toExponential(1)
      : x.toFixed(size >= 100 ? 0 : size >= 10 ? Math.min(digits, 1) : digits);
    return text.replace("-", "−");
  };
  const ticks = (low, high, count) => {
    const span = high - low;
    if (!(span > 0)) return [low];
    const raw = span / Math.max(count, 1), power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) found.push(k * step);
    return found;
  };
  const tip = make("div", { class: "tip", hidden: "" }, document.body);
  const say = (event, text) => {
    tip.textContent = text;
    tip.hidden = false;
    const half = tip.offsetWidth / 2 + 4;
    tip.style.left = `${Math.min(Math.max(event.pageX, half), document.documentElement.clientWidth - half)}px`;
    tip.style.top = `${event.pageY}px`;
  };
  const hush = () => { tip.hidden = true; };

  // Numbers of two bytes each, finer towards the least; the greatest stands for none.
  const decoded = (text, low, high) => {
    const raw = atob(text), out = new Float64Array(raw.length / 2);
    for (let k = 0; k < out.length; k += 1) {
      const n = raw.charCodeAt(2 * k) + 256 * raw.charCodeAt(2 * k + 1);
      out[k] = n === 65535 ? NaN : low + (high - low) * (n / 65534) ** 2;
    }
    return out;
  };

  const dates = (from, to, count) => {
    const days = (to - from) / DAY, found = [];
    const months = [[1, 45], [3, 130], [6, 300], [12, 700], [24, 1500], [60, 4000], [120, 1e9]];
    if (days / count < 20) {
      const step = [1 / 24, 1 / 8, 1 / 4, 1 / 2, 1, 2, 5, 10, 15].find((s) => days / s <= count) || 15;
      const length = step * DAY;
      for (let t = Math.ceil(from / length) * length; t <= to; t += length) {
        const at = new Date(t).toISOString();
        found.push([t, step < 1 && at.slice(11, 16) !== "00:00" ? at.slice(11, 16) : at.slice(0, 10)]);
      }
      return found;
    }
    const every = months.find(([m]) => days / (m * 30.44) <= count)[0];
    const start = new Date(from);
    for (let m = 12 * start.getUTCFullYear(); ; m += every) {
      const t = Date.UTC(Math.floor(m / 12), m % 12, 1);
      if (t > to) return found;
      if (t >= from) found.push([t, new Date(t).toISOString().slice(0, every % 12 ? 7 : 4)]);
    }
  };

  // Curves

  const panel = (node, given) => {
    const draw = () => {
      node.replaceChildren();
      const width = Math.max(node.clientWidth, 240), height = 250;
      const box = { left: 50, right: 10, top: 24, bottom: 36 };
      const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": given.title }, node);
      make("text", { x: 2, y: 13, class: "title", text: given.title }, svg);
      const every = (axis) => given.lines.flatMap((line) => line[axis]).filter(known);
      const scaled = (y) => (given.log ? Math.log10(y) : y);
      const [x0, x1] = given.x_range || [Math.min(...every("x")), Math.max(...every("x"))];
      let [y0, y1] = given.y_range || [Math.min(...every("y")), Math.max(...every("y"))];
      if (!given.y_range) {
        const room = 0.06 * (scaled(y1) - scaled(y0) || 1);
        [y0, y1] = given.log ? [10 ** (scaled(y0) - room), 10 ** (scaled(y1) + room)] : [y0 - room, y1 + room];
      }
      const px = (x) => box.left + (x - x0) / (x1 - x0 || 1) * (width - box.left - box.right);
      const py = (y) => height - box.bottom - (scaled(y) - scaled(y0)) / (scaled(y1) - scaled(y0) || 1) * (height - box.top - box.bottom);
      let marks = ticks(y0, y1, 5);
      if (given.log) {
        marks = [1, 2, 5].flatMap((m) => ticks(Math.floor(scaled(y0)), Math.ceil(scaled(y1)), 9).filter(Number.isInteger).map((e) => m * 10 ** e)).filter((y) => y >= y0 && y <= y1);
        if (marks.length < 2) marks = ticks(y0, y1, 4);
      }
      for (const y of marks) {
        make("line", { class: "grid", x1: box.left, x2: width - box.right, y1: py(y), y2: py(y) }, svg);
        make("text", { x: box.left - 5, y: py(y) + 4, "text-anchor": "end", text: String(+y.toPrecision(3)).replace("-", "−") }, svg);
      }
      for (const x of ticks(x0, x1, width / 90)) {
        make("text", { x: px(x), y: height - box.bottom + 15, "text-anchor": "middle", text: String(+x.toPrecision(6)).replace("-", "−") }, svg);
      }
      make("text", { x: width - box.right, y: height - 4, "text-anchor": "end", text: given.x_label }, svg);
      given.lines.forEach((line, at) => {
        let path = "", before = null;
        line.x.forEach((x, k) => {
          const y = line.y[k];
          if (!known(x) || !known(y)) { before = null; return; }
          const there = `${Math.min(Math.max(px(x), box.left), width - box.right).toFixed(1)} ${py(y).toFixed(1)}`;
          if (before === null) path += `M${there}`;
          else path += line.steps ? `V${py(y).toFixed(1)}H${there.split(" ")[0]}` : `L${there}`;
          before = y;
        });
        make("path", { d: path, fill: "none", stroke: line.colour || COLOURS[at % COLOURS.length], "stroke-width": line.thin ? 1 : 2, "stroke-opacity": line.thin ? 0.45 : 1 }, svg);
      });
      const cross = make("line", { class: "cross", y1: box.top, y2: height - box.bottom, visibility: "hidden" }, svg);
      svg.addEventListener("pointermove", (event) => {
        const area = svg.getBoundingClientRect();
        const x = x0 + (event.clientX - area.left - box.left) / (width - box.left - box.right) * (x1 - x0);
        if (x < x0 || x > x1) return;
        const words = given.lines.filter((line) => !line.thin).map((line) => {
          let best = 0;
          line.x.forEach((other, k) => { if (Math.abs(other - x) < Math.abs(line.x[best] - x)) best = k; });
          return `${line.label} ${shown(line.y[best])}`;
        });
        cross.setAttribute("visibility", "visible");
        cross.setAttribute("x1", px(x)); cross.setAttribute("x2", px(x));
        say(event, `${given.x_label} ${shown(x, x1 - x0 > 20 ? 0 : 2)}: ${words.join(", ")}`);
      });
      svg.addEventListener("pointerleave", () => { hush(); cross.setAttribute("visibility", "hidden"); });
      const legend = make("div", { class: "legend" }, node);
      given.lines.forEach((line, at) => {
        if (line.thin) return;
        const entry = make("span", {}, legend);
        make("i", { style: `background:${line.colour || COLOURS[at % COLOURS.length]}` }, entry);
        entry.append(line.label);
      });
      if (given.about) make("figcaption", { text: given.about }, node);
    };
    draw();
    return draw;
  };

  // Places: a map and a list, one of them chosen

  const places = content.places, series = content.series;
  let chosen = places ? places.first : 0, score = 0;
  const followers = [];
  const choose = (at) => { chosen = at; followers.forEach((follow) => follow()); };
  const coloured = (entry, value) => {
    if (!known(value)) return "transparent";
    const [low, high] = entry.range;
    const palette = entry.ideal > low && entry.ideal < high ? DIVERGING : VIRIDIS;
    const share = (value - low) / (high - low || 1);
    const ordered = entry.ideal === low ? 1 - share : share;
    return palette[Math.min(Math.max(Math.floor(ordered * palette.length), 0), palette.length - 1)];
  };
  const called = (at) => (places.names && places.names[at] ? `${places.ids[at]}  ${places.names[at]}` : places.ids[at]);

  const atlas = (node) => {
    const bar = make("div", { class: "bar" }, node);
    const select = make("select", { "aria-label": "score shown on the map" }, make("label", { text: "colour: " }, bar));
    places.scores.forEach((entry, at) => make("option", { value: at, text: entry.label }, select));
    const about = make("span", { class: "readout" }, bar);
    const holder = make("div", {}, node);
    const draw = () => {
      holder.replaceChildren();
      const entry = places.scores[score];
      about.textContent = entry.about;
      const width = Math.max(holder.clientWidth, 260), edge = 26, foot = 46;
      const middle = (Math.min(...places.y) + Math.max(...places.y)) / 2;
      const squeeze = places.degrees ? Math.cos(middle * Math.PI / 180) : 1;
      const xs = places.x.map((x) => x * squeeze);
      const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...places.y), Math.max(...places.y)];
      const across = Math.max(x1 - x0, (y1 - y0) / 1.6, 1e-6);
      let scale = (width - 2 * edge) / across;
      const high = Math.min(Math.max((y1 - y0) * scale, 120), 470);
      scale = Math.min(scale, high / Math.max(y1 - y0, 1e-6));
      const height = high + 2 * edge + foot;
      const px = (k) => width / 2 + (xs[k] - (x0 + x1) / 2) * scale;
      const py = (k) => edge + high / 2 - (places.y[k] - (y0 + y1) / 2) * scale;
      const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `map of ${entry.label}` }, holder);
      const left = (x0 + x1) / 2 - width / 2 / scale, bottom = (y0 + y1) / 2 - (high / 2 + edge) / scale;
      const degrees = (value, signs) => (places.degrees ? `${+Math.abs(value).toFixed(3)}°${signs[value > 0 ? 1 : 0]}` : String(+value.toFixed(3)));
      for (const x of ticks(left / squeeze, (left + width / scale) / squeeze, width / 110)) {
        const at = (x * squeeze - left) * scale;
        if (at < 20 || at > width - 20) continue;
        make("line", { class: "grid", x1: at, x2: at, y1: 0, y2: height - foot }, svg);
        make("text", { x: at, y: height - foot - 4, "text-anchor": "middle", text: degrees(x, "WE") }, svg);
      }
      for (const y of ticks(bottom, bottom + (high + 2 * edge) / scale, 5)) {
        const at = height - foot - (y - bottom) * scale;
        if (at < 12) continue;
        make("line", { class: "grid", x1: 0, x2: width, y1: at, y2: at }, svg);
        make("text", { x: 2, y: at - 3, text: degrees(y, "SN") }, svg);
      }
      const radius = Math.min(Math.max(60 / Math.sqrt(places.ids.length), 4), 8);
      const order = places.ids.map((_, k) => k).sort((a, b) => (a === chosen) - (b === chosen));
      for (const k of order) {
        const value = entry.values[k];
        const dot = make("circle", { cx: px(k), cy: py(k), r: k === chosen ? radius + 2 : radius, fill: coloured(entry, value), class: k === chosen ? "dot chosen" : "dot", "data-place": places.ids[k] }, svg);
        dot.addEventListener("pointerenter", (event) => say(event, `${called(k)}: ${entry.label} ${shown(value, 2)}`));
        dot.addEventListener("pointerleave", hush);
        dot.addEventListener("click", () => choose(k));
      }
      const cells = 10, size = Math.min(24, width / 14), start = 8;
      for (let c = 0; c < cells; c += 1) {
        const value = entry.range[0] + (c + 0.5) / cells * (entry.range[1] - entry.range[0]);
        make("rect", { x: start + c * size, y: height - 30, width: size, height: 9, fill: coloured(entry, value) }, svg);
      }
      make("text", { x: start, y: height - 8, text: shown(entry.range[0], 2) }, svg);
      make("text", { x: start + cells * size, y: height - 8, "text-anchor": "end", text: shown(entry.range[1], 2) }, svg);
      make("text", { x: start + cells * size + 8, y: height - 21, text: entry.label }, svg);
    };
    select.addEventListener("change", () => { score = Number(select.value); followers.forEach((follow) => follow()); });
    followers.push(draw);
    draw();
    return draw;
  };

  const list = (node) => {
    const bar = make("div", { class: "bar" }, node);
    const search = make("input", { type: "search", placeholder: `find a ${places.what} …`, "aria-label": `find a ${places.what}` }, bar);
    const table = make("table", {}, make("div", { class: "list", tabindex: "0" }, node));
    let by = null, down = true;
    const columns = () => {
      const first = places.scores[score], more = places.scores.filter((_, k) => k !== score).slice(0, 2);
      return [...places.columns, ...[first, ...more]];
    };
    const draw = () => {
      const head = columns();
      const key = by === null ? places.scores[score] : by;
      const wanted = search.value.toLowerCase();
      const rows = places.ids.map((_, k) => k).filter((k) => called(k).toLowerCase().includes(wanted));
      rows.sort((a, b) => {
        if (key === "id") return (places.ids[a] < places.ids[b] ? -1 : 1) * (down ? 1 : -1);
        const [x, y] = [key.values[a], key.values[b]];
        if (!known(x) || !known(y)) return known(y) - known(x);
        return (y - x) * (down ? 1 : -1);
      });
      table.replaceChildren();
      const top = make("tr", {}, make("thead", {}, table));
      const cell = (text, what, number) => {
        const title = make("th", { text: what === key ? `${text} ${down ? "↓" : "↑"}` : text, class: number ? "number" : "" }, top);
        title.addEventListener("click", () => { down = by === what || (by === null && key === what) ? !down : true; by = what; draw(); });
      };
      cell(places.what, "id", false);
      if (places.names) make("th", { text: "name" }, top);
      head.forEach((entry) => cell(entry.units && entry.units !== "1" ? `${entry.label} (${entry.units})` : entry.label, entry, true));
      const body = make("tbody", {}, table);
      for (const k of rows) {
        const row = make("tr", { class: k === chosen ? "chosen" : "", "data-place": places.ids[k] }, body);
        make("td", { text: places.ids[k] }, row);
        if (places.names) make("td", { text: places.names[k] || "", title: places.names[k] || "" }, row);
        head.forEach((entry) => make("td", { class: "number", text: shown(entry.values[k], entry.digits === undefined ? 2 : entry.digits) }, row));
        row.addEventListener("click", () => choose(k));
      }
    };
    search.addEventListener("input", draw);
    followers.push(draw);
    draw();
  };

  // Series of the chosen place

  const viewer = (node) => {
    const step = series.step, count = series.count, end = series.start + step * count;
    let from = series.start, to = end, logarithmic = false, drag = null, pointers = new Map();
    const on = series.lines.map((line) => line.on);
    const cache = new Map();
    const values = (line) => {
      const key = `${line}/${chosen}`;
      if (!cache.has(key)) {
        const at = series.shown.indexOf(chosen), one = series.lines[line];
        cache.set(key, at < 0 ? new Float64Array(count).fill(NaN) : decoded(one.data[at], one.low, one.high));
      }
      return cache.get(key);
    };
    const title = make("h3", {}, node);
    const bar = make("div", { class: "bar" }, node);
    const button = (text, act, label) => {
      const one = make("button", { type: "button", text, title: label || text, "aria-label": label || text }, bar);
      one.addEventListener("click", act);
      return one;
    };
    const move = (a, b) => {
      const least = Math.min(4 * step, end - series.start);
      let length = Math.min(Math.max(b - a, least), end - series.start), first = a + (b - a - length) / 2;
      first = Math.min(Math.max(first, series.start), end - length);
      from = first; to = first + length;
      draw();
    };
    const zoom = (factor, around = (from + to) / 2) => move(around - (around - from) * factor, around + (to - around) * factor);
    button("all", () => move(series.start, end), "the whole period");
    [["year", 365], ["3 months", 91], ["month", 30]].forEach(([text, days]) => {
      if (days * DAY < end - series.start) button(text, () => move((from + to - days * DAY) / 2, (from + to + days * DAY) / 2));
    });
    button("−", () => zoom(1.6), "less detail");
    button("+", () => zoom(1 / 1.6), "more detail");
    button("◀", () => move(from - (to - from) / 2, to - (to - from) / 2), "earlier");
    button("▶", () => move(from + (to - from) / 2, to + (to - from) / 2), "later");
    const root = button("log axis", () => { logarithmic = !logarithmic; root.setAttribute("aria-pressed", logarithmic); draw(); }, "a logarithmic axis, which shows low values");
    root.setAttribute("aria-pressed", "false");
    const legend = make("div", { class: "legend" }, node);
    series.lines.forEach((line, at) => {
      const label = make("label", {}, legend);
      const box = make("input", { type: "checkbox" }, label);
      box.checked = on[at];
      box.addEventListener("change", () => { on[at] = box.checked; draw(); });
      make("i", { style: `background:${line.colour || "currentColor"}` }, label);
      label.append(line.label, " ");
      line.readout = make("b", {}, label);
    });
    const readout = make("div", { class: "readout" }, node);
    const holder = make("div", {}, node);
    make("p", { class: "small", text: "Drag across the picture to look closer; drag the band below it, or use the arrow keys, to move; a double click shows all." }, node);
    const scores = (first, last) => {
      const [s, o] = series.judged.map((name) => values(series.lines.findIndex((line) => line.name === name)));
      let n = 0, ms = 0, mo = 0;
      for (let k = first; k < last; k += 1) if (known(s[k]) && known(o[k])) { n += 1; ms += s[k]; mo += o[k]; }
      if (n < 2) return "nothing to compare in the window shown";
      ms /= n; mo /= n;
      let error = 0, vo = 0, vs = 0, both = 0;
      for (let k = first; k < last; k += 1) if (known(s[k]) && known(o[k])) {
        error += (s[k] - o[k]) ** 2; vo += (o[k] - mo) ** 2; vs += (s[k] - ms) ** 2; both += (s[k] - ms) * (o[k] - mo);
      }
      const r = both / Math.sqrt(vs * vo);
      const kge = 1 - Math.hypot(r - 1, Math.sqrt(vs / vo) - 1, ms / mo - 1);
      return `${n} steps compared: NSE ${shown(1 - error / vo, 2)}, KGE ${shown(kge, 2)}, r ${shown(r, 2)}, volume ${ms >= mo ? "+" : "−"}${Math.abs(100 * (ms / mo - 1)).toFixed(0)} %`;
    };
    const path = (x, first, last, px, py, width) => {
      // As many numbers as there are pixels: the least and the greatest of each column.
      let text = "", pen = false, column = -1, low = 0, high = 0;
      const flush = () => { if (column >= 0 && high !== low) text += `V${py(low).toFixed(1)}V${py(high).toFixed(1)}`; };
      const dense = (last - first) > 2 * width;
      for (let k = first; k < last; k += 1) {
        if (!known(x[k])) { if (dense) flush(); pen = false; column = -1; continue; }
        const at = px(series.start + (k + 0.5) * step);
        if (dense && Math.floor(at) === column) { low = Math.min(low, x[k]); high = Math.max(high, x[k]); continue; }
        if (dense) flush();
        column = Math.floor(at); low = high = x[k];
        const alone = !pen && (k + 1 >= last || !known(x[k + 1]));
        text += `${pen ? "L" : "M"}${at.toFixed(1)} ${py(x[k]).toFixed(1)}${alone ? "h0.01" : ""}`;
        pen = true;
      }
      if (dense) flush();
      return text;
    };
    const draw = () => {
      title.textContent = called(chosen);
      holder.replaceChildren();
      if (!series.shown.includes(chosen)) {
        readout.textContent = `The series of this ${places.what} is not in the page, which would grow too large; dmx plot draws it.`;
        return;
      }
      const width = Math.max(holder.clientWidth, 280), height = width < 560 ? 250 : 330, strip = 44;
      const box = { left: 46, right: 44, top: 8, bottom: 24 };
      const first = Math.max(Math.floor((from - series.start) / step), 0), last = Math.min(Math.ceil((to - series.start) / step), count);
      readout.replaceChildren(make("b", { text: `${new Date(from).toISOString().slice(0, 10)} to ${new Date(to - step).toISOString().slice(0, 10)}` }), ` – ${scores(first, last)}`);
      const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, class: "zoomed", tabindex: "0", role: "img", "aria-label": `series of ${called(chosen)}` }, holder);
      const lines = series.lines.map((line, at) => ({ ...line, at })).filter((line) => on[line.at]);
      const plain = lines.filter((line) => line.kind !== "hanging"), hanging = lines.filter((line) => line.kind === "hanging");
      let top = 1e-9, least = Infinity;
      for (const line of plain) {
        const x = values(line.at);
        for (let k = first; k < last; k += 1) if (known(x[k])) { if (x[k] > top) top = x[k]; if (x[k] > 0 && x[k] < least) least = x[k]; }
      }
      least = Math.max(Math.min(least, top), top * 1e-4);
      const room = hanging.length ? 0.26 : 0.04, inner = height - box.top - box.bottom;
      const px = (t) => box.left + (t - from) / (to - from) * (width - box.left - box.right);
      const py = (y) => {
        const share = logarithmic ? Math.log(Math.max(y, least) / least) / Math.log(top / least || 1) : y / top;
        return height - box.bottom - share * inner * (1 - room);
      };
      const marks = logarithmic ? [-4, -3, -2, -1, 0, 1, 2, 3, 4, 5].flatMap((e) => [1, 3].map((m) => m * 10 ** e)).filter((y) => y >= least && y <= top) : ticks(0, top, 5);
      for (const y of marks) {
        make("line", { class: "grid", x1: box.left, x2: width - box.right, y1: py(y), y2: py(y) }, svg);
        make("text", { x: box.left - 5, y: py(y) + 4, "text-anchor": "end", text: String(+y.toPrecision(3)) }, svg);
      }
      make("text", { x: 2, y: box.top + 4 + (hanging.length ? inner * 0.2 : 0), text: series.units }, svg);
      for (const [t, text] of dates(from, to, Math.max((width - 90) / 85, 2))) {
        make("line", { class: "grid", x1: px(t), x2: px(t), y1: box.top, y2: height - box.bottom }, svg);
        if (px(t) < width - 28) make("text", { x: px(t), y: height - 8, "text-anchor": "middle", text }, svg);
      }
      for (const line of hanging) {
        const x = values(line.at);
        let most = 1e-9, shape = "";
        for (let k = first; k < last; k += 1) if (x[k] > most) most = x[k];
        const depth = (y) => box.top + y / most * inner * (room - 0.04);
        const columns = new Map(), wide = Math.max(px(series.start + step) - px(series.start), 1);
        for (let k = first; k < last; k += 1) if (x[k] > 0) {
          const at = wide > 1 ? px(series.start + k * step) : Math.floor(px(series.start + k * step));
          if (at >= box.left - wide) columns.set(at, Math.max(columns.get(at) || 0, x[k]));
        }
        columns.forEach((y, at) => { shape += `M${Math.max(at, box.left).toFixed(1)} ${box.top}h${Math.max(wide - 0.4, 0.8).toFixed(1)}V${depth(y).toFixed(1)}h-${Math.max(wide - 0.4, 0.8).toFixed(1)}Z`; });
        make("path", { d: shape, fill: line.colour, "fill-opacity": 0.75 }, svg);
        for (const y of ticks(0, most, 2)) make("text", { x: width - box.right + 5, y: depth(y) + 4, text: String(+y.toPrecision(3)) }, svg);
        make("text", { x: width - 2, y: depth(most) + 18, "text-anchor": "end", text: line.units }, svg);
      }
      for (const line of plain) {
        make("path", { d: path(values(line.at), first, last, px, py, width), fill: "none", stroke: line.colour || ink(), "stroke-width": line.thin ? 1.1 : 1.8, "stroke-linejoin": "round", "stroke-linecap": "round", "data-line": line.name }, svg);
      }
      make("line", { class: "axis", x1: box.left, x2: width - box.right, y1: height - box.bottom, y2: height - box.bottom }, svg);
      const cross = make("line", { class: "cross", y1: box.top, y2: height - box.bottom, visibility: "hidden" }, svg);
      const picked = make("rect", { class: "window", y: box.top, height: inner, width: 0, visibility: "hidden" }, svg);
      const when = (event) => {
        const x = (event.clientX - svg.getBoundingClientRect().left) * width / svg.getBoundingClientRect().width;
        return Math.min(Math.max(from + (x - box.left) / (width - box.left - box.right) * (to - from), from), to);
      };
      svg.addEventListener("pointerdown", (event) => {
        pointers.set(event.pointerId, when(event));
        drag = { start: when(event), from, to, touch: event.pointerType === "touch" };
        svg.setPointerCapture(event.pointerId);
      });
      svg.addEventListener("pointermove", (event) => {
        const t = when(event);
        if (drag && drag.touch && pointers.size === 1) {
          drag.shift = drag.start - t;
          picked.setAttribute("visibility", "hidden");
        } else if (drag && !drag.touch && Math.abs(px(t) - px(drag.start)) > 4) {
          picked.setAttribute("visibility", "visible");
          picked.setAttribute("x", Math.min(px(t), px(drag.start)));
          picked.setAttribute("width", Math.abs(px(t) - px(drag.start)));
        }
        const k = Math.min(Math.floor((t - series.start) / step), count - 1);
        cross.setAttribute("visibility", "visible");
        cross.setAttribute("x1", px(series.start + (k + 0.5) * step)); cross.setAttribute("x2", px(series.start + (k + 0.5) * step));
        for (const line of lines) series.lines[line.at].readout.textContent = shown(values(line.at)[k], 2);
        say(event, new Date(series.start + k * step).toISOString().slice(0, step < DAY ? 16 : 10).replace("T", " "));
      });
      svg.addEventListener("pointerup", (event) => {
        pointers.delete(event.pointerId);
        if (!drag) return;
        const t = when(event), begun = drag;
        drag = null;
        if (begun.touch) { if (begun.shift) move(from + begun.shift, to + begun.shift); }
        else if (Math.abs(px(t) - px(begun.start)) > 4) move(Math.min(t, begun.start), Math.max(t, begun.start));
      });
      svg.addEventListener("pointerleave", () => { hush(); cross.setAttribute("visibility", "hidden"); series.lines.forEach((line) => { line.readout.textContent = ""; }); });
      svg.addEventListener("dblclick", () => move(series.start, end));
      svg.addEventListener("keydown", (event) => {
        const act = { ArrowLeft: () => move(from - (to - from) / 4, to - (to - from) / 4), ArrowRight: () => move(from + (to - from) / 4, to + (to - from) / 4), "+": () => zoom(1 / 1.6), "-": () => zoom(1.6), Home: () => move(series.start, end) }[event.key];
        if (act) { event.preventDefault(); act(); holder.querySelector("svg").focus(); }
      });
      overview(width, strip, box);
    };
    const overview = (width, height, box) => {
      const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, style: "touch-action:none", "aria-hidden": "true" }, holder);
      const px = (t) => box.left + (t - series.start) / (end - series.start) * (width - box.left - box.right);
      const x = values(series.lines.findIndex((line) => line.name === series.judged[1]));
      let most = 1e-9;
      for (const y of x) if (y > most) most = y;
      make("path", { d: path(x, 0, count, px, (y) => height - 2 - Math.sqrt(y / most) * (height - 6), width), fill: "none", stroke: "currentColor", "stroke-opacity": 0.45 }, svg);
      const band = make("rect", { class: "window", x: px(from), y: 1, width: Math.max(px(to) - px(from), 3), height: height - 2 }, svg);
      let held = null;
      const when = (event) => series.start + ((event.clientX - svg.getBoundingClientRect().left) * width / svg.getBoundingClientRect().width - box.left) / (width - box.left - box.right) * (end - series.start);
      svg.addEventListener("pointerdown", (event) => {
        const t = when(event);
        held = t >= from && t <= to ? t - from : (to - from) / 2;
        svg.setPointerCapture(event.pointerId);
        band.setAttribute("x", px(Math.min(Math.max(t - held, series.start), end - (to - from))));
      });
      svg.addEventListener("pointermove", (event) => {
        if (held !== null) band.setAttribute("x", px(Math.min(Math.max(when(event) - held, series.start), end - (to - from))));
      });
      svg.addEventListener("pointerup", (event) => { const first = when(event) - held; held = null; move(first, first + (to - from)); });
    };
    followers.push(draw);
    draw();
    return draw;
  };

  // Parameters: all places faint, the chosen one on top

  const strips = (node) => {
    const draw = () => {
      node.replaceChildren();
      for (const one of content.parameters) {
        const cell = make("div", {}, node);
        const head = make("p", {}, cell);
        make("b", { text: one.label }, head);
        head.append(one.units === "1" ? "" : ` (${one.units})`, one.about ? ` – ${one.about}` : "");
        const width = Math.max(cell.clientWidth, 220), height = 50;
        const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `parameter ${one.label}` }, cell);
        const bend = one.log ? Math.log : (x) => x;
        const px = (x) => 6 + (bend(x) - bend(one.low)) / (bend(one.high) - bend(one.low)) * (width - 12);
        make("line", { class: "axis", x1: 6, x2: width - 6, y1: 34, y2: 34 }, svg);
        one.values.forEach((members) => {
          const mean = members.reduce((a, b) => a + b, 0) / members.length;
          make("line", { x1: px(mean), x2: px(mean), y1: 20, y2: 34, stroke: "currentColor", "stroke-opacity": 0.35 }, svg);
        });
        const own = one.values[one.places ? chosen : 0];
        if (one.places && own) {
          const mean = own.reduce((a, b) => a + b, 0) / own.length;
          make("line", { x1: px(Math.min(...own)), x2: px(Math.max(...own)), y1: 12, y2: 12, stroke: COLOURS[0], "stroke-width": 3, "stroke-linecap": "round" }, svg);
          own.forEach((x) => make("circle", { cx: px(x), cy: 12, r: 2.4, fill: COLOURS[0] }, svg));
          make("path", { d: `M${px(mean)} 20l-5 -7h10Z`, fill: COLOURS[0] }, svg);
          make("title", { text: `${places.ids[chosen]}: mean ${shown(mean)}` }, svg);
        }
        make("text", { x: 4, y: 47, text: String(+one.low.toPrecision(3)) }, svg);
        make("text", { x: width - 4, y: 47, "text-anchor": "end", text: String(+one.high.toPrecision(3)) }, svg);
      }
    };
    if (places) followers.push(draw);
    draw();
    return draw;
  };

  const drawn = [];
  document.querySelectorAll("[data-panel]").forEach((node) => drawn.push(panel(node, content.panels[Number(node.dataset.panel)])));
  const found = (name, act) => { const node = document.getElementById(name); if (node) { const redraw = act(node); if (redraw) drawn.push(redraw); } };
  found("atlas", atlas);
  found("list", list);
  found("viewer", viewer);
  found("strips", strips);
  let wide = document.documentElement.clientWidth, wait = null;
  addEventListener("resize", () => {
    if (document.documentElement.clientWidth === wide) return;
    wide = document.documentElement.clientWidth;
    clearTimeout(wait);
    wait = setTimeout(() => drawn.forEach((redraw) => redraw()), 120);
  });
  document.documentElement.dataset.drawn = "yes";
})();
