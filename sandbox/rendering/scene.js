// What a moment of a run looks like: colours by activity or number, and all that is drawn as lines and points.

function ramp(x, look) {
  if (Number.isNaN(x)) return look.lanes.other; // not known
  const at = clamp(x || 0, 0, 1) * (look.ramp.length - 1), i = Math.min(look.ramp.length - 2, Math.floor(at)), f = at - i;
  return look.ramp[i].map((v, c) => v + f * (look.ramp[i + 1][c] - v));
}

/** The ways to colour satellites: name -> { of(n, k) -> colour, key } for a run. */
function schemes(run, look) {
  const at = (n, k) => k * run.size + n;
  const modes = run[look.colours].map(rgb), done = new Set(run.mode);
  const found = {
    activity: {
      of: (n, k) => modes[run.mode[at(n, k)]],
      key: (k) => run.modes.map((name, m) => {
        let count = 0;
        for (let n = 0; n < run.size; n++) count += run.mode[at(n, k)] === m;
        return [name, modes[m], count];
      }).filter((_, m) => done.has(m)),
    },
  };
  for (const [name, about] of Object.entries(run.about)) {
    if (!about.scheme || !(name in run)) continue;
    let low = about.range ? about.range[0] : Infinity, high = about.range ? about.range[1] : -Infinity;
    if (!about.range) for (const v of run[name]) { if (v < low) low = v; if (v > high) high = v; }
    if (low > high) continue; // of nobody known
    found[name.replaceAll("_", " ")] = {
      of: (n, k) => ramp((run[name][at(n, k)] - low) / (high - low || 1), look),
      low: quantity(low, about.unit), high: quantity(high, about.unit),
    };
  }
  const count = 1 + Math.max(...run.planes);
  if (count > 1) {
    found.plane = {
      of: (n) => look.spare[run.planes[n] % look.spare.length],
      key: () => Array.from({ length: Math.min(count, look.spare.length) }, (_, p) => [
        `plane ${p + 1}${count > look.spare.length ? ", …" : ""}`, look.spare[p],
        run.planes.reduce((sum, q) => sum + (q % look.spare.length === p), 0),
      ]),
    };
  }
  return found;
}

const chanceText = (probability) => probability >= 1e-9 ? probability.toExponential(1) : probability > 0 ? "below 1e-9" : "0";

/** A number with its unit, as a person reads it. */
function quantity(value, unit) {
  if (!Number.isFinite(value)) return "–";
  if (unit === "share") return `${(100 * value).toFixed(0)} %`;
  if (unit === "K") return `${(value - ZERO_CELSIUS).toFixed(1)} °C`;
  if (unit === "bit" && Math.abs(value) >= 1e6) return `${(value / 1e9).toFixed(2)} Gbit`;
  if (Math.abs(value) < 0.005) value = 0; // no "-0.00"
  const size = Math.abs(value);
  const text = size >= 1000 ? Math.round(value).toLocaleString("en") : size >= 100 || value === Math.round(value)
    ? value.toFixed(0) : value.toFixed(2);
  return unit && unit !== "1" ? `${text} ${unit}` : text;
}

/** Fill `lines` and `points` with what a run looks like at `when`; the run's `live` positions with it. */
function compose(run, when, options, lines, points, pixel) {
  lines.clear();
  points.clear();
  const angle = earthAngle(run, when), { k } = when;
  for (let n = 0; n < run.size; n++) place(run, n, when, angle, run.live, 3 * n);
  if (options.targets) drawTargets(run, k, options, points, pixel);
  if (options.places) drawPlaces(run, options, points, pixel);
  if (options.links) drawLinks(run, k, options, lines, pixel);
  if (options.trails) drawTrails(run, when, angle, options, lines, pixel);
  if (options.footprints) drawFootprints(run, options, lines, pixel);
  if (options.contacts) drawContacts(run, k, options, lines, pixel);
  drawStations(run, options, points, pixel);
  drawEncounters(run, when, angle, options, lines, points, pixel);
  drawSatellites(run, k, options, points, pixel);
  drawEvents(run, when, options.t, options, lines, points, pixel);
}

function drawTargets(run, k, { look }, points, pixel) {
  const count = run.targets.length / 3;
  if (!count) return;
  const size = (count > 2000 ? 4.5 : count > 300 ? 7 : 9) * pixel, faint = count > 2000 ? 0.4 : 0.85;
  for (let j = 0; j < count; j++) {
    const state = run.target_state ? run.target_states[run.target_state[k * count + j]] : "unknown", shape = SHAPES[state];
    if (shape !== undefined) points.add(run.targets, j, look.targets[state], shape === CROSS ? 0.5 * faint : faint, size, shape);
  }
}

