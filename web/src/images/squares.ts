/** Squares to cut around a hand, by the crop rules of handkd. */
import type { Pixels, Square } from './warp';

/** (x, y, width, height) in px of the picture. */
export type Box = [number, number, number, number];

/** The crop that a network was trained with. */
export interface CropRule {
  rule: 'square' | 'box' | 'zb';
  /** Side of the rule's square over the longer side of the joints' box. */
  factor: number;
  /** Side of the square that is cut over that of the rule's. */
  margin: number;
  /** Side of the network's input in px. */
  size: number;
  /** Value outside the picture, 0 to 255. */
  border: number;
}

const ZB_SIZE = 256;

/** The square around the whole picture: the picture is the crop already. */
export function wholeSquare(picture: Pick<Pixels, 'width' | 'height'>): Square {
  const { width, height } = picture;
  return { x: (width - 1) / 2, y: (height - 1) / 2, side: Math.max(width, height) };
}

/** The box of a hand for which the rule would cut the square. */
export function boxOf(square: Square, crop: CropRule): Box {
  const edge = square.side / (crop.factor * crop.margin);
  return [square.x - edge / 2, square.y - edge / 2, edge, edge];
}

/**
 * The square that is cut for a chosen square.
 *
 * It is the chosen one, except for the rule 'zb', which has the picture and a smallest and largest side as limits.
 */
export function ruledSquare(square: Square, crop: CropRule, picture: Pick<Pixels, 'width' | 'height'>): Square {
  if (crop.rule !== 'zb') return square;
  const reach = square.side / crop.margin / 2;
  const far = (center: number, length: number): number =>
    Math.max(Math.min(center + reach, length) - center, center - Math.max(center - reach, 0));
  const size = Math.min(Math.max(2 * Math.max(far(square.x, picture.width), far(square.y, picture.height)), 50), 500);
  return { ...square, side: (ZB_SIZE / Math.min(Math.max(ZB_SIZE / size, 1), 10)) * crop.margin };
}
