// The laser mesh: how much each link carries in a round, of what, and what is told of one.

const CARGO = ["images", "questions", "answers", "messages"];
const CARGO_TEXT = { images: "image data", questions: "questions", answers: "answers", messages: "messages" };
const DASHES = 9;

const terminalsOf = (run) => run.link_peer.length / run.rounds / run.size;
const hasCargo = (run) => CARGO.some((name) => run[`link_${name}`]);

/** The terminal with which `n` can send to `peer` in round `k`, or -1. */
function terminalTo(run, k, n, peer) {
  const terminals = terminalsOf(run);
  for (let t = 0; t < terminals; t++) if (run.link_peer[(k * run.size + n) * terminals + t] === peer) return t;
  return -1;
}

/** The satellites that `n` can send to in round `k`. */
function peersOf(run, n, k) {
  const at = (k * run.size + n) * terminalsOf(run);
  return Array.from(run.link_peer.subarray(at, at + terminalsOf(run))).filter((peer) => peer >= 0);
}

/** Bits of each kind that `n` sent to `peer` in round `k`. */
function sentOver(run, k, n, peer) {
  const t = terminalTo(run, k, n, peer), at = (k * run.size + n) * terminalsOf(run) + t;
  return CARGO.map((name) => t < 0 ? 0 : run[`link_${name}`]?.[at] || 0);
}

const sumOf = (values) => values.reduce((a, b) => a + b, 0);

/** Bits that a link between two can carry in a round one way, or 0 where that is not known. */
function capacity(run, k, a, b) {
  const rates = run.meta.laser_bit_s, next = k + 1 < run.rounds ? run.time[k + 1] - run.time[k] : 0;
  return rates ? Math.min(rates[a], rates[b]) * (next || run.meta.round_s || 0) : 0;
}

/** Pixels of a line for a share of the capacity: a link at rest is thin, each factor of ten more is thicker. */
const thickness = (share) => share > 0 ? clamp(2 + 0.9 * (Math.log10(share) + 6), 2, 7) : 1;

function drawLinks(run, k, options, lines, pixel) {
  if (!run.link_peer) return;
  const terminals = terminalsOf(run), alpha = run.size > 200 ? 0.3 : 0.6, { look } = options, told = hasCargo(run);
  for (let n = 0; n < run.size; n++)
    for (let t = 0; t < terminals; t++) {
      const peer = run.link_peer[(k * run.size + n) * terminals + t];
      if (peer < 0 || (peer < n && terminalTo(run, k, peer, n) >= 0)) continue; // drawn from the other end
      const there = told ? sentOver(run, k, n, peer) : [], back = told ? sentOver(run, k, peer, n) : [];
      const both = there.map((bits, i) => bits + back[i]), sum = sumOf(both);
      if (!sum) { lines.add(run.live, n, run.live, peer, look.link, alpha, pixel); continue; }
      const most = both.indexOf(Math.max(...both)), room = capacity(run, k, n, peer);
      const width = thickness(room ? Math.max(sumOf(there), sumOf(back)) / room : 1e-4) * pixel;
      drawCargo(run, n, peer, CARGO[most], look, lines, width);
    }
  const { link } = options;
  if (link) lines.add(run.live, link[0], run.live, link[1], look.strong, 0.9, 2 * pixel);
}

/** A line in the colour of what it carries most; messages are dashed. */
function drawCargo(run, a, b, kind, look, lines, width) {
  if (kind !== "messages") { lines.add(run.live, a, run.live, b, look.cargo[kind], 0.95, width); return; }
  const from = vector(run.live, a), to = vector(run.live, b), at = (f) => from.map((v, c) => v + f * (to[c] - v));
  for (let i = 0; i < DASHES; i++) lines.add(at(i / DASHES), 0, at((i + 0.55) / DASHES), 0, look.cargo[kind], 0.95, width);
}

/** What goes over the links in round `k`, by kind. */
function writeCargo(run, k, look, box) {
  if (!run.link_peer || !hasCargo(run)) return;
  const size = run.size * terminalsOf(run);
  element("hr", "oas-rule", box);
  for (const name of CARGO) {
    const bits = run[`link_${name}`];
    if (!bits || !(run.cargoSeen ||= {}, run.cargoSeen[name] ??= bits.some(Boolean))) continue;
    const row = element("div", "oas-row", box), label = element("span", "", row);
    element("i", `oas-dash${name === "messages" ? " dashed" : ""}`, label).style.borderColor = css(look.cargo[name]);
    label.append(CARGO_TEXT[name]);
    let sum = 0;
    for (let i = k * size; i < (k + 1) * size; i++) sum += bits[i];
    element("span", "", row, amount(sum));
  }
  if (run.meta.laser_bit_s) element("div", "oas-note", box, "width: share of a link's capacity");
}

