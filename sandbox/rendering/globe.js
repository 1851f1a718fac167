// The interactive view of one or two recordings: a globe and a flat map in WebGL2, a timeline to seek in, and an
// inspector of decisions. No dependency and no global state. What it shows comes from `packing.py` alone.
//
// Everything is drawn in Earth-fixed coordinates in units of the equatorial radius, stretched along z so that the
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

// ---------------------------------------------------------------------------------------------- unpacking

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
function decode(bytes, { shape, width, signed, order, scale, offset }) {
  const rows = shape[0], columns = shape.slice(1).reduce((a, b) => a * b, 1), total = rows * columns;
  const whole = scale === 1 && offset === 0 && signed;
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
      out[k * columns + m] = value * scale + offset;
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

// ---------------------------------------------------------------------------------------------- shaders

const COMMON = `#version 300 es
precision highp float;
const float PI = 3.14159265358979;
uniform mat4 camera;
uniform vec3 eye;
uniform vec4 chart; // centre longitude and latitude of the map, clip units per radian; unused on the globe
uniform float flatMap;
vec2 lonLat(vec3 p) {
  float rho = length(p.xy), z = p.z / ${STRETCH};
  float centric = atan(z, rho);
  return vec2(atan(p.y, p.x), centric + ${ECCENTRICITY2 / 2} * sin(2.0 * centric) / length(vec2(rho, z)));
}
float turn(float angle) { return angle - 2.0 * PI * floor(angle / (2.0 * PI) + 0.5); }
vec2 onChart(vec2 at) { return (at - chart.xy) * chart.zw; }
bool behindEarth(vec3 p) {
  vec3 d = p - eye;
  float a = dot(d, d), b = dot(eye, d), c = dot(eye, eye) - 1.0, q = b * b - a * c;
  return q > 0.0 && (-b - sqrt(q)) / a < 0.997;
}
`;

const EARTH_VERTEX = `#version 300 es
out vec2 at;
void main() { at = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0; gl_Position = vec4(at, 0.0, 1.0); }`;

const EARTH_FRAGMENT = `${COMMON}
in vec2 at;
uniform sampler2D land, near;
uniform vec4 window; // of what is near: longitude of its middle, northern edge, one over width and height; z is 0 for none
uniform vec3 sun, right, up, forward;
uniform vec2 spread;
uniform vec3 space, seaDay, landDay, coastDay, seaNight, landNight, coastNight, glow;
uniform float grid;
out vec4 colour;
vec3 ground(vec3 p, vec2 lonlat) {
  vec3 known = texture(land, vec2(lonlat.x / (2.0 * PI) + 0.5, 0.5 - lonlat.y / PI)).rgb;
  if (window.z > 0.0) {
    vec2 there = vec2(turn(lonlat.x - window.x) * window.z + 0.5, (window.y - lonlat.y) * window.w);
    if (there == clamp(there, 0.0, 1.0)) known = textureLod(near, there, 0.0).rgb;
  }
  float day = smoothstep(-0.16, 0.14, dot(p, sun));
  vec3 shade = mix(mix(seaNight, landNight, known.r), mix(seaDay, landDay, known.r), day);
  shade = mix(shade, mix(coastNight, coastDay, day), known.g);
  return shade + known.b * grid;
}
void main() {
  if (flatMap > 0.5) {
    vec2 lonlat = at / chart.zw + chart.xy;
    if (abs(lonlat.y) > PI / 2.0 || abs(lonlat.x - chart.x) > PI) { colour = vec4(space, 1.0); return; }
    float reduced = atan(tan(lonlat.y) / ${STRETCH});
    vec3 p = vec3(cos(reduced) * cos(lonlat.x), cos(reduced) * sin(lonlat.x), sin(reduced));
    colour = vec4(ground(p, vec2(turn(lonlat.x), lonlat.y)), 1.0);
    return;
  }
  vec3 ray = normalize(forward + at.x * spread.x * right + at.y * spread.y * up);
  float b = dot(eye, ray), miss = dot(eye, eye) - b * b;
  float lit = smoothstep(-0.35, 0.5, dot(normalize(eye - b * ray), sun));
  if (miss >= 1.0) {
    colour = vec4(mix(space, glow, exp(-(sqrt(miss) - 1.0) * 26.0) * (0.06 + 0.34 * lit)), 1.0);
    return;
  }
  vec3 p = eye + (-b - sqrt(1.0 - miss)) * ray;
  float rim = pow(1.0 - max(dot(p, -ray), 0.0), 4.0);
  vec3 shade = mix(ground(p, lonLat(p)), glow, rim * (0.05 + 0.35 * lit));
  float edge = smoothstep(1.0, 0.992, miss);
  colour = vec4(mix(space, shade, edge), 1.0);
}`;

const POINT_VERTEX = `${COMMON}
layout(location = 0) in vec3 at;
layout(location = 1) in vec4 tint;
layout(location = 2) in vec2 look;
flat out vec4 ink;
flat out vec2 kind;
void main() {
  ink = tint; kind = vec2(look.y, look.x);
  gl_PointSize = look.x;
  if (flatMap > 0.5) {
    vec2 lonlat = lonLat(at);
    gl_Position = vec4(onChart(vec2(chart.x + turn(lonlat.x - chart.x), lonlat.y)), 0.0, 1.0);
  } else gl_Position = behindEarth(at) ? vec4(2.0, 2.0, 2.0, 1.0) : camera * vec4(at, 1.0);
}`;

const POINT_FRAGMENT = `#version 300 es
precision highp float;
flat in vec4 ink;
flat in vec2 kind;
uniform vec3 outline;
out vec4 colour;
void main() {
  vec2 p = gl_PointCoord * 2.0 - 1.0;
  float soft = 2.5 / kind.y, d;
  float line = 2.0 / kind.y;
  if (kind.x < 0.5) d = length(p) - 0.78;
  else if (kind.x < 1.5) d = abs(length(p) - 0.8) - line;
  else if (kind.x < 2.5) d = abs(abs(p.x) + abs(p.y) - 0.75) - line;
  else if (kind.x < 3.5) d = abs(p.x) + abs(p.y) - 0.75;
  else if (kind.x < 4.5) d = max(min(abs(p.x - p.y), abs(p.x + p.y)) - line, length(p) - 0.8);
  else d = max(abs(p.x) * 1.2 - 0.45 * (p.y + 0.85), p.y - 0.7);
  float cover = 1.0 - smoothstep(0.0, soft, d);
  if (cover < 0.02) discard;
  bool filled = kind.x < 0.5 || kind.x > 4.5;
  float rim = filled && kind.y > 8.5 ? smoothstep(-soft * 1.6, -soft * 0.4, d) * 0.75 : 0.0;
  colour = vec4(mix(ink.rgb, outline, rim), ink.a * cover);
}`;

const LINE_VERTEX = `${COMMON}
layout(location = 0) in vec3 from;
layout(location = 1) in vec3 to;
layout(location = 2) in vec4 tint;
layout(location = 3) in float thick;
uniform vec2 viewport;
uniform float second; // a line over the edge of the map is drawn once from either end
flat out vec4 ink;
out vec3 where;
out float side;
void main() {
  ink = tint;
  float end = float(gl_VertexID >> 1);
  side = float(gl_VertexID & 1) * 2.0 - 1.0;
  where = mix(from, to, end);
  vec4 a, b;
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  if (flatMap > 0.5) {
    vec2 p = lonLat(from), q = lonLat(to);
    p.x = chart.x + turn(p.x - chart.x);
    q.x = chart.x + turn(q.x - chart.x);
    float jump = q.x - p.x;
    if (second > 0.5 && abs(jump) <= PI) return;
    if (abs(jump) > PI) { if (second > 0.5) p.x += sign(jump) * 2.0 * PI; else q.x -= sign(jump) * 2.0 * PI; }
    a = vec4(onChart(p), 0.0, 1.0);
    b = vec4(onChart(q), 0.0, 1.0);
  } else {
    if (second > 0.5) return;
    a = camera * vec4(from, 1.0);
    b = camera * vec4(to, 1.0);
    if (min(a.w, b.w) < 0.01) return;
  }
  vec2 along = (b.xy / b.w - a.xy / a.w) * viewport;
  vec2 across = length(along) > 0.0 ? normalize(vec2(-along.y, along.x)) : vec2(0.0, 1.0);
  gl_Position = end > 0.5 ? b : a;
  gl_Position.xy += side * across * (thick + 1.0) / viewport * gl_Position.w;
}`;

const LINE_FRAGMENT = `${COMMON}
flat in vec4 ink;
in vec3 where;
in float side;
out vec4 colour;
void main() {
  if (flatMap < 0.5 && behindEarth(where)) discard;
  colour = vec4(ink.rgb, ink.a * (1.0 - smoothstep(0.35, 1.0, abs(side))));
}`;

// ---------------------------------------------------------------------------------------------- drawing

/** A growing list of records that goes to the graphics card as it is. */
class Batch {
  constructor(stride) { this.stride = stride; this.array = new Float32Array(stride * 256); this.count = 0; }
  clear() { this.count = 0; }
  next() {
    const at = this.count++ * this.stride;
    if (at + this.stride > this.array.length) {
      const larger = new Float32Array(this.array.length * 2);
      larger.set(this.array);
      this.array = larger;
    }
    return at;
  }
  get used() { return this.array.subarray(0, this.count * this.stride); }
}

class Points extends Batch {
  constructor() { super(9); }
  /** The `i`-th of `places`, in a colour, as opaque, large and shaped as said. */
  add(places, i, colour, alpha, size, shape) {
    const at = this.next(), a = this.array;
    a[at] = places[3 * i]; a[at + 1] = places[3 * i + 1]; a[at + 2] = places[3 * i + 2];
    a[at + 3] = colour[0]; a[at + 4] = colour[1]; a[at + 5] = colour[2]; a[at + 6] = alpha;
    a[at + 7] = size; a[at + 8] = shape;
  }
}

class Lines extends Batch {
  constructor() { super(11); }
  /** From the `i`-th of `places` to the `j`-th of `others`. */
  add(places, i, others, j, colour, alpha, width) {
    const at = this.next(), a = this.array;
    for (let c = 0; c < 3; c++) { a[at + c] = places[3 * i + c]; a[at + 3 + c] = others[3 * j + c]; a[at + 6 + c] = colour[c]; }
    a[at + 9] = alpha; a[at + 10] = width;
  }
}

/** A WebGL2 context with the three programs. */
class Painter {
  constructor(canvas, picture) {
    const gl = this.gl = canvas.getContext("webgl2", { antialias: false, alpha: false, depth: false });
    if (!gl) throw new Error("WebGL2 is not available in this browser");
    this.earth = this.program(EARTH_VERTEX, EARTH_FRAGMENT);
    this.points = this.program(POINT_VERTEX, POINT_FRAGMENT);
    this.lines = this.program(LINE_VERTEX, LINE_FRAGMENT);
    this.nothing = gl.createVertexArray();
    this.pointBuffer = this.layout([3, 4, 2], 0);
    this.lineBuffer = this.layout([3, 3, 4, 1], 1);
    this.land = this.texture(picture);
    this.near = {}; // by kind of pane
    gl.useProgram(this.earth.program);
    gl.uniform1i(this.earth.names.near, 1);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.enable(gl.SCISSOR_TEST);
  }

  texture(picture) {
    const gl = this.gl, made = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, made);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, picture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    return made;
  }

  /** Give the shader what is near, of the pane's kind; `near` is drawn anew where `changed`. */
  showNear(kind, near, changed) {
    const gl = this.gl;
    gl.activeTexture(gl.TEXTURE1);
    if (near && (changed || !this.near[kind])) {
      gl.deleteTexture(this.near[kind] || null);
      this.near[kind] = this.texture(near.canvas);
    }
    gl.bindTexture(gl.TEXTURE_2D, this.near[kind] || this.land);
    gl.uniform4fv(this.earth.names.window, near ? near.window : [0, 0, 0, 0]);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.land);
  }

  program(vertex, fragment) {
    const gl = this.gl, program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) {
        throw new Error(gl.getShaderInfoLog(shader));
      }
    }
    gl.linkProgram(program);
    const names = {};
    for (let i = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) - 1; i >= 0; i--) {
      const { name } = gl.getActiveUniform(program, i);
      names[name] = gl.getUniformLocation(program, name);
    }
    return { program, names };
  }

  layout(sizes, divisor) {
    const gl = this.gl, array = gl.createVertexArray(), buffer = gl.createBuffer();
    const stride = 4 * sizes.reduce((a, b) => a + b);
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    sizes.reduce((offset, size, i) => {
      gl.enableVertexAttribArray(i);
      gl.vertexAttribPointer(i, size, gl.FLOAT, false, stride, offset);
      gl.vertexAttribDivisor(i, divisor);
      return offset + 4 * size;
    }, 0);
    return { array, buffer };
  }

  /** Draw the Earth and what is on `lines` and `points` into a pane (pixels of the canvas, from below). */
  draw(pane, view, sun, lines, points, look, near) {
    const gl = this.gl;
    gl.viewport(pane.x, pane.y, pane.width, pane.height);
    gl.scissor(pane.x, pane.y, pane.width, pane.height);
    this.use(this.earth, view, pane);
    gl.uniform3fv(this.earth.names.sun, sun);
    for (const name of ["right", "up", "forward"]) gl.uniform3fv(this.earth.names[name], view[name]);
    gl.uniform2fv(this.earth.names.spread, view.spread);
    for (const [name, value] of Object.entries(look.earth)) {
      if (name === "grid") gl.uniform1f(this.earth.names.grid, value); else gl.uniform3fv(this.earth.names[name], value);
    }
    this.showNear(near.kind, near.land, near.changed);
    gl.bindVertexArray(this.nothing);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    this.use(this.lines, view, pane);
    this.fill(this.lineBuffer, lines);
    for (const second of view.flat ? [0, 1] : [0]) {
      gl.uniform1f(this.lines.names.second, second);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, lines.count);
    }
    this.use(this.points, view, pane);
    gl.uniform3fv(this.points.names.outline, look.outline);
    this.fill(this.pointBuffer, points);
    gl.drawArrays(gl.POINTS, 0, points.count);
  }

  use({ program, names }, view, pane) {
    const gl = this.gl;
    gl.useProgram(program);
    gl.uniformMatrix4fv(names.camera, false, view.matrix);
    gl.uniform3fv(names.eye, view.eye);
    gl.uniform4fv(names.chart, view.chart);
    gl.uniform1f(names.flatMap, view.flat ? 1 : 0);
    gl.uniform2f(names.viewport, pane.width, pane.height);
  }

  fill({ array, buffer }, batch) {
    const gl = this.gl;
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, batch.used, gl.DYNAMIC_DRAW);
  }

  close() { this.gl.getExtension("WEBGL_lose_context")?.loseContext(); }
}

