// WebGL2: the shaders, what goes to the graphics card, and the cameras of globe and map.

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