/** Bits as a person reads them. */
function amount(bits) {
  for (const [unit, size] of [["Tbit", 1e12], ["Gbit", 1e9], ["Mbit", 1e6], ["kbit", 1e3]]) {
    if (bits >= size) return `${(bits / size).toPrecision(3)} ${unit}`;
  }
  return `${bits.toFixed(0)} bit`;
}

function linkLength(run, a, b) {
  const p = vector(run.live, a), q = vector(run.live, b);
  return Math.hypot(p[0] - q[0], p[1] - q[1], (p[2] - q[2]) / STRETCH) * RADIUS_KM;
}

/** What a link carries one way, in a line. */
function flowText(run, k, a, b) {
  const sent = sentOver(run, k, a, b), room = capacity(run, k, a, b), sum = sumOf(sent);
  if (!sum) return "nothing";
  const parts = CARGO.map((name, i) => sent[i] ? `${CARGO_TEXT[name]} ${amount(sent[i])}` : "").filter(Boolean);
  return `${parts.join(", ")}${room ? ` (${shareText(sum / room)} of its capacity)` : ""}`;
}

const shareText = (share) => share >= 1e-4 ? `${(100 * share).toPrecision(2)} %` : share > 0 ? "below 0.01 %" : "0 %";

function describeLink(run, k, a, b) {
  const rate = run.meta.laser_bit_s ? ` · ${amount(Math.min(run.meta.laser_bit_s[a], run.meta.laser_bit_s[b]))}/s` : "";
  const lines = [`${run.names[a]} – ${run.names[b]}`, `${linkLength(run, a, b).toFixed(0)} km${rate}`];
  if (hasCargo(run)) for (const [n, m] of [[a, b], [b, a]]) lines.push(`${run.names[n]} sends ${flowText(run, k, n, m)}`);
  return lines.join("\n");
}

/** The link whose line passes within `reach` pixels of a spot in a pane, as two satellites, or null. */
function linkAt(view, pane, [x, y], reach) {
  const { run } = pane, { k } = view.when(run);
  if (!run.link_peer || !view.options.links) return null;
  const terminals = terminalsOf(run), spots = new Map();
  const spotOf = (n) => { if (!spots.has(n)) spots.set(n, view.spot(pane, vector(run.live, n))); return spots.get(n); };
  let best = reach, found = null;
  for (let n = 0; n < run.size; n++)
    for (let t = 0; t < terminals; t++) {
      const peer = run.link_peer[(k * run.size + n) * terminals + t];
      const a = peer >= 0 ? spotOf(n) : null, b = a && spotOf(peer);
      if (!b || Math.abs(a[0] - b[0]) > pane.width / 2 && pane.kind === "map") continue;
      const way = [b[0] - a[0], b[1] - a[1]], long = way[0] ** 2 + way[1] ** 2 || 1;
      const share = clamp(((x - a[0]) * way[0] + (y - a[1]) * way[1]) / long, 0, 1);
      const off = Math.hypot(a[0] + share * way[0] - x, a[1] + share * way[1] - y);
      if (off < best) { best = off; found = n < peer ? [n, peer] : [peer, n]; }
    }
  return found;
}

/** Numbers of a link for its story: now, in this round, and so far. */
function linkFacts(run, k, a, b) {
  const up = terminalTo(run, k, a, b) >= 0 || terminalTo(run, k, b, a) >= 0;
  const facts = [["now", up ? "up" : "down"], ["distance", `${linkLength(run, a, b).toFixed(0)} km`]];
  if (run.meta.laser_bit_s) facts.push(["rate", `${amount(Math.min(run.meta.laser_bit_s[a], run.meta.laser_bit_s[b]))}/s`]);
  if (!hasCargo(run)) return [...facts, ["what it carries", "was not recorded"]];
  for (const [n, m] of [[a, b], [b, a]]) {
    facts.push([`${run.names[n]} sends`, flowText(run, k, n, m)]);
    let sum = 0;
    for (let j = 0; j <= k; j++) sum += sumOf(sentOver(run, j, n, m));
    facts.push(["so far", amount(sum)]);
  }
  return facts;
}

/** What was handed over a link: from one to the other, while it was up. */
function linkEvents(run, a, b) {
  const between = (event) => (event[1] === a || event[1] === b) && event[5] && words(event).to === (event[1] === a ? b : a);
  return run.events.filter((event) => between(event) && terminalTo(run, locate(run, event[0]).k, event[1], words(event).to) >= 0);
}