/** The camera of the globe at `longitude`, `latitude` (rad) and `distance` (Earth radii). */
function globeView(longitude, latitude, distance, aspect) {
  const c = Math.cos(latitude), s = Math.sin(latitude), x = Math.cos(longitude), y = Math.sin(longitude);
  const out = [c * x, c * y, s], forward = [-out[0], -out[1], -out[2]];
  const right = [-y, x, 0], up = cross(out, right);
  const eye = out.map((v) => v * distance), near = 0.02, far = distance + 20;
  const tall = Math.tan(FIELD_OF_VIEW / 2) / Math.min(1, aspect), wide = tall * aspect;
  const m = new Float32Array(16);
  for (let i = 0; i < 3; i++) {
    m[4 * i] = right[i] / wide;
    m[4 * i + 1] = up[i] / tall;
    m[4 * i + 2] = forward[i] * (far + near) / (far - near);
    m[4 * i + 3] = forward[i];
  }
  m[14] = distance * (far + near) / (far - near) - 2 * far * near / (far - near);
  m[15] = distance;
  return { matrix: m, eye, right, up, forward, spread: [wide, tall], chart: [0, 0, 1, 1], flat: false };
}

/** The map around `centre`, `zoom` times the size that fits the pane. */
function mapView(centre, zoom, aspect) {
  const unit = zoom * Math.min(1 / Math.PI, 2 / (Math.PI * aspect));
  return {
    ...globeView(0, 0, 3, aspect), flat: true, chart: [centre[0], centre[1], unit, unit * aspect], aspect,
  };
}

