/** Decodes pictures as Python does: upright by EXIF, colours as stored. */
import { messageOf, UserError } from '../errors';
import { checkHeader } from './header';
import type { Pixels } from './warp';

/** A decoded picture: pixels for the network, and a canvas to show. */
export interface Picture extends Pixels {
  name: string;
  shown: HTMLCanvasElement;
}

/**
 * Decodes a picture.
 *
 * @param blob The file.
 * @param name Its name, for errors and the record.
 * @throws UserError if it is none that the browser can read.
 */
export async function decodePicture(blob: Blob, name: string): Promise<Picture> {
  checkHeader(new Uint8Array(await blob.arrayBuffer()), name);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(blob, {
      imageOrientation: 'from-image',
      colorSpaceConversion: 'none',
      premultiplyAlpha: 'none',
    });
  } catch {
    throw new UserError(`${name}: damaged, or no picture that the browser can read; convert it to PNG or JPEG`);
  }
  try {
    return pictureOf(bitmap, bitmap.width, bitmap.height, name);
  } finally {
    bitmap.close();
  }
}

/**
 * Copies the pixels of a decoded picture or of a camera's frame.
 *
 * @throws UserError if there is not enough memory.
 */
export function pictureOf(source: CanvasImageSource, width: number, height: number, name: string): Picture {
  const shown = document.createElement('canvas');
  shown.width = width;
  shown.height = height;
  try {
    const context = shown.getContext('2d', { willReadFrequently: true })!;
    context.drawImage(source, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return { name, width, height, data, shown };
  } catch (error) {
    throw new UserError(
      `${name}: ${width} x ${height} px do not fit into memory (${messageOf(error)}); make it smaller`,
    );
  }
}
