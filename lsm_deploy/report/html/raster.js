"use strict";

// A raster to look into: dots (or shades, of messages), population by population, and below them rates.
// `redraws` and the reader's theme are page.js's. Places in a view are steps and neurons; the whole is data's.

function unpacked(text) { return Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer; }

function ticks(from, to, most) {
  const raw = Math.max((to - from) / most, 1), power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(n => n * power).find(each => each >= raw);
  const marks = [];
  for (let at = Math.ceil(from / step) * step; at < to; at += step) marks.push(at);
  return marks;
}

function grouped(value) { return Math.round(value).toLocaleString("en").replaceAll(",", "\u2009"); }

function lookInto(figure) {
  const data = JSON.parse(figure.querySelector("script").textContent);
  const t = new Uint32Array(unpacked(data.t)), neuron = new Uint32Array(unpacked(data.neuron));
  const side = new Uint8Array(unpacked(data.side)), shades = new Int8Array(unpacked(data.shades));
  const canvas = figure.querySelector("canvas"), pen = canvas.getContext("2d");
  const status = figure.querySelector("output"), under = figure.querySelector(".under");
  const whole = { time: [data.first, data.first + data.steps], neurons: [0, data.neurons] };
  const least = { time: Math.min(10, data.steps), neurons: Math.min(4, data.neurons) };
  const view = { time: [...whole.time], neurons: [...whole.neurons] };

  // Where things stand on the canvas, in CSS pixels.
  function places() {
    const { width, height } = canvas.getBoundingClientRect();
    const names = data.bands.length > 1 ? Math.min(100, width / 5) : 10, rates = data.rates.length ? 70 : 0;
    const left = 56, top = 6, w = Math.max(width - left - names, 10), h = Math.max(height - top - rates - 40, 10);
    const below = top + h + 12, foot = top + h + rates;
    return { width, height, left, top, w, h, below, foot, rates: Math.max(rates - 12, 0) };
  }
  const across = (at, p) => p.left + (at - view.time[0]) / (view.time[1] - view.time[0]) * p.w;
  const up = (at, p) => p.top + p.h - (at - view.neurons[0]) / (view.neurons[1] - view.neurons[0]) * p.h;

  function draw() {
    const p = places(), ratio = devicePixelRatio || 1;
    if (!p.width) return;
    canvas.width = p.width * ratio;
    canvas.height = p.height * ratio;
    pen.scale(ratio, ratio);
    pen.font = "12px system-ui, sans-serif";
    const ink = getComputedStyle(under).color;
    const colours = data.sides.map(colourOf);
    within(p.left, p.top, p.w, p.h, () => {
      for (const start of data.starts) line(ink, .35, across(start, p), p.top, across(start, p), p.top + p.h);
      for (const band of data.bands.slice(1)) line(ink, .8, p.left, up(band.first, p), p.left + p.w, up(band.first, p));
      if (shades.length) drawShades(p, ["positive", "negative"].map(colourOf));
      else drawDots(p, colours);
    });
    drawAxes(p, ink);
    if (p.rates) drawRates(p, ink, colours);
  }

  // That of the legend, which the style knows in light and in dark.
  function colourOf(name) {
    const entry = figure.querySelector(".side-" + name);
    return entry ? getComputedStyle(entry).color : "transparent";
  }

  function within(x, y, w, h, what) {
    pen.save();
    pen.beginPath();
    pen.rect(x, y, w, h);
    pen.clip();
    what();
    pen.restore();
  }

  function line(colour, alpha, x0, y0, x1, y1) {
    pen.strokeStyle = colour;
    pen.globalAlpha = alpha;
    pen.beginPath();
    pen.moveTo(Math.round(x0) + .5, Math.round(y0) + .5);
    pen.lineTo(Math.round(x1) + .5, Math.round(y1) + .5);
    pen.stroke();
    pen.globalAlpha = 1;
  }

  function drawDots(p, colours) {
    const w = Math.max(p.w / (view.time[1] - view.time[0]) * .8, 1.2);
    const h = Math.max(p.h / (view.neurons[1] - view.neurons[0]) * .8, 1.2);
    colours.forEach((colour, which) => {
      pen.fillStyle = colour;
      for (let i = firstAt(view.time[0]); i < t.length && t[i] < view.time[1]; i++) {
        if (side[i] === which) pen.fillRect(across(t[i], p), up(neuron[i] + 1, p), w, h);
      }
    });
  }

  function firstAt(step) {
    let low = 0, high = t.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (t[middle] < step) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function drawShades(p, colours) {
    const [rows, columns] = data.cells, w = data.steps / columns, h = data.neurons / rows;
    for (let i = 0; i < rows * columns; i++) {
      const row = Math.floor(i / columns), column = i % columns;
      pen.globalAlpha = Math.abs(shades[i]) / 127;
      pen.fillStyle = colours[shades[i] < 0 ? 1 : 0];
      const x = across(data.first + column * w, p), y = up((row + 1) * h, p);
      pen.fillRect(x, y, across(data.first + (column + 1) * w, p) - x + .5, up(row * h, p) - y + .5);
    }
    pen.globalAlpha = 1;
  }

  function drawAxes(p, ink) {
    pen.fillStyle = ink;
    line(ink, 1, p.left, p.top, p.left, p.top + p.h);
    line(ink, 1, p.left, p.top + p.h, p.left + p.w, p.top + p.h);
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const at of ticks(...view.neurons, p.h / 40)) {
      const y = up(at + .5, p);
      if (y > p.top + 6) pen.fillText(grouped(at), p.left - 6, y);
    }
    pen.textAlign = "center";
    pen.textBaseline = "top";
    for (const at of ticks(...view.time, p.w / 80)) {
      line(ink, 1, across(at + .5, p), p.foot, across(at + .5, p), p.foot + 4);
      pen.fillText(grouped(at), across(at + .5, p), p.foot + 6);
    }
    pen.fillText(data.dt_ms ? `step, of ${data.dt_ms} ms` : "step", p.left + p.w / 2, p.foot + 21);
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    let last = Infinity;
    for (const band of data.bands.length > 1 ? data.bands : []) {
      const from = Math.max(band.first, view.neurons[0]), to = Math.min(band.first + band.size, view.neurons[1]);
      const y = up((from + to) / 2, p);
      if (from < to && last - y > 13) {
        pen.fillText(band.name, p.left + p.w + 6, y, p.width - p.left - p.w - 8);
        last = y;
      }
    }
    pen.save();
    pen.translate(11, p.top + p.h / 2);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "center";
    pen.fillText("neuron", 0, 0);
    pen.restore();
  }

  function drawRates(p, ink, colours) {
    const top = Math.max(...data.rates.map(each => Math.max(...each.values)), 1e-9);
    line(ink, 1, p.left, p.foot, p.left + p.w, p.foot);
    pen.fillStyle = ink;
    pen.textAlign = "right";
    pen.textBaseline = "top";
    pen.fillText(String(Number(top.toPrecision(2))), p.left - 6, p.below);
    pen.textBaseline = "bottom";
    pen.fillText(data.unit.startsWith("rate") ? "0 Hz" : "0", p.left - 6, p.foot);
    within(p.left, p.below - 2, p.w, p.rates + 4, () => {
      for (const each of data.rates) {
        pen.strokeStyle = colours[each.side];
        pen.lineWidth = 1.5;
        pen.beginPath();
        each.values.forEach((value, i) => {
          const middle = Math.min((i + .5) * data.bin, data.steps);
          pen.lineTo(across(data.first + middle, p), p.foot - value / top * p.rates);
        });
        pen.stroke();
        pen.lineWidth = 1;
      }
    });
  }

  // What is seen is within the whole, and no closer than can be seen.
  function look(axis, from, to) {
    const [first, end] = whole[axis];
    const size = Math.min(Math.max(to - from, least[axis]), end - first);
    const start = Math.min(Math.max((from + to - size) / 2, first), end - size);
    view[axis] = [start, start + size];
  }

  function zoom(axis, by, share = .5) {
    const [from, to] = view[axis], at = from + (to - from) * share;
    look(axis, at - (at - from) * by, at + (to - at) * by);
  }

  function move(axis, share) {
    const [from, to] = view[axis], by = (to - from) * share;
    look(axis, from + by, to + by);
  }

  function show() {
    const [from, to] = view.time, [low, high] = view.neurons;
    status.value = `Steps ${grouped(from)} to ${grouped(to - 1)}, neurons ${grouped(low)} to ${grouped(high - 1)}.`;
    requestAnimationFrame(draw);
  }

  function all() {
    look("time", ...whole.time);
    look("neurons", ...whole.neurons);
  }

  figure.querySelectorAll("[data-zoom]").forEach(button => button.addEventListener("click", () => {
    if (button.dataset.zoom === "all") all();
    else zoom(button.dataset.zoom, Number(button.dataset.by));
    show();
  }));

  const keys = {
    "+": () => zoom("time", .5), "=": () => zoom("time", .5), "-": () => zoom("time", 2), "0": all,
    ArrowLeft: () => move("time", -.1), ArrowRight: () => move("time", .1),
    ArrowUp: () => move("neurons", .1), ArrowDown: () => move("neurons", -.1),
  };
  canvas.addEventListener("keydown", event => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
    show();
  });

  // Shares of the plot, from its left and from below.
  function shares(event) {
    const box = canvas.getBoundingClientRect(), p = places();
    return [(event.clientX - box.left - p.left) / p.w, 1 - (event.clientY - box.top - p.top) / p.h];
  }

  canvas.addEventListener("wheel", event => {
    if (document.activeElement !== canvas && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const [x, y] = shares(event), by = Math.exp((event.deltaY || event.deltaX) * .002);
    if (event.shiftKey) zoom("neurons", by, y);
    else zoom("time", by, x);
    show();
  }, { passive: false });

  canvas.addEventListener("dblclick", event => {
    const [x, y] = shares(event);
    zoom("time", .5, x);
    zoom("neurons", .5, y);
    show();
  });

  const fingers = new Map();
  canvas.addEventListener("pointerdown", event => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, shares(event));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, event => fingers.delete(event.pointerId));
  }
  canvas.addEventListener("pointermove", event => {
    const now = shares(event), before = fingers.get(event.pointerId);
    if (!before) return tell(now);
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    ["time", "neurons"].forEach((axis, i) => {
      if (!other) move(axis, before[i] - now[i]);
      else if (Math.abs(now[i] - other[i]) > .05 && Math.abs(before[i] - other[i]) > .05) {
        zoom(axis, Math.abs(before[i] - other[i]) / Math.abs(now[i] - other[i]), other[i]);
      }
    });
    fingers.set(event.pointerId, now);
    show();
  });
  canvas.addEventListener("pointerleave", () => { under.textContent = ""; });

  // What the mouse is on.
  function tell([x, y]) {
    if (x < 0 || x > 1 || y < 0 || y > 1) return;
    const step = Math.floor(view.time[0] + x * (view.time[1] - view.time[0]));
    const which = Math.floor(view.neurons[0] + y * (view.neurons[1] - view.neurons[0]));
    const band = data.bands.findLast(each => each.first <= which) ?? data.bands[0];
    under.textContent = `step ${grouped(step)}, ${band.name}[${which - band.first}]`;
  }

  figure.querySelector(".zoom").hidden = false;
  figure.classList.add("drawn");
  redraws.push(draw);
  new ResizeObserver(draw).observe(canvas);
  show();
}

document.querySelectorAll("figure.raster").forEach(lookInto);