/** Where a point is in a pane, in 0..1 from its top left corner, or null where it is hidden. */
function project(view, p) {
  if (view.flat) {
    const { latitude, longitude } = geodetic(p), [lon, lat, wide, tall] = view.chart;
    return [0.5 + 0.5 * wrapped(longitude - lon) * wide, 0.5 - 0.5 * (latitude - lat) * tall];
  }
  const d = [p[0] - view.eye[0], p[1] - view.eye[1], p[2] - view.eye[2]];
  const a = dot(d, d), b = dot(view.eye, d), q = b * b - a * (dot(view.eye, view.eye) - 1);
  if (q > 0 && (-b - Math.sqrt(q)) / a < 0.997) return null;
  const m = view.matrix, w = m[3] * p[0] + m[7] * p[1] + m[11] * p[2] + m[15];
  if (w < 0.01) return null;
  const x = (m[0] * p[0] + m[4] * p[1] + m[8] * p[2]) / w, y = (m[1] * p[0] + m[5] * p[1] + m[9] * p[2]) / w;
  return [0.5 + 0.5 * x, 0.5 - 0.5 * y];
}

// ---------------------------------------------------------------------------------------------- colours

function ramp(x, look) {
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

const chanceText = (probability) => probability ? probability.toExponential(1) : "0";

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

// ---------------------------------------------------------------------------------------------- the scene

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

// ---------------------------------------------------------------------------------------------- the shell


const HELP = [["space", "play or pause"], ["← →", "one round; with shift ten"], ["home end", "first and last round"],
  ["+ −", "faster, slower"], ["[ ]", "previous, next satellite"], ["g m b", "globe, map, both"],
  ["l, s", "light or dark; the list of satellites"], ["n p", "next, previous event"], ["d", "where two runs part"],
  ["f", "Earth-fixed or inertial"], ["c", "follow the satellite"], ["esc", "close, let go"],
  ["drag, wheel", "turn and zoom (in a notebook: ctrl+wheel)"], ["click", "a satellite, a request, a link, an event, the timeline"]];

function element(tag, name, parent, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

function rows(parent, pairs) {
  for (const [name, value] of pairs) {
    const row = element("div", "oas-row", parent);
    element("span", "", row, name);
    element("span", "", row, value);
  }
}

class View {
  constructor(root, runs, options) {
    this.runs = runs;
    this.options = {
      targets: true, links: true, trails: true, contacts: true, footprints: false, names: runs[0].size <= 26,
      inertial: false, follow: false, show: "globe", colour: "activity", trail_s: 5700, page: false, events: "all", places: true,
      theme: "auto", film_s: 10,
      ...options,
    };
    this.events = new EventTarget();
    for (const run of runs) run.shift = run.start - runs[0].start; // times are seconds since the first one's epoch
    measure(runs);
    this.begin = Math.min(...runs.map((run) => run.shift + run.time[0]));
    this.t = this.options.live ? this.end : this.begin; // a run that goes on is followed
    this.playing = false;
    this.selected = -1;
    this.thing = null; // what is told of in place of a satellite: { r, about, target, satellite }
    this.chosenRun = 0;
    this.hover = { run: 0, n: -1 };
    this.yaw = 0.35; this.pitch = 0.35; this.distance = 4.1;
    this.centre = [0, 0]; this.zoom = 1;
    this.lines = new Lines();
    this.points = new Points();
    this.dirty = true;
    this.paints = 0;
    this.speed = this.fittingSpeed();
    this.look = THEMES[themeOf(this.options.theme)];
    this.schemes = runs.map((run) => schemes(run, this.look));
    this.build(root);
    this.dress();
    this.watch();
    this.facing();
    if (this.options.page) this.open();
  }

  get end() { return Math.max(...this.runs.map((run) => run.shift + run.over)); }

  fittingSpeed() {
    const wanted = Math.min(...this.runs.map((run) => pace(run, this.end - this.begin)));
    return SPEEDS.findLast((speed) => speed <= Math.max(1, wanted));
  }

  /** A page begins where its address says, or else at an event that tells what the run is about. */
  open() {
    const asked = new URLSearchParams(location.hash.slice(1)), t = parseFloat(asked.get("t"));
    const event = asked.has("t") || asked.has("sat") ? null : firstSight(this.runs[0]);
    if (event) this.t = clamp(this.runs[0].shift + event[0], this.begin, this.end);
    if (Number.isFinite(t)) this.t = clamp(this.begin + t, this.begin, this.end);
    if (["globe", "map", "both"].includes(asked.get("view"))) this.set("show", asked.get("view"));
    const n = asked.has("sat") ? parseInt(asked.get("sat"), 10) : event && this.runs[0].size <= 60 ? event[1] : -1;
    if (asked.get("theme") in THEMES) this.set("theme", asked.get("theme"));
    this.facing(event);
    const r = clamp(parseInt(asked.get("run"), 10) || 0, 0, this.runs.length - 1);
    if (n >= 0 && n < this.runs[r].size && (asked.has("sat") || window.innerWidth > 900)) this.select(n, r);
    if (this.noted) return;
    this.noted = () => this.open(); // another address was pasted in; what the page writes itself is no such change
    window.addEventListener("hashchange", this.noted);
    this.events.addEventListener("change", () => { this.noting ||= setTimeout(() => this.note(), 400); });
  }

  /** Write moment, satellite and view into the page's address, to be passed on. */
  note() {
    this.noting = null;
    const parts = [`t=${Math.round(this.t - this.begin)}`];
    if (this.selected >= 0) parts.push(`sat=${this.selected}`);
    if (this.selected >= 0 && this.chosenRun > 0) parts.push(`run=${this.chosenRun}`);
    if (this.options.show !== "globe") parts.push(`view=${this.options.show}`);
    if (this.options.theme !== "auto") parts.push(`theme=${this.options.theme}`);
    try { history.replaceState(null, "", `#${parts.join("&")}`); } catch { /* a frame without an address */ }
  }

  /** Turn to the day side, as far as the fleet, and what is to be seen first, can be seen from there. */
  facing(event = null) {
    const run = this.runs[0], at = this.when(run), angle = earthAngle(run, at), p = [0, 0, 0];
    const [sx, sy] = vector(run.sun, at.k), noon = Math.atan2(sy, sx) - angle;
    let most = -Infinity, there = null;
    if (event?.[1] >= 0) {
      place(run, event[1], at, angle, p, 0);
      there = Math.atan2(p[1], p[0]);
    } else if (event && words(event).longitude_deg !== undefined) there = words(event).longitude_deg / DEGREE;
    for (let i = 0; i < 24; i++) {
      const yaw = noon + i * TAU / 24;
      let seen = 0;
      for (let n = 0; n < run.size; n++) {
        place(run, n, at, angle, p, 0);
        seen += Math.max(0, Math.cos(Math.atan2(p[1], p[0]) - yaw));
      }
      const worth = seen / run.size + 0.5 * Math.cos(yaw - noon) + (there === null ? 0 : 1.5 * Math.cos(yaw - there));
      if (worth > most) { most = worth; this.yaw = yaw; }
    }
  }

  // ---- building

  build(root) {
    this.root = element("div", "oas", root);
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "application");
    this.root.setAttribute("aria-label", "Interactive view of a recorded constellation");
    element("style", "", this.root, STYLE);
    const bar = element("div", "oas-bar", this.root);
    element("b", "", bar, this.title());
    this.button(bar, "Globe", () => this.set("show", "globe"), () => this.options.show === "globe");
    this.button(bar, "Map", () => this.set("show", "map"), () => this.options.show === "map");
    this.button(bar, "Both", () => this.set("show", "both"), () => this.options.show === "both");
    const names = Object.keys(this.schemes[0]);
    this.colourMenu = this.menu(bar, "colour by", names.map((name) => [name, name]), this.options.colour,
      (name) => this.set("colour", name));
    const has = (name) => this.runs.some((run) => name in run);
    const toggles = [["trails", true], ["targets", has("target_latitude")], ["links", has("link_peer")],
      ["contacts", true], ["footprints", true], ["names", true], ["places", has("cities")]];
    for (const [name, there] of toggles) if (there) this.toggle(bar, name);
    this.toggle(bar, "inertial");
    element("div", "oas-grow", bar);
    if (this.runs[0].size > 26) this.finder(bar);
    this.button(bar, "list", () => this.list.toggle(), () => !this.list.box.hidden).title = "the satellites, to be sorted and searched";
    this.button(bar, "PNG", () => this.save(), () => false).title = "save this picture";
    this.filmButton = this.button(bar, "video", () => this.record(), () => !!this.film);
    this.filmButton.title = filmTrouble() || `record ${this.options.film_s} s of play from this moment, as WebM`;
    this.themeButton = this.button(bar, "light", () => this.set("theme", this.look === THEMES.light ? "dark" : "light"), () => false);
    this.button(bar, "?", () => this.help(), () => !!this.card);
    const middle = element("div", "oas-middle", this.root);
    this.list = new FleetList(this, middle);
    this.stage = element("div", "oas-stage", middle);
    this.stage.setAttribute("role", "img");
    this.caption = element("div", "oas-card oas-caption", this.stage);
    this.caption.setAttribute("aria-live", "polite");
    this.side = element("div", "oas-side", middle);
    this.side.hidden = true;
    this.panels = this.runs.map((run, r) => ({ run, r, box: element("div", "oas-panel", this.side), shown: null }));
    this.tip = element("div", "oas-card oas-tip", this.stage);
    this.tip.hidden = true;
    this.panes = [];
    this.timelines = this.runs.map(() => element("canvas", "", element("div", "oas-time", this.root)));
    this.controls(element("div", "oas-bar", this.root));
    this.options.control?.strip(this, element("div", "oas-bar oas-control", this.root)); // of a flight that goes on
    this.runs.forEach((_, r) => this.fitTimeline(r));
    this.arrange();
    this.listen();
  }

  title() {
    const { scenario, policy } = this.runs[0].meta, many = this.runs.length > 1;
    return [scenario || "Run", many ? "" : policy, `${this.runs[0].size.toLocaleString("en")} satellites`]
      .filter(Boolean).join(" · ");
  }

  button(parent, text, act, lit) {
    const made = element("button", "", parent, text);
    made.type = "button";
    made.addEventListener("click", () => { act(); this.root.focus({ preventScroll: true }); });
    let was = null;
    (this.lamps ||= []).push(() => {
      const now = !!lit();
      if (now === was) return;
      was = now;
      made.classList.toggle("on", now);
      made.setAttribute("aria-pressed", now);
    });
    return made;
  }

  toggle(parent, name) {
    this.button(parent, name, () => this.set(name, !this.options[name]), () => this.options[name]);
  }

  menu(parent, label, choices, value, act) {
    const made = element("select", "", parent);
    made.title = label;
    made.setAttribute("aria-label", label);
    for (const [name, text] of choices) element("option", "", made, text).value = name;
    made.value = value;
    made.addEventListener("change", () => { act(made.value); this.root.focus({ preventScroll: true }); });
    return made;
  }

  /** A field to find a satellite of a large fleet by part of its name; again and again for the next. */
  finder(bar) {
    const field = element("input", "oas-find", bar);
    Object.assign(field, { type: "search", placeholder: "find a satellite" });
    field.setAttribute("aria-label", "find a satellite");
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.root.focus({ preventScroll: true });
      if (event.key !== "Enter" || !field.value) return;
      const { names, size } = this.runs[0], wanted = field.value.toLowerCase();
      for (let i = 1; i <= size; i++) {
        const n = (Math.max(-1, this.selected) + i + size) % size;
        if (!names[n].toLowerCase().includes(wanted)) continue;
        this.select(n);
        this.centreOn(this.runs[0], n);
        return;
      }
      field.select();
    });
  }

  controls(bar) {
    this.playButton = this.button(bar, "▶", () => this.play(!this.playing), () => this.playing);
    this.playButton.setAttribute("aria-label", "play or pause");
    this.speedMenu = this.menu(bar, "speed", SPEEDS.map((s) => [s, `${s.toLocaleString("en")} ×`]), this.speed,
      (value) => { this.speed = Number(value); this.paced = true; });
    const lanes = [...new Set(this.runs.flatMap((run) => run.lanes))];
    this.menu(bar, "events", ["all", ...lanes].map((lane) => [lane, lane === "all" ? "events: all" : lane]), "all",
      (lane) => this.set("events", lane));
    this.button(bar, "◂", () => this.jump(false), () => false).title = "previous event";
    this.button(bar, "▸", () => this.jump(true), () => false).title = "next event";
    if (this.runs.length > 1) this.button(bar, "parting", () => this.part(), () => false).title = "where the runs first decide otherwise";
    this.slider = element("input", "", bar);
    Object.assign(this.slider, { type: "range", min: 0, max: 1, step: "any", value: 0 });
    this.slider.setAttribute("aria-label", "time");
    this.slider.addEventListener("input", () => this.seek(this.begin + this.slider.value * (this.end - this.begin)));
    this.clock = element("span", "oas-clock", bar);
  }

  /** A pane for every run and, where both are shown, for globe and map. */
  arrange() {
    for (const pane of this.panes) pane.box.remove();
    this.panes = [];
    const kinds = this.options.show === "both" ? ["globe", "map"] : [this.options.show];
    const stacked = this.runs.length > 1, columns = stacked ? this.runs.length : kinds.length;
    const lines = stacked ? kinds.length : 1;
    this.runs.forEach((run, r) => kinds.forEach((kind, i) => {
      const box = element("div", "oas-pane", this.stage), [column, line] = stacked ? [r, i] : [i, 0];
      const share = { left: column / columns, top: line / lines, width: 1 / columns, height: 1 / lines };
      for (const [side, value] of Object.entries(share)) box.style[side] = `${100 * value}%`;
      const pane = { run, r, kind, share, box, labels: element("div", "", box) };
      if (this.runs.length > 1 && !i) element("div", "oas-title", box, `${run.meta.policy || run.meta.scenario}`);
      if (i === 0) pane.legend = element("div", "oas-card oas-legend", box);
      this.panes.push(pane);
    }));
    this.stale = true;
    this.redraw();
  }

  set(name, value) {
    this.options[name] = value;
    if (name === "show") this.arrange();
    if (name === "theme") this.dress();
    if (name === "colour") { this.colourMenu.value = value; this.stale = true; }
    this.tell();
    this.redraw();
  }

  /** Put on the theme that is asked for: whatever was drawn in the other is drawn anew. */
  dress() {
    const name = themeOf(this.options.theme);
    this.look = THEMES[name];
    this.root.dataset.theme = name;
    this.themeButton.textContent = name === "light" ? "dark" : "light";
    this.themeButton.title = `the ${this.themeButton.textContent} theme`;
    this.schemes = this.runs.map((run) => schemes(run, this.look));
    for (const run of this.runs) run.stills = null;
    for (const canvas of this.timelines) canvas.key = null;
    this.stale = true;
    this.redraw();
  }

  /** Record a short video from the moment shown, and offer it as a file; pressed again, end it now. */
  async record() {
    const trouble = filmTrouble() || (this.painter ? "" : "there is no picture to record");
    if (trouble) { this.said = trouble; this.redraw(); return null; }
    if (this.film) { this.film.stop(); return null; }
    if (this.t >= this.end - 1e-6) this.t = this.begin;
    this.update();
    this.film = new Film(this, this.options.film_s);
    const blob = await this.film.done;
    this.film = null;
    this.filmButton.textContent = "video";
    this.redraw();
    const address = URL.createObjectURL(blob);
    offer(address, `${this.runs[0].meta.scenario || "run"}.webm`);
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    return blob;
  }

  help() {
    if (this.card) { this.card.remove(); this.card = null; return; }
    this.card = element("div", "oas-card oas-help", this.root);
    for (const [key, text] of HELP) {
      const row = element("div", "oas-row", this.card);
      element("kbd", "", element("span", "", row), key);
      element("span", "", row, text);
    }
    this.card.addEventListener("click", () => this.help());
  }

  // ---- life: draw only when something changed, and hold a context only while on screen

  watch() {
    this.sizes = new ResizeObserver(() => {
      this.root.classList.toggle("narrow", this.root.clientWidth < 640);
      this.stale = true;
      this.redraw();
    });
    this.sizes.observe(this.stage);
    this.sizes.observe(this.root);
    this.preference = window.matchMedia("(prefers-color-scheme: light)");
    this.redress = () => { if (this.options.theme === "auto") this.dress(); };
    this.preference.addEventListener("change", this.redress);
    this.lab = new MutationObserver(this.redress); // the theme of a notebook around
    this.lab.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
    this.sight = new IntersectionObserver((seen) => {
      if (seen[seen.length - 1].isIntersecting) this.wake(); else this.sleep();
    });
    this.sight.observe(this.stage);
  }

  wake() {
    if (this.painter) return;
    this.canvas = element("canvas");
    this.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    this.stage.prepend(this.canvas);
    try {
      this.coast ||= coastOf(this.runs[0].coast, this.runs[0].coast_lengths);
      this.picture ||= landPicture(this.coast);
      this.near ||= { globe: new NearLand(this.coast), map: new NearLand(this.coast) };
      this.painter = new Painter(this.canvas, this.picture);
    } catch (error) {
      this.canvas.remove();
      this.complaint ||= element("div", "oas-card", this.stage, `No picture: ${error.message}.`);
      console.error(error);
      return;
    }
    const info = this.painter.gl.getExtension("WEBGL_debug_renderer_info");
    const renderer = info ? this.painter.gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : "";
    this.density = /swiftshader|llvmpipe|software/i.test(renderer) ? 1 : Math.min(2, window.devicePixelRatio || 1);
    this.stale = true;
    this.redraw();
  }

  /** Off the screen the context is given back, for a page has few; a picture of it stays. */
  sleep() {
    if (!this.painter) return;
    this.paint();
    this.stage.style.backgroundImage = `url(${this.canvas.toDataURL("image/jpeg", 0.8)})`;
    this.painter.close();
    this.canvas.remove();
    this.painter = null;
  }

  redraw() {
    this.dirty = true;
    if (this.frame || this.closed) return;
    this.frame = requestAnimationFrame((now) => {
      this.frame = null;
      if (this.playing) this.advance(now);
      if (this.dirty) { this.dirty = false; this.update(); }
      if (this.playing) this.redraw();
    });
  }

  advance(now) {
    const passed = Math.min(0.25, (now - (this.last ?? now)) / 1000);
    this.last = now;
    this.t += passed * this.speed;
    if (this.t >= this.end) { this.t = this.end; this.play(false); } else this.tell();
  }

  play(on) {
    if (on && this.t >= this.end - 1e-6) this.t = this.begin;
    this.playing = on;
    this.caption.setAttribute("aria-live", on ? "off" : "polite"); // nobody can listen to all that happens
    this.said = null;
    this.tip.hidden = true;
    this.last = null;
    this.playButton.textContent = on ? "❚❚" : "▶";
    this.tell();
    this.redraw();
  }

  seek(t) { this.said = null; this.t = clamp(t, this.begin, this.end); this.tell(); this.redraw(); }

  /** Go `count` rounds of the first run on. */
  jump(forward) {
    const run = this.runs[this.chosenRun], event = neighbour(run, this.t - run.shift, this.options.events, forward, this.selected);
    if (!event) return;
    this.play(false);
    this.seek(run.shift + event[0]);
    if (event[1] < 0) this.point(null);
  }

  /** Go to where two runs first decide otherwise. */
  part() {
    if (this.runs.length < 2) return;
    const found = divergence(...this.runs);
    if (!found) { this.said = "both decide the same throughout"; this.redraw(); return; }
    this.play(false);
    this.select(found.satellite, 0);
    this.seek(this.runs[0].shift + found.time);
  }

  /** Offer the picture as a file. */
  save() {
    if (!this.painter) return;
    this.paint();
    const still = drawStill(this, document.createElement("canvas"));
    offer(still.toDataURL("image/png"), `${this.runs[0].meta.scenario || "run"}.png`);
  }

  hop(count) {
    const run = this.runs[0], { k, f } = this.when(run);
    const at = clamp(k + count + (count < 0 && f > 1e-6 ? 1 : 0), 0, run.rounds - 1);
    this.play(false);
    this.seek(run.shift + run.time[at]);
  }

  select(n, r = this.chosenRun) {
    this.selected = n;
    this.thing = null;
    this.chosenRun = r;
    this.side.hidden = n < 0;
    this.tip.hidden = true; // the stage gets narrower
    this.stale = true;
    this.tell();
    this.redraw();
  }

  /** Tell of a request, a job, a station, a disaster or what passes a satellite. */
  tellOf(about, target, satellite, r) {
    this.thing = { about, target, satellite, r };
    this.chosenRun = r;
    this.side.hidden = false;
    this.stale = true;
    this.tip.hidden = true;
    this.redraw();
  }

  tell() { this.events.dispatchEvent(new Event("change")); }

  when(run) { return locate(run, this.t - run.shift); }

  state() {
    const { k } = this.when(this.runs[0]);
    return { t: this.t - this.begin, round: k, rounds: this.runs[0].rounds, selected: this.selected,
      playing: this.playing, paints: this.paints, speed: this.speed, ...this.options };
  }

  /** Add packed rounds to run `r`, or begin it anew where they are all of it; whether they fitted. */
  async append(bytes, anew, r = 0) {
    const more = await unpack(bytes), follow = this.t >= this.end - 1e-6, run = this.runs[r];
    if (!anew && !more.arrays.every(({ name }) => name in run || name === "position")) return false;
    prepare(more);
    more.shift = run.shift;
    if (anew) {
      for (const shown of [...this.panes, ...this.panels]) if (shown.run === run) shown.run = more;
      this.runs[r] = more;
    } else extend(run, more);
    measure(this.runs);
    this.schemes[r] = schemes(this.runs[r], this.look);
    this.fitTimeline(r);
    if (follow) this.t = this.end;
    if (!this.paced) this.accelerate(SPEEDS.indexOf(this.fittingSpeed()));
    this.stale = true;
    this.redraw();
    this.tell();
    return true;
  }

  /** As high as the lanes of its events want it. */
  fitTimeline(r) {
    this.timelines[r].parentElement.style.height = `${46 + LANE_HEIGHT * this.runs[r].lanes.length}px`;
  }

  close() {
    this.closed = true;
    cancelAnimationFrame(this.frame);
    this.sizes.disconnect();
    this.sight.disconnect();
    this.preference.removeEventListener("change", this.redress);
    this.lab.disconnect();
    this.film?.stop();
    this.painter?.close();
    if (this.noted) window.removeEventListener("hashchange", this.noted);
    this.root.remove();
  }

  // ---- a frame

  update() {
    if (this.options.follow && this.selected >= 0) this.centreOn(this.runs[this.chosenRun], this.selected);
    for (const lamp of this.lamps) lamp();
    if (this.painter) this.paint();
    const { film } = this;
    for (const pane of this.panes) {
      this.writeLabels(pane);
      if (pane.legend) this.writeLegend(pane);
    }
    for (const panel of this.panels) this.writePanel(panel);
    this.list.write();
    this.writeCaption();
    this.runs.forEach((run, r) => drawTimeline(this, run, this.timelines[r]));
    this.stale = false;
    const share = (this.t - this.begin) / (this.end - this.begin || 1);
    if (document.activeElement !== this.slider || this.playing) this.slider.value = share;
    const { k } = this.when(this.runs[0]);
    this.clock.textContent = `${clockText(this.runs[0].start + this.t)} · ${k + 1}/${this.runs[0].rounds}`;
    film?.frame();
  }

  /** The score so far and the last thing that happened; in words for those who cannot see the picture. */
  writeCaption() {
    const scores = this.runs.map((run) => run.value[this.when(run).k]), run = this.runs[0];
    const names = this.runs.length > 1 ? this.runs.map((one) => `${one.meta.policy || one.meta.scenario}: `) : [`${run.score}: `];
    const lead = scores.length > 1 ? ` (${scores[1] >= scores[0] ? "+" : ""}${quantity(scores[1] - scores[0])})` : "";
    const last = neighbour(run, this.t - run.shift + 0.1, this.options.events, false, -1);
    const fresh = last && this.t - run.shift - last[0] < Math.max(600, 4 * this.speed);
    const news = this.said || (fresh ? `${clockText(run.start + last[0]).slice(11, 19)} ${last[2].replaceAll("_", " ")}: ${phrase(run, last)}` : "");
    const key = `${scores.map((score) => Math.round(10 * score))} ${news}`;
    if (key === this.captioned) return;
    this.captioned = key;
    this.caption.replaceChildren();
    const row = element("div", "", this.caption);
    scores.forEach((score, r) => {
      element("span", "", row, (r ? " · " : "") + names[r]);
      element("b", "", row, quantity(score));
    });
    row.append(lead);
    if (news) element("div", "", this.caption, news);
    this.stage.setAttribute("aria-label", `${this.title()}, ${this.caption.textContent}`);
  }

  /** Turn the globe and move the map to a satellite. */
  centreOn(run, n) {
    const when = this.when(run), angle = earthAngle(run, when), p = [0, 0, 0];
    place(run, n, when, angle, p, 0);
    const { latitude, longitude } = geodetic(p);
    this.yaw = longitude + (this.options.inertial ? angle : 0);
    this.pitch = clamp(latitude, -1.55, 1.55);
    if (this.zoom > 1) this.centre = [longitude, clamp(latitude, -1.4, 1.4)];
  }

  paint() {
    if (this.stale || !this.box) this.box = this.stage.getBoundingClientRect(); // to ask each time lays the page out
    const { box, density: d } = this;
    const width = Math.round(box.width * d), height = Math.round(box.height * d);
    if (!width || !height) return;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
    }
    for (const pane of this.panes) {
      const { run, share } = pane, when = this.when(run), angle = earthAngle(run, when);
      const area = { x: Math.round(share.left * width), width: Math.round(share.width * width),
        height: Math.round(share.height * height), y: Math.round((1 - share.top - share.height) * height) };
      const aspect = area.width / area.height;
      const yaw = this.options.inertial ? this.yaw - angle : this.yaw;
      pane.width = share.width * box.width;
      pane.height = share.height * box.height;
      pane.view = pane.kind === "map" ? mapView(this.centre, this.zoom, aspect)
        : globeView(yaw, this.pitch, this.distance, aspect);
      const options = { ...this.options, inertial: this.options.inertial && pane.kind === "globe",
        scheme: this.schemeOf(pane.r), t: this.t - run.shift, speed: this.playing ? this.speed : 0, selected: this.selected < run.size ? this.selected : -1,
        hover: this.hover.run === pane.r ? this.hover.n : -1, look: this.look, link: this.linkShown(pane.r),
        warned: this.thing?.about === "encounter" && this.thing.r === pane.r ? this.thing.satellite : -1,
        cities: this.options.places ? citiesShown(run.cities || [], pane, this) : 0 };
      compose(run, when, options, this.lines, this.points, d);
      const s = vector(run.sun, when.k), c = Math.cos(angle), e = Math.sin(angle);
      const sun = unit([c * s[0] + e * s[1], c * s[1] - e * s[0], s[2] * STRETCH]);
      this.painter.draw(area, pane.view, sun, this.lines, this.points, this.look, this.nearLand(pane, yaw));
    }
    this.paints++;
  }

  /** What is near the centre of a pane, where it is close enough for that to be seen. */
  nearLand({ kind, view }, yaw) {
    const [longitude, latitude] = kind === "map" ? this.centre : [yaw, Math.atan(Math.tan(this.pitch) * STRETCH)];
    const reach = nearReach(view, this.distance, latitude);
    if (!reach) return { kind, land: null, changed: false };
    const land = this.near[kind];
    return { kind, land, changed: land.cover(longitude, latitude, ...reach) };
  }

  /** The link that is pointed at, or told of, in run `r`. */
  linkShown(r) {
    if (this.thing?.about === "link" && this.thing.r === r) return [this.thing.satellite, this.thing.target];
    return this.hover.run === r ? this.hover.link : null;
  }

  schemeOf(r) { return this.schemes[r][this.options.colour] || this.schemes[r].activity; }

  /** Where a point is in a pane, in pixels of the pane, or null. */
  spot(pane, p) {
    const at = pane.view && project(pane.view, p);
    return at && [at[0] * pane.width, at[1] * pane.height];
  }

  /** Where satellite `n` of run `r` is in the window, for tests and tours, or null where it is hidden. */
  pixel(n, r = 0) {
    const pane = this.panes.find((one) => one.r === r), at = this.spot(pane, vector(this.runs[r].live, n));
    const box = pane.box.getBoundingClientRect();
    return at && [box.left + at[0], box.top + at[1]];
  }

  /** Geodetic latitude, longitude (degrees) and height (km) of satellite `n` as drawn. */
  below(n, r = 0) {
    const { latitude, longitude, height } = geodetic(vector(this.runs[r].live, n));
    return [latitude * DEGREE, longitude * DEGREE, height];
  }

  /** What may be written on a pane, the weightiest first: text, place, class. */
  labelsOf({ run, kind }) {
    const wanted = [], chosen = this.selected < run.size ? this.selected : -1, t = this.t - run.shift;
    if (chosen >= 0) wanted.push([run.names[chosen], vector(run.live, chosen), ""]);
    if (this.options.names) {
      for (let n = 0; n < Math.min(run.size, 60); n++) {
        if (n !== chosen) wanted.push([run.names[n], vector(run.live, n), ""]);
      }
    }
    for (const one of run.disasters) {
      if (t >= one.time && one.name && Number.isFinite(one.latitude_deg)) wanted.push([one.name, groundPoint(one.latitude_deg / DEGREE, one.longitude_deg / DEGREE), " it"]);
    }
    if (this.options.names || this.options.places) {
      (run.meta.station_names || []).forEach((name, g) => wanted.push([name, vector(run.stations, g), " it"]));
    }
    const cities = this.options.places ? citiesShown(run.cities || [], { kind }, this) : 0;
    for (let j = 0; j < cities; j++) wanted.push([run.cities[j][0], vector(run.places, j), " town"]);
    return wanted;
  }

  writeLabels(pane) {
    const wanted = this.labelsOf(pane), { children } = pane.labels, taken = [];
    while (children.length < wanted.length) element("div", "", pane.labels);
    for (let i = 0; i < children.length; i++) { // the first written keeps its place, what would lie on it is left out
      const label = children[i], [text, place, kind] = wanted[i] || [], at = wanted[i] && this.spot(pane, place);
      const shown = at && at[0] > -20 && at[0] < pane.width && at[1] > -9 && at[1] < pane.height + 9
        && free(taken, at[0] + 9, at[1] - 8, 6 * text.length, 12);
      if (label.hidden !== !shown) label.hidden = !shown;
      if (!shown) continue;
      if (label.kind !== kind) { label.kind = kind; label.className = `oas-label${kind}`; }
      if (label.said !== text) { label.said = text; label.textContent = text; }
      label.at = [at[0] + 9, at[1] - 8];
      label.style.transform = `translate(${label.at[0].toFixed(1)}px,${label.at[1].toFixed(1)}px)`;
    }
  }

  writeLegend(pane) {
    const { k } = this.when(pane.run), key = `${this.options.colour} ${k}`, scheme = this.schemeOf(pane.r);
    if (pane.written === key && !this.stale) return;
    pane.written = key;
    pane.legend.replaceChildren();
    if (!scheme.key) {
      element("div", "", pane.legend, this.options.colour);
      element("div", "oas-ramp", pane.legend).style.background = `linear-gradient(90deg,${this.look.ramp.map((c) => css(c))})`;
      rows(pane.legend, [[scheme.low, scheme.high]]);
      if (this.options.links) writeCargo(pane.run, k, this.look, pane.legend);
      return;
    }
    const small = this.root.classList.contains("narrow");
    for (const [name, colour, count] of scheme.key(k)) {
      if (small && !count) continue;
      const row = element("div", "oas-row", pane.legend), label = element("span", "", row);
      element("span", "oas-dot", label).style.background = css(colour);
      label.append(name);
      element("span", "", row, count.toLocaleString("en"));
    }
    if (this.options.targets && pane.run.target_state && pane.run.targets.length) this.writeTargets(pane, k);
    if (this.options.links) writeCargo(pane.run, k, this.look, pane.legend);
  }

  writeTargets({ run, legend }, k) {
    const count = run.targets.length / 3, sums = run.target_states.map(() => 0);
    for (let j = 0; j < count; j++) sums[run.target_state[k * count + j]]++;
    element("hr", "oas-rule", legend);
    run.target_states.forEach((name, state) => {
      const shape = SHAPES[name];
      if (shape === undefined) return;
      const row = element("div", "oas-row", legend), label = element("span", "", row), colour = this.look.targets[name];
      element("span", "oas-sign", label, shape === DIAMOND ? "◇" : shape === CROSS ? "×" : "◆").style.color = css(colour);
      label.append(name);
      element("span", "", row, sums[state].toLocaleString("en"));
    });
  }

  writePanel(panel) {
    const { run, box } = panel, n = this.selected, { k } = this.when(run), { thing } = this;
    const about = thing?.r === panel.r ? `${thing.about} ${thing.target} ${thing.satellite}` : n >= 0 && n < run.size ? `${n}` : "";
    const same = panel.about === about && panel.run_ === run && !this.stale, key = `${about} ${k}`;
    // in playing nobody reads more than a few of them a second
    if (same && this.playing && panel.key !== key && performance.now() - panel.written < 250) { if (about === `${n}`) drawCharts(this, run, n, panel.charts); return; }
    if (!same) { box.replaceChildren(); panel.parts = new Map(); panel.charts = null; }
    if (!same || panel.key !== key) {
      panel.written = performance.now();
      Object.assign(panel, { about, key, run_: run });
      if (thing?.r === panel.r) story(this, run, thing, panel);
      else if (about) inspect(this, run, n, k, panel);
    }
    if (thing?.r === panel.r) { if (thing.about === "encounter") drawEncounterPart(this, run, thing, panel); }
    else if (about) drawCharts(this, run, n, panel.charts);
  }

  // ---- input

  listen() {
    const held = new Map();
    let travelled = 0, gap = 0;
    this.stage.addEventListener("pointerdown", (event) => {
      this.root.focus({ preventScroll: true });
      this.stage.setPointerCapture(event.pointerId);
      held.set(event.pointerId, [event.clientX, event.clientY]);
      travelled = gap = 0;
    });
    this.stage.addEventListener("pointermove", (event) => {
      const before = held.get(event.pointerId);
      if (!before) { this.point(event); return; }
      const move = [event.clientX - before[0], event.clientY - before[1]];
      held.set(event.pointerId, [event.clientX, event.clientY]);
      travelled += Math.hypot(...move);
      if (held.size > 1) {
        const [a, b] = [...held.values()], now = Math.hypot(a[0] - b[0], a[1] - b[1]);
        if (gap) this.magnify(gap / now, this.paneAt(event));
        gap = now;
      } else this.turn(move, this.paneAt(event));
    });
    const release = (event) => {
      const there = held.delete(event.pointerId);
      if (there && event.type === "pointerup" && travelled < 5) this.click(event);
    };
    this.stage.addEventListener("pointerup", release);
    this.stage.addEventListener("pointercancel", release);
    this.stage.addEventListener("pointerleave", () => this.point(null));
    this.stage.addEventListener("wheel", (event) => {
      const focused = this.root.contains(this.root.getRootNode().activeElement);
      if (!(event.ctrlKey || this.options.page || focused)) return; // the notebook scrolls
      event.preventDefault();
      this.magnify(Math.exp(clamp(event.deltaY, -100, 100) * 0.0022), this.paneAt(event));
    }, { passive: false });
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.timelines.forEach((canvas) => scrub(canvas.parentElement, (share) => {
      this.seek(this.begin + share * (this.end - this.begin));
    }));
  }

  paneAt(event) {
    return this.panes.find((pane) => {
      const box = pane.box.getBoundingClientRect();
      return event.clientX >= box.left && event.clientX < box.right && event.clientY >= box.top && event.clientY < box.bottom;
    });
  }

  turn([dx, dy], pane) {
    if (!pane) return;
    if (pane.kind === "globe") {
      const rate = 0.0022 * (this.distance - 0.98);
      this.yaw -= dx * rate;
      this.pitch = clamp(this.pitch + dy * rate, -1.55, 1.55);
    } else {
      const [, , wide, tall] = pane.view.chart;
      this.centre[0] = wrapped(this.centre[0] - 2 * dx / pane.box.clientWidth / wide);
      this.centre[1] = clamp(this.centre[1] + 2 * dy / pane.box.clientHeight / tall, -1.4, 1.4);
    }
    this.redraw();
  }

  magnify(factor, pane) {
    if (!pane) return;
    if (pane.kind === "globe") this.distance = clamp(1 + (this.distance - 1) * factor, NEAREST, FARTHEST);
    else {
      this.zoom = clamp(this.zoom / factor, 1, 40);
      if (this.zoom === 1) this.centre[1] = 0;
    }
    this.redraw();
  }

  /** The nearest satellite, or else station or target, within 12 pixels of an event. */
  find(event) {
    const pane = this.paneAt(event);
    if (!pane?.view) return null;
    const box = pane.box.getBoundingClientRect(), { run } = pane;
    const at = [event.clientX - box.left, event.clientY - box.top];
    for (const [kind, places, reach] of [["satellite", run.live, 12], ["station", run.stations, 10], ["target", run.targets, 7]]) {
      if (kind === "target" && !this.options.targets) continue;
      let best = reach, found = -1;
      for (let i = 0; i < places.length / 3; i++) {
        const p = this.spot(pane, vector(places, i));
        const far = p ? Math.hypot(p[0] - at[0], p[1] - at[1]) : Infinity;
        if (far < best) { best = far; found = i; }
      }
      if (found >= 0) return { kind, i: found, pane };
    }
    const link = linkAt(this, pane, at, 5);
    return link && { kind: "link", link, pane };
  }

  point(event) {
    const found = event ? this.find(event) : null;
    const n = found?.kind === "satellite" ? found.i : -1, link = found?.link || null;
    this.tip.hidden = !found;
    this.stage.style.cursor = found ? "pointer" : "";
    if (found) {
      const box = this.stage.getBoundingClientRect();
      const { run } = found.pane, { k } = this.when(run);
      this.tip.textContent = link ? describeLink(run, k, ...link) : describe(run, found.kind, found.i, k);
      this.tip.style.left = `${Math.min(event.clientX - box.left + 14, box.width - 180)}px`;
      this.tip.style.top = `${event.clientY - box.top + 12}px`;
    }
    if (n !== this.hover.n || `${link}` !== `${this.hover.link ?? null}`) { this.hover = { run: found?.pane.r ?? 0, n, link }; this.redraw(); }
  }

  click(event) {
    const found = this.find(event);
    if (found?.kind === "satellite") this.select(found.i, found.pane.r);
    else if (found?.link) this.tellOf("link", found.link[1], found.link[0], found.pane.r);
    else if (found) this.tellOf(found.kind === "target" ? "request" : "station", found.i, -1, found.pane.r);
    else this.select(-1);
  }

  key(event) {
    if (event.metaKey || event.altKey || event.ctrlKey || event.target.tagName === "SELECT") return;
    if (event.target.tagName === "BUTTON" && (event.key === " " || event.key === "Enter")) return; // it is pressed
    const size = this.runs[0].size, faster = SPEEDS.indexOf(this.speed);
    const many = event.shiftKey ? 10 : 1;
    const acts = {
      " ": () => this.play(!this.playing), ArrowRight: () => this.hop(many), ArrowLeft: () => this.hop(-many),
      Home: () => this.seek(this.begin), End: () => this.seek(this.end), Escape: () => { if (this.card) this.help(); else if (!this.list.box.hidden && this.selected < 0 && !this.thing) this.list.toggle(false); else this.select(-1); },
      "+": () => this.accelerate(faster + 1, true), "=": () => this.accelerate(faster + 1, true),
      "-": () => this.accelerate(faster - 1, true),
      "]": () => this.select((this.selected + 1) % size), "[": () => this.select((Math.max(0, this.selected) + size - 1) % size),
      g: () => this.set("show", "globe"), m: () => this.set("show", "map"), b: () => this.set("show", "both"),
      f: () => this.set("inertial", !this.options.inertial), c: () => this.set("follow", !this.options.follow), "?": () => this.help(),
      l: () => this.set("theme", this.look === THEMES.light ? "dark" : "light"), s: () => this.list.toggle(),
      n: () => this.jump(true), p: () => this.jump(false), d: () => this.part(),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation(); // or the notebook would take it for a command
    act();
  }

  accelerate(i, asked = false) {
    this.paced ||= asked;
    this.speed = SPEEDS[clamp(i, 0, SPEEDS.length - 1)];
    this.speedMenu.value = this.speed;
  }
}

