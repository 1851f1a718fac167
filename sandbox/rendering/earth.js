// The Earth's surface: a picture of all of it for the far view, and of what is near for the near one; and its cities.

const WIDE = 2048, TALL = 1024; // pixels of the picture of all of it
const NEAR = 2048; // of what is near, square
const GRID_DEG = [30, 10, 5, 1];

/** The rings of the coast with the box around each, in degrees. */
function coastOf(points, lengths) {
  const rings = [];
  for (let r = 0, i = 0; r < lengths.length; i += lengths[r++]) {
    const ring = points.subarray(2 * i, 2 * (i + lengths[r])), box = [Infinity, Infinity, -Infinity, -Infinity];
    for (let j = 0; j < ring.length; j += 2) {
      box[0] = Math.min(box[0], ring[j]); box[1] = Math.min(box[1], ring[j + 1]);
      box[2] = Math.max(box[2], ring[j]); box[3] = Math.max(box[3], ring[j + 1]);
    }
    rings.push({ ring, box });
  }
  return rings;
}

/** Draw land, coast and graticule as red, green and blue: from `west` and `north` on, in pixels a degree. */
function drawLand(canvas, coast, west, north, across, down, grid) {
  const { width, height } = canvas, east = west + width / across, south = north - height / down;
  const pen = canvas.getContext("2d"), outline = new Path2D();
  pen.globalCompositeOperation = "source-over";
  pen.fillStyle = "#000"; pen.fillRect(0, 0, width, height);
  for (const { ring, box } of coast) {
    if (box[1] > north || box[3] < south) continue;
    for (let turn = -720; turn <= 720; turn += 360) {
      if (box[0] + turn > east || box[2] + turn < west) continue;
      for (let j = 0; j < ring.length; j += 2) {
        const x = (ring[j] + turn - west) * across, y = (north - ring[j + 1]) * down;
        if (j) outline.lineTo(x, y); else outline.moveTo(x, y);
      }
      outline.closePath();
    }
  }
  pen.fillStyle = "#f00"; pen.fill(outline, "evenodd");
  pen.globalCompositeOperation = "lighter";
  pen.strokeStyle = "#0f0"; pen.lineWidth = 1.6; pen.stroke(outline);
  pen.strokeStyle = "#00f"; pen.lineWidth = 1.2; pen.beginPath();
  for (let x = Math.ceil(west / grid) * grid; x < east; x += grid) { pen.moveTo((x - west) * across, 0); pen.lineTo((x - west) * across, height); }
  for (let y = Math.ceil(south / grid) * grid; y < north; y += grid) {
    if (Math.abs(y) < 90) { pen.moveTo(0, (north - y) * down); pen.lineTo(width, (north - y) * down); }
  }
  pen.stroke();
  return canvas;
}

function landPicture(coast) {
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDE, height: TALL });
  return drawLand(canvas, coast, -180, 90, WIDE / 360, TALL / 180, 30);
}

/** What is near the centre of a view, drawn anew when the view leaves it. All in radians. */
class NearLand {
  constructor(coast) {
    this.coast = coast;
    this.canvas = Object.assign(document.createElement("canvas"), { width: NEAR, height: NEAR });
    this.held = null;
  }

  /** Cover `wide` to either side of `longitude` and `tall` of `latitude`; whether it had to be drawn. */
  cover(longitude, latitude, wide, tall) {
    const { held } = this;
    if (held && Math.abs(wrapped(longitude - held.longitude)) + wide <= held.wide && Math.abs(latitude - held.latitude) + tall <= held.tall
      && held.tall < 4 * tall) return false;
    const room = { longitude, latitude, wide: Math.min(Math.PI, 1.4 * wide), tall: 1.4 * tall };
    this.held = room;
    const across = NEAR / (2 * room.wide * DEGREE), down = NEAR / (2 * room.tall * DEGREE);
    const grid = GRID_DEG.find((step) => step <= Math.max(1, room.tall * DEGREE / 2));
    drawLand(this.canvas, this.coast, (longitude - room.wide) * DEGREE, (latitude + room.tall) * DEGREE, across, down, grid);
    return true;
  }

  /** For the shader: the longitude of the centre, the northern edge, and one over width and height. */
  get window() {
    const { longitude, latitude, wide, tall } = this.held;
    return [longitude, latitude + tall, 0.5 / wide, 0.5 / tall];
  }
}

/** How far to either side of its centre a view shows the ground (longitude, latitude), or null from afar. */
function nearReach(view, distance, centre) {
  if (view.flat) {
    const wide = 1 / view.chart[2], tall = 1 / view.chart[3];
    return wide < 1.3 ? [wide, tall] : null;
  }
  const most = Math.acos(1 / distance), tall = Math.min(most, 1.25 * (distance - 1) * Math.hypot(...view.spread));
  if (tall > 0.9) return null;
  const pole = Math.abs(centre) + 0.6 * tall; // corners beyond it show the far picture
  return [pole > 1.45 ? Math.PI : tall / Math.cos(pole), tall];
}

/** How many of the largest cities a view names. */
function citiesShown(places, pane, view) {
  const close = pane.kind === "map" ? view.zoom : 3.1 / (view.distance - 1);
  return Math.min(places.length, Math.round(14 * Math.max(0, close) ** 1.5));
}
