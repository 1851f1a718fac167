// A packed recording as it is read, and where things are in it: the only reader of `packing.py`.
//
// Everything is in Earth-fixed coordinates in units of the equatorial radius, stretched along z so that the
// ellipsoid is the unit sphere: hiding what is behind the Earth is then a ray against a unit sphere.

const MAGIC = 0x5653414f; // "OASV"
const RADIUS_KM = 6378.137;
const FLATTENING = 1 / 298.257223563; // WGS 84
const STRETCH = 1 / (1 - FLATTENING);
const ECCENTRICITY2 = FLATTENING * (2 - FLATTENING);
const ZERO_CELSIUS = 273.15;
const TAU = 2 * Math.PI;
const DEGREE = 180 / Math.PI;
const FIELD_OF_VIEW = 0.62; // rad, vertical
const SPEEDS = [1, 10, 60, 300, 600, 1200, 3600, 7200];
const NEAREST = 1.1, FARTHEST = 20; // Earth radii of the camera from the Earth's centre
const DISC = 0, RING = 1, DIAMOND = 2, GEM = 3, CROSS = 4, TRIANGLE = 5;
const SHAPES = { unknown: DIAMOND, open: DIAMOND, captured: GEM, delivered: GEM, expired: CROSS }; // by the state of a request

export async function unpack(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const head = new DataView(buffer);
  if (head.getUint32(0, true) !== MAGIC) throw new Error("these bytes are no packed recording");
  const length = head.getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const run = { ...header, about: {} };
  for (const array of header.arrays) {
    run[array.name] = decode(new Uint8Array(buffer, 8 + length + array.at, array.size), array);
    run.about[array.name] = array;
  }
  return run;
}

/** Undo byte planes, differences along the first axis and quantisation; the result is row-major as `shape`. */
function decode(bytes, { shape, width, signed, order, scale, offset, gap }) {
  const rows = shape[0], columns = shape.slice(1).reduce((a, b) => a * b, 1), total = rows * columns;
  const whole = scale === 1 && offset === 0 && signed && gap === undefined;
  const kind = whole ? { 1: Int8Array, 2: Int16Array, 4: Int32Array } : { 1: Float32Array, 2: Float32Array, 4: Float64Array };
  const out = new kind[width](total);
  const shift = 32 - 8 * width;
  for (let m = 0, i = 0; m < columns; m++) {
    let value = 0, slope = 0;
    for (let k = 0; k < rows; k++, i++) {
      let raw = 0;
      for (let b = 0; b < width; b++) raw |= bytes[b * total + i] << (8 * b);
      if (order === 2) value += slope = (slope + raw) | 0;
      else value = order ? value + raw : raw;
      value = signed ? (value << shift) >> shift : (value << shift) >>> shift;
      out[k * columns + m] = value === gap ? NaN : value * scale + offset; // not known
    }
  }
  return out;
}

/** What is derived once from an unpacked run. */
function prepare(run) {
  run.rounds = run.time.length;
  run.size = run.battery.length / run.rounds;
  run.start = Date.parse(run.meta.epoch || "1970-01-01T00:00:00Z") / 1000;
  run.space = new Float32Array(run.position.length);
  for (let i = 0; i < run.space.length; i++) {
    run.space[i] = run.position[i] / (1000 * RADIUS_KM) * (i % 3 === 2 ? STRETCH : 1);
  }
  delete run.position;
  run.stations = groundPoints(run.station_latitude, run.station_longitude);
  run.targets = groundPoints(run.target_latitude, run.target_longitude);
  run.live = new Float32Array(run.size * 3);
  run.names = run.meta.satellite_names || Array.from({ length: run.size }, (_, n) => `satellite ${n}`);
  run.planes = planes(run);
  run.places = groundPoints((run.cities || []).map((city) => city[1] / DEGREE), (run.cities || []).map((city) => city[2] / DEGREE));
  run.modes = run.meta.mode_names;
  indexEvents(run);
}

/** Set runs on one clock, in seconds since the epoch of the first: theirs, or if they share no moment that of their beginnings. */
function setClock(runs) {
  const [first] = runs;
  for (const run of runs) {
    const later = run.start - first.start;
    run.apart = run.time[0] + later > first.time[first.rounds - 1] || run.time[run.rounds - 1] + later < first.time[0];
    run.shift = run.apart ? first.time[0] - run.time[0] : later;
  }
}