/** Take a place among those `taken`, unless it is not free. */
function free(taken, x, y, wide, tall) {
  if (taken.some(([a, b, w, h]) => x < a + w && a < x + wide && y < b + h && b < y + tall)) return false;
  taken.push([x, y, wide, tall]);
  return true;
}

/** Call `act` with the share of the width at which `box` is pressed or dragged. */
function scrub(box, act) {
  const go = (event) => {
    const area = box.getBoundingClientRect();
    act(clamp((event.clientX - area.left) / area.width, 0, 1));
  };
  box.addEventListener("pointerdown", (event) => { box.setPointerCapture(event.pointerId); go(event); });
  box.addEventListener("pointermove", (event) => { if (event.buttons) go(event); });
}

function clockText(t) { return `${new Date(t * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`; }

function describe(run, kind, i, k) {
  if (kind === "satellite") {
    const at = k * run.size + i;
    return `${run.names[i]}\n${run.modes[run.mode[at]]}, battery ${quantity(run.battery[at], "share")}`;
  }
  if (kind === "station") return run.meta.station_names?.[i] ?? `station ${i}`;
  const count = run.targets.length / 3;
  const state = run.target_state ? `, ${run.target_states[run.target_state[k * count + i]]}` : "";
  return `request ${i}${state}\nvalue ${quantity(run.target_value[i])}`;
}

