/** What the first bytes of a picture's file say, so that a huge or cut off one is refused before it is decoded. */
import { UserError } from '../errors';

/** Largest number of pixels that are decoded, as in Python. */
export const MAX_PIXELS = 150_000_000;

interface Header {
  width: number;
  height: number;
  /** Bits per channel. */
  bits: number;
}

/**
 * Checks a file before it is decoded; formats other than PNG, JPEG, WebP and BMP are left to the browser.
 *
 * @param bytes The whole file.
 * @param name Its name, for errors.
 * @throws UserError if it is empty, cut off, too large, or of more than 8 bits.
 */
export function checkHeader(bytes: Uint8Array, name: string): void {
  if (bytes.length === 0) throw new UserError(`${name}: the file is empty`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: Header | null;
  try {
    header = png(view) ?? jpeg(view, name) ?? webp(view) ?? bmp(view);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(`${name}: the picture is cut off; copy or save it again`);
  }
  if (header === null) return;
  const pixels = header.width * header.height;
  if (pixels > MAX_PIXELS) {
    throw new UserError(
      `${name}: ${header.width} x ${header.height} px are too many: at most ${MAX_PIXELS / 1e6} million are read; make it smaller`,
    );
  }
  if (header.bits > 8) {
    throw new UserError(`${name}: a picture must have 8 bits a channel, found ${header.bits}; convert it`);
  }
}

function starts(view: DataView, text: string, at = 0): boolean {
  if (view.byteLength < at + text.length) return false;
  return [...text].every((letter, i) => view.getUint8(at + i) === letter.charCodeAt(0));
}

function png(view: DataView): Header | null {
  if (!starts(view, '\x89PNG\r\n\x1a\n')) return null;
  return { width: view.getUint32(16), height: view.getUint32(20), bits: view.getUint8(24) };
}

function bmp(view: DataView): Header | null {
  if (!starts(view, 'BM')) return null;
  return { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)), bits: 8 };
}

function webp(view: DataView): Header | null {
  if (!starts(view, 'RIFF') || !starts(view, 'WEBP', 8)) return null;
  const u24 = (at: number): number => view.getUint16(at, true) + view.getUint8(at + 2) * 65536;
  if (starts(view, 'VP8X', 12)) return { width: u24(24) + 1, height: u24(27) + 1, bits: 8 };
  if (starts(view, 'VP8L', 12)) {
    const packed = view.getUint32(21, true);
    return { width: (packed & 0x3fff) + 1, height: ((packed >> 14) & 0x3fff) + 1, bits: 8 };
  }
  return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff, bits: 8 };
}

/** Walks the segments of a JPEG to the frame's, and checks that the compressed data ends. */
function jpeg(view: DataView, name: string): Header | null {
  if (!starts(view, '\xff\xd8\xff')) return null;
  let header: Header | null = null;
  for (let at = 2; ;) {
    const marker = view.getUint16(at);
    const length = view.getUint16(at + 2);
    const frame = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (frame) header = { bits: view.getUint8(at + 4), height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    at += 2 + length;
    if (marker < 0xff00) throw new UserError(`${name}: the picture is damaged; save it again`);
    if (marker === 0xffda) {
      if (!ends(view, at)) throw new RangeError();
      return header;
    }
  }
}

/** Whether the marker of a JPEG's end comes after the start of its compressed data. */
function ends(view: DataView, from: number): boolean {
  for (let at = view.byteLength - 2; at >= from; at--) if (view.getUint16(at) === 0xffd9) return true;
  return false;
}