/** Add the rounds and events of `more`, a later part of the same run, to `run`. */
function extend(run, more) {
  for (const { name, moving } of more.arrays) {
    if (!moving) continue;
    const key = name === "position" ? "space" : name;
    const joined = new run[key].constructor(run[key].length + more[key].length);
    joined.set(run[key]);
    joined.set(more[key], run[key].length);
    run[key] = joined;
  }
  run.events.push(...more.events);
  run.rounds = run.time.length;
  run.stills = null;
  indexEvents(run);
}

function groundPoints(latitude, longitude) {
  const points = new Float32Array(3 * (latitude ? latitude.length : 0));
  for (let j = 0; j < points.length / 3; j++) points.set(groundPoint(latitude[j], longitude[j]), 3 * j);
  return points;
}

function groundPoint(latitude, longitude) {
  const reduced = Math.atan((1 - FLATTENING) * Math.tan(latitude)), rho = Math.cos(reduced);
  return [rho * Math.cos(longitude), rho * Math.sin(longitude), Math.sin(reduced)];
}

/** The orbital plane of each satellite, by the direction of its angular momentum in the first two rounds. */
function planes(run) {
  const found = [], which = new Uint16Array(run.size);
  if (run.rounds < 2) return which;
  for (let n = 0; n < run.size; n++) {
    const normal = unit(cross(vector(run.space, n), vector(run.space, run.size + n)));
    let p = found.findIndex((other) => dot(other, normal) > 0.9995);
    if (p < 0) p = found.push(normal) - 1;
    which[n] = p;
  }
  return which;
}

const vector = (array, i) => [array[3 * i], array[3 * i + 1], array[3 * i + 2]];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = (a) => { const l = Math.hypot(...a) || 1; return [a[0] / l, a[1] / l, a[2] / l]; };
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
const wrapped = (angle) => angle - TAU * Math.round(angle / TAU);

/** The last round that began by time `t`, and how far into it `t` is. */
function locate(run, t) {
  let low = 0, high = run.rounds - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (run.time[middle] <= t + 1e-3) low = middle; else high = middle - 1; // times are rounded
  }
  const next = Math.min(low + 1, run.rounds - 1), step = run.time[next] - run.time[low];
  return { k: low, next, f: step > 0 ? clamp((t - run.time[low]) / step, 0, 1) : 0 };
}

/** Interpolated inertial position of satellite `n` turned by `angle` about the pole, into out[at..]. */
function place(run, n, { k, next, f }, angle, out, at) {
  const a = 3 * (k * run.size + n), b = 3 * (next * run.size + n), s = run.space;
  const x = s[a] + f * (s[b] - s[a]), y = s[a + 1] + f * (s[b + 1] - s[a + 1]);
  const z = s[a + 2] + f * (s[b + 2] - s[a + 2]);
  const from = Math.hypot(s[a], s[a + 1], s[a + 2]), to = Math.hypot(s[b], s[b + 1], s[b + 2]);
  const grow = (from + f * (to - from)) / (Math.hypot(x, y, z) || 1); // an arc, not its chord
  const c = Math.cos(angle), d = Math.sin(angle);
  out[at] = grow * (c * x + d * y);
  out[at + 1] = grow * (c * y - d * x);
  out[at + 2] = grow * z;
}

const earthAngle = (run, { k, next, f }) => run.earth_angle[k] + f * (run.earth_angle[next] - run.earth_angle[k]);

/** Geodetic latitude and longitude (rad) and height (km) of a drawn point; to 1e-4 rad in low orbit. */
export function geodetic(p) {
  const rho = Math.hypot(p[0], p[1]), z = p[2] / STRETCH, r = Math.hypot(rho, z);
  const centric = Math.atan2(z, rho);
  const latitude = centric + ECCENTRICITY2 / 2 * Math.sin(2 * centric) / r;
  const surface = 1 - FLATTENING * Math.sin(centric) ** 2;
  return { latitude, longitude: Math.atan2(p[1], p[0]), height: (r - surface) * RADIUS_KM };
}