// ---------------------------------------------------------------------------------------------- front doors

/** Show the packed recordings `packs` (one, or two side by side) in `root`; resolves to the view. */
export async function mount(root, packs, options = {}) {
  const runs = await Promise.all(packs.map(unpack));
  runs.forEach(prepare);
  const view = new View(root, runs, options);
  root.dataset.ready = "yes";
  return view;
}

/** anywidget's front door: `packs` come in, `round`, `selected` and `playing` go both ways, rounds are added. */
async function render({ model, el }) {
  const box = element("div", "", el);
  box.style.height = `${model.get("height")}px`;
  const packs = model.get("packs").map((pack) => new Uint8Array(pack.buffer, pack.byteOffset, pack.byteLength));
  const mounting = mount(box, packs, model.get("options"));
  let queue = mounting, sent = 0, waiting = null;
  const append = async (message, more) => {
    const view = await mounting, have = view.runs[0].rounds, anew = message.from === 0;
    if (!anew && message.from < have) return;
    const bytes = new Uint8Array(more.buffer ?? more, more.byteOffset ?? 0, more.byteLength);
    if (!anew && message.from > have) ask(have);
    else if (!(await view.append(bytes, anew))) ask(0);
  };
  const ask = (rounds) => model.send({ kind: "have", rounds });
  const hear = (message, buffers) => {
    if (message.kind === "append") queue = queue.then(() => append(message, buffers[0]));
  };
  model.on("msg:custom", hear);
  const view = await mounting;
  const send = () => {
    waiting = null;
    sent = Date.now();
    const { round, selected, playing } = view.state();
    model.set({ round, selected, playing });
    model.save_changes();
  };
  view.events.addEventListener("change", () => { waiting ||= setTimeout(send, Math.max(0, 150 - (Date.now() - sent))); });
  const follow = {
    "change:round": () => {
      const round = model.get("round");
      const run = view.runs[0];
      if (round !== view.state().round) view.seek(run.shift + run.time[clamp(round, 0, run.rounds - 1)]);
    },
    "change:selected": () => { if (model.get("selected") !== view.selected) view.select(model.get("selected")); },
    "change:playing": () => { if (model.get("playing") !== view.playing) view.play(model.get("playing")); },
  };
  for (const [name, act] of Object.entries(follow)) model.on(name, act);
  ask(view.runs[0].rounds);
  return () => {
    clearTimeout(waiting);
    model.off("msg:custom", hear);
    for (const [name, act] of Object.entries(follow)) model.off(name, act);
    view.close();
    box.remove();
  };
}

export default { render };