/** The cities that are named: a small point each. */
function drawPlaces(run, { look, cities }, points, pixel) {
  for (let j = 0; j < cities; j++) points.add(run.places, j, look.ink, 0.55, 3.4 * pixel, DISC);
}

/** The way of the last revolution in the colour of what was done: of all of a small fleet, or of the selected. */
function drawTrails(run, when, angle, options, lines, pixel) {
  const who = run.size <= 60 ? [...run.names.keys()] : options.selected >= 0 ? [options.selected] : [];
  const step = run.rounds > 1 ? (run.time[run.rounds - 1] - run.time[0]) / (run.rounds - 1) : 30;
  const fine = Math.max(1, Math.ceil(step / 60)), long = Math.ceil(options.trail_s / step) * fine;
  const here = [0, 0, 0], before = [0, 0, 0];
  for (const n of who) {
    const chosen = n === options.selected, colour = options.scheme.of;
    for (let c = 0; c < 3; c++) before[c] = run.live[3 * n + c];
    for (let j = 1; j <= long; j++) {
      const back = when.k + when.f - j / fine;
      if (back < 0) break;
      const k = Math.floor(back), at = { k, next: Math.min(k + 1, run.rounds - 1), f: back - k };
      place(run, n, at, options.inertial ? angle : earthAngle(run, at), here, 0);
      const fade = (1 - j / long) * (chosen ? 1 : options.selected >= 0 ? 0.3 : 0.7);
      lines.add(here, 0, before, 0, colour(n, k), fade, (chosen ? 2.6 : 1.6) * pixel);
      for (let c = 0; c < 3; c++) before[c] = here[c];
    }
  }
}

/** The circle on the ground within which a satellite is above the horizon. */
function drawFootprints(run, options, lines, pixel) {
  const who = options.selected >= 0 ? [options.selected] : run.size <= 24 ? [...run.names.keys()] : [];
  for (const n of who) {
    const p = vector(run.live, n), r = Math.hypot(...p), up = unit(p);
    const east = unit(cross([0, 0, 1], up)), north = cross(up, east);
    const reach = Math.sqrt(1 - 1 / (r * r)), height = 1 / r;
    const rim = (i) => {
      const c = reach * Math.cos(i * TAU / 72), s = reach * Math.sin(i * TAU / 72);
      return up.map((v, a) => 1.001 * (height * v + c * east[a] + s * north[a]));
    };
    for (let i = 0; i < 72; i++) lines.add(rim(i), 0, rim(i + 1), 0, options.look.ink, n === options.selected ? 0.7 : 0.25, 1.2 * pixel);
  }
}

/** Lines to what a satellite is imaging and to the station that serves it. */
function drawContacts(run, k, { look }, lines, pixel) {
  for (let n = 0; n < run.size; n++) {
    const i = k * run.size + n, station = run.station[i], target = run.target[i];
    if (station >= 0 && run.downlinked[i] > 0) {
      lines.add(run.live, n, run.stations, station, look.contact, 0.95, 2 * pixel);
    }
    if (target >= 0) lines.add(run.live, n, run.targets, target, look.capture, 0.95, 2 * pixel);
  }
}

function drawStations(run, { look }, points, pixel) {
  for (let g = 0; g < run.stations.length / 3; g++) points.add(run.stations, g, look.ink, 1, 15 * pixel, TRIANGLE);
}

/** What comes near each satellite; of the encounter that is told of also the line to it. */
function drawEncounters(run, when, angle, { look, warned }, lines, points, pixel) {
  if (!run.encounter_position) return;
  const count = run.encounter_position.length / run.rounds / 3, c = Math.cos(angle), s = Math.sin(angle);
  for (let j = 0; j < count; j++) {
    const [x, y, z] = vector(run.encounter_position, when.k * count + j).map((v) => v / (1000 * RADIUS_KM));
    if (!x && !y && !z) continue;
    const place = [c * x + s * y, c * y - s * x, z * STRETCH];
    points.add(place, 0, look.encounter, 1, 10 * pixel, CROSS);
    if (j === warned) lines.add(run.live, j, place, 0, look.encounter, 0.9, 2 * pixel);
  }
}

function drawSatellites(run, k, options, points, pixel) {
  const size = (run.size <= 60 ? 13 : run.size <= 400 ? 9 : 7) * pixel;
  for (let n = 0; n < run.size; n++) {
    const alive = run.alive[k * run.size + n];
    points.add(run.live, n, options.scheme.of(n, k), 1, size, alive ? DISC : RING);
  }
  if (options.hover >= 0) points.add(run.live, options.hover, options.look.ink, 0.7, size + 9 * pixel, RING);
  if (options.selected >= 0) points.add(run.live, options.selected, options.look.strong, 1, size + 11 * pixel, RING);
}
