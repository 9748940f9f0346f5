/** From a picture to the joints of the hand in a square of it, as Python's HandInferencer. */
import { UserError } from './errors';
import { chirality, NUM_JOINTS, placeInBox, scaled, subtract, type Point, type Side } from './hand/joints';
import { boxOf, ruledSquare, wholeSquare } from './images/squares';
import { cutSquare, mirror, type Pixels, type Square } from './images/warp';
import type { Prediction, Student } from './onnx/student';
import type { HandRecord } from './record';

/** What the user says about the hand. */
export interface Known {
  /** The square to cut, px of the picture; null for the whole picture. */
  square: Square | null;
  side: Side | null;
  /** Length of the network's scale bone, mm. */
  scale: number | null;
}

/** A hand, and how long the network took. */
export interface Found {
  hand: HandRecord;
  milliseconds: number;
}

/**
 * Finds the joints of one hand.
 *
 * @param student The network.
 * @param picture The picture.
 * @param known What is known of the hand.
 * @throws UserError if the network predicts no hand.
 */
export async function findHand(student: Student, picture: Pixels, known: Known): Promise<Found> {
  const { crop, trainedOn } = student.description;
  const square = known.square ? ruledSquare(known.square, crop, picture) : wholeSquare(picture);
  const mirrored = trainedOn !== 'both' && known.side !== null && known.side !== trainedOn;
  const cut = cutSquare(picture, square, crop.size, crop.border);
  const start = performance.now();
  const seen = await student.predict(mirrored ? mirror(cut, crop.size) : cut);
  const milliseconds = performance.now() - start;
  return { hand: handOf(mirrored ? unmirror(seen, crop.size) : seen, square, known, student), milliseconds };
}

/** Turns the joints of a mirrored crop back. */
function unmirror(seen: Prediction, size: number): Prediction {
  return {
    ...seen,
    keypoints: seen.keypoints?.map(([u, v]) => [size - 1 - u!, v!]) ?? null,
    xyz: seen.xyz?.map(([x, y, z]) => [-x!, y!, z!]) ?? null,
  };
}

function handOf(seen: Prediction, square: Square, known: Known, student: Student): HandRecord {
  const { crop, root, trainedOn } = student.description;
  const side = known.side ?? (trainedOn === 'both' ? null : trainedOn);
  const box = boxOf(known.square ?? square, crop);
  const relative = seen.xyz?.map((joint) => subtract(joint, seen.xyz![0]!)) ?? null;
  const estimate = relative?.length === NUM_JOINTS ? chirality(relative) : null;
  const scale = relative && known.scale;
  return {
    keypoints: seen.keypoints ? toPicture(seen.keypoints, square, crop.size) : placed(relative, box),
    keypoint_scores: seen.scores,
    keypoints_3d: relative?.map((joint) => scaled(joint, scale ?? 1)) ?? null,
    root: relative ? root : null,
    unit: relative && (scale === null ? 'hand_scale' : 'mm'),
    scale_source: scale === null ? 'none' : 'given',
    keypoints_cam: null,
    camera_source: 'none',
    side: side ?? estimate?.side ?? null,
    side_source: known.side ? 'given' : side ? 'assumed' : estimate && 'estimated',
    side_score: side ? null : (estimate?.score ?? null),
    box,
    box_source: known.square ? 'given' : 'full',
    box_score: null,
    track: null,
    hand_center: null,
  };
}

/** A network for relative 3D joints does not determine their pixels: the hand is placed in its box. */
function placed(joints: Point[] | null, [x, y, width, height]: number[]): Point[] {
  if (!joints) throw new UserError('the network predicts no joints that a page can show; export another student');
  const points = placeInBox(joints, [x! + width! / 2, y! + height! / 2], Math.max(width!, height!));
  if (!points.flat().every(Number.isFinite)) {
    throw new UserError('the predicted joints all coincide: the network is not trained, use other weights');
  }
  return points;
}

/** Maps px of the crop to px of the picture. */
function toPicture(points: Point[], square: Square, size: number): Point[] {
  const step = square.side / size;
  return points.map(([u, v]) => [square.x + (u! - (size - 1) / 2) * step, square.y + (v! - (size - 1) / 2) * step]);
}
