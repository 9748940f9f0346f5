/**
 * Cuts a square out of a picture and resizes it to the network's input, with the arithmetic of Python's WarpCrop:
 * bilinear with weights of 1/256, and averaged over n x n points a pixel where the picture shrinks to less than two thirds.
 */

/** Pixels of a picture: RGBA, row by row from the top left. */
export interface Pixels {
  width: number;
  height: number;
  data: Uint8ClampedArray;
}

/** A square in px of the picture; the centre of the top left pixel is (0, 0). */
export interface Square {
  x: number;
  y: number;
  side: number;
}

const ONE = 65536;
const STEP = 1.5;
const MAX_SUPERSAMPLING = 8;
const CHANNELS = 3;

/**
 * Cuts a square.
 *
 * @param picture The picture.
 * @param square Its part to cut: centre and side in px of the picture.
 * @param size Side of the result in px.
 * @param border Value of all channels outside the picture, 0 to 255.
 * @returns size x size x 3 values in the order blue, green, red.
 */
export function cutSquare(picture: Pixels, square: Square, size: number, border: number): Uint8Array {
  const shrink = square.side / size;
  const n = Math.min(Math.max(Math.ceil(shrink / STEP - 1e-9), 1), MAX_SUPERSAMPLING);
  const fine = resample(picture, square, size * n, border);
  return n === 1 ? fine : average(fine, size, n);
}

/** Returns a crop, size x size x 3 values, mirrored left to right. */
export function mirror(crop: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(crop.length);
  for (let pixel = 0; pixel < size * size; pixel++) {
    const column = pixel % size;
    const from = (pixel - column + size - 1 - column) * CHANNELS;
    out.set(crop.subarray(from, from + CHANNELS), pixel * CHANNELS);
  }
  return out;
}

/** Samples the picture bilinearly at size x size points of the square. */
function resample(picture: Pixels, square: Square, size: number, border: number): Uint8Array {
  const { width, height, data } = picture;
  const out = new Uint8Array(size * size * CHANNELS);
  const step = square.side / size;
  const dx = Math.round(step * ONE);
  const reach = (step * (size - 1)) / 2;
  const startX = Math.round((square.x - reach) * ONE) + 128; // so that cutting to 8 bits rounds
  const value = (u: number, v: number, channel: number): number =>
    u < 0 || v < 0 || u >= width || v >= height ? border : data[(v * width + u) * 4 + channel]!;
  let at = 0;
  for (let row = 0; row < size; row++) {
    const y = Math.round((square.y - reach + row * step) * ONE) + 128;
    const v = Math.floor(y / ONE);
    const fy = Math.floor(y / 256) & 255;
    for (let column = 0; column < size; column++, at += CHANNELS) {
      const x = startX + column * dx;
      const u = Math.floor(x / ONE);
      const fx = Math.floor(x / 256) & 255;
      const w11 = (fx * fy + 128) >> 8;
      const w10 = fy - w11;
      const w01 = fx - w11;
      const w00 = 256 - fx - w10;
      for (let c = 0; c < CHANNELS; c++) {
        const channel = 2 - c; // RGBA -> BGR
        out[at + c] =
          (value(u, v, channel) * w00 +
            value(u + 1, v, channel) * w01 +
            value(u, v + 1, channel) * w10 +
            value(u + 1, v + 1, channel) * w11 +
            128) >>
          8;
      }
    }
  }
  return out;
}

/** Averages n x n points, rounding half to even except for 2 x 2 (half up), as OpenCV's INTER_AREA does. */
function average(fine: Uint8Array, size: number, n: number): Uint8Array {
  const out = new Uint8Array(size * size * CHANNELS);
  const wide = size * n * CHANNELS;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      for (let c = 0; c < CHANNELS; c++) {
        let sum = 0;
        for (let i = 0; i < n; i++) {
          const start = (row * n + i) * wide + column * n * CHANNELS + c;
          for (let j = 0; j < n; j++) sum += fine[start + j * CHANNELS]!;
        }
        out[(row * size + column) * CHANNELS + c] = n === 2 ? (sum + 2) >> 2 : roundHalfEven(sum / (n * n));
      }
    }
  }
  return out;
}

function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}
